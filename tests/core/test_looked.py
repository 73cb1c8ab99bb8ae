"""The hint that a decision gives to the next step: what it lets be, what it never does, and when it does not count."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import pytest

from firmware_py.core import condition, generator, mode, planned
from firmware_py.core.check import IsFlag
from firmware_py.core.condition import Condition, ConditionState, WhenBad
from firmware_py.core.decision import Decision
from firmware_py.core.generator import Generator
from firmware_py.core.image import InputImage, freeze
from firmware_py.core.looked import Looked, last_look
from firmware_py.core.mode import Cause, CauseState
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Value
from firmware_py.core.step import CLOCK_POINT, step
from tests.core.floor import CHARGE, MINUTE, RUNTIME, SECOND, SOURCE, Floor, healthy

Log = list[str]


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Log:
    """Ids of all conditions that are looked at from now on."""
    seen: Log = []
    advance = condition.advance

    def note(declared: Condition, state: ConditionState, image: InputImage, *, dt_ms: int, stepped_ms: int | None) -> (
        ConditionState
    ):  # fmt: skip
        seen.append(declared.id)
        return advance(declared, state, image, dt_ms=dt_ms, stepped_ms=stepped_ms)

    monkeypatch.setattr(condition, "advance", note)
    return seen


def settle() -> Floor:
    floor = healthy()
    floor.run(MINUTE)
    return floor


def hint(floor: Floor) -> Looked:
    found = floor.last.looked
    assert found is not None
    return found


def test_readings_that_are_only_newer_are_not_looked_at_again(looks: Log) -> None:
    floor = settle()
    looks.clear()
    floor.run(5 * SECOND)
    resting = set(looks)
    assert not resting & {"ups1.on_battery", "trunks.down"}
    assert len(looks) < len(floor.plan.conditions)
    floor.values[SOURCE] = "battery"
    floor.run(SECOND)
    assert "ups1.on_battery" in looks


def test_without_the_hint_everything_is_looked_at(looks: Log) -> None:
    floor = settle()
    looks.clear()
    floor.now_ms += SECOND
    image = freeze(floor.plan.points.values(), floor.readings, floor.now_ms)
    step(floor.plan, floor.state, image, (), floor.now_ms)
    assert sorted(looks) == sorted(floor.plan.conditions)


def test_it_speaks_of_one_plan_and_one_memory_only() -> None:
    floor = settle()
    found = hint(floor)
    assert last_look(found, floor.plan, floor.state) is found
    assert last_look(found, replace(floor.plan), floor.state) is None
    assert last_look(found, floor.plan, replace(floor.state)) is None
    assert last_look(None, floor.plan, floor.state) is None


def test_other_points_than_before_or_a_changed_memory_bring_everything_back() -> None:
    floor = settle()
    found, everything = hint(floor), set(floor.plan.conditions)

    def named(conditions: Collection[str]) -> set[str]:
        return set(conditions)

    assert named(found.conditions(floor.state, found.readings)) < everything
    fewer = {name: reading for name, reading in found.readings.items() if name != SOURCE}
    assert named(found.conditions(floor.state, fewer)) == everything
    changed = replace(floor.state, conditions=dict(floor.state.conditions))
    assert named(found.conditions(changed, found.readings)) == everything


def test_an_alarm_that_an_order_has_moved_is_followed() -> None:
    floor = settle()
    name = next(iter(floor.plan.alarms))
    moved = replace(floor.state.alarms[name], shelved_ms=MINUTE)
    ordered = replace(floor.state, alarms={**floor.state.alarms, name: moved})
    assert name not in hint(floor).alarms(floor.state, ())
    assert name in hint(floor).alarms(ordered, ())


def _drive(plan: Plan, floor: Floor, seconds: int) -> list[Decision]:
    """The same steps with the hint; each is made without it as well, and must be equal."""
    made: list[Decision] = []
    state, looked = floor.state, None
    for second in range(seconds):
        now_ms = floor.now_ms + second * SECOND
        floor.values[CLOCK_POINT] = 1_780_000_000 + second
        readings = {name: replace(reading, at_ms=now_ms) for name, reading in floor.readings.items()}
        clock = replace(readings[SOURCE], value=floor.values[CLOCK_POINT], at_ms=now_ms)
        image = freeze(plan.points.values(), {**readings, CLOCK_POINT: clock}, now_ms)
        decision = step(plan, state, image, (), now_ms, looked)
        assert decision == step(plan, state, image, (), now_ms)
        state, looked = decision.state, decision.looked
        made.append(decision)
    return made


def test_a_cut_and_a_generator_go_by_the_clock_whatever_is_looked_at() -> None:
    floor = settle()
    cut = planned.Cut(start_s=1_780_000_010, end_s=1_780_000_020, note="works")
    start = Condition(id="start", test=IsFlag(point="missing"), when_bad=WhenBad.TRIP)
    plan = replace(
        floor.plan,
        points={**floor.plan.points, **{p.id: p for p in (*planned.declare(), *generator.declare())}},
        conditions={**floor.plan.conditions, start.id: start},
        cuts=(cut,),
        generator=Generator(
            reasons=(start.id,), gates=(start.id,), running="missing", start_within_ms=5 * SECOND, tries_count=2
        ),
    )
    made = _drive(plan, floor, 30)
    words = [decision.derived[planned.PHASE].value for decision in made]
    assert words[0] == "soon" and "running" in words and words[-1] == "overrun"
    phases = [decision.state.generator.phase for decision in made]
    assert phases[0] is not phases[-1]
    assert any(decision.wake_at_ms for decision in made)


def test_a_battery_at_rest_says_the_same_with_and_without_the_last_look() -> None:
    floor = settle()
    floor.looks_twice = True
    course: list[tuple[str, Value]] = [
        (CHARGE, 99.0), (RUNTIME, 5_400.0), (SOURCE, "test"), (SOURCE, "mains"), (SOURCE, "unknown"), (SOURCE, "mains"),
        (CLOCK_POINT, 1_780_000_000), (CLOCK_POINT, 1_779_000_000), (CLOCK_POINT, 1_780_500_000), (SOURCE, "battery"),
        (CHARGE, 90.0), (SOURCE, "mains"), (CHARGE, 91.0),
    ]  # fmt: skip
    untried = set()
    for point, value in course:
        floor.values[point] = value
        floor.run(3 * SECOND)
        untried.add(floor.last.derived["ups1.forecast.untried_d"].value)
        floor.lose(RUNTIME)
        floor.run(2 * SECOND)
        floor.find(RUNTIME)
    assert len(untried) > 1


def test_figures_of_a_battery_at_rest_are_as_old_as_what_they_were_worked_out_of() -> None:
    floor = settle()
    before = dict(floor.last.derived)
    floor.now_ms += 300
    floor.step()
    assert floor.last.derived["ups1.forecast.runtime_s"] == before["ups1.forecast.runtime_s"]
    assert floor.last.derived["ups1.forecast.basis"].at_ms == floor.now_ms
    floor.run(SECOND)
    assert floor.last.derived["ups1.forecast.runtime_s"].at_ms == floor.readings[CHARGE].at_ms


def test_causes_and_stages_at_rest_are_not_looked_at_and_in_an_outage_and_after_it_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever is left out, the same step without the hint says the same."""
    floor, looked_at = settle(), list[str]()
    advance = mode.advance

    def note(
        cause: Cause, state: CauseState, conditions: Mapping[str, ConditionState], *, shed: bool, dt_ms: int
    ) -> CauseState:
        looked_at.append(cause.id)
        return advance(cause, state, conditions, shed=shed, dt_ms=dt_ms)

    monkeypatch.setattr(mode, "advance", note)

    def second() -> int:
        """How many causes a step with the hint has looked at."""
        looked_at.clear()
        floor.looks_twice = False
        floor.run(SECOND)
        count = len(looked_at)
        floor.looks_twice = True
        floor.run(SECOND)
        return count

    assert [second() for _ in range(5)] == [0] * 5
    floor.values[SOURCE] = "battery"
    seconds = [second() for _ in range(90)]
    assert all(seconds[5:]), "time runs in a cause"
    floor.values[SOURCE] = "mains"
    seconds = [second() for _ in range(20 * 60)]
    assert all(seconds[60:90]) and seconds[-1] == 0
