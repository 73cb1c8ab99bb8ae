"""How many readings a point is read for at once: what the most careful condition on it asks."""

from __future__ import annotations

from firmware_py.core.check import AllOf, IsFlag, IsWord
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.lines import Line
from firmware_py.core.looks import looks
from firmware_py.core.plan import Plan

DOWN = IsWord(point="trunks.main.state", words=frozenset({"down"}))
BUSY = IsFlag(point="trunks.main.busy")


def make_plan(*conditions: Condition, lines: tuple[Line, ...] = ()) -> Plan:
    return Plan(conditions={one.id: one for one in conditions}, lines={line.name: line for line in lines})


def ask(name: str, confirm: int, test: IsWord | IsFlag | AllOf) -> Condition:
    return Condition(id=name, test=test, when_bad=WhenBad.HOLD, confirm=confirm)


def test_the_most_careful_condition_on_a_point_counts() -> None:
    plan = make_plan(ask("quick", 2, DOWN), ask("sure", 3, AllOf(tests=(DOWN, BUSY))), ask("seen", 1, DOWN))
    assert looks(plan) == {"trunks.main.state": 3, "trunks.main.busy": 3}


def test_a_contact_is_looked_at_as_often_as_the_trunk_that_it_senses() -> None:
    lines = (Line(name="main", sensed="di1.closed"), Line(name="co2", sensed="di2.closed"), Line(name="co3", told=True))
    assert looks(make_plan(ask("sure", 4, DOWN), lines=lines)) == {
        "trunks.main.state": 4,
        "di1.closed": 4,
        "di2.closed": 1,
    }
