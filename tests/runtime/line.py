"""A simulated line with some units and its poller, for the tests of the poller."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from drivers.simulated import SimulatedBus, SimulatedDevice
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reason, Value
from firmware_py.ports import PollGroup
from firmware_py.runtime.clock import Urge
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.shell.virtual import VirtualClock

POINTS = {
    point.id: point
    for point in (
        *(Point(id=f"unit{n}.state", kind=Kind.INTEGER, stale_after_ms=5_000, low=0, high=9) for n in (1, 2, 3)),
        *(Point(id=f"unit{n}.model", kind=Kind.TEXT, stale_after_ms=90_000) for n in (1, 2, 3)),
        Point(id="unit1.alarm", kind=Kind.FLAG, stale_after_ms=5_000, urgent=True),
        Point(id="out.fan.follows", kind=Kind.FLAG, stale_after_ms=300_000),
    )
}


def groups_of(number: int) -> tuple[PollGroup, ...]:
    device = f"unit{number}"
    fast = (f"{device}.state", f"{device}.alarm") if number == 1 else (f"{device}.state",)
    return (
        PollGroup(id=f"{device}.fast", device=device, points=fast, period_ms=1_000, deadline_ms=400),
        PollGroup(id=f"{device}.slow", device=device, points=(f"{device}.model",), period_ms=30_000, deadline_ms=400),
    )


class Line:
    """A line with some units, its poller, and a diary of what was asked when."""

    def __init__(
        self, clock: VirtualClock, units: tuple[int, ...] = (1,), outputs: frozenset[str] = frozenset(),
        looks: Mapping[str, int] | None = None, at_once: bool = False,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.woken = 0
        self.pictures = False  # whether a cycle takes its picture when it is woken
        self.diary: list[tuple[int, str]] = []
        self.urge = Urge(clock)
        self.may_show = at_once  # whether a picture may be taken in the midst of somebody's work
        self.urge.may_tick, self.urge.tick_now = lambda: self.may_show, self.picture
        self.shown: list[tuple[int, Value | None]] = []  # when pictures were taken, and what unit 1 said by then
        self.table = PointTable(POINTS, clock, self.wake, looks, self.urge if at_once else None)
        self.devices = {
            f"unit{n}": SimulatedDevice(values={f"unit{n}.state": 1, f"unit{n}.model": "A", f"unit{n}.alarm": False})
            for n in units
        }
        self.bus = self.make_bus(units, outputs)
        self.poller = Poller(bus=self.bus, port=self.bus if outputs else None, clock=clock, table=self.table)

    def make_bus(self, units: tuple[int, ...], outputs: frozenset[str]) -> SimulatedBus:
        groups = tuple(group for n in units for group in groups_of(n))
        return SimulatedBus("line", groups, self.devices, outputs, self.note)

    def wake(self) -> None:
        self.woken += 1
        if self.pictures:
            self.clock._loop.call_soon(self.picture)

    def picture(self) -> bool:
        now_ms = max(self.clock.now_ms(), self.shown[-1][0] + 1 if self.shown else 0)
        self.shown.append((now_ms, self.table.freeze(now_ms)["unit1.alarm"].value))
        return True

    def note(self, asked: str) -> None:
        self.diary.append((self.clock.now_ms(), asked))

    def times(self, asked: str) -> list[int]:
        return [at_ms for at_ms, name in self.diary if name == asked]

    def quality(self, point: str) -> tuple[Quality, Reason | None]:
        reading = self.table.readings[point]
        return reading.quality, reading.because


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if record.levelno >= logging.WARNING]
