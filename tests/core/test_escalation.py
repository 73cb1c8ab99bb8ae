"""Who is told of an incident: tiers by age, again until somebody answers, reports while it lasts, and its course."""

from dataclasses import replace

import pytest

from firmware_py.core.command import CommandKind
from firmware_py.core.course import LOOK_MS, due_ms
from firmware_py.core.escalation import Contact, Escalation
from firmware_py.core.event import Event, Severity
from firmware_py.core.incident import IncidentState
from tests.core.floor import CHARGE, MINUTE, SECOND, SOURCE, Floor, healthy

PEOPLE = Escalation(
    contacts=(
        Contact(tier=1, name="Duty manager", way="0101"),
        Contact(tier=2, name="Service manager"),
        Contact(tier=3, name="Director", way="0103"),
    ),
    texts={
        "escalated": "{cause} for {minutes} min, tier {tier}, {incident}",
        "repeated": "nobody answers: {cause}",
        "situation": "still open: {alarms}",
    },
    names={"power": "Power cut"},
)


@pytest.fixture
def floor() -> Floor:
    """The mains is lost; nobody has done anything yet."""
    floor = healthy()
    power = replace(floor.plan.causes["power"], repeat_ms=5 * MINUTE, carry=(CHARGE,), guidance="stay calm")
    causes = {**floor.plan.causes, "power": power}
    floor.plan = replace(floor.plan, causes=causes, escalation=PEOPLE, course=(CHARGE, "room1.temp_c"))
    floor.values[SOURCE] = "battery"
    floor.run(10 * SECOND)
    return floor


def told(floor: Floor, kind: str) -> list[Event]:
    return [event for decision in floor.decisions for event in decision.events if event.type == f"incident.{kind}"]


def test_a_notice_says_who_is_meant_what_is_wrong_and_what_the_site_says(floor: Floor) -> None:
    (first,) = told(floor, "escalated")
    assert first.severity is Severity.CRITICAL
    assert first.data["contacts"] == ("Duty manager, 0101",)
    assert first.data["text"] == "Power cut for 0 min, tier 1, 2026-0001"
    assert first.data["guidance"] == "stay calm"
    assert first.data[CHARGE] == 100.0


def test_a_notice_says_what_to_do_about_the_first_alarm_of_which_that_is_known() -> None:
    people = Escalation(texts={"escalated": "{cause}. {todo}"}, actions={"ups1.on_battery": "Tell the landlord"})
    incident = IncidentState(
        id="2026-0001",
        cause="power",
        incident_class="technical",
        alarms=("ups1.unknown", "ups1.on_battery"),
    )
    assert people.sentence("escalated", incident) == "power. Tell the landlord"
    assert people.sentence("escalated", replace(incident, alarms=("ups1.unknown",))) == "power."


def test_a_notice_is_given_again_until_somebody_acknowledges(floor: Floor) -> None:
    floor.run(11 * MINUTE)
    again = told(floor, "repeated")
    assert [event.data["repeats"] for event in again] == [1, 2]
    assert again[0].data["text"] == "nobody answers: Power cut"
    floor.order(CommandKind.ACK, "ups1.on_battery", by="li")
    floor.run(18 * MINUTE)
    assert len(told(floor, "repeated")) == 2
    (acked,) = told(floor, "acked")
    assert (acked.data["by"], acked.incident) == ("li", "2026-0001")


def test_the_next_tier_is_told_by_age_alone_and_waits_for_an_answer_of_its_own(floor: Floor) -> None:
    floor.order(CommandKind.ACK, by="li")
    floor.run(36 * MINUTE)
    assert [event.data["contacts"] for event in told(floor, "escalated")] == [
        ("Duty manager, 0101",),
        ("Service manager",),
    ]
    (again,) = told(floor, "repeated")
    assert again.data["contacts"] == ("Service manager",)
    assert floor.order(CommandKind.ACK, "2026-0001", by="wang").replies[0].done
    assert floor.state.incidents["power"].acked_by == ("li", "wang")
    floor.run(15 * MINUTE)
    assert len(told(floor, "repeated")) == 1
    assert floor.order(CommandKind.ACK, "2026-0001").replies[0].error == "nothing waits to be acknowledged"


def test_an_acknowledgement_of_everything_answers_a_notice_although_no_alarm_waits(floor: Floor) -> None:
    floor.order(CommandKind.ACK, by="li")
    assert not floor.order(CommandKind.ACK, by="li").replies[0].done
    floor.run(31 * MINUTE)
    assert floor.order(CommandKind.ACK, by="li").replies[0].done
    assert not floor.state.incidents["power"].waits
    assert [event.data["by"] for event in told(floor, "acked")] == ["li", "li"]


def test_an_incident_is_acknowledged_by_its_number_with_all_its_alarms(floor: Floor) -> None:
    floor.order(CommandKind.ACK, "2026-0001", by="li")
    assert floor.state.alarms["ups1.on_battery"].acked
    assert "no alarm '2026-0009'" in floor.order(CommandKind.ACK, "2026-0009").replies[0].error


def test_whoever_stays_reports_every_half_hour_with_numbers(floor: Floor) -> None:
    floor.lose(CHARGE)
    floor.run(61 * MINUTE)
    reports = told(floor, "situation")
    assert [event.data["age_ms"] // MINUTE for event in reports] == [30, 60]
    assert reports[0].data[CHARGE] is None
    assert reports[0].data["contacts"] == ("Duty manager, 0101", "Service manager")
    assert str(reports[0].data["text"]).startswith("still open: ups1.on_battery")


def test_a_site_without_people_or_words_still_says_that_it_escalates(floor: Floor) -> None:
    floor.plan = replace(floor.plan, escalation=Escalation())
    floor.run(31 * MINUTE)
    second = told(floor, "escalated")[1]
    assert (second.data["tier"], second.data["contacts"], second.data["text"]) == (2, (), "")


def test_the_course_is_told_when_it_turns_and_else_ever_more_seldom(floor: Floor) -> None:
    floor.run(10 * MINUTE + 30 * SECOND)
    looks = told(floor, "course")
    assert [look.data["age_ms"] // MINUTE for look in looks[:3]] == [0, 1, 2]
    assert looks[-1].data["stages"] == ("power.stage1", "power.stage2")
    assert (looks[0].data["mode"], looks[0].data["outbound_paused"], looks[0].data[CHARGE]) == (
        "conservation", True, 100.0,
    )  # fmt: skip
    week = IncidentState(id="2026-0001", cause="power", incident_class="technical", elapsed_ms=7 * 24 * 60 * MINUTE)
    assert due_ms(replace(week, course=replace(week.course, looked_ms=week.elapsed_ms))) == 168 * MINUTE
    assert due_ms(replace(week, elapsed_ms=0)) == LOOK_MS


def test_a_closed_incident_says_what_was_saved_paused_and_how_long_we_were_blind(floor: Floor) -> None:
    floor.lose(SOURCE)
    floor.run(3 * MINUTE)
    floor.find(SOURCE)
    floor.run(5 * MINUTE)
    floor.values[SOURCE] = "mains"
    floor.run(20 * MINUTE)
    (closed,) = [event for event in told(floor, "closed") if event.data["cause"] == "power"]
    facts = closed.data
    # 1 kW of office from the first seconds until it came back after five stable minutes.
    assert 220 <= facts["saved_wh"] <= 260
    assert 13 * MINUTE <= facts["outbound_paused_ms"] <= 16 * MINUTE
    assert 175 * SECOND <= facts["longest_blind_ms"] <= 185 * SECOND
    assert (facts["modes"], facts["stages"]) == (("conservation", "recovery"), ("power.stage1",))


def test_every_line_of_an_incident_carries_its_number(floor: Floor) -> None:
    floor.run(11 * MINUTE)
    floor.values[SOURCE] = "mains"
    floor.run(30 * MINUTE)
    named = {event.type: event.incident for decision in floor.decisions for event in decision.events}
    for kind in ("mode.changed", "output.changed", "stage.shed", "stage.restored", "power.mains_lost", "cause.idle"):
        assert named[kind] == "2026-0001", kind
