"""Wall time: found, told once, earlier stamps corrected; and a step of it changes nothing but stamps."""

from __future__ import annotations

import pytest

from firmware_py.core.event import Event
from firmware_py.runtime.clock import ClockQuality, utc_text
from firmware_py.wiring.wall import WallTime
from tests.shell.floor import Floor
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

DAY_MS = 86_400_000


def test_the_moment_at_which_the_time_becomes_known_is_told_once_with_how_wrong_it_was() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[Event] = []
        clock.clk = ClockQuality.NONE
        wall = WallTime(clock, told.extend)
        async with running(wall.run()):
            stamped_ms = clock.now_ms()
            assert (wall.clk, wall.corrected(stamped_ms), wall.age_ms(0)) == ("none", "", None)
            await spend(5_000)
            clock.utc_offset_ms += 3 * DAY_MS  # the step comes first, the kernel's word for it later
            await spend(5_000)
            assert told == []
            clock.clk = ClockQuality.NTP
            await spend(5_000)
            (event,) = told
            assert (event.type, event.data) == ("clock.set", {"offset_ms": 3 * DAY_MS, "was": "none"})
            fixed = wall.corrected(stamped_ms)
            assert fixed == utc_text(stamped_ms + clock.utc_offset_ms)
            assert wall.age_ms(clock.utc_ms() - 7) == 7
            clock.utc_offset_ms += 40  # corrections go on; what was sent once is sent the same again
            await spend(5_000)
            assert wall.corrected(stamped_ms) == fixed
            assert len(told) == 1

    run_virtual(scenario)


def test_a_time_that_was_known_all_along_is_no_news() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[Event] = []
        wall = WallTime(clock, told.extend)
        async with running(wall.run()):
            await spend(60_000)
        assert told == [] and wall.corrected(clock.now_ms()) == ""

    run_virtual(scenario)


def test_a_time_that_is_lost_and_found_again_is_measured_from_where_it_was_lost() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[Event] = []
        wall = WallTime(clock, told.extend)
        async with running(wall.run()):
            await spend(2_000)
            clock.utc_offset_ms += 1_000_000
            clock.clk = ClockQuality.RTC
            await spend(2_000)
            clock.utc_offset_ms -= 250
            clock.clk = ClockQuality.NTP
            await spend(2_000)
        assert [event.data for event in told] == [{"offset_ms": -250, "was": "rtc"}]

    run_virtual(scenario)


@pytest.mark.parametrize("step_ms", [-400 * DAY_MS, -3_600_000, 1, 3_600_000, 400 * DAY_MS])
def test_a_step_of_the_wall_clock_changes_nothing_else(step_ms: int) -> None:
    def lived(steps: tuple[int, ...]) -> tuple[object, ...]:
        async def scenario(clock: VirtualClock) -> tuple[object, ...]:
            floor = Floor(clock)
            floor.later(10_500, floor.say("ups1", "battery"))
            floor.later(40_500, floor.say("ups1", "normal"))
            for number, ms in enumerate(steps):
                floor.later(9_000 + 7_000 * number, lambda ms=ms: setattr(clock, "utc_offset_ms", ms))
                quality = ClockQuality.NONE if number % 2 else ClockQuality.NTP
                floor.later(9_500 + 7_000 * number, lambda quality=quality: setattr(clock, "clk", quality))
            await floor.live(200_000)
            return sorted(floor.diary.lines), floor.diary.modes, floor.diary.cycles

        return run_virtual(scenario)

    start_ms = 1_780_000_000_000
    assert lived((start_ms + step_ms, start_ms, start_ms + 2 * step_ms)) == lived(())
