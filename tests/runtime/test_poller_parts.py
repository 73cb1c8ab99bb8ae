"""The bookkeeping of an endpoint: when what is due, who is dead, which output is to be told."""

from __future__ import annotations

import pytest

from firmware_py.ports import PollGroup
from firmware_py.runtime.endpoint import Schedule, Wishes
from firmware_py.runtime.health import Health, draw_pause_ms


def group(name: str, period_ms: int, device: str = "ups1", deadline_ms: int = 500) -> PollGroup:
    return PollGroup(id=name, device=device, points=(), period_ms=period_ms, deadline_ms=deadline_ms)


FAST, SLOW = group("ups1.fast", 1_000), group("ups1.slow", 30_000)


# ------------------------------------------------------------------------------------------------------------ schedule
def test_at_the_start_everything_is_due_and_the_fastest_comes_first() -> None:
    assert Schedule([SLOW, FAST]).due(123_456) == (FAST, SLOW)


@pytest.mark.parametrize("now_ms", [123_000, 123_001, 123_999])
def test_groups_of_the_same_period_share_their_ticks_whenever_they_were_read(now_ms: int) -> None:
    other = group("hvac1.fast", 1_000)
    schedule = Schedule([FAST, other])
    schedule.done(FAST, now_ms)
    schedule.done(other, 123_500)
    assert schedule.due_ms(FAST) == schedule.due_ms(other) == 124_000


def test_slow_groups_are_spread_over_the_ticks() -> None:
    slow = [group(f"ups{number}.slow", 30_000) for number in range(60)]
    schedule = Schedule(slow)
    for one in slow:
        schedule.done(one, 900_000)
    due_ms = {schedule.due_ms(one) for one in slow}
    assert len(due_ms) > 15
    assert all(900_000 < at_ms <= 930_000 and at_ms % 1_000 == 0 for at_ms in due_ms)


def test_a_missed_turn_is_late_once_and_not_made_up_for() -> None:
    schedule = Schedule([FAST])
    assert not schedule.done(FAST, 10_000)
    assert not schedule.done(FAST, 11_900)
    assert schedule.done(FAST, 15_100)
    assert schedule.due_ms(FAST) == 16_000


def test_a_device_that_was_away_is_not_late() -> None:
    schedule = Schedule([FAST])
    schedule.done(FAST, 10_000)
    schedule.restart(FAST)
    assert schedule.due(60_000) == (FAST,)
    assert not schedule.done(FAST, 60_000)


def test_a_hint_makes_a_group_due_at_once_but_a_flood_of_hints_does_not_flood_the_wire() -> None:
    schedule = Schedule([SLOW])
    schedule.done(SLOW, 900_000)
    schedule.hurry(SLOW, 900_500)
    assert schedule.due(900_500) == (SLOW,)
    schedule.done(SLOW, 900_505)
    schedule.hurry(SLOW, 900_506)
    assert schedule.due_ms(SLOW) == 900_605


# -------------------------------------------------------------------------------------------------------------- health
def steady(pause_ms: int) -> int:
    return pause_ms


def test_one_lost_answer_kills_nobody_and_neither_do_many_in_a_short_time() -> None:
    health = Health("ups1", 500, steady)
    health.succeed(0, 10)
    assert not any(health.fail(at_ms, at_ms, "silence") for at_ms in range(100, 3_000, 100))
    assert not health.dead


def test_a_long_silence_of_one_failure_kills_nobody() -> None:
    health = Health("ups1", 500, steady)
    health.succeed(0, 10)
    assert not health.fail(60_000, 60_500, "silence")
    assert health.fail(61_000, 61_500, "silence")
    assert health.dead


def test_a_slow_device_is_given_three_deadlines() -> None:
    health = Health("ups1", 4_000, steady)
    health.succeed(0, 0)
    assert not health.fail(1_000, 5_000, "silence")
    assert not health.fail(5_000, 11_999, "silence")
    assert health.fail(12_000, 16_000, "silence")


def test_a_device_that_never_answered_is_dead_as_fast_as_one_that_stopped() -> None:
    health = Health("ups1", 500, steady)
    assert not health.fail(1_000_000, 1_000_500, "silence")
    assert health.fail(1_002_500, 1_003_000, "silence")
    assert health.report("line", 1_003_000).age_ms is None


def test_the_pause_of_a_dead_device_grows_to_ten_seconds_and_starts_again_after_an_answer() -> None:
    health = Health("ups1", 500, steady)
    health.fail(0, 0, "silence", at_once=True)
    pauses, now_ms = [health.probe_ms], health.probe_ms
    for _ in range(6):
        assert not health.fail(now_ms, now_ms, "silence")  # it is news only once
        pauses.append(health.probe_ms - now_ms)
        now_ms = health.probe_ms
    assert pauses == [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]
    assert health.succeed(now_ms, now_ms) == now_ms
    assert not health.dead
    health.fail(now_ms, now_ms, "silence", at_once=True)
    assert health.probe_ms == now_ms + 500


def test_a_sign_of_life_brings_the_next_probe_forward_but_not_below_the_first_pause() -> None:
    health = Health("ups1", 500, steady)
    for _ in range(6):
        health.fail(10_000, 10_000, "silence", at_once=True)
    assert health.probe_ms == 20_000
    for at_ms in (10_100, 10_100, 10_200):  # a flood of signs changes nothing
        health.hurry(at_ms)
        assert health.probe_ms == 10_500
    health.hurry(10_900)
    assert health.probe_ms == 10_500


def test_pauses_are_drawn_a_fifth_around_what_is_meant() -> None:
    drawn = [draw_pause_ms(1_000) for _ in range(500)]
    assert 800 <= min(drawn) < 850
    assert 1_150 < max(drawn) <= 1_200


def test_counters_say_how_a_device_fares() -> None:
    health = Health("ups1", 500, steady)
    health.succeed(0, 40)
    health.succeed(1_000, 1_010)
    health.fail(2_000, 2_500, "x" * 1_000)
    report = health.report("line", 3_010)
    assert (report.ok, report.failed, report.latency_ms, report.longest_ms, report.age_ms) == (2, 1, 10, 40, 2_000)
    assert (report.alive, report.endpoint, len(report.error)) == (True, "line", 200)


# -------------------------------------------------------------------------------------------------------------- wishes
@pytest.fixture
def wishes() -> Wishes:
    return Wishes(["fan", "heater"])


def test_the_newest_wish_wins_and_only_a_new_one_is_news(wishes: Wishes) -> None:
    assert wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    assert not wishes.want("fan", on=True, lease_ms=60_000, now_ms=5)
    assert wishes.want("fan", on=False, lease_ms=60_000, now_ms=10)
    assert wishes.due(10) == (("fan", False),)


def test_what_was_told_is_told_again_after_its_lease(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    assert wishes.pending
    assert wishes.told("fan", on=True, level=True, now_ms=100)
    assert not wishes.pending
    assert wishes.due(60_099) == ()
    assert wishes.due(60_100) == (("fan", True),)


def test_an_output_that_does_not_follow_is_told_again_with_growing_pauses(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    now_ms, pauses = 0, []
    for _ in range(6):
        assert not wishes.told("fan", on=True, level=False, now_ms=now_ms)
        pauses.append(wishes.all["fan"].due_ms - now_ms)
        now_ms = wishes.all["fan"].due_ms
    assert 400 <= pauses[0] <= 600
    assert 3_200 <= pauses[3] <= 4_800
    assert 8_000 <= pauses[-1] <= 12_000


def test_a_far_end_that_cannot_read_back_is_believed(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    assert wishes.told("fan", on=True, level=None, now_ms=0)
    assert wishes.all["fan"].level is True


def test_a_wish_that_came_while_the_old_one_was_written_stays_pending(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    wishes.want("fan", on=False, lease_ms=60_000, now_ms=5)
    wishes.told("fan", on=True, level=True, now_ms=10)
    assert wishes.pending
    wishes.failed("fan", on=True, now_ms=20)
    assert wishes.due(20) == (("fan", False),)


def test_a_new_wish_does_not_wait_for_the_end_of_a_pause(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=60_000, now_ms=0)
    for _ in range(8):
        wishes.failed("fan", on=True, now_ms=0)
    assert wishes.due(100) == ()
    wishes.want("fan", on=False, lease_ms=60_000, now_ms=100)
    assert wishes.due(100) == (("fan", False),)


def test_new_levels_go_before_leases_and_what_failed_goes_last(wishes: Wishes) -> None:
    wishes.want("fan", on=True, lease_ms=1_000, now_ms=0)
    wishes.told("fan", on=True, level=True, now_ms=0)
    wishes.want("heater", on=True, lease_ms=1_000, now_ms=1_500)
    assert [output for output, _ in wishes.due(2_000)] == ["heater", "fan"]
    wishes.all["heater"].failing = True
    assert [output for output, _ in wishes.due(2_000)] == ["fan", "heater"]


def test_an_output_that_is_not_behind_this_wire_is_a_bug(wishes: Wishes) -> None:
    with pytest.raises(AssertionError, match="lamp"):
        wishes.want("lamp", on=True, lease_ms=1, now_ms=0)
