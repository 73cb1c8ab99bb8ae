"""Whether a dead trunk would ever be found out: the dial's limit, what comes after it, and what cannot be seen."""

import pytest

from drivers.pbx_dialplan import Question, Row
from drivers.pbx_failover import Chance, Way, look_ahead

BACKUP = "out,_X.,5=backup,Dial,PJSIP/${EXTEN}@backup,20"
GATED = ("desk,_X.,1,Goto,out,${EXTEN},1", "out,_X.,1,GotoIf,$[${DEVICE_STATE(Custom:outbound-gate)} = INUSE]?paused")


def walk(*lines: str, timer_b_ms: int = 32_000) -> Way:
    listed: dict[tuple[str, str], list[Row]] = {}
    for line in lines:
        context, exten, priority, app, data = line.split(",", 4)
        number, _, label = priority.partition("=")
        row = Row(context=context, exten=exten, priority=int(number), label=label, app=app.lower(), data=data)
        listed.setdefault((context, "02112345"), []).append(row)
    for _ in range(50):
        step = look_ahead("02112345", "desk", listed, timer_b_ms)
        if isinstance(step, Way):
            return step
        assert isinstance(step, Question)
        listed[(step.context, step.exten)] = []
    raise AssertionError("asks for ever")


def main(limit: str) -> str:
    return f"out,_X.,2,Dial,PJSIP/${{EXTEN}}@main{limit}"


@pytest.mark.parametrize(
    ("limit", "timer_b_ms", "chance"),
    [
        (",20", 32_000, Chance.NEVER),
        (",32", 32_000, Chance.NEVER),
        (",33", 32_000, Chance.WORKS),
        (",20", 6_400, Chance.WORKS),
        (",20.5,tT", 6_400, Chance.WORKS),
        ("", 32_000, Chance.WORKS),
        (",,tT", 32_000, Chance.WORKS),
        (",${LIMIT}", 6_400, Chance.UNPROVEN),
    ],
)
def test_a_dial_must_outlast_timer_b(limit: str, timer_b_ms: int, chance: Chance) -> None:
    found = walk(*GATED, main(limit), BACKUP, timer_b_ms=timer_b_ms)
    assert found.chance is chance, found


def test_the_numbers_that_are_to_be_mended_are_told() -> None:
    assert "out,02112345,2 dials for 20 s, SIP timer B is 32 s" in walk(*GATED, main(",20"), BACKUP).detail


def test_a_dialplan_without_a_second_dial_has_no_failover() -> None:
    assert walk(*GATED, main(",60"), "out,_X.,3,Hangup,").chance is Chance.NONE


@pytest.mark.parametrize(
    "line",
    [
        "desk,_X.,1,Macro,dialout",
        "desk,_X.,1,Gosub,dialout,s,1",
        "desk,_X.,1,Goto,${WHERE},1",
        "desk,_X.,1,Hangup,",
        "desk,_X.,1,Goto,desk,${EXTEN},1",
        "desk,_X.,1,Goto,nowhere,${EXTEN},1",
    ],
)
def test_what_cannot_be_followed_is_unproven_and_never_works(line: str) -> None:
    assert walk(line).chance is Chance.UNPROVEN
