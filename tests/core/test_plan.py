"""Plans: references that lead nowhere are found, whatever they are."""

from dataclasses import replace

import pytest

from firmware_py.core.alarm import Alarm, AlarmPriority, Display
from firmware_py.core.check import IsFlag
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.dangling import faults
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.plan import (
    Always,
    Announce,
    CauseIn,
    Every,
    FlagRule,
    FlagUp,
    Holds,
    Interlock,
    LampTest,
    ModeIn,
    Pending,
    Plan,
    Rule,
    Seen,
    Shows,
    Sounds,
    StageShed,
    When,
)
from firmware_py.core.rules import Situation, reasons
from firmware_py.core.stage import Stage
from tests.core.floor import SECOND, SOURCE, build_plan, healthy


def test_the_floor_of_the_tests_is_sound() -> None:
    assert faults(build_plan()) == []


@pytest.mark.parametrize(
    ("broken", "fragment"),
    [
        (Plan(conditions={"c": Condition(id="c", test=IsFlag(point="x"), when_bad=WhenBad.HOLD)}), "no point x"),
        (
            Plan(alarms={"a": Alarm(id="a", condition="c", priority=AlarmPriority.LOW, text="t", cause="z")}),
            "no condition c",
        ),
        (
            Plan(alarms={"a": Alarm(id="a", condition="c", priority=AlarmPriority.LOW, text="t", cause="z")}),
            "no cause z",
        ),
        (Plan(causes={"z": Cause(id="z", mode=Mode.NORMAL, conditions=("c",), confirms="d")}), "no condition d"),
        (Plan(stages={"s": Stage(id="s", cause="z", order=1, outputs=())}), "no cause z"),
        (Plan(stages={"s": Stage(id="s", cause="z", order=1, outputs=("o",), conditions=("c",))}), "no output o"),
        (Plan(rules=(Rule(when=Always(), output="o", value=True, owner="x"),)), "no output o"),
        (Plan(interlocks=(Interlock(id="i", output="o", when=Always(), value=True),)), "no output o"),
        (
            Plan(announcements=(Announce(condition="c", begins="b", ends="e", severity=Severity.INFO),)),
            "no condition c",
        ),
        (
            Plan(announcements=(Announce(condition="c", begins="b", ends="e", severity=Severity.INFO, carry=("p",)),)),
            "no point p",
        ),
        (Plan(outbound=("o",)), "no output o"),
    ],
)
def test_a_reference_that_leads_nowhere_is_found(broken: Plan, fragment: str) -> None:
    assert any(fragment in fault for fault in faults(broken))


@pytest.mark.parametrize(
    "when",
    [
        Holds(condition="gone"),
        Seen(condition="gone"),
        Pending(condition="gone"),
        Shows(alarm="gone", displays=frozenset({Display.NORMAL})),
        Sounds(alarm="gone"),
        CauseIn(cause="gone", phases=frozenset({CausePhase.ACTIVE})),
        StageShed(stage="gone"),
        FlagUp(flag="gone"),
        Every(parts=(Always(), Holds(condition="gone"))),
    ],
)
def test_a_rule_about_nothing_is_found(when: When) -> None:
    assert faults(Plan(flags=(FlagRule(flag="f", when=when),))) == ["rule: nothing called gone"]


@pytest.mark.parametrize("when", [Always(), LampTest(), ModeIn(modes=frozenset({Mode.NORMAL}))])
def test_a_rule_that_names_nothing_is_sound(when: When) -> None:
    assert faults(Plan(flags=(FlagRule(flag="f", when=when),))) == []


def test_every_kind_of_rule_says_why_or_nothing() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(4 * SECOND)
    state, last = floor.state, floor.last
    now = Situation(
        conditions=state.conditions,
        alarms=state.alarms,
        causes=state.causes,
        stages=state.stages,
        mode=last.mode,
        because=last.because,
        flags=frozenset({"drill"}),
        lamp_test_by="anna",
    )
    mains = Holds(condition="ups1.on_battery")
    dark = Holds(condition="ups1.unreachable")
    assert reasons(Every(parts=(mains, FlagUp(flag="drill"))), now) == ("ups1.on_battery", "drill")
    assert reasons(Every(parts=(mains, dark)), now) is None
    assert reasons(FlagUp(flag="planned"), now) is None
    assert reasons(LampTest(), now) == ("anna",)
    assert reasons(LampTest(), replace(now, lamp_test_by="")) is None
    assert reasons(StageShed(stage="power.stage1"), now) == ("ups1.on_battery", "power.stage1")
    assert reasons(StageShed(stage="power.stage2"), now) is None
    assert reasons(ModeIn(modes=frozenset({Mode.NORMAL})), now) is None
    quiet = replace(now, mode=Mode.NORMAL, because=())
    assert reasons(ModeIn(modes=frozenset({Mode.NORMAL})), quiet) == ("normal",)
    assert reasons(CauseIn(cause="trunk", phases=frozenset({CausePhase.IDLE})), now) == ("trunk",)
    assert reasons(CauseIn(cause="trunk", phases=frozenset({CausePhase.ACTIVE})), now) is None
    assert reasons(Pending(condition="ups1.on_battery"), now) is None
    assert reasons(Seen(condition="ups1.unreachable"), now) is None


def test_stages_come_in_the_order_in_which_they_are_shed() -> None:
    assert [stage.id for stage in build_plan().stages_of("power")] == ["power.stage1", "power.stage2"]
