"""The whole function, told as short stories: what goes in, what the floor does, and why."""

from firmware_py.core.command import CommandKind
from firmware_py.core.mode import CausePhase, Mode
from firmware_py.core.output import Pattern
from firmware_py.core.reading import Reason
from tests.core.floor import CHARGE, MINUTE, OUTBOUND, RUNTIME, SECOND, SOURCE, Floor, healthy


def test_a_sound_floor_is_normal_and_asks_for_nothing() -> None:
    floor = healthy()
    assert floor.last.mode is Mode.NORMAL
    assert floor.last.because == ()
    assert floor.value(OUTBOUND) is False
    assert floor.value("load.office") is True
    assert floor.value("lamp.controller") is Pattern.ALIVE
    assert floor.events == []


def test_mains_loss_lights_the_lamp_at_once_and_conserves_after_the_delay() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(SECOND)
    assert floor.value("lamp.power") is Pattern.FLASH
    assert floor.last.mode is Mode.NORMAL
    floor.run(2 * SECOND)
    assert floor.last.mode is Mode.CONSERVATION
    assert floor.last.because == ("ups1.on_battery",)
    assert floor.value(OUTBOUND) is True
    assert floor.last.outputs[OUTBOUND].owners == ("power",)
    assert floor.value("load.office") is False
    assert floor.value("beacon") is True
    assert floor.value("sounder") is Pattern.SOUND_HIGH
    assert "power.mains_lost" in floor.events


def test_one_bad_poll_never_conserves() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(SECOND)
    floor.dark.add(SOURCE)
    floor.run(4 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    floor.find(SOURCE)
    floor.values[SOURCE] = "mains"
    floor.run(SECOND)
    assert floor.value("lamp.power") is False


def test_mains_back_goes_over_recovery_and_gives_loads_back_in_reverse_order_with_outbound_last() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(11 * MINUTE)
    assert floor.last.stage == 2
    floor.values[SOURCE] = "mains"
    floor.run(31 * SECOND)
    assert floor.last.mode is Mode.RECOVERY
    assert floor.value(OUTBOUND) is True
    floor.run(5 * MINUTE)
    assert (floor.value("load.kitchen"), floor.value("load.office")) == (True, False)
    floor.run(30 * SECOND)
    assert (floor.value("load.kitchen"), floor.value("load.office")) == (True, True)
    assert floor.value(OUTBOUND) is True
    floor.run(30 * SECOND)
    assert floor.value(OUTBOUND) is False
    assert floor.last.mode is Mode.NORMAL


def test_a_relapse_goes_back_to_conservation_with_the_outage_clock_where_it_was() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(9 * MINUTE)
    floor.values[SOURCE] = "mains"
    floor.run(40 * SECOND)
    assert floor.last.mode is Mode.RECOVERY
    floor.values[SOURCE] = "battery"
    floor.run(3 * SECOND)
    assert floor.last.mode is Mode.CONSERVATION
    floor.run(2 * MINUTE)
    assert floor.last.stage == 2


def test_a_low_charge_sheds_the_next_stage_before_its_time() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.values[CHARGE] = 40.0
    floor.run(2 * SECOND)
    assert floor.value("load.kitchen") is False
    assert floor.last.outputs["load.kitchen"].because[0] == f"power.stage2.{CHARGE}"


def test_a_stage_shed_for_low_charge_comes_back_only_above_the_release_value() -> None:
    floor = healthy()
    floor.values |= {SOURCE: "battery", CHARGE: 40.0}
    floor.run(MINUTE)
    floor.values |= {SOURCE: "mains", CHARGE: 55.0}
    floor.run(20 * MINUTE)
    assert floor.value("load.kitchen") is False
    floor.values[CHARGE] = 61.0
    floor.run(2 * SECOND)
    assert floor.value("load.kitchen") is True


def test_silence_on_battery_keeps_conservation_and_the_outage_clock_runs_on() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.lose(SOURCE, CHARGE, RUNTIME, "ups1.battery.status")
    floor.run(11 * MINUTE)
    assert floor.last.mode is Mode.CONSERVATION
    assert floor.last.stage == 2
    assert "manual_records" not in floor.last.flags
    assert floor.state.alarms["ups1.unreachable"].active


def test_silence_on_mains_is_a_fault_and_no_outage() -> None:
    floor = healthy()
    floor.lose(SOURCE)
    floor.run(30 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    assert floor.state.alarms["ups1.unreachable"].active
    assert not floor.state.alarms["ups1.card_lost"].active


def test_the_four_facts_stay_apart() -> None:
    for reason, alarm in (
        (Reason.NO_COMMUNICATION, "ups1.unreachable"),
        (Reason.SOURCE_LOST, "ups1.card_lost"),
        (Reason.UNKNOWN_WORD, "ups1.implausible"),
    ):
        floor = healthy()
        floor.lose(SOURCE, because=reason)
        floor.run(11 * SECOND)
        active = {name for name, state in floor.state.alarms.items() if state.active}
        assert active == {alarm}


def test_recovery_waits_while_the_evidence_is_dark() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.values[SOURCE] = "mains"
    floor.run(40 * SECOND)
    floor.lose(SOURCE)
    floor.run(20 * MINUTE)
    assert floor.last.mode is Mode.RECOVERY
    floor.find(SOURCE)
    floor.run(4 * MINUTE)
    assert floor.value("load.office") is False
    floor.run(2 * MINUTE)
    assert floor.value("load.office") is True


def test_a_restart_in_the_middle_of_an_outage_resumes_all_of_it_before_anything_is_read() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(11 * MINUTE)
    before = floor.last
    floor.restart()
    after = floor.step()
    assert (after.mode, after.because, after.stage) == (before.mode, before.because, before.stage)
    assert {name: drive.value for name, drive in after.outputs.items()} == {
        name: drive.value for name, drive in before.outputs.items()
    }
    assert after.outputs[OUTBOUND].because == before.outputs[OUTBOUND].because
    assert [event.type for event in after.events] == []


def test_a_trunk_group_below_its_minimum_conserves_for_its_own_cause() -> None:
    floor = healthy()
    floor.values["trunks.main.state"] = "down"
    floor.run(SECOND)
    assert floor.value("lamp.phones") is Pattern.FLASH
    floor.run(6 * SECOND)
    assert floor.last.mode is Mode.CONSERVATION
    assert floor.last.because == ("trunks.lines.below_minimum",)
    assert floor.last.outputs[OUTBOUND].owners == ("trunk",)
    assert floor.value("load.office") is False
    assert floor.value("trunk_backup") is True


def test_a_full_trunk_is_no_failure_and_an_unknown_one_decides_nothing() -> None:
    floor = healthy()
    floor.values["trunks.main.state"] = "full"
    floor.run(30 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    floor.lose("trunks.main.state")
    floor.run(5 * MINUTE)
    assert floor.last.mode is Mode.NORMAL


def test_a_pause_ends_only_when_all_its_owners_are_gone() -> None:
    floor = healthy()
    floor.values |= {SOURCE: "battery", "trunks.main.state": "down"}
    floor.run(10 * SECOND)
    floor.order(CommandKind.PAUSE_OUTBOUND)
    assert floor.last.outputs[OUTBOUND].owners == ("by anna", "power", "trunk")
    floor.values |= {SOURCE: "mains", "trunks.main.state": "up"}
    floor.run(20 * MINUTE)
    assert floor.last.mode is Mode.NORMAL
    assert floor.last.outputs[OUTBOUND].owners == ("by anna",)
    floor.order(CommandKind.RESUME_OUTBOUND)
    assert floor.value(OUTBOUND) is False


def test_paper_is_announced_before_the_battery_ends() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.values[RUNTIME] = 500.0
    floor.run(2 * SECOND)
    assert floor.last.flags == {"manual_records"}
    assert floor.value("lamp.phones") is Pattern.MANUAL
    assert "power.manual_records" in floor.events


def test_an_overlong_self_test_counts_as_an_outage() -> None:
    floor = healthy()
    floor.values[SOURCE] = "test"
    floor.run(59 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    floor.run(3 * SECOND)
    assert floor.last.mode is Mode.CONSERVATION


def test_conservation_by_hand_begins_and_ends_by_hand() -> None:
    floor = healthy()
    floor.order(CommandKind.CONSERVE)
    assert floor.last.mode is Mode.CONSERVATION
    assert floor.last.because == ("by anna",)
    assert floor.value(OUTBOUND) is True
    floor.order(CommandKind.RELEASE)
    assert floor.last.mode is Mode.NORMAL


def test_an_incident_opens_escalates_reports_and_closes() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(61 * MINUTE, every_ms=5 * SECOND)
    kinds = [e for e in floor.events if e.startswith("incident.") and e != "incident.course"]
    assert kinds == [
        "incident.opened", "incident.escalated", "incident.escalated", "incident.situation", "incident.escalated",
        "incident.situation",
    ]  # fmt: skip
    assert floor.state.incidents["power"].id == "2026-0001"
    floor.values[SOURCE] = "mains"
    floor.run(10 * MINUTE)
    assert floor.events[-1] != "incident.closed" and "incident.closed" in floor.events
    assert floor.state.incidents == {}
    assert floor.state.causes["power"].phase is CausePhase.IDLE


def test_every_wake_is_later_than_its_step() -> None:
    floor = healthy()
    floor.values |= {SOURCE: "battery", "hvac1.fault": True}
    floor.run(12 * MINUTE)
    floor.values[SOURCE] = "mains"
    floor.run(12 * MINUTE)
    assert all(d.wake_at_ms is None or d.wake_at_ms > (d.state.stepped_ms or 0) for d in floor.decisions)


def test_a_floor_without_a_clock_numbers_its_incidents_all_the_same() -> None:
    floor = Floor()
    del floor.values["clock.utc_s"]
    floor.run(SECOND)
    floor.order(CommandKind.CONSERVE)
    assert floor.state.incidents["manual"].id == "0000-0001"


def test_incidents_are_numbered_anew_each_year_and_never_backwards() -> None:
    floor = healthy()
    floor.order(CommandKind.CONSERVE)
    assert floor.state.incidents["manual"].id == "2026-0001"
    floor.order(CommandKind.RELEASE)
    floor.values["clock.utc_s"] = 1_800_000_000  # January 2027
    floor.run(SECOND)
    floor.order(CommandKind.CONSERVE)
    assert floor.state.incidents["manual"].id == "2027-0001"
    floor.order(CommandKind.RELEASE)
    floor.values["clock.utc_s"] = 0  # a clock that fell back to 1970
    floor.run(SECOND)
    floor.order(CommandKind.CONSERVE)
    assert floor.state.incidents["manual"].id == "2027-0002"
