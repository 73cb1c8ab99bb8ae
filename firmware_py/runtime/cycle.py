"""The control loop: freeze, decide, outputs, journal, all others, heartbeat. Once a second and whenever it is woken.

Everything it calls returns at once. It must not know devices, files or brokers, and it has no policy of its own.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from firmware_py.core.command import Command
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.looked import Looked
from firmware_py.core.plan import Plan
from firmware_py.core.state import State, resume
from firmware_py.core.step import CLOCK_POINT, Decided
from firmware_py.runtime.clock import Clock, Waker, clock_sample, turn_after_ms
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.sinks import Audience
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.writer import Writer

PERIOD_MS = 1_000
# A storm of urgent changes costs at most 100 cycles a second. A first change and the reading that confirms it are no
# storm: up to BURST cycles follow one another at once.
GAP_MS, BURST = 10, 5

Decide: TypeAlias = Callable[[Plan, State, InputImage, tuple[Command, ...], int, Looked | None], Decided]


class Cycle:
    """Owns the State. `waker` is what urgent points and commands wake."""

    def __init__(
        self, *, plan: Plan, state: State, decide: Decide, clock: Clock, waker: Waker, table: PointTable, desk: Desk,
        writer: Writer, audience: Audience, beat: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.state = state = resume(state, clock.now_ms())
        self._plan, self._decide, self._clock, self._waker = plan, decide, clock, waker
        self._table, self._desk, self._writer, self._audience = table, desk, writer, audience
        self._beat = beat
        self._last_ms = -1 if state.stepped_ms is None else state.stepped_ms
        self._told_turn_ms = -PERIOD_MS
        self._looked: Looked | None = None
        self._recent_ms = deque([-BURST * GAP_MS] * BURST, maxlen=BURST)  # when the latest cycles were

    async def run(self) -> None:
        """For ever. The first cycle happens before the first await, on what was restored and nothing read."""
        while True:
            decision = self.tick()
            due_ms = turn_after_ms(self._last_ms, PERIOD_MS)
            wake_ms = due_ms if decision.wake_at_ms is None else min(due_ms, decision.wake_at_ms)
            await self._waker.wait(max(wake_ms, self._last_ms + 1))
            while (rest_ms := self._recent_ms[0] + BURST * GAP_MS) > self._clock.now_ms():
                await self._waker.wait(rest_ms)

    def adopt(self, plan: Plan) -> Decision:
        """Another plan from now on, on the same memory, and one cycle of it at once."""
        self._plan, self.state = plan, replace(self.state, settled=False)
        return self.tick()

    def tick(self) -> Decision:
        """One cycle. The order is law: outputs, then journal, then everybody else."""
        now_ms = max(self._clock.now_ms(), self._last_ms + 1)
        self._tell_time(now_ms)
        image = self._table.freeze(now_ms)
        commands = self._desk.take()
        decided = self._decide(self._plan, self.state, image, commands, now_ms, self._looked)
        self._writer.apply(decided.outputs)
        decision = decided.conclude()
        self.state, self._last_ms, self._looked = decision.state, now_ms, decision.looked
        self._recent_ms.append(now_ms)
        self._audience.record(image, commands, decision)
        self._desk.answer(decision.replies)
        self._audience.show(image.joined(decision.derived), decision)
        self._beat("cycle")
        return decision

    def _tell_time(self, now_ms: int) -> None:
        """Once a turn; not in what is urgent before it, since a clock's quality is some system calls."""
        turn_ms = turn_after_ms(now_ms, PERIOD_MS)
        if turn_ms > self._told_turn_ms:
            self._told_turn_ms = turn_ms
            self._table.offer({CLOCK_POINT: clock_sample(self._clock)})
