"""What the monitors declare for the variants of a floor: profiles that offer less, sites that enable more."""

import pytest

from firmware_py.core.alarm import AlarmPriority
from firmware_py.core.check import IsBad
from firmware_py.core.mode import Mode
from firmware_py.core.output import Output, Pattern, Priority, StopValue
from firmware_py.core.plan import Plan, Stands
from firmware_py.core.point import Kind, Point
from monitors import annunciator, comms, conservation, contacts, fire, hvac, power, trunks
from monitors.parts import Part, Row, assemble, join


def ids(part: Part) -> set[str]:
    return {condition.id for condition in part.conditions}


def ups(*, has_runtime: bool = True, has_status: bool = True, has_charge: bool = True) -> Part:
    return power.watch(
        power.Ups(
            id="ups1",
            on_delay_ms=2_000,
            off_delay_ms=30_000,
            silent_ms=10_000,
            manual_lead_ms=600_000,
            has_runtime=has_runtime,
            has_status=has_status,
            has_charge=has_charge,
        )
    )


def test_a_ups_that_tells_less_is_watched_for_what_it_tells() -> None:
    assert "ups1.battery_ending" in ids(ups())
    assert ids(ups()) == ids(ups(has_runtime=False)) == ids(ups(has_charge=False))
    blind = ids(ups(has_runtime=False, has_charge=False))
    assert ids(ups()) - blind == {"ups1.battery_ending", "ups1.endurance_short"}
    assert ids(ups()) - ids(ups(has_status=False)) == {"ups1.battery_low"}
    assert ups(has_runtime=False, has_charge=False).flags == ()
    lost = ups(has_runtime=False, has_charge=False).announcements[0]
    assert (lost.begins, lost.carry) == ("power.mains_lost", ())


def test_every_outage_takes_two_readings() -> None:
    conditions = {condition.id: condition for condition in ups().conditions}
    assert all(conditions[name].confirm == 2 for name in power.outages("ups1"))


def group(**more: object) -> Part:
    settings = {"name": "main", "trunks": ("a", "b"), "minimum_up": 1, "on_delay_ms": 6_000, "off_delay_ms": 30_000}
    return trunks.watch_group(trunks.Group(**settings, **more))  # type: ignore[arg-type] # a table of settings


def test_a_group_without_failover_moves_nothing() -> None:
    assert group().rules == ()
    assert not group().alarms[0].alarm.latching


def test_failover_by_hand_stays_until_the_alarm_is_reset() -> None:
    part = group(failover="trunk_backup")
    (rule,) = part.rules
    assert part.alarms[0].alarm.latching
    assert rule.when == Stands(alarm="trunks.main.below_minimum")


def test_failover_by_stability_has_a_delay_of_its_own() -> None:
    part = group(failover="trunk_backup", back_ms=600_000)
    backup = next(condition for condition in part.conditions if condition.id == "trunks.main.on_backup")
    assert backup.off_delay_ms == 600_000
    assert not part.alarms[0].alarm.latching


def test_an_exchange_without_gate_has_no_stuck_gate() -> None:
    assert ids(trunks.watch_exchange(trunks.Exchange(id="pbx1", silent_ms=1))) == {"pbx1.unreachable"}
    assert "pbx1.gate_stuck" in ids(trunks.watch_exchange(trunks.Exchange(id="pbx1", silent_ms=1, gate="g")))


def unit(*, running: bool, ordered_off: bool) -> set[str]:
    return ids(
        hvac.watch_unit(
            hvac.Unit(id="h", on_delay_ms=1, off_delay_ms=1, silent_ms=1, running=running, ordered_off=ordered_off)
        )
    )


def test_a_unit_that_does_not_tell_whether_it_runs_cannot_have_stopped() -> None:
    assert "h.stopped" not in unit(running=False, ordered_off=True)
    assert "h.stopped" in unit(running=True, ordered_off=False)
    assert "h.stopped" in unit(running=True, ordered_off=True)


def test_fans_of_a_floor_without_fire_panel_have_no_fire_interlock() -> None:
    assert hvac.cool(("h",), (), ("fan",), "").interlocks == ()
    assert len(hvac.cool(("h",), ("r",), ("fan",), fire.SEEN).interlocks) == 1


def panel(*zone_flags: str, panel_flags: frozenset[str] = frozenset()) -> fire.Panel:
    zone = fire.Zone(id="fire1.zone1", flags=frozenset(zone_flags))
    return fire.Panel(
        id="fire1", zones=(zone,), silent_ms=5_000, off_delay_ms=2_000, test_limit_ms=7_200_000, flags=panel_flags
    )


def test_a_zone_has_a_condition_for_each_flag_that_it_offers() -> None:
    assert ids(fire.watch_panel(panel())) == {"fire1.unreachable", "fire1.zone1.burning", "fire1.zone1.unknown"}
    full = ids(fire.watch_panel(panel("prealarm", "supervisory", "fault", "disabled", "test", "walk_test")))
    assert {"fire1.zone1.prealarm", "fire1.zone1.supervisory", "fire1.zone1.fault", "fire1.zone1.disabled"} <= full
    assert {"fire1.zone1.in_test", "fire1.zone1.test_overlong", "fire1.zone1.tried"} <= full


def test_the_panels_own_fault_is_an_alarm() -> None:
    assert "fire1.panel_fault" in ids(fire.watch_panel(panel(panel_flags=frozenset({"fault", "silenced"}))))


def test_the_panels_relay_is_a_second_source_of_fire() -> None:
    part = fire.evacuate([], ("contact.fire",), {"feed.shop": False}, off_delay_ms=0)
    assert {"fire.seen", "fire.confirmed", "contact.fire.burning"} == ids(part)
    assert part.alarms[0].alarm.urgent and part.alarms[0].alarm.latching
    assert part.rules[0].priority is Priority.LIFE_SAFETY
    assert part.causes[0].mode is Mode.EVACUATION


@pytest.mark.parametrize(
    ("kind", "priority"),
    [
        ("panic", AlarmPriority.HIGH),
        ("smoke", AlarmPriority.HIGH),
        ("leak", AlarmPriority.HIGH),
        ("door", AlarmPriority.LOW),
    ],
)
def test_each_contact_has_its_priority(kind: str, priority: AlarmPriority) -> None:
    part = contacts.watch(contacts.Contact(id=f"contact.{kind}", kind=kind))
    assert part.alarms[0].alarm.priority is priority
    assert part.alarms[0].alarm.latching is (kind == "panic")
    assert part.alarms[0].row is (Row.FIRE if kind == "smoke" else Row.CONTROLLER)


@pytest.mark.parametrize("fire", [True, False])
def test_a_contact_that_cannot_be_read_is_a_fault_of_its_own(fire: bool) -> None:
    part = contacts.watch_sight("contact.x", fire=fire)
    (condition,) = part.conditions
    assert condition.test == IsBad(point="contact.x", doubted=True)
    assert 5_000 + condition.on_delay_ms + 1_000 <= 10_000
    assert [alarm.row for alarm in part.alarms] == [Row.FIRE if fire else Row.CONTROLLER]


def test_a_floor_without_broker_has_no_broker_to_lose() -> None:
    own = {point.id for point in comms.own_points(stale_ms=1, mqtt=False)}
    assert own == {"clock.utc_s", "storage.sound", "controller.export_age_s"}
    assert ids(comms.watch((), mqtt=False, delay_ms=1, followed=())) == {"storage.degraded"}


def wall(**more: object) -> annunciator.Panel:
    lamps = {row: (f"lamp.{row.value}",) for row in Row}
    return annunciator.Panel(lamps=lamps, beacons=("beacon",), sounders=("sounder",), **more)  # type: ignore[arg-type] # a table of settings


def test_the_sounder_is_silent_in_a_fire_unless_the_site_opts_in() -> None:
    causes = frozenset({"fire"})
    assert len(annunciator.announce(wall(), (), causes=causes, flags=frozenset()).interlocks) == 1
    assert annunciator.announce(wall(sounds_in_fire=True), (), causes=causes, flags=frozenset()).interlocks == ()
    assert annunciator.announce(wall(), (), causes=frozenset(), flags=frozenset()).interlocks == ()


def test_a_floor_without_fire_panel_shows_no_fire_rules() -> None:
    rules = annunciator.announce(wall(), (), causes=frozenset({"power"}), flags=frozenset()).rules
    assert not any(rule.owner == "fire" for rule in rules)


def test_a_drill_is_on_the_blue_lamp_and_where_there_is_none_on_the_green_one() -> None:
    for rows, shown in (((Row.CONTROLLER, Row.SERVICE), "service"), ((Row.POWER, Row.CONTROLLER), "controller")):
        panel = annunciator.Panel(lamps={row: (f"lamp.{row.value}",) for row in rows})
        rules = annunciator.announce(panel, (), causes=frozenset(), flags=frozenset()).rules
        assert [rule.output for rule in rules if rule.value is Pattern.DRILL] == [f"lamp.{shown}"]


def test_a_floor_without_lamps_still_has_its_beacon() -> None:
    bare = annunciator.Panel(lamps={}, beacons=("beacon",))
    rules = annunciator.announce(
        bare, ups().alarms, causes=frozenset({"power", "fire"}), flags=frozenset({power.MANUAL_RECORDS})
    ).rules
    assert {rule.output for rule in rules} == {"beacon"}


def test_a_floor_without_gate_pauses_nothing() -> None:
    part = conservation.conserve([], ())
    assert part.rules == () and [cause.id for cause in part.causes] == ["manual"]


def test_a_stage_without_thresholds_goes_by_time_alone() -> None:
    stage = conservation.ShedStage(cause="power", order=1, outputs=(), after_ms=5, thresholds=(), dwell_ms=1)
    part = conservation.shed([stage])
    assert part.conditions == () and part.stages[0].id == "power.stage1"


def test_two_declarations_with_one_id_are_our_bug() -> None:
    point = Point(id="p", kind=Kind.FLAG, stale_after_ms=1)
    with pytest.raises(AssertionError, match="declared twice: p"):
        assemble([point, point], [], Part())


def test_a_reference_that_leads_nowhere_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="no output gate"):
        assemble([], [], Part(), outbound=("gate",))


def test_parts_join_in_their_order() -> None:
    both = join((ups(), group()))
    assert both.conditions[0].id == "ups1.on_battery" and both.conditions[-1].id == "trunks.main.below_minimum"


def test_an_empty_floor_is_a_plan() -> None:
    output = Output(id="o", on_stop=StopValue.OFF, on_fault=StopValue.OFF)
    assert isinstance(assemble([], [output], Part()), Plan)


def test_a_lamp_of_a_zone_speaks_of_its_devices_and_of_every_fire() -> None:
    zoned = wall(zones={"lamp.power": ("ups2", "hvac1"), "lamp.fire": ("fire2",)})
    alarms = (*ups().alarms, *fire.watch_panel(panel("fault")).alarms)
    rules = annunciator.announce(zoned, alarms, causes=frozenset(), flags=frozenset()).rules
    shown = {rule.output for rule in rules if getattr(rule.when, "alarm", "") == "ups1.on_battery"}
    assert shown == {"sounder"}
    burning = {rule.output for rule in rules if getattr(rule.when, "alarm", "") == "fire1.zone1.burning"}
    assert burning == {"lamp.fire", "sounder"}
    assert not any(
        rule.output == "lamp.fire" and getattr(rule.when, "alarm", "") == "fire1.zone1.fault" for rule in rules
    )
