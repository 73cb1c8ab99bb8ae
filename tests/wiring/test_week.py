"""The local minute of the week: by the site's zone, as good as the clock, and by UTC where the zone is not known."""

import logging
from zoneinfo import ZoneInfo

import pytest

from firmware_py.core.reading import Quality
from firmware_py.core.volume import WEEK_POINT, week_point
from firmware_py.runtime.clock import ClockQuality, week_sample
from firmware_py.runtime.table import PointTable
from firmware_py.wiring.week import LocalWeek
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

MONDAY_MS = 1_767_571_200_000  # 2026-01-05T00:00:00Z, a Monday


def test_the_week_begins_on_monday_at_the_sites_own_midnight() -> None:
    async def scenario(clock: VirtualClock) -> None:
        clock.clk = ClockQuality.NTP
        clock.utc_offset_ms = MONDAY_MS - clock.now_ms() + 61_000
        assert week_sample(clock, ZoneInfo("UTC")).value == 1
        assert week_sample(clock, ZoneInfo("Asia/Shanghai")).value == 8 * 60 + 1
        assert week_sample(clock, ZoneInfo("America/New_York")).value == 7 * 1440 - 5 * 60 + 1

    run_virtual(scenario)


@pytest.mark.parametrize(("zone", "minute"), [("Asia/Tokyo", 9 * 60), ("Nowhere/Nothing", 0)])
def test_it_is_fed_each_second_and_only_as_good_as_the_clock(
    zone: str, minute: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        clock.utc_offset_ms = MONDAY_MS - clock.now_ms()
        clock.clk = ClockQuality.RTC
        table = PointTable({WEEK_POINT: week_point(15_000)}, clock, lambda: None)
        with caplog.at_level(logging.WARNING):
            week = LocalWeek(table, clock, zone)
        async with running(week.run()):
            await spend(500)
            assert table.readings[WEEK_POINT].quality is Quality.UNCERTAIN
            clock.clk = ClockQuality.NTP
            await spend(61_000)
            found = table.readings[WEEK_POINT]
            assert (found.value, found.quality) == (minute + 1, Quality.GOOD)

    run_virtual(scenario)
    assert ("not known here" in caplog.text) is zone.startswith("Nowhere")
