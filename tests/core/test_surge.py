"""Surges against what is usual: learnt by the half hour, seen soon, seldom false, also where lines hide callers."""

from dataclasses import replace

import pytest

from firmware_py.core.surge import (
    KEPT_MIN,
    LEARNT_WEEKS,
    SLOT_MIN,
    SLOTS,
    WEEKS,
    Minute,
    SurgeState,
    expected,
    judge,
    learnt,
    note,
    usual,
)

EVEN = SurgeState(history=learnt(dict.fromkeys(range(SLOTS), (60,) * WEEKS)))  # two calls a minute, always


def feed(state: SurgeState, start: int, minutes: int, offered: int | None, busy_pct: float = 0.0) -> SurgeState:
    for index in range(start, start + minutes):
        state = note(state, Minute(index=index % (SLOTS * SLOT_MIN), offered_count=offered, busy_pct=busy_pct))
    return state


def test_a_half_hour_is_learnt_when_it_was_seen_whole_and_eight_weeks_are_kept() -> None:
    state = SurgeState()
    for week in range(WEEKS + 2):
        assert usual(state.history, 0) == (None if week < LEARNT_WEEKS else 30.0)
        state = feed(state, 0, SLOT_MIN, 1)
        state = feed(state, SLOT_MIN, 1, 1)
    assert state.history["0"] == " ".join(["30"] * WEEKS)


@pytest.mark.parametrize(("start", "unseen"), [(5, 0), (0, 3)])
def test_a_half_hour_that_was_not_seen_whole_is_not_learnt(start: int, unseen: int) -> None:
    state = feed(SurgeState(), start, SLOT_MIN - start - unseen, 1)
    state = feed(state, SLOT_MIN - unseen, unseen, None)
    state = feed(state, SLOT_MIN, 1, 1)
    assert "0" not in state.history


def test_before_three_weeks_it_says_learning_and_never_surge() -> None:
    state = feed(SurgeState(), 0, 40, 100)
    verdict = judge(state)
    assert verdict.learning and verdict.usual_count is None and not verdict.surge and verdict.seen_count == 1_000


def test_one_surge_in_the_history_does_not_move_the_usual() -> None:
    assert usual(learnt({0: (60, 60, 300, 60, 60, 60, 60, 60)}), 0) == 60.0
    assert usual(learnt({0: (10, 20, 30, 40)}), 0) == 25.0


def test_a_half_hour_of_another_kind_says_nothing_of_this_one() -> None:
    opens = learnt({slot: (20 if slot >= 16 else 0,) * WEEKS for slot in range(SLOTS)})
    assert expected(opens, 16) == pytest.approx(20 / 30) and expected(opens, 15) == 0.0
    rises = learnt({slot: (20 + slot % 5,) * WEEKS for slot in range(SLOTS)})
    assert expected(rises, 20) != pytest.approx(20 / 30), "those of the same kind do"
    assert expected(learnt({3: (6, 6, 6)}), 3) == pytest.approx(6 / 30), "nor does one that is not learnt yet"


def test_evidence_is_kept_within_bounds_however_many_call() -> None:
    state = feed(EVEN, 0, 60, 2)
    assert feed(state, 60, 1, 100_000).surging
    assert feed(state, 60, 30, 0).score_value + 30 * 4 > 0.0 and not feed(state, 60, 30, 0).surging


def test_three_times_the_usual_is_a_surge_within_minutes_and_ends_when_it_is_over() -> None:
    state = feed(EVEN, 0, 60, 2)
    assert not state.surging and judge(state).times_value == pytest.approx(1.0, abs=0.05)
    state = feed(state, 60, 8, 6)
    assert state.surging and judge(state).surge
    state = feed(state, 68, KEPT_MIN + 5, 2)
    assert not state.surging


def test_what_came_in_a_surge_is_not_learnt() -> None:
    state = feed(EVEN, 0, 60, 2)
    state = feed(state, 60, 31, 9)
    assert state.history["2"] == EVEN.history["2"]


def test_a_busy_day_moves_what_is_usual() -> None:
    state = feed(EVEN, 0, 300, 3)
    usual_now = judge(state).usual_count
    assert usual_now is not None and usual_now > 25 and not state.surging


def test_a_gap_clears_the_window_and_an_unseen_minute_is_no_quiet_one() -> None:
    state = feed(EVEN, 0, 60, 2)
    assert judge(feed(state, 90, 1, 2)).seen_count == 2
    dark = feed(state, 60, 3, None)
    assert judge(dark).times_value is None and dark.score_value == state.score_value


def test_a_surge_holds_while_the_exchange_is_not_seen() -> None:
    state = feed(feed(EVEN, 0, 60, 2), 60, 8, 6)
    assert feed(state, 68, 30, None).surging


def test_all_lines_busy_with_more_calls_than_usual_is_a_surge_and_either_alone_is_none() -> None:
    calm = feed(EVEN, 0, 60, 2)
    assert feed(calm, 60, KEPT_MIN, 3, busy_pct=30.0).surging
    assert not feed(calm, 60, KEPT_MIN, 2, busy_pct=30.0).surging
    assert not feed(calm, 60, KEPT_MIN, 3).surging


def test_a_floor_that_is_closed_at_this_hour_counts_calls_without_a_ratio() -> None:
    closed = SurgeState(history=learnt(dict.fromkeys(range(SLOTS), (0,) * WEEKS)))
    state = feed(closed, 0, 30, 0)
    assert judge(state).times_value is None and not state.surging
    assert feed(state, 30, 10, 2).surging


def test_the_first_slot_follows_the_last_of_the_week() -> None:
    last = SLOTS * SLOT_MIN - 5
    state = feed(EVEN, last, 10, 2)
    assert len(state.minutes) == 10 and state.slot_number == 0
    assert replace(state, minutes=()).slot_number == 0
