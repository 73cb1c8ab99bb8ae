"""The age of the last export is a point: from the verb to the reading, and over a restart."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from firmware_py.core.point import Point
from firmware_py.core.reading import Quality
from firmware_py.runtime.clock import ClockQuality
from firmware_py.runtime.table import PointTable
from firmware_py.wiring.exported import Exported
from firmware_py.wiring.links import OwnHealth
from monitors.comms import EXPORT_AGE, own_points
from tests.conftest import run
from tests.wiring.test_configure import HandClock

_TICKS = count(1)  # no two pictures are of one moment


class UnsetClock(HandClock):
    """A board without a clock of its own, before a time server was reached."""

    def quality(self) -> ClockQuality:
        return ClockQuality.NONE


def make(folder: Path, clock: HandClock) -> tuple[PointTable, OwnHealth, Exported, list[str]]:
    points: dict[str, Point] = {point.id: point for point in own_points(stale_ms=15_000, mqtt=False, certificate=False)}
    table, told = PointTable(points, clock, lambda: None), list[str]()

    def age_ms(utc_ms: int) -> int | None:
        return None if clock.quality() is ClockQuality.NONE else clock.utc_ms() - utc_ms

    health = OwnHealth(table, clock, lambda: True, age_ms)
    exported = Exported(folder, clock, health, lambda events: told.extend(event.type for event in events))
    return table, health, exported, told


def age_s(table: PointTable, health: OwnHealth) -> object:
    health.feed()
    reading = table.freeze(health._clock.now_ms() + next(_TICKS))[EXPORT_AGE]
    return reading.value if reading.quality is Quality.GOOD else None


def test_an_export_is_told_and_its_age_grows_and_is_remembered(tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = HandClock()
        table, health, exported, told = make(tmp_path, clock)
        assert age_s(table, health) is None, "never exported"
        await exported.note("0:root", {})
        assert (age_s(table, health), told) == (0, ["site.exported"])
        clock.ms += 7_200_000
        assert age_s(table, health) == 7_200
        again, fresh, _, _ = make(tmp_path, clock)  # another process on the same state directory
        assert age_s(again, fresh) == 7_200

    run(scenario())


def test_while_the_clock_is_not_known_the_age_is_not_either(tmp_path: Path) -> None:
    async def scenario() -> None:
        table, health, exported, _ = make(tmp_path, UnsetClock())
        await exported.note("0:root", {})
        assert age_s(table, health) is None
        known, fresh, _, _ = make(tmp_path, HandClock())
        assert age_s(known, fresh) == 0

    run(scenario())
