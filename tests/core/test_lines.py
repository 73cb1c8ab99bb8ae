"""Trunks that no exchange tells of: a contact's word, a person's word, and maintenance over whatever is read."""

import pytest

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.dangling import faults
from firmware_py.core.image import InputImage
from firmware_py.core.lines import Line, derive
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.core.step import step

CONTACT = "contact.co1"
WORDS = ("up", "degraded", "down", "maintenance")
LINES = {
    "co1": Line(name="co1", sensed=CONTACT),
    "co2": Line(name="co2", sensed=CONTACT, alive=False),
    "spare": Line(name="spare", told=True),
    "main": Line(name="main"),
}
PLAN = Plan(
    lines=LINES,
    points={
        **{
            line.point: Point(id=line.point, kind=Kind.WORD, words=WORDS, stale_after_ms=9_000)
            for line in LINES.values()
        },
        CONTACT: Point(id=CONTACT, kind=Kind.FLAG, stale_after_ms=9_000),
    },
)


def image(now_ms: int, **values: Value) -> InputImage:
    named = {name.replace("__", "."): value for name, value in values.items()}
    readings = {name: Reading(value=value, quality=Quality.GOOD, at_ms=now_ms) for name, value in named.items()}
    return InputImage(now_ms=now_ms, readings=readings)


class Floor:
    """The four lines, with orders."""

    def __init__(self) -> None:
        self.state, self.now_ms = State(), 0

    def say(self, target: str) -> str:
        """Give the order; the refusal, or what the point reads then."""
        self.now_ms += 1_000
        order = Command(id="1", kind=CommandKind.TRUNK, by="anna", target=target)
        seen = image(self.now_ms, trunks__main__state="up", contact__co1=True)
        decision = step(PLAN, self.state, seen, (order,), self.now_ms)
        self.state = decision.state
        if decision.replies[0].error:
            return decision.replies[0].error
        point = LINES[target.partition("=")[0]].point
        return str(seen.joined(decision.derived)[point].value)


def test_a_contact_tells_of_its_line_either_way_round() -> None:
    assert not faults(PLAN)
    alive = derive(LINES, {}, image(5, contact__co1=True))
    assert (alive["trunks.co1.state"].value, alive["trunks.co2.state"].value) == ("up", "down")
    dead = derive(LINES, {}, image(5, contact__co1=False))
    assert (dead["trunks.co1.state"].value, dead["trunks.co2.state"].value) == ("down", "up")
    assert dead["trunks.co1.state"].at_ms == 5 and "trunks.main.state" not in dead


def test_a_contact_that_is_not_read_leaves_its_line_unknown() -> None:
    lost = Reading(value=True, quality=Quality.BAD, at_ms=3, because=Reason.STALE)
    found = derive(LINES, {}, InputImage(now_ms=9, readings={CONTACT: lost}))["trunks.co1.state"]
    assert not found.good and found.because is Reason.STALE and found.at_ms == 3
    never = derive(LINES, {}, image(5))["trunks.co1.state"]
    assert never.value is None and never.because is Reason.NOT_YET


def test_a_line_that_only_people_know_is_unknown_until_somebody_says() -> None:
    assert derive(LINES, {}, image(5))["trunks.spare.state"].because is Reason.NOT_YET
    floor = Floor()
    assert floor.say("spare=down") == "down"
    assert floor.say("spare=up") == "up"
    assert floor.state.said["spare"].by == "anna"
    assert floor.say("spare=auto") == "None"


def test_maintenance_stands_over_what_is_read_until_it_is_taken_back() -> None:
    floor = Floor()
    assert floor.say("main=maintenance") == "maintenance"
    assert floor.say("main=auto") == "up"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nobody=up", "no trunk 'nobody'"),
        ("main=up", "one can say: maintenance, auto"),
        ("spare=full", "up, degraded, down, maintenance, auto"),
        ("spare", "one can say"),
        ("spare=auto", "nobody has said anything"),
    ],
)
def test_what_cannot_be_said_is_refused_with_what_can(target: str, why: str) -> None:
    assert why in Floor().say(target)


def test_a_line_that_leads_nowhere_is_told() -> None:
    assert len([fault for fault in faults(Plan(lines=LINES)) if fault.startswith("line:")]) == 6
