"""The whole function on a floor that burns, warms or loses its air conditioning, told as short stories."""

from firmware_py.core.command import CommandKind
from firmware_py.core.mode import Mode
from firmware_py.core.output import Pattern
from tests.core.floor import FIRE, MINUTE, OUTBOUND, SECOND, SOURCE, healthy


def test_fire_is_shown_at_the_first_reading_and_evacuates_at_the_second() -> None:
    floor = healthy()
    floor.values[FIRE] = True
    floor.run(SECOND)
    assert floor.value("lamp.fire") is Pattern.FLASH
    assert floor.value("beacon") is True
    assert floor.last.mode is Mode.NORMAL
    assert floor.value("load.kitchen") is True
    floor.run(SECOND)
    assert floor.last.mode is Mode.EVACUATION
    assert floor.value("load.kitchen") is False
    assert floor.value("sounder") is False


def test_a_person_may_confirm_a_fire_that_was_reported_once() -> None:
    floor = healthy()
    assert not floor.order(CommandKind.FIRE_CONFIRM).replies[0].done
    floor.values[FIRE] = True
    floor.run(SECOND)
    floor.lose(FIRE, "fire1.zone1.walk_test")
    assert floor.order(CommandKind.FIRE_CONFIRM).replies[0].done
    assert floor.last.mode is Mode.EVACUATION
    floor.run(5 * MINUTE)
    assert floor.last.mode is Mode.EVACUATION
    floor.values[FIRE] = False
    floor.find(FIRE, "fire1.zone1.walk_test")
    floor.run(10 * SECOND)
    assert floor.last.mode is Mode.NORMAL


def test_a_fire_lamp_stays_until_it_is_acknowledged_and_reset() -> None:
    floor = healthy()
    floor.values[FIRE] = True
    floor.run(5 * SECOND)
    floor.values[FIRE] = False
    floor.run(10 * SECOND)
    assert floor.value("lamp.fire") is Pattern.SLOW
    floor.order(CommandKind.ACK)
    assert floor.value("lamp.fire") is True
    floor.order(CommandKind.RESET, "fire1.zone1.burning")
    assert floor.value("lamp.fire") is False


def test_a_zone_in_walk_test_goes_to_the_log_and_not_to_the_sounder() -> None:
    floor = healthy()
    floor.values["fire1.zone1.walk_test"] = True
    floor.run(2 * SECOND)
    floor.order(CommandKind.ACK)
    floor.values[FIRE] = True
    floor.run(5 * SECOND)
    assert floor.last.mode is Mode.NORMAL
    assert floor.value("sounder") is False
    assert "fire.zone_tried" in floor.events
    assert "fire.seen" not in floor.events


def test_a_test_flag_that_cannot_be_read_hides_no_fire() -> None:
    floor = healthy()
    floor.lose("fire1.zone1.walk_test")
    floor.values[FIRE] = True
    floor.run(2 * SECOND)
    assert floor.last.mode is Mode.EVACUATION


def test_a_silent_fire_panel_is_a_fault_and_neither_fire_nor_normal() -> None:
    floor = healthy()
    floor.values[FIRE] = True
    floor.run(5 * SECOND)
    floor.lose(FIRE, "fire1.zone1.walk_test", "fire1.zone1.fault")
    floor.run(11 * SECOND)
    assert floor.last.mode is Mode.EVACUATION
    assert floor.state.alarms["fire1.unreachable"].active


def test_a_fire_during_an_outage_keeps_outbound_paused_and_the_stages_shed() -> None:
    floor = healthy()
    floor.values[SOURCE] = "battery"
    floor.run(5 * SECOND)
    floor.values[FIRE] = True
    floor.run(5 * SECOND)
    assert floor.last.mode is Mode.EVACUATION
    assert floor.value(OUTBOUND) is True
    assert floor.value("load.office") is False


def test_fans_start_when_cooling_fails_and_never_during_a_fire() -> None:
    floor = healthy(seconds=300)
    floor.values["hvac1.fault"] = True
    floor.run(31 * SECOND)
    assert floor.value("fan.floor") is True
    floor.values[FIRE] = True
    floor.run(SECOND)
    assert floor.value("fan.floor") is False
    assert floor.last.outputs["fan.floor"].because[-1] == "no_fan_in_fire"
    assert not floor.order(CommandKind.OVERRIDE, "fan.floor", True, 60_000).outputs["fan.floor"].value


def test_a_fan_runs_for_its_shortest_time() -> None:
    floor = healthy()
    floor.run(5 * MINUTE)
    floor.values["hvac1.fault"] = True
    floor.run(31 * SECOND)
    floor.values["hvac1.fault"] = False
    floor.run(2 * MINUTE)
    assert floor.value("fan.floor") is True
    floor.run(4 * MINUTE)
    assert floor.value("fan.floor") is False


def test_a_unit_that_is_off_by_order_has_not_stopped() -> None:
    floor = healthy()
    floor.values |= {"hvac1.running": False, "hvac1.ordered_off": True}
    floor.run(2 * MINUTE)
    assert not floor.state.alarms["hvac1.stopped"].active
    floor.values["hvac1.ordered_off"] = False
    floor.run(MINUTE)
    assert floor.state.alarms["hvac1.stopped"].active
