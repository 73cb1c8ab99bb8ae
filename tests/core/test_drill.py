"""Drills: the real sequence under a label, from a quiet floor only, and over at once when anything is real."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_py.core.command import CommandKind
from firmware_py.core.drill import AGE_DAYS, DrillPhase
from firmware_py.core.escalation import Escalation
from firmware_py.core.mode import Mode
from firmware_py.core.output import Pattern
from tests.core.alarm_floor import (
    COOLING,
    DOOR,
    FIRE,
    HOUR,
    MINUTE,
    ON_BATTERY,
    OPEN,
    SECOND,
    SOURCE,
    AlarmFloor,
)

DRILL = CommandKind.DRILL


def drilling(kind: str = "power", *, minutes: int = 10) -> AlarmFloor:
    floor = AlarmFloor()
    assert floor.order(DRILL, kind, ttl_ms=minutes * MINUTE) == ""
    floor.run(5 * SECOND)
    return floor


def labels(floor: AlarmFloor, kind: str) -> list[bool]:
    return [event.drill for decision in floor.decisions for event in decision.events if event.type == kind]


def test_a_drill_is_the_real_sequence_with_its_label_everywhere() -> None:
    floor = drilling()
    assert (floor.last.mode, "drill" in floor.last.flags) == (Mode.CONSERVATION, True)
    assert floor.state.alarms[ON_BATTERY].active
    assert floor.last.outputs["lamp.power"].value is Pattern.FLASH
    assert floor.last.outputs["lamp.service"].value is Pattern.DRILL
    assert floor.last.outputs["sounder"].value is Pattern.SOUND_HIGH
    assert floor.state.incidents["power"].drill
    assert labels(floor, "alarm.raised") == labels(floor, "mode.changed") == labels(floor, "drill.begun") == [True]


def test_it_ends_by_itself_and_the_way_back_still_carries_the_label() -> None:
    floor = drilling(minutes=2)
    floor.order(CommandKind.ACK)
    floor.run(2 * MINUTE)
    assert floor.state.drill.phase is DrillPhase.ENDING
    floor.run(2 * MINUTE)
    assert (floor.state.drill.phase, floor.last.mode) == (DrillPhase.IDLE, Mode.NORMAL)
    assert [t for t in floor.told if t.startswith("drill.")] == ["drill.begun", "drill.ended", "drill.over"]
    assert labels(floor, "incident.closed") == [True]
    assert "drill" not in floor.last.flags


def test_it_may_be_ended_early_and_only_while_it_runs() -> None:
    floor = drilling()
    assert floor.order(CommandKind.END_DRILL) == ""
    assert "no drill" in floor.order(CommandKind.END_DRILL)
    assert floor.state.drill.phase is DrillPhase.ENDING


def test_it_starts_from_a_quiet_floor_only() -> None:
    floor = AlarmFloor()
    assert "there are power, fire" in floor.order(DRILL, "flood")
    assert "at most 60 min" in floor.order(DRILL, "power", ttl_ms=HOUR + 1)
    floor.values[DOOR] = True
    floor.run(SECOND)
    assert "acknowledge first" in floor.order(DRILL, "power")
    floor.order(CommandKind.ACK)
    floor.values[SOURCE] = "battery"
    floor.run(4 * SECOND)
    floor.order(CommandKind.ACK)
    assert "not normal: ups1.on_battery" in floor.order(DRILL, "power")
    floor.values[SOURCE] = "mains"
    floor.run(3 * MINUTE)
    assert floor.order(DRILL, "power") == ""
    assert "is under way" in floor.order(DRILL, "fire")


@pytest.mark.parametrize(("point", "value"), [(DOOR, True), (FIRE, True), (SOURCE, "battery")])
def test_anything_real_ends_it_at_once(point: str, value: object) -> None:
    floor = drilling()
    floor.values[point] = value  # type: ignore[assignment] # one of the floor's values
    floor.run(3 * SECOND)
    assert floor.state.drill.phase is DrillPhase.IDLE
    assert floor.told.count("drill.aborted") == 1
    assert floor.last.mode >= Mode.CONSERVATION
    assert "drill" not in floor.last.flags
    real = [event for event in floor.last.events if event.type == "alarm.raised"]
    assert not any(event.drill for event in real)


def test_an_outage_that_takes_over_from_a_drill_gets_an_incident_of_its_own() -> None:
    floor = drilling()
    practised = floor.state.incidents["power"].id
    floor.values[SOURCE] = "battery"
    floor.run(3 * SECOND)
    assert floor.state.incidents["power"].id != practised
    assert not floor.state.incidents["power"].drill
    assert floor.last.mode is Mode.CONSERVATION
    assert labels(floor, "incident.closed") == [True]
    assert labels(floor, "incident.opened") == [True, False]


def test_whoever_is_called_in_a_drill_reads_that_it_is_one_and_in_an_outage_does_not() -> None:
    floor = AlarmFloor()
    people = Escalation(texts={"escalated": "{cause}", "drill": "DRILL: "}, names={"power": "Power cut"})
    causes = {**floor.plan.causes, "power": replace(floor.plan.causes["power"], escalate_ms=(0,))}
    floor.plan = replace(floor.plan, escalation=people, causes=causes)
    floor.order(DRILL, "power")
    floor.run(5 * SECOND)
    assert [told["text"] for told in floor.events("incident.escalated")] == ["DRILL: Power cut"]
    floor.values[SOURCE] = "battery"
    floor.run(4 * SECOND)
    assert [told["text"] for told in floor.events("incident.escalated")] == ["DRILL: Power cut", "Power cut"]


def alarm_labels(floor: AlarmFloor, alarm: str) -> list[tuple[str, bool]]:
    events = (event for decision in floor.decisions for event in decision.events if event.data.get("alarm") == alarm)
    return [(event.type.removeprefix("alarm."), event.drill) for event in events]


def test_what_was_acknowledged_as_a_drill_is_a_new_alarm_when_it_is_real() -> None:
    floor = drilling()
    floor.order(CommandKind.ACK)
    assert floor.state.drill.alarms == {ON_BATTERY}
    floor.values[SOURCE] = "battery"
    floor.run(SECOND)
    alarm = floor.state.alarms[ON_BATTERY]
    assert (alarm.activations, alarm.acked, floor.state.drill.alarms) == (2, False, frozenset())
    assert floor.last.outputs["sounder"].value is Pattern.SOUND_HIGH
    assert alarm_labels(floor, ON_BATTERY) == [("raised", True), ("acked", True), ("raised", False)]


def test_a_practised_alarm_keeps_its_label_to_its_end_also_when_something_else_was_real() -> None:
    floor = drilling()
    floor.values[DOOR] = True
    floor.run(30 * SECOND)
    assert floor.state.drill.phase is DrillPhase.IDLE
    assert floor.state.drill.alarms == {ON_BATTERY}  # over, but nobody has acknowledged it
    floor.order(CommandKind.ACK)
    assert floor.state.drill.alarms == frozenset()
    assert alarm_labels(floor, ON_BATTERY) == [("raised", True), ("cleared", True), ("acked", True)]
    assert alarm_labels(floor, OPEN) == [("raised", False), ("acked", False)]
    floor.values[SOURCE] = "battery"
    floor.run(4 * SECOND)
    assert alarm_labels(floor, ON_BATTERY)[-1] == ("raised", False)


def test_a_real_outage_right_after_a_restart_in_a_drill_is_no_drill_any_more() -> None:
    floor = drilling()
    floor.order(CommandKind.ACK)
    floor.values[SOURCE] = "battery"
    floor.dark.add(SOURCE)
    floor.restart(off_ms=MINUTE)
    assert floor.state.drill.alarms == {ON_BATTERY}  # nobody can see what is real yet
    floor.dark.clear()
    floor.run(SECOND)
    assert floor.state.drill.alarms == frozenset()
    assert not floor.state.alarms[ON_BATTERY].acked
    assert floor.last.outputs["sounder"].value is Pattern.SOUND_HIGH


def test_an_alarm_from_before_the_drill_is_none_of_it() -> None:
    floor = AlarmFloor()
    floor.values[DOOR] = True
    floor.run(SECOND)
    floor.order(CommandKind.ACK)
    assert floor.order(DRILL, "power") == ""
    floor.run(5 * SECOND)
    assert floor.state.drill.alarms == {ON_BATTERY}


def test_a_consequence_of_the_drill_is_no_reason_to_end_it() -> None:
    floor = drilling()
    floor.values[COOLING] = True
    floor.run(3 * SECOND)
    assert floor.state.drill.phase is DrillPhase.RUNNING


def test_a_drill_does_not_outlive_a_restart() -> None:
    floor = drilling()
    floor.restart(off_ms=MINUTE)
    assert floor.state.drill.phase is DrillPhase.IDLE
    assert floor.told[-1] != "drill.over"
    assert floor.events("drill.aborted")[-1]["because"] == ("restart",)


def test_a_fire_drill_evacuates_and_a_real_fire_ends_it() -> None:
    floor = drilling("fire")
    assert floor.last.mode is Mode.EVACUATION
    floor.values[FIRE] = True
    floor.run(2 * SECOND)
    assert floor.state.drill.phase is DrillPhase.IDLE
    assert floor.last.mode is Mode.EVACUATION


def test_the_age_of_the_last_drill_counts_from_its_end_and_needs_a_clock() -> None:
    floor = AlarmFloor()
    floor.run(24 * HOUR, every_ms=HOUR)
    assert floor.last.derived[AGE_DAYS].value == 1.0
    floor.order(DRILL, "power", ttl_ms=MINUTE)
    floor.run(5 * MINUTE)
    assert floor.last.derived[AGE_DAYS].value == 0.0
    floor.knows_time = False
    floor.step_later()
    assert not floor.last.derived[AGE_DAYS].good


def test_a_drill_that_the_plan_no_longer_has_is_over() -> None:
    floor = drilling()
    floor.plan = floor.without_drills()
    floor.run(SECOND)
    assert floor.state.drill.phase is DrillPhase.IDLE
    assert OPEN in floor.state.alarms
