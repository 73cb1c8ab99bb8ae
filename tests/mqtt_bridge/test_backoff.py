"""How long we wait, by the numbers of the contract."""

from __future__ import annotations

import random

import pytest

from mqtt_bridge.backoff import Backoff


def widest(low_s: float, high_s: float) -> float:
    return high_s


def narrowest(low_s: float, high_s: float) -> float:
    return low_s


def test_waits_double_up_to_thirty_seconds_and_never_fall_below_one() -> None:
    backoff = Backoff(widest)
    assert [backoff.fail() for _ in range(5)] == [8, 16, 30, 30, 30]
    assert [Backoff(narrowest).fail() for _ in range(5)] == [1, 1, 1, 1, 1]


def test_the_wait_is_spread_over_its_whole_width() -> None:
    backoff = Backoff(random.Random(7).uniform)
    waits_s = [backoff.fail() for _ in range(400)][10:]
    assert min(waits_s) < 3
    assert max(waits_s) > 28
    assert all(1 <= wait_s <= 30 for wait_s in waits_s)


def test_years_of_failing_do_not_overflow() -> None:
    backoff = Backoff(widest)
    assert {backoff.fail() for _ in range(5_000)} == {8, 16, 30}


def test_a_drop_alone_does_not_reset_the_wait_but_a_minute_of_standing_does() -> None:
    backoff = Backoff(widest)
    assert [backoff.drop(at_s, taken_over=False) for at_s in (0.0, 100.0, 200.0)] == [8, 16, 30]
    backoff.settle()
    assert backoff.drop(300.0, taken_over=False) == 8


def test_more_than_three_drops_in_a_minute_mean_a_namesake() -> None:
    backoff = Backoff(widest)
    for at_s in (0.0, 20.0, 40.0):
        assert backoff.drop(at_s, taken_over=False) <= 30
        assert not backoff.duplicate
    assert backoff.drop(59.0, taken_over=False) == 300
    assert backoff.duplicate
    backoff.settle()
    assert not backoff.duplicate


def test_drops_spread_over_more_than_a_minute_do_not() -> None:
    backoff = Backoff(widest)
    for at_s in range(0, 300, 25):
        backoff.drop(float(at_s), taken_over=False)
    assert not backoff.duplicate


def test_a_session_taken_over_is_enough_by_itself() -> None:
    backoff = Backoff(narrowest)
    assert backoff.drop(0.0, taken_over=True) == 240
    assert backoff.duplicate


@pytest.mark.parametrize("outage_s", [1.0, 3.0])
def test_of_300_that_lose_their_broker_for_seconds_all_are_back_in_half_a_minute_with_few_failed_attempts(
    outage_s: float,
) -> None:
    """The numbers alone; `bench.fleet` measures it with TLS and a real broker."""
    backs_s, failed = [], 0
    for number in range(300):
        backoff = Backoff(random.Random(number).uniform)
        at_s = backoff.drop(1_000.0, taken_over=False)
        while at_s < outage_s:
            failed += 1
            at_s += backoff.fail()
        backs_s.append(at_s - outage_s)
    assert max(backs_s) <= 30
    assert failed / 300 < 0.5
