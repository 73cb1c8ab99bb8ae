"""Takes commands in, has them judged, hands those that may act to the floor, and answers each.

One at a time, a bounded number waiting. A flood fills neither memory nor journal: what is beyond the limits is counted
and told as one. It must not know what a command does.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from config.valued import dataclass
from mqtt_bridge import payload
from mqtt_bridge.client import Session
from mqtt_bridge.commands import ANNOUNCE, SEEN, Answer, Order, Rules, Status, judge, read_order
from mqtt_bridge.messages import Heard, Message
from mqtt_bridge.ports import Orders, Outbox, WallClock
from mqtt_bridge.topics import Topics

_WAITING = 64
_NOTES = 500  # refusals that are journalled one by one, and one more each second
_REMEMBER_S = 1.0
_COUNT_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    heard: Heard
    received_ms: int


class Clerk:
    """`announce` makes the publisher say everything again, and fast values for so many seconds; `refused` hears each
    answer of the broker."""

    def __init__(
        self,
        topics: Topics,
        rules: Rules,
        *,
        clock: WallClock,
        outbox: Outbox,
        orders: Orders,
        announce: Callable[[int], None],
        refused: Callable[[str, str], None],
    ) -> None:
        self._topics, self._rules, self._clock, self._outbox = topics, rules, clock, outbox
        self._orders, self._announce, self._refused = orders, announce, refused
        self._waiting: deque[_Waiting] = deque()
        self._news = asyncio.Event()
        self._seen = dict.fromkeys(list(orders.recall())[-SEEN:])
        self._unheard = 0
        self._notes_left, self._noted_s = float(_NOTES), 0.0
        self._counted_s = -_COUNT_EVERY_S

    async def begin(self, session: Session) -> None:
        """A session has just begun: ask for commands. Raises DeviceError."""
        self._refused(self._topics.commands, await session.subscribe(self._topics.commands, self._hear))

    async def run(self, session: Session) -> None:
        """Answer until the session ends (DeviceError)."""
        while True:
            while self._waiting:
                one = self._waiting.popleft()
                answer = await self._decide(one)
                message = payload.encode(payload.reply(answer, seq=self._outbox.last))
                topic = self._topics.reply
                sent = Message(topic=topic, payload=message, correlation=one.heard.correlation)
                self._refused(topic, await session.publish(sent))
            self._tell_unheard()
            self._news.clear()
            try:
                async with asyncio.timeout(_COUNT_EVERY_S if self._unheard else None):
                    await self._news.wait()
            except TimeoutError:
                continue

    def _hear(self, heard: Heard) -> None:
        if len(self._waiting) >= _WAITING:
            self._unheard += 1
        else:
            self._waiting.append(_Waiting(heard=heard, received_ms=self._clock.now_ms()))
        self._news.set()

    async def _decide(self, one: _Waiting) -> Answer:
        order = read_order(one.heard)
        refusal = order if isinstance(order, Answer) else self._judge(order, one.received_ms)
        if refusal is not None:
            self._note(refusal)
            return refusal
        assert isinstance(order, Order)
        await self._remember(order.id)
        if order.name == ANNOUNCE:
            self._announce(order.tele_s)
            done = order.answer(Status.ACCEPTED)
            self._note(done)
            return done
        return await self._orders.carry_out(order)

    def _judge(self, order: Order, received_ms: int) -> Answer | None:
        age_ms = self._clock.now_ms() - received_ms
        if order.sent_ms is not None:
            age_ms = max(age_ms, self._clock.age_ms(order.sent_ms) or 0)
        return judge(order, self._rules, age_ms=age_ms, seen=order.id in self._seen)

    async def _remember(self, id_: str) -> None:
        """Before it acts, so that no crash lets it act twice."""
        self._seen[id_] = None
        while len(self._seen) > SEEN:
            del self._seen[next(iter(self._seen))]
        try:
            async with asyncio.timeout(_REMEMBER_S):
                await self._orders.remember(tuple(self._seen))
        except TimeoutError:
            pass  # the store reports its own faults; `boot` still binds the command to this run

    def _note(self, answer: Answer) -> None:
        now_s = asyncio.get_running_loop().time()
        self._notes_left = min(_NOTES, self._notes_left + now_s - self._noted_s)
        self._noted_s = now_s
        if self._notes_left < 1:
            self._unheard += 1
            return
        self._notes_left -= 1
        self._orders.note(answer)

    def _tell_unheard(self) -> None:
        now_s = asyncio.get_running_loop().time()
        if self._unheard and now_s - self._counted_s >= _COUNT_EVERY_S:
            self._counted_s = now_s
            count, self._unheard = self._unheard, 0
            self._orders.note(Answer(status=Status.REJECTED, error="too many commands at once"), count)
