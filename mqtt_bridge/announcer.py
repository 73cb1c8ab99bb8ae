"""Tells the far side how the floor is: one retained `state`, and one retained message per alarm that stands.

The newest snapshot wins; older ones are never queued. A change of mode goes out at once, a change of values at most
once a second, and all of it again every minute. It must not know connections beyond the one session it is given.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from firmware_py.core.alarm import Alarm
from firmware_py.core.decision import Decision
from firmware_py.core.image import reads_otherwise, same_points, unlike_at
from firmware_py.core.point import Point
from mqtt_bridge import payload
from mqtt_bridge.client import Session
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import Memory, Outbox, Snapshot, WallClock
from mqtt_bridge.settings import Bridge
from mqtt_bridge.state_text import StateText
from mqtt_bridge.topics import Topics, is_alarm_topic, is_own_topic

# Between two states even when the mode flutters, but the first few follow one another at once: a first reading, the one
# that confirms it, and what is done about it are no flutter.
_BURST_S, _BURST = 0.1, 4
# Of the gap: from when on values are told with the next picture, so that a turn is not put off for a few milliseconds;
# and when they are told at the latest, without one. So they soon go with the turn of whoever shows them.
_NEARLY, _LATEST = 0.95, 1.5
# Where a condition moves: the answer that confirms it, and what is done about that, go before 20 KiB of text.
_AFTER_S = 0.003
_MOST_PROMPTLY = 1_000  # points: the text of a larger floor is made in a turn of the loop of its own
_REMEMBER_S = 1.0  # an alarm is worth more than a note about it
_GONE = ("gone",)

Refused = Callable[[str, str], None]  # topic, the broker's reason; "" when it was taken


class Announcer:
    """`alarms` and `points` as declared; `text` gives an alarm's words for people; `refused` hears each answer."""

    def __init__(
        self,
        settings: Bridge,
        *,
        boot: str,
        points: Sequence[Point],
        alarms: Mapping[str, Alarm],
        text: Callable[[Alarm], str],
        clock: WallClock,
        outbox: Outbox,
        memory: Memory,
        refused: Refused,
    ) -> None:
        self._settings, self._boot, self._clock, self._outbox = settings, boot, clock, outbox
        self._alarms, self._text = alarms, text
        self._memory, self._refused = memory, refused
        self._text_of_state, self._ids = StateText(points), frozenset(point.id for point in points)
        self._compared: tuple[Snapshot, Snapshot, bool] | None = None
        self._mover: str | None = None  # a point that had moved when that was looked at last: mostly it has again
        self._topics = Topics(site=settings.site, root=settings.root)
        recalled = memory.recall()
        self._remembered = frozenset(filter(is_alarm_topic, recalled))
        self._noted: frozenset[str] = frozenset()  # as it was handed to the memory
        self._others = frozenset(filter(is_own_topic, recalled)) - self._remembered
        self._others |= {self._topics.status, self._topics.info, self._topics.state}
        if settings.discovery:
            self._others |= {self._topics.discovery}
        self._newest: Snapshot | None = None
        self._news = asyncio.Event()
        self._told: Snapshot | None = None
        self._told_s = 0.0
        self._told_at_s = deque([-_BURST * _BURST_S] * _BURST, maxlen=_BURST)
        self._sent: dict[str, tuple[object, ...]] = {}  # alarm topic -> what was said there in this session
        self._all_said: tuple[object, object] | None = None  # the alarms and drills of which all was said in it
        self._unheard: set[str] = set()  # alarm topics that were refused: tried again as often as the heartbeat comes
        self._unheard_s = 0.0  # since when the oldest of them is
        self._resting: Session | None = None  # while `run` waits for news of it

    def offer(self, seen: Snapshot) -> None:
        """Take the newest picture; never waits. Where nothing but values has moved they are told in this very turn."""
        self._newest = seen
        is_told = False
        try:
            is_told = self._tell_promptly(seen)
        finally:
            if not is_told:  # also a fault of ours: the task meets it again, and ends by it
                self._news.set()

    def _tell_promptly(self, seen: Snapshot) -> bool:
        """False where the task is needed, or will do it later."""
        told, session = self._told, self._resting
        if told is None or session is None or len(self._ids) > _MOST_PROMPTLY or not self._is_plain(seen, told):
            return False
        return not self._differs(seen, told) or self._post(session, seen)

    def _is_plain(self, seen: Snapshot, told: Snapshot) -> bool:
        """The state alone may have to be told, and now would be the time for it."""
        memory, since_s = seen.decision.state, asyncio.get_running_loop().time() - self._told_s
        is_due = self._settings.state_gap_ms / 1000 * _NEARLY <= since_s < self._settings.state_every_ms / 1000
        is_said = self._all_said is not None and self._all_said[0] is memory.alarms and not self._unheard
        if not is_due or not is_said or memory.conditions is not told.decision.state.conditions:
            return False
        is_said = self._all_said is not None and self._all_said[1] is memory.drill.alarms
        return is_said and _is_concluded(seen.decision, told.decision)

    def _post(self, session: Session, seen: Snapshot) -> bool:
        if not session.may_post:
            return False
        message = self._say_state(seen, asyncio.get_running_loop().time())
        return session.post(message, partial(self._refused, message.topic))

    def repeat(self) -> None:
        """Say all of it again in this session."""
        self._told = None
        self._sent.clear()
        self._all_said = None
        self._news.set()

    @property
    def newest(self) -> Snapshot | None:
        """The newest picture, None before the first."""
        return self._newest

    @property
    def identity(self) -> payload.Identity:
        """As of now: the journal may open later than we speak."""
        return payload.Identity(site=self._settings.site, log=self._outbox.log, boot=self._boot)

    async def announce(self, session: Session) -> None:
        """All of it again, for a session that has just begun. Raises DeviceError."""
        self._told = None
        self._sent.clear()
        self._all_said = None
        self._unheard.clear()
        await self._tell(session)

    async def run(self, session: Session) -> None:
        """Keep telling until the session ends (DeviceError)."""
        while True:
            self._news.clear()
            await self._tell(session)
            due_s = self._due_in_s(_LATEST)
            timer = None if due_s is None else asyncio.get_running_loop().call_later(due_s, self._news.set)
            self._resting = session
            try:
                await self._news.wait()
            finally:
                self._resting = None
                if timer is not None:
                    timer.cancel()
            if self._moves:
                await asyncio.sleep(_AFTER_S)

    @property
    def _moves(self) -> bool:
        """Whether more is likely to follow at once: a condition has moved, and not yet the floor's mode."""
        newest, told = self._newest, self._told
        if newest is None or told is None or newest.decision.mode is not told.decision.mode:
            return False
        return newest.decision.state.conditions is not told.decision.state.conditions

    async def _tell(self, session: Session) -> None:
        if self._newest is None:
            return
        if (self._due_in_s(_NEARLY) or 0.0) <= 0:
            await self._tell_state(session, self._newest)
        self._forgive()
        await self._tell_alarms(session, self._newest)

    def _forgive(self) -> None:
        """What was refused is said once more in time, however often values are told meanwhile."""
        now_s = asyncio.get_running_loop().time()
        if self._unheard and now_s - self._unheard_s >= self._settings.state_every_ms / 1000:
            for topic in self._unheard:
                self._sent.pop(topic, None)
            self._unheard.clear()
            self._all_said = None

    def _due_in_s(self, part: float) -> float | None:
        """Seconds until the next state, where values are told after this part of the gap; None while there is nothing
        to tell."""
        if self._newest is None:
            return None
        if self._told is None:
            return 0.0
        if not _is_concluded(self._newest.decision, self._told.decision):
            return max(0.0, self._told_at_s[0] + _BURST * _BURST_S - asyncio.get_running_loop().time())
        if self._differs(self._newest, self._told):
            wait_s = self._settings.state_gap_ms / 1000 * part
        else:
            wait_s = self._settings.state_every_ms / 1000
        return max(0.0, self._told_s + wait_s - asyncio.get_running_loop().time())

    def _differs(self, one: Snapshot, other: Snapshot) -> bool:
        if self._compared is None or self._compared[0] is not one or self._compared[1] is not other:
            now, told, ids, mover = one.image, other.image, self._ids, self._mover
            if mover is None or not reads_otherwise(told.content(mover), now.content(mover)):
                if same_points(told.readings, now.readings):
                    mover = unlike_at(told.readings, now.readings, ids)
                else:
                    mover = next((name for name in ids if reads_otherwise(told[name], now[name])), None)
                self._mover = mover
            self._compared = one, other, mover is not None
        return self._compared[2]

    async def _tell_state(self, session: Session, seen: Snapshot) -> None:
        message = self._say_state(seen, asyncio.get_running_loop().time())
        self._refused(message.topic, await session.publish(message))

    def _say_state(self, seen: Snapshot, now_s: float) -> Message:
        clock = self._clock
        stamp = payload.Stamp(ts=clock.utc(seen.image.now_ms), clk=clock.clk)
        raw = self._text_of_state.encode(self.identity, stamp=stamp, seq=self._outbox.last, seen=seen, utc=clock.utc)
        self._told, self._told_s = seen, now_s
        self._told_at_s.append(now_s)
        return Message(topic=self._topics.state, payload=raw, retain=True)

    async def _tell_alarms(self, session: Session, seen: Snapshot) -> None:
        memory = seen.decision.state
        if self._all_said and self._all_said[0] is memory.alarms and self._all_said[1] is memory.drill.alarms:
            return  # the very same as then
        self._all_said = None
        words = self._standing(seen)
        await self._remember(self._remembered | words.keys())
        wanted = {topic: words.get(topic, _GONE) for topic in sorted(self._remembered)}
        receipts = {}
        for topic, said in wanted.items():
            if self._sent.get(topic) != said:
                raw = b"" if said is _GONE else self._encode(seen, str(said[0]))
                receipts[topic] = await session.send(Message(topic=topic, payload=raw, retain=True))
                self._sent[topic] = said
        for topic, receipt in receipts.items():
            reason = await receipt
            self._refused(topic, reason)
            if reason:
                self._unheard_s = self._unheard_s if self._unheard else asyncio.get_running_loop().time()
                self._unheard.add(topic)
        emptied = {topic for topic in receipts if wanted[topic] is _GONE} - self._unheard
        for topic in emptied:
            del self._sent[topic]
        await self._remember(self._remembered - emptied)
        if self._sent.keys() == self._remembered:  # else it was begun anew meanwhile
            self._all_said = memory.alarms, memory.drill.alarms

    def _standing(self, seen: Snapshot) -> dict[str, tuple[object, ...]]:
        """Topic -> what matters of its alarm (times aside, which would look new whenever the clock is corrected)."""
        return {
            self._topics.alarm(id_): (
                id_,
                now.display,
                now.incident,
                now.activations,
                now.active,
                id_ in seen.decision.state.drill.alarms,
            )
            for id_, now in seen.decision.state.alarms.items()
            if id_ in self._alarms and payload.stands(now)
        }

    def _encode(self, seen: Snapshot, alarm: str) -> bytes:
        declared, now = self._alarms[alarm], seen.decision.state.alarms[alarm]
        words, practised = self._text(declared), alarm in seen.decision.state.drill.alarms
        return payload.encode(
            payload.alarm(declared, now, now_ms=seen.image.now_ms, text=words, utc=self._clock.utc, drill=practised)
        )

    async def _remember(self, topics: frozenset[str]) -> None:
        """Noted before it is published, so that no crash leaves a retained alarm that nobody knows of."""
        self._remembered = topics
        if topics | self._others == self._noted:
            return
        self._noted = topics | self._others
        try:
            async with asyncio.timeout(_REMEMBER_S):
                await self._memory.remember(self._noted)
        except TimeoutError:
            pass  # the store reports its own faults


def _is_concluded(one: Decision, other: Decision) -> bool:
    """Whether both conclude the same."""
    if one.mode is not other.mode or one.stage != other.stage:
        return False
    if one.flags != other.flags or one.because != other.because:
        return False
    return one.outputs is other.outputs or dict(one.outputs) == dict(other.outputs)
