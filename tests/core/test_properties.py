"""What must hold for any course of events: signals, darkness, orders, restarts, in any sequence.

The floor of `floor.py` is driven by chance; after each step the laws of the design are checked.
"""

from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_py.core.arbiter import arbitrate
from firmware_py.core.command import CommandKind
from firmware_py.core.condition import Phase
from firmware_py.core.dangling import faults
from firmware_py.core.decision import Decision
from firmware_py.core.image import freeze
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.rules import Situation, collect
from firmware_py.core.step import step
from tests.core.floor import CHARGE, FIRE, HEALTHY, OUTBOUND, RUNTIME, SECOND, SOURCE, Floor

SIGNALS = st.sampled_from(
    [
        (SOURCE, "battery"),
        (SOURCE, "mains"),
        (SOURCE, "test"),
        (CHARGE, 30.0),
        (CHARGE, 90.0),
        (RUNTIME, 300.0),
        ("trunks.main.state", "down"),
        ("trunks.main.state", "up"),
        (FIRE, True),
        (FIRE, False),
        ("fire1.zone1.walk_test", True),
        ("fire1.zone1.walk_test", False),
        ("hvac1.fault", True),
        ("hvac1.fault", False),
        ("room1.temp_c", 33.0),
        ("room1.temp_c", 22.0),
        ("mqtt.connected", False),
    ]
)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("set"), SIGNALS),
        st.tuples(st.just("dark"), st.sampled_from(sorted(HEALTHY))),
        st.tuples(st.just("light"), st.none()),
        st.tuples(st.just("run"), st.sampled_from([1, 3, 40, 400])),
        st.tuples(st.just("order"), st.sampled_from(CommandKind)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=14,
)


def play(floor: Floor, move: tuple[str, object]) -> None:
    match move:
        case ("set", (point, value)):
            floor.values[point] = value
        case ("dark", str(point)):
            floor.lose(point)
        case ("light", _):
            floor.dark.clear()
        case ("run", int(seconds)):
            floor.run(seconds * SECOND)
        case ("order", CommandKind() as kind):
            target = "load.office" if "override" in kind.value else ""
            floor.order(kind, target, True, 5 * SECOND)
        case ("restart", _):
            floor.restart()
            floor.step()


def check(floor: Floor, before: Decision | None) -> None:
    """The laws, on the last decision."""
    now, state = floor.last, floor.state
    assert now.wake_at_ms is None or now.wake_at_ms > floor.now_ms
    asked = state.causes["power"], state.causes["trunk"], state.causes["manual"]
    paused = any(cause.phase is not CausePhase.IDLE for cause in asked) or bool(state.paused_by)
    assert floor.value(OUTBOUND) is paused
    for name, drive in now.outputs.items():
        at_normal = drive.value == floor.plan.outputs[name].normal
        assert at_normal or drive.because, f"{name} is {drive.value} without a reason"
    sounding = any(alarm.sounds for alarm in state.alarms.values())
    assert not floor.value("sounder") or sounding
    assert all(not alarm.sounds or (alarm.active and not alarm.acked) for alarm in state.alarms.values())
    if state.conditions["fire.seen"].seen:
        assert floor.value("beacon") and floor.value("lamp.fire") and not floor.value("fan.floor")
    if before is not None and before.mode > now.mode >= Mode.NORMAL:
        assert_proven(floor, before)


def assert_proven(floor: Floor, before: Decision) -> None:
    """A step towards NORMAL rests on sound evidence or on an order."""
    for name, cause in floor.plan.causes.items():
        was, now = before.state.causes[name], floor.state.causes[name]
        if was.phase is not CausePhase.IDLE and now.phase is CausePhase.IDLE:
            ended = [floor.state.conditions[condition] for condition in cause.conditions]
            assert all(condition.phase is Phase.CLEAR and not condition.held for condition in ended)


@settings(max_examples=60, deadline=None)
@given(moves=MOVES)
def test_the_laws_hold_after_any_course(moves: list[tuple[str, object]]) -> None:
    floor = Floor()
    floor.run(2 * SECOND)
    for move in moves:
        count, last = len(floor.decisions), floor.last
        play(floor, move)
        chain = [last, *floor.decisions[count:]]
        for before, after in pairwise(chain):
            assert after.wake_at_ms is None or after.wake_at_ms > (after.state.stepped_ms or 0)
            assert before.state.incident_number <= after.state.incident_number or after.state.incident_year
        if count < len(floor.decisions):
            check(floor, last)


@settings(max_examples=10, deadline=None)
@given(moves=MOVES)
def test_healed_and_left_alone_the_floor_is_normal_again(moves: list[tuple[str, object]]) -> None:
    floor = Floor()
    floor.run(2 * SECOND)
    for move in moves:
        play(floor, move)
    floor.dark.clear()
    floor.values = dict(HEALTHY)
    floor.run(2 * SECOND)
    for kind in (CommandKind.RELEASE, CommandKind.RESUME_OUTBOUND):
        floor.order(kind)
    floor.run(1_200 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    assert floor.value(OUTBOUND) is False
    assert not any(alarm.active for alarm in floor.state.alarms.values())
    assert all(floor.value(name) is True for name in ("load.office", "load.kitchen"))
    assert floor.state.incidents == {}


@settings(max_examples=40, deadline=None)
@given(moves=MOVES)
def test_what_is_taken_over_at_rest_is_what_arbitration_would_say(moves: list[tuple[str, object]]) -> None:
    floor = Floor()
    floor.run(2 * SECOND)
    for move in moves:
        before = floor.state
        play(floor, move)
        if floor.state is before or before.stepped_ms is None:
            continue
        state, last = floor.state, floor.last
        now = Situation(
            conditions=state.conditions, alarms=state.alarms, causes=state.causes, stages=state.stages,
            mode=last.mode, because=last.because, flags=last.flags, lamp_test_by=state.lamp_test_by,
            firsts=state.annunciation.firsts,
        )  # fmt: skip
        asked = collect(floor.plan, now, state.overrides, state.paused_by, floor.plan.outputs)
        assert arbitrate(floor.plan, asked, now, state.outputs, floor.plan.outputs) == last.outputs


@settings(max_examples=25, deadline=None)
@given(moves=MOVES)
def test_what_is_not_looked_at_again_would_have_said_the_same(moves: list[tuple[str, object]]) -> None:
    floor = Floor()
    floor.run(2 * SECOND)
    floor.looks_twice = True
    for move in moves:
        play(floor, move)


@settings(max_examples=25, deadline=None)
@given(moves=MOVES)
def test_a_step_is_a_function_of_its_arguments(moves: list[tuple[str, object]]) -> None:
    floor = Floor()
    floor.run(2 * SECOND)
    for move in moves:
        play(floor, move)
    floor.now_ms += 500
    image = freeze(floor.plan.points.values(), floor.readings, floor.now_ms)
    assert step(floor.plan, floor.state, image, (), floor.now_ms) == step(
        floor.plan, floor.state, image, (), floor.now_ms
    )


def test_a_changed_plan_keeps_what_still_exists_and_drops_the_rest() -> None:
    floor = Floor()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.order(CommandKind.OVERRIDE, "load.office", True)
    plan = floor.plan
    gone = "load.kitchen"
    smaller = replace(
        plan,
        outputs={name: output for name, output in plan.outputs.items() if name != gone},
        stages={name: stage for name, stage in plan.stages.items() if gone not in stage.outputs},
        rules=tuple(rule for rule in plan.rules if rule.output != gone),
    )
    assert faults(smaller) == []
    floor.plan = smaller
    floor.run(SECOND)
    assert floor.last.mode is Mode.CONSERVATION
    assert gone not in floor.last.outputs and gone not in floor.state.outputs
    assert floor.value("load.office") is True
