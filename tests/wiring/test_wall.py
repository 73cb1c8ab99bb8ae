"""Wall time: found, told once, earlier stamps corrected; and a step of it changes nothing but stamps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from firmware_py.core.event import Event
from firmware_py.runtime.clock import BUILT_MS, ClockQuality, utc_text
from firmware_py.runtime.disk import Disk, write_atomic
from firmware_py.wiring.kept import KeptWords, KnownTime
from firmware_py.wiring.wall import WallTime
from tests.shell.floor import Floor
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

DAY_MS = 86_400_000


class WordsAtOnce(KeptWords):
    """Without a thread, for which virtual time would not wait."""

    async def remember(self, words: Sequence[str]) -> None:
        write_atomic(self._disk, self._path, json.dumps(list(words)).encode())


def known(clock: VirtualClock, folder: Path = Path("/nowhere/at/all")) -> KnownTime:
    return KnownTime(clock, WordsAtOnce(folder / "time", Disk()))


def test_the_moment_at_which_the_time_becomes_known_is_told_once_with_how_wrong_it_was() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[Event] = []
        clock.clk = ClockQuality.NONE
        wall = WallTime(clock, told.extend, known(clock))
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
        wall = WallTime(clock, told.extend, known(clock))
        async with running(wall.run()):
            await spend(60_000)
        assert told == [] and wall.corrected(clock.now_ms()) == ""

    run_virtual(scenario)


def test_a_time_that_is_lost_and_found_again_is_measured_from_where_it_was_lost() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[Event] = []
        wall = WallTime(clock, told.extend, known(clock))
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


def test_the_latest_time_that_was_sure_is_kept_and_is_the_earliest_that_it_can_be_after_a_boot_in_1970(
    tmp_path: Path,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        first = known(clock, tmp_path)
        assert WallTime(clock, lambda events: None, first).floor == utc_text(BUILT_MS)
        async with running(first.run()):
            await spend(3 * DAY_MS)
        sure_ms = clock.utc_ms()
        clock.clk, clock.utc_offset_ms = ClockQuality.NONE, 0
        again = known(clock, tmp_path)
        assert sure_ms - 3_700_000 < again.floor_ms <= sure_ms
        async with running(again.run()):
            clock.utc_offset_ms = sure_ms + 9 * DAY_MS  # an unsure clock proves nothing
            await spend(DAY_MS)
        assert known(clock, tmp_path).floor_ms == again.floor_ms <= sure_ms

    run_virtual(scenario, days=9)


def test_a_sure_time_corrects_a_floor_that_was_too_high_and_rubbish_is_no_floor(tmp_path: Path) -> None:
    async def scenario(clock: VirtualClock) -> None:
        (tmp_path / "time").write_text('["4000000000000", "-1", "1e9", "99999999999999999999"]')
        high = known(clock, tmp_path)
        assert high.floor_ms == 4_000_000_000_000
        async with running(high.run()):
            await spend(1)
        assert high.floor_ms == clock.utc_ms() - 1

    run_virtual(scenario)
