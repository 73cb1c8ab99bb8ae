"""Where commands from the far side go: to the cycle's desk, under the name of their sender, and into the journal.

What was checked by the bridge may still be refused by the core. It must not know topics or the site's lists.
"""

from collections.abc import Callable, Sequence

from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import CausePhase
from firmware_py.core.plan import Plan
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.desk import Desk
from firmware_py.wiring.kept import KeptWords
from mqtt_bridge.commands import KINDS, SILENCE_MS, Answer, Order, Status


def fire_alarms(plan: Plan) -> frozenset[str]:
    """Alarms that nobody far away may silence."""
    return frozenset(alarm.id for alarm in plan.alarms.values() if alarm.cause == plan.fire_cause)


class FarOrders:
    """`tell` journals; `seen` keeps the ids over a restart; `by_hand` is the cause that a person holds; `fire`: alarms
    that nobody far away may silence."""

    def __init__(
        self, desk: Desk, clock: Clock, tell: Callable[[Sequence[Event]], None], seen: KeptWords, *, by_hand: str,
        fire: frozenset[str] = frozenset(),
    ) -> None:  # fmt: skip
        self._desk, self._clock, self._tell, self._seen, self._by_hand = desk, clock, tell, seen, by_hand
        self._fire = fire
        self._standing: tuple[str, ...] = ()
        self._sounding: tuple[str, ...] = ()
        self._alarms: frozenset[str] = frozenset()
        self._shown: tuple[object, object] = None, None  # the causes and the alarms of the cycle before

    def adopt(self, plan: Plan) -> None:
        """Another plan from now on."""
        self._by_hand, self._fire, self._shown = plan.manual_cause, fire_alarms(plan), (None, None)

    def show(self, image: InputImage, decision: Decision) -> None:
        """Each cycle: which causes stand, and which fire alarms sound."""
        causes, alarms = decision.state.causes, decision.state.alarms
        if self._shown[0] is causes and self._shown[1] is alarms:
            return  # the very same as in the cycle before
        self._shown = causes, alarms
        self._standing = tuple(name for name, now in causes.items() if now.phase is not CausePhase.IDLE)
        self._alarms = frozenset(alarms)
        self._sounding = tuple(name for name in sorted(self._fire) if name in alarms and alarms[name].sounds)

    async def carry_out(self, order: Order) -> Answer:
        """What became of it; the core journals what it was asked, the rest is noted here."""
        kind = KINDS[order.name]
        if error := self._forbid(order):
            self.note(answer := order.answer(Status.REJECTED, error))
            return answer
        command = Command(
            id=f"mqtt-{order.id}", kind=kind, by=f"mqtt:{order.by}", target=order.alarm or order.item, why=order.why,
            ttl_ms=SILENCE_MS if kind is CommandKind.SILENCE else order.for_s * 1_000,
        )  # fmt: skip
        try:
            reply = await self._desk.ask(command)
        except CommandRefused as refusal:
            self.note(answer := order.answer(Status.FAILED, str(refusal)))
            return answer
        return order.answer(Status.DONE) if reply.done else order.answer(Status.REJECTED, reply.error or "refused")

    def _forbid(self, order: Order) -> str:
        """What the floor would allow to somebody who stands on it, and not to who is far away; "" where both may."""
        others = [name for name in self._standing if name != self._by_hand]
        if order.name == "release" and others:
            return f"refused while a cause is present: {', '.join(others)}"
        # An acknowledged alarm does not sound any more. What names no single alarm (all, an incident) may mean any.
        loud = [name for name in self._sounding if name == order.alarm or order.alarm not in self._alarms]
        if order.name in ("ack", "silence") and loud:
            return f"a fire alarm is silenced at the floor only: {', '.join(loud)}"
        if order.name == "shelve" and order.alarm in self._fire:
            return "a fire alarm is shelved at the floor only"
        return ""

    def note(self, answer: Answer, count: int = 1) -> None:
        """Journal an answer that the core has not heard of."""
        done = answer.status in (Status.DONE, Status.ACCEPTED)
        data = {"command": answer.name, "by": f"mqtt:{answer.by}", "status": answer.status.value}
        event = Event(
            type="command.done" if done else "command.refused",
            severity=Severity.INFO,
            at_ms=self._clock.now_ms(),
            data={**data, "id": answer.id, "error": answer.error, "count": count},
        )
        self._tell([event])

    def recall(self) -> Sequence[str]:
        """The ids that were kept last."""
        return self._seen.recall()

    async def remember(self, ids: Sequence[str]) -> None:
        """Returns when they are stored, or when that failed."""
        await self._seen.remember(ids)
