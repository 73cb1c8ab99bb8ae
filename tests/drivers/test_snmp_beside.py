"""When the slow group is asked for along with the fast one: where both are due, fit one question, and nobody waits."""

from __future__ import annotations

import pytest

from drivers.snmp_beside import FRESH_MS, Beside
from drivers.snmp_signals import Group
from drivers.snmp_told import Pair

FAST, SLOW = ("1.3.1", "1.3.2"), ("1.3.2", "1.3.3")
NAMES = ("1.3.1", "1.3.2", "1.3.3")
VALUES: tuple[Pair, ...] = (("1.3.1", 1), ("1.3.2", 2), ("1.3.3", 3))


def quick(slow_ms: int = 10_000, took_ms: int = 3) -> Beside:
    """After a first read of both groups at 0."""
    beside = Beside({Group.FAST: 1_000, Group.SLOW: slow_ms}, 900)
    assert beside.take(Group.SLOW, SLOW, 0) is None
    beside.begin()
    beside.end(took_ms)
    return beside


def test_it_is_asked_when_both_are_due_and_its_answer_is_taken_once() -> None:
    beside = quick()
    assert not beside.wanted(Group.FAST, FAST, SLOW, 9_000)
    assert beside.wanted(Group.FAST, FAST, SLOW, 10_000)
    beside.hold(SLOW, NAMES, VALUES, 10_004)
    assert not beside.wanted(Group.FAST, FAST, SLOW, 10_005), "a confirming read of the fast group asks for that alone"
    assert beside.take(Group.SLOW, SLOW, 10_006) == {"1.3.2": 2, "1.3.3": 3}
    assert beside.take(Group.SLOW, SLOW, 10_007) is None
    assert not beside.wanted(Group.FAST, FAST, SLOW, 11_000)


def test_groups_of_one_period_go_together_each_time() -> None:
    beside = quick(slow_ms=1_000)
    for now_ms in (1_000, 2_000, 3_000):
        assert beside.wanted(Group.FAST, FAST, SLOW, now_ms)
        beside.hold(SLOW, NAMES, VALUES, now_ms)
        assert beside.take(Group.SLOW, SLOW, now_ms + 1) is not None


@pytest.mark.parametrize("took_ms", [113, 5_000])
def test_an_agent_that_takes_its_time_is_asked_for_each_group_alone(took_ms: int) -> None:
    assert not quick(took_ms=took_ms).wanted(Group.FAST, FAST, SLOW, 10_000)


def test_a_question_that_was_never_answered_makes_an_agent_slow() -> None:
    beside = quick()
    beside.begin()
    assert not beside.wanted(Group.FAST, FAST, SLOW, 10_000)


def test_what_has_waited_or_was_another_question_is_not_taken() -> None:
    beside = quick()
    beside.hold(SLOW, NAMES, VALUES, 10_000)
    assert beside.take(Group.SLOW, SLOW, 10_001 + FRESH_MS) is None
    beside.hold(SLOW, NAMES, VALUES, 20_000)
    assert beside.take(Group.SLOW, FAST, 20_001) is None


def test_more_than_fits_one_question_is_asked_in_two() -> None:
    many = tuple(f"1.3.{n}" for n in range(10, 33))
    assert not quick().wanted(Group.FAST, FAST, many, 10_000)
    assert quick().wanted(Group.FAST, FAST, many[:22], 10_000)


def test_the_slow_group_never_takes_the_fast_one_along_nor_before_it_is_known() -> None:
    beside = quick()
    assert not beside.wanted(Group.SLOW, SLOW, FAST, 10_000)
    assert not beside.wanted(Group.FAST, FAST, (), 10_000)
    assert beside.take(Group.FAST, FAST, 10_000) is None
    fresh = Beside({Group.FAST: 1_000, Group.SLOW: 10_000}, 900)
    assert not fresh.wanted(Group.FAST, FAST, SLOW, 10_000)


def test_what_is_held_can_be_looked_at_before_it_is_taken_and_be_dropped() -> None:
    beside = quick()
    beside.hold(SLOW, NAMES, VALUES, 10_000)
    held = beside.peek(SLOW, 10_001)
    assert held is not None and held is beside.peek(SLOW, 10_002)
    assert (held.names, held.values) == (NAMES, VALUES)
    assert beside.peek(FAST, 10_001) is None
    assert beside.peek(SLOW, 10_000 + FRESH_MS + 1) is None
    beside.drop()
    assert beside.peek(SLOW, 10_001) is None
    assert beside.take(Group.SLOW, SLOW, 10_001) is None


def test_what_was_taken_is_no_more_held_and_counts_from_then() -> None:
    beside = quick()
    beside.hold(SLOW, NAMES, VALUES, 10_000)
    beside.taken(10_001)
    assert beside.peek(SLOW, 10_002) is None
    assert not beside.due(19_400) and beside.due(19_600)
