"""The control loop: freeze, decide, outputs, journal, all others, heartbeat. Once a second and whenever it is woken.

Everything it calls returns at once. It must not know devices, files or brokers, and it has no policy of its own.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from firmware_py.core.command import Command
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, Readings
from firmware_py.core.looked import Looked
from firmware_py.core.plan import Plan
from firmware_py.core.state import State, resume
from firmware_py.core.step import CLOCK_POINT, Decided
from firmware_py.runtime.clock import Clock, Urge, clock_sample, turn_after_ms
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.sinks import Audience
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.writer import Writer

PERIOD_MS = 1_000
# A storm of urgent changes costs at most 100 cycles a second. A first change and the reading that confirms it are no
# storm: up to BURST cycles follow one another at once.
GAP_MS, BURST = 10, 5
WARM_MS = 300  # after that a decision is a cold one again

Decide: TypeAlias = Callable[[Plan, State, InputImage, tuple[Command, ...], int, Looked | None], Decided]


class Cycle:
    """Owns the State. `urge` is how urgent points and commands call for a tick: while `run` waits, what has come in may
    be decided on in the very turn of the loop in which it was heard."""

    def __init__(
        self, *, plan: Plan, state: State, decide: Decide, clock: Clock, urge: Urge, table: PointTable, desk: Desk,
        writer: Writer, audience: Audience, beat: Callable[[str], None],
    ) -> None:  # fmt: skip
        self.state = state = resume(state, clock.now_ms())
        self._plan, self._decide, self._clock, self._urge = plan, decide, clock, urge
        self._table, self._desk, self._writer, self._audience = table, desk, writer, audience
        self._beat = beat
        self._last_ms = self._wake_ms = -1 if state.stepped_ms is None else state.stepped_ms
        self._is_ticking = False
        self._failure: Exception | None = None  # of a tick that nobody of ours has awaited
        self._told_turn_ms = -PERIOD_MS
        self._looked: Looked | None = None
        self._prepared_ms = -WARM_MS
        self._recent_ms = deque([-BURST * GAP_MS] * BURST, maxlen=BURST)  # when the latest cycles were

    async def run(self) -> None:
        """For ever. The first cycle happens before the first await, on what was restored and nothing read."""
        self.tick()
        self._urge.may_tick, self._urge.tick_now = self._may_tick, self._tick_now
        self._urge.prepare = self._prepare
        try:
            while True:
                self._beat("cycle")  # of this task: ticks in the midst of others' work say nothing of it
                await self._urge.wait(max(self._wake_ms, self._last_ms + 1))
                if self._failure is not None:
                    raise self._failure
                if self._urge.asked or self._clock.now_ms() >= self._wake_ms:  # else there was a tick meanwhile
                    while (rest_ms := self._rests_until_ms) > self._clock.now_ms():
                        await self._urge.wait(rest_ms)
                    self.tick()
        finally:
            self._urge.may_tick = self._urge.tick_now = self._urge.prepare = None

    @property
    def _rests_until_ms(self) -> int:
        return self._recent_ms[0] + BURST * GAP_MS

    def _may_tick(self) -> bool:
        return not self._is_ticking and self._failure is None and self._rests_until_ms <= self._clock.now_ms()

    def _tick_now(self) -> bool:
        """In the midst of somebody else's work, whom no fault of ours may hit: that is for our own task."""
        try:
            self.tick()
        except Exception as error:  # noqa: BLE001 - raised again by `run`
            self._failure = error
        self._urge.rouse()
        return self._failure is None

    def _prepare(self) -> None:
        """Decide as if all were read again and said the same, and throw it away: what an outage needs is used that
        seldom that it lies cold in memory, where it takes a third longer. Nothing is done, kept or told; and not again
        soon, for then it is warm, and in a great outage others are waiting."""
        looked, now_ms = self._looked, max(self._clock.now_ms(), self._last_ms + 1)
        if looked is not None and isinstance(looked.readings, Readings) and now_ms >= self._prepared_ms + WARM_MS:
            self._prepared_ms = now_ms
            image = InputImage(now_ms=now_ms, readings=looked.readings.renewed(now_ms))
            with suppress(Exception):  # a fault of it is met again, and judged, where it counts
                self._decide(self._plan, self.state, image, (), now_ms, looked)

    def adopt(self, plan: Plan) -> Decision:
        """Another plan from now on, on the same memory, and one cycle of it at once."""
        self._plan, self.state = plan, replace(self.state, settled=False)
        decision = self.tick()
        self._urge.rouse()
        return decision

    def tick(self) -> Decision:
        """One cycle. The order is law: outputs, then journal, then everybody else."""
        self._is_ticking, self._urge.asked = True, False
        try:
            return self._tick(max(self._clock.now_ms(), self._last_ms + 1))
        finally:
            self._is_ticking = False

    def _tick(self, now_ms: int) -> Decision:
        self._tell_time(now_ms)
        image = self._table.freeze(now_ms)
        commands = self._desk.take()
        decided = self._decide(self._plan, self.state, image, commands, now_ms, self._looked)
        self._writer.apply(decided.outputs)
        decision = decided.conclude()
        self.state, self._last_ms, self._looked = decision.state, now_ms, decision.looked
        due_ms, wake_ms = turn_after_ms(now_ms, PERIOD_MS), decision.wake_at_ms
        self._wake_ms = due_ms if wake_ms is None else min(due_ms, wake_ms)
        self._recent_ms.append(now_ms)
        self._audience.record(image, commands, decision)
        self._desk.answer(decision.replies)
        self._audience.show(image.joined(decision.derived), decision)
        return decision

    def _tell_time(self, now_ms: int) -> None:
        """Once a turn; not in what is urgent before it, since a clock's quality is some system calls."""
        turn_ms = turn_after_ms(now_ms, PERIOD_MS)
        if turn_ms > self._told_turn_ms:
            self._told_turn_ms = turn_ms
            self._table.offer({CLOCK_POINT: clock_sample(self._clock)})
