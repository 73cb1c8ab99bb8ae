"""Where commands from the far side go: to the cycle's desk, under the name of their sender, and into the journal.

What was checked by the bridge may still be refused by the core. It must not know topics or the site's lists.
"""

from collections.abc import Callable, Sequence

from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import CausePhase
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.desk import Desk
from firmware_py.wiring.kept import KeptWords
from mqtt_bridge.commands import KINDS, SILENCE_MS, Answer, Order, Status


class FarOrders:
    """`tell` journals; `seen` keeps the ids over a restart; `by_hand` is the cause that a person holds."""

    def __init__(
        self, desk: Desk, clock: Clock, tell: Callable[[Sequence[Event]], None], seen: KeptWords, *, by_hand: str
    ) -> None:
        self._desk, self._clock, self._tell, self._seen, self._by_hand = desk, clock, tell, seen, by_hand
        self._standing: tuple[str, ...] = ()

    def show(self, image: InputImage, decision: Decision) -> None:
        """Each cycle: which causes stand."""
        causes = decision.state.causes.items()
        self._standing = tuple(name for name, now in causes if now.phase is not CausePhase.IDLE)

    async def carry_out(self, order: Order) -> str:
        """ "" when done, else why not; the core journals it either way."""
        kind = KINDS[order.name]
        others = [name for name in self._standing if name != self._by_hand]
        if kind is CommandKind.RELEASE and others:
            error = f"refused while a cause is present: {', '.join(others)}"
            self.note(order.answer(Status.REJECTED, error))
            return error
        command = Command(
            id=f"mqtt-{order.id}", kind=kind, by=f"mqtt:{order.by}", target=order.alarm,
            ttl_ms=SILENCE_MS if kind is CommandKind.SILENCE else 0,
        )  # fmt: skip
        try:
            reply = await self._desk.ask(command)
        except CommandRefused as error:
            self.note(order.answer(Status.FAILED, str(error)))
            return str(error)
        return "" if reply.done else reply.error or "refused"

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
