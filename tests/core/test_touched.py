"""Which outputs a change reaches: the facts behind each kind of rule, and no output that nothing has touched."""

from __future__ import annotations

import pytest

from firmware_py.core.alarm import Display
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.output import Output, Priority, StopValue
from firmware_py.core.plan import (
    Always,
    Announced,
    CauseIn,
    Every,
    Fact,
    FirstOut,
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
    Stands,
    When,
    facts_of,
)
from tests.core.floor import OUTBOUND, SECOND, SOURCE, healthy

ALL = frozenset(Display)
KINDS: list[tuple[When, set[Fact]]] = [
    (Holds(condition="c"), {("condition", "c")}),
    (Seen(condition="c"), {("condition", "c")}),
    (Pending(condition="c"), {("condition", "c")}),
    (Shows(alarm="a", displays=ALL), {("alarm", "a")}),
    (Sounds(alarm="a"), {("alarm", "a")}),
    (Stands(alarm="a"), {("alarm", "a")}),
    (FirstOut(alarm="a", displays=ALL), {("alarm", "a")}),
    (CauseIn(cause="k", phases=frozenset(CausePhase)), {("cause", "k")}),
    (StageShed(stage="s"), {("stage", "s")}),
    (Announced(stage="s"), {("stage", "s")}),
    (ModeIn(modes=frozenset(Mode)), {("mode", "")}),
    (FlagUp(flag="f"), {("flag", "f")}),
    (LampTest(), {("lamp_test", "")}),
    (Always(), set()),
    (Every(parts=(Holds(condition="c"), Every(parts=(LampTest(), Sounds(alarm="a"))))),
     {("condition", "c"), ("lamp_test", ""), ("alarm", "a")}),
]  # fmt: skip


@pytest.mark.parametrize(("when", "facts"), KINDS)
def test_every_kind_of_rule_has_the_facts_it_looks_at(when: When, facts: set[Fact]) -> None:
    assert set(facts_of(when)) == facts
    output = Output(id="x", on_stop=StopValue.OFF, on_fault=StopValue.OFF)
    rule = Rule(when=when, output="x", value=True, owner="me", priority=Priority.PROGRAM)
    lock = Interlock(id="lock", output="y", when=when, value=False)
    readers = Plan(outputs={"x": output, "y": output}, rules=(rule,), interlocks=(lock,)).readers
    assert readers.outputs_of == dict.fromkeys(facts, frozenset({"x", "y"}))
    assert readers.rules_of == {"x": (rule,)} and readers.interlocks_of == {"y": (lock,)}


def test_what_nothing_has_touched_keeps_its_drive_the_very_object() -> None:
    floor = healthy()
    before = dict(floor.last.outputs)
    floor.run(SECOND)
    assert all(floor.last.outputs[name] is drive for name, drive in before.items())
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    assert floor.last.outputs[OUTBOUND] is not before[OUTBOUND]
    same = {name for name, drive in before.items() if floor.last.outputs[name] is drive}
    assert same and all(floor.last.outputs[name] == before[name] for name in same)
