"""The dialplan followed without dialling: what passes, what is gated, what leads nowhere, and what cannot be proven."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.ami import Packet
from drivers.pbx_dialplan import Finding, Path, Question, Row, follow, rows, worst

GATE = "Custom:outbound-gate"


def plan(*lines: str) -> dict[tuple[str, str], list[Row]]:
    """`context,exten,priority[label],app,data` lines as the exchange would list them for 112."""
    listed: dict[tuple[str, str], list[Row]] = {}
    for line in lines:
        context, exten, priority, app, data = line.split(",", 4)
        number, _, label = priority.partition("=")
        row = Row(context=context, exten=exten, priority=int(number), label=label, app=app.lower(), data=data)
        listed.setdefault((context, "112"), []).append(row)
    return listed


def walk(*lines: str) -> Finding:
    listed = plan(*lines)
    for _ in range(50):
        step = follow("112", "desk", listed, (GATE, ""))
        if isinstance(step, Finding):
            return step
        listed[(step.context, step.exten)] = []
    raise AssertionError("asks for ever")


EMERGENCY = ("emergency,_X.,1,UserEvent,EmergencyCall", "emergency,_X.,2,Dial,PJSIP/${EXTEN}@main,10")


def test_the_documented_recipe_passes() -> None:
    assert walk("desk,112,1,Goto,emergency,${EXTEN},1", "desk,_X.,1,Goto,outbound,${EXTEN},1", *EMERGENCY).path is (
        Path.PASSES
    )


@pytest.mark.parametrize("pattern", ["112", "_11[0-9]", "_1XX", "_11Z", "_1N."])
def test_the_narrowest_pattern_wins_whatever_the_order(pattern: str) -> None:
    lines = [f"desk,{pattern},1,Goto,emergency,${{EXTEN}},1", "desk,_X.,1,Goto,out,${EXTEN},1", *EMERGENCY]
    gated = "out,_X.,1,GotoIf,$[${DEVICE_STATE(Custom:outbound-gate)} = INUSE]?paused"
    assert walk(*lines, gated).path is Path.PASSES
    assert walk(*lines[1::-1], *EMERGENCY, gated).path is Path.PASSES


def test_a_number_that_falls_to_the_gate_is_gated() -> None:
    found = walk(
        "desk,_X.,1,Goto,out,${EXTEN},1",
        "out,_X.,1,GotoIf,$[${DEVICE_STATE(Custom:outbound-gate)} = INUSE]?paused",
        "out,_X.,2,Dial,PJSIP/x",
    )
    assert found.path is Path.GATED and "out,112,1" in found.detail


def test_a_limit_on_lines_before_the_dial_is_a_gate_too() -> None:
    assert walk("desk,112,1,GotoIf,$[${GROUP_COUNT(out@t)} > 8]?full", "desk,112,2,Dial,x").path is Path.GATED


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("desk,112,1,Goto,nowhere,${EXTEN},1",),
        ("desk,112,1,Hangup,",),
        ("desk,112,1,NoOp,",),
        ("desk,112,2,Dial,x",),
    ],
)
def test_a_number_that_reaches_no_dial_is_missing(lines: tuple[str, ...]) -> None:
    assert walk(*lines).path is Path.MISSING


def test_what_cannot_be_followed_from_outside_is_unproven_never_passed() -> None:
    assert walk("desk,112,1,Macro,dialout", "desk,112,2,Dial,x").path is Path.UNPROVEN
    assert walk("desk,112,1,Goto,${ROUTE},1").path is Path.UNPROVEN
    assert walk("desk,112,1,Goto,1").path is Path.UNPROVEN  # a circle


def test_labels_and_short_targets_are_followed() -> None:
    assert walk("desk,112,1,Goto,out", "desk,112,2,Hangup,", "desk,112,3=out,Dial,x").path is Path.PASSES
    listed = plan("desk,112,1,Goto,911,1")
    assert follow("112", "desk", listed, ()) == Question(context="desk", exten="911")


def test_a_context_goes_before_what_it_includes() -> None:
    listed = {
        ("desk", "112"): [
            Row(context="desk", exten="_X.", priority=1, label="", app="hangup", data=""),
            Row(context="included", exten="112", priority=1, label="", app="dial", data="x"),
        ]
    }
    found = follow("112", "desk", listed, ())
    assert isinstance(found, Finding) and found.path is Path.MISSING


def test_the_worst_number_speaks_for_all() -> None:
    found = [Finding(path=path, detail=path.value) for path in (Path.PASSES, Path.UNPROVEN, Path.GATED)]
    assert worst(found).path is Path.GATED


def test_rows_without_a_priority_are_left_out() -> None:
    good = Packet(headers=(("Event", "ListDialplan"), ("Context", "a"), ("Extension", "1"), ("Priority", "1")))
    hint = Packet(headers=(("Event", "ListDialplan"), ("Context", "a"), ("Extension", "1"), ("Priority", "hint")))
    include = Packet(headers=(("Event", "ListDialplan"), ("Context", "a"), ("IncludeContext", "b")))
    assert [row.priority for row in rows([good, hint, include])] == [1]


@settings(max_examples=80)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["112", "_X.", "_[", "_", "", "_1[2-"]),
            st.integers(1, 3),
            st.sampled_from(["goto", "dial", "noop", "gotoif", "hangup", ""]),
            st.text(alphabet="12,${}EXTN[]()desk", max_size=12),
        ),
        max_size=8,
    )
)
def test_no_dialplan_breaks_the_walk(found: list[tuple[str, int, str, str]]) -> None:
    made = [Row(context="desk", exten=e, priority=p, label="", app=a, data=d) for e, p, a, d in found]
    step = follow("112", "desk", {("desk", "112"): made}, (GATE,))
    assert isinstance(step, Finding | Question)
