"""Hand-over of a shift: every open matter is named, and taken over one by one by somebody else."""

from dataclasses import replace

import pytest

from firmware_py.core.checklist import Checklist, Opens
from firmware_py.core.codec import decode, encode
from firmware_py.core.command import CommandKind
from firmware_py.core.event import Event
from firmware_py.core.handover import Matter, matters
from firmware_py.core.state import State
from tests.core.floor import MINUTE, SOURCE, Floor, healthy

LISTS = {"power.begun": Checklist(id="power.begun", opens=Opens.CAUSE_BEGINS, of="power", items=("call", "write"))}


@pytest.fixture
def busy() -> Floor:
    """An outage, a hand on an output, outbound paused, an alarm shelved and one out of service, a list half done."""
    floor = healthy()
    floor.plan = replace(floor.plan, checklists=LISTS)
    floor.values[SOURCE] = "battery"
    floor.run(2 * MINUTE)
    floor.order(CommandKind.TICK, "power.begun.call", by="li")
    floor.order(CommandKind.OVERRIDE, "beacon", False, by="li")
    floor.order(CommandKind.PAUSE_OUTBOUND, by="li")
    floor.order(CommandKind.ACK, by="li")
    alarms = dict(floor.state.alarms)
    alarms["room1.warm"] = replace(
        alarms["room1.warm"], shelved_ms=60 * MINUTE, shelved_by="li", shelved_why="painting"
    )
    alarms["room1.hot"] = replace(alarms["room1.hot"], out_of_service="sensor is at the maker's")
    alarms["hvac1.failed"] = replace(alarms["hvac1.failed"], active=True, suppressed_by="ups1.on_battery")
    floor.state = replace(floor.state, alarms=alarms)
    return floor


def told(floor: Floor, kind: str) -> list[Event]:
    return [event for decision in floor.decisions for event in decision.events if event.type.startswith(kind)]


def test_all_that_is_open_is_named_with_who_made_it_so(busy: Floor) -> None:
    open_ones = {one.id: one for one in matters(busy.plan.checklists, busy.state)}
    assert set(open_ones) == {
        "incident:2026-0001", "alarm:ups1.on_battery", "shelved:room1.warm", "out_of_service:room1.hot",
        "override:beacon", "pause:outbound", "item:power.begun.write",
    }  # fmt: skip
    assert open_ones["shelved:room1.warm"] == Matter(kind="shelved", about="room1.warm", by="li", why="painting")
    assert (open_ones["incident:2026-0001"].by, open_ones["override:beacon"].by) == ("li", "li")


def test_the_next_shift_takes_over_item_by_item_and_each_is_recorded(busy: Floor) -> None:
    assert busy.order(CommandKind.HANDOVER, by="li").replies[0].done
    (begun,) = told(busy, "handover.begun")
    left = list(begun.data["left"])
    assert len(left) == 7
    for number, matter in enumerate(left, start=1):
        assert busy.order(CommandKind.TAKE_OVER, matter, by="wang").replies[0].done
        assert len(busy.state.handover.left) == 7 - number
    taken = told(busy, "handover.taken")
    assert [(event.data["matter"], event.data["by"], event.data["handed_by"]) for event in taken] == [
        (matter, "wang", "li") for matter in left
    ]
    assert [event.data["by"] for event in told(busy, "handover.done")] == ["wang"]
    busy.run(MINUTE)
    assert len(told(busy, "handover.done")) == 1


def test_whoever_hands_over_cannot_take_over_and_nothing_else_than_what_is_left(busy: Floor) -> None:
    def refused(by: str, matter: str, why: str = "") -> str:
        return busy.order(CommandKind.TAKE_OVER, matter, by=by, why=why).replies[0].error

    assert "nothing is left to take over" in refused("wang", "override:beacon")
    busy.order(CommandKind.HANDOVER, by="floor", why="Li")
    assert "the next shift takes over" in refused("floor", "override:beacon", "Li")
    assert "not left to take over" in refused("floor", "override:fan", "Wang")
    assert refused("floor", "override:beacon", "Wang") == ""
    assert told(busy, "handover.taken")[-1].data["by"] == "floor (Wang)"
    assert "not left to take over" in refused("floor", "override:beacon", "Wang")


def test_a_quiet_floor_is_handed_over_in_one_word() -> None:
    floor = healthy()
    floor.order(CommandKind.HANDOVER, by="li")
    assert [event.type for event in told(floor, "handover")] == ["handover.begun", "handover.done"]


def test_a_hand_over_goes_on_after_a_restart_and_a_new_one_takes_up_what_is_still_open(busy: Floor) -> None:
    busy.order(CommandKind.HANDOVER, by="li")
    busy.order(CommandKind.TAKE_OVER, "override:beacon", by="wang")
    busy.state = decode(State, encode(busy.state, sparse=True))
    busy.restart()
    busy.step()
    assert len(busy.state.handover.left) == 6
    busy.order(CommandKind.RELEASE_OVERRIDE, "beacon")
    busy.order(CommandKind.HANDOVER, by="wang")
    assert busy.state.handover.number == 2
    assert "override:beacon" not in busy.state.handover.left and "pause:outbound" in busy.state.handover.left
