"""What is left to do: opened by a cause or after it, ticked item by item by somebody, carried over, never lost."""

from dataclasses import replace

import pytest

from firmware_py.core.checklist import Checklist, Opens
from firmware_py.core.command import CommandKind
from firmware_py.core.event import Event
from firmware_py.core.state import begin
from tests.core.floor import FIRE, MINUTE, SOURCE, Floor, healthy

RECOVERY = Checklist(id="power.recovery", opens=Opens.CAUSE_ENDS, of="power", items=("forms", "systems"))
EVACUATION = Checklist(id="fire.evacuation", opens=Opens.CAUSE_BEGINS, of="fire", items=("head_count", "losses"))
READINESS = Checklist(
    id="planned.readiness", opens=Opens.CONDITION_BEGINS, of="trunks.lines.below_minimum", items=("tell",)
)


def listed() -> Floor:
    floor = healthy()
    lists = {one.id: one for one in (RECOVERY, EVACUATION, READINESS)}
    floor.plan = replace(floor.plan, checklists=lists)
    return floor


def outage(floor: Floor) -> None:
    floor.values[SOURCE] = "battery"
    floor.run(2 * MINUTE)
    floor.values[SOURCE] = "mains"
    floor.run(10 * MINUTE)


@pytest.fixture
def after_an_outage() -> Floor:
    floor = listed()
    outage(floor)
    return floor


def told(floor: Floor, kind: str) -> list[Event]:
    return [event for decision in floor.decisions for event in decision.events if event.type == kind]


def refusal(floor: Floor, target: str) -> str:
    reply = floor.order(CommandKind.TICK, target).replies[0]
    assert not reply.done
    return reply.error


def test_the_list_opens_under_its_incident_when_the_outage_is_over(after_an_outage: Floor) -> None:
    (opened,) = told(after_an_outage, "checklist.opened")
    assert opened.incident == after_an_outage.state.lists["power.recovery"].incident == "2026-0001"
    assert (opened.data["list"], opened.data["open"]) == ("power.recovery", ("forms", "systems"))
    assert "checklist" in after_an_outage.last.flags


def test_items_are_ticked_one_by_one_and_say_by_whom(after_an_outage: Floor) -> None:
    floor = after_an_outage
    assert floor.order(CommandKind.TICK, "power.recovery.forms", by="li").replies[0].done
    assert "checklist" in floor.last.flags
    floor.run(MINUTE)
    assert floor.order(CommandKind.TICK, "power.recovery.systems", by="wang").replies[0].done
    ticked = [(event.data["item"], event.data["by"], event.incident) for event in told(floor, "checklist.ticked")]
    assert ticked == [("forms", "li", "2026-0001"), ("systems", "wang", "2026-0001")]
    assert len(told(floor, "checklist.done")) == 1
    assert "checklist" not in floor.last.flags and floor.state.lists == {}


def test_a_list_outlives_a_restart_and_a_later_acknowledgement_of_alarms(after_an_outage: Floor) -> None:
    floor = after_an_outage
    floor.order(CommandKind.TICK, "power.recovery.forms")
    floor.order(CommandKind.ACK)
    floor.restart()
    floor.step()
    assert floor.state.lists["power.recovery"].left(RECOVERY.items) == ("systems",)
    assert len(told(floor, "checklist.opened")) == 1


def test_acknowledging_the_checklist_ticks_all_that_is_open(after_an_outage: Floor) -> None:
    floor = after_an_outage
    floor.order(CommandKind.TICK, "power.recovery.forms", by="li")
    assert floor.order(CommandKind.ACK, "checklist", by="wang").replies[0].done
    assert [event.data["by"] for event in told(floor, "checklist.ticked")] == ["li", "wang"]
    assert floor.state.lists == {}
    reply = floor.order(CommandKind.ACK, "checklist").replies[0]
    assert (reply.done, reply.error) == (False, "no checklist is open")


def test_a_tick_that_cannot_be_says_why(after_an_outage: Floor) -> None:
    floor = after_an_outage
    assert "no checklist 'fire.evacuation' is open" in refusal(floor, "fire.evacuation.losses")
    assert refusal(floor, "power.recovery.tea") == "'power.recovery' has no item 'tea', but: forms, systems"
    assert "no checklist '' is open" in refusal(floor, "nonsense")
    floor.order(CommandKind.TICK, "power.recovery.forms", by="li")
    assert refusal(floor, "power.recovery.forms") == "'forms' was ticked by li"


def test_what_is_open_when_the_list_opens_anew_is_carried_over(after_an_outage: Floor) -> None:
    floor = after_an_outage
    floor.order(CommandKind.TICK, "power.recovery.forms", by="li")
    outage(floor)
    first, second = told(floor, "checklist.opened")
    assert (first.data["carried"], second.data["carried"]) == ((), ("systems",))
    assert (second.incident, second.data["open"]) == ("2026-0002", ("forms", "systems"))
    assert not told(floor, "checklist.done")


def test_the_list_of_a_fire_opens_with_it_and_again_with_the_next_one() -> None:
    floor = listed()
    floor.values[FIRE] = True
    floor.run(MINUTE)
    (first,) = told(floor, "checklist.opened")
    assert (first.data["list"], first.incident) == ("fire.evacuation", floor.state.incidents["fire"].id)
    floor.values[FIRE] = False
    floor.run(MINUTE)
    floor.values[FIRE] = True
    floor.run(MINUTE)
    second = told(floor, "checklist.opened")[1]
    assert (second.incident, second.data["carried"]) == ("2026-0002", ("head_count", "losses"))


def test_a_list_may_open_with_a_condition_and_have_no_incident() -> None:
    floor = listed()
    floor.values |= {"trunks.main.state": "down", "trunks.spare.state": "down"}
    floor.run(MINUTE)
    assert [event.data["list"] for event in told(floor, "checklist.opened")] == ["planned.readiness"]
    floor.run(MINUTE)
    assert len(told(floor, "checklist.opened")) == 1


def test_a_list_that_the_site_no_longer_has_is_dropped(after_an_outage: Floor) -> None:
    without = replace(after_an_outage.plan, checklists={})
    assert begin(without, after_an_outage.state).lists == {}
