"""A floor of nothing but telephones: the real poller, table and step over a real exchange, without files and broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

from drivers.pbx import PbxBus
from drivers.pbx_config import PbxConfig, declare_points
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.looks import looks
from firmware_py.core.output import Output, StopValue
from firmware_py.core.point import Point
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.clock import SystemClock, Waker
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from monitors.parts import Part, assemble, join
from tests.conftest import eventually_async

LEASE_MS = 60_000


class PhoneFloor:
    """A cycle each second and whenever an urgent point changes; outputs of the exchange are written by its task."""

    def __init__(
        self, config: PbxConfig, parts: Iterable[Part], points: Iterable[Point] = (), *, local: Iterable[str] = ()
    ) -> None:
        self.bus = PbxBus(config)
        outputs = [
            Output(id=name, on_stop=StopValue.HOLD, on_fault=StopValue.HOLD, lease_ms=LEASE_MS)
            for name in (*sorted(self.bus.outputs), *local)
        ]
        outbound = tuple(name for name in ("outbound_paused",) if name in self.bus.outputs)
        self.plan = assemble((*declare_points(config), *points), outputs, join(parts), outbound=outbound)
        self.clock = SystemClock()
        self._waker = Waker(self.clock)
        self.table = PointTable(self.plan.points, self.clock, self._waker.wake, looks(self.plan))
        self.poller = Poller(bus=self.bus, port=self.bus, clock=self.clock, table=self.table)
        self.state = State()
        self.events: list[Event] = []
        self.last: Decision | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[PhoneFloor]:
        tasks = [asyncio.create_task(self.poller.run()), asyncio.create_task(self._cycle())]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.bus.close()

    async def _cycle(self) -> None:
        now_ms = 0
        while True:
            now_ms = max(self.clock.now_ms(), now_ms + 1)
            image = self.table.freeze(now_ms)
            decision = step(self.plan, self.state, image, (), now_ms)
            self.state, self.last = decision.state, decision
            self.events.extend(decision.events)
            for name, drive in decision.outputs.items():
                if name in self.bus.outputs:
                    self.poller.want(name, on=drive.value is True, lease_ms=LEASE_MS)
            wake_ms = decision.wake_at_ms or now_ms + 1_000
            await self._waker.wait(min(now_ms + 1_000, max(wake_ms, now_ms + 1)))

    def holds(self, condition: str) -> bool:
        """Whether the condition is active now."""
        return condition in self.state.conditions and self.state.conditions[condition].holds

    def reads(self, point: str) -> object:
        """The point's value, None while it is not good."""
        reading = self.table.readings.get(point)
        return reading.value if reading is not None and reading.good else None

    async def until(self, seen: Callable[[], object], within_s: float, what: str) -> None:
        await eventually_async(lambda: bool(seen()), within_s=within_s, every_s=0.02, what=what)
