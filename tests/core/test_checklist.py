"""What is left to do after an outage: opened when it is over, closed by a person, whatever happens between."""

from dataclasses import replace

from firmware_py.core.command import CommandKind
from firmware_py.core.state import begin
from tests.core.floor import MINUTE, SOURCE, Floor, healthy


def after_an_outage() -> Floor:
    floor = healthy()
    causes = {**floor.plan.causes, "power": replace(floor.plan.causes["power"], checklist=("checklist.forms",))}
    floor.plan = replace(floor.plan, causes=causes)
    floor.values[SOURCE] = "battery"
    floor.run(2 * MINUTE)
    assert floor.last.flags == frozenset()
    floor.values[SOURCE] = "mains"
    floor.run(10 * MINUTE)
    return floor


def test_the_list_opens_when_the_outage_is_over_and_stays_until_somebody_is_through() -> None:
    floor = after_an_outage()
    assert "recovery.checklist" in floor.events
    assert "checklist" in floor.last.flags
    assert list(floor.state.checklists) == ["power"]
    event = next(e for decision in floor.decisions for e in decision.events if e.type == "recovery.checklist")
    assert event.incident == floor.state.checklists["power"]
    assert event.data["items"] == ("checklist.forms",)
    floor.order(CommandKind.ACK)
    assert "checklist" in floor.last.flags
    floor.restart()
    floor.step()
    assert "checklist" in floor.last.flags
    decision = floor.order(CommandKind.ACK, "checklist")
    assert decision.replies[0].done
    assert "recovery.checklist_done" in floor.events
    assert "checklist" not in floor.last.flags
    refused = floor.order(CommandKind.ACK, "checklist").replies[0]
    assert (refused.done, refused.error) == (False, "no checklist is open")


def test_a_list_of_a_cause_that_the_site_no_longer_has_is_dropped() -> None:
    floor = after_an_outage()
    without = replace(floor.plan, causes={n: c for n, c in floor.plan.causes.items() if n != "power"})
    assert begin(without, floor.state).checklists == {}
