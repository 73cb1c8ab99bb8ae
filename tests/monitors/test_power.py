"""Power, planned cuts and stages as declarations: what stops a return, what a stage looks at, what is announced."""

from dataclasses import replace

from firmware_py.core.check import Above, AllOf, Below, IsFlag
from firmware_py.core.command import CommandKind
from firmware_py.core.plan import Announced, FlagRule
from firmware_py.core.stage import Stage
from monitors import conservation, planned, power
from monitors.conservation import ANNOUNCED, PLAN_HOLD_MS, ShedStage, Threshold
from tests.core.floor import CHARGE, MINUTE, SECOND, SOURCE, healthy

UPS = power.Ups(id="ups1", on_delay_ms=0, off_delay_ms=0, silent_ms=0, manual_lead_ms=0)


def test_only_what_the_site_asks_for_and_the_ups_tells_stops_a_return() -> None:
    assert power.stops_return(UPS) == ()
    every = replace(UPS, has_load=True, charge_floor_pct=20.0, runtime_floor_ms=MINUTE)
    assert power.stops_return(every) == ("ups1.charge_floor", "ups1.runtime_floor", "ups1.overload")
    assert power.stops_return(replace(every, has_charge=False, has_runtime=False, has_load=False)) == ()
    part = power.watch(every)
    tests = {condition.id: condition.test for condition in part.conditions}
    assert tests["ups1.overload"] == Above(point="ups1.output.load_pct", limit=95.0, deadband=5.0)
    brief = Below(point="ups1.forecast.runtime_s", limit=60.0, deadband=120.0)
    assert tests["ups1.runtime_floor"] == AllOf(tests=(brief, power.may_have_more("ups1", 95.0)))
    blind = {c.id: c.test for c in power.watch(replace(every, has_charge=False)).conditions}
    assert blind["ups1.runtime_floor"] == brief  # nobody can tell when it is full


def test_only_the_ups_that_feeds_the_controller_has_its_last_words() -> None:
    told = {announce.begins for announce in power.watch(replace(UPS, last_words_ms=MINUTE)).announcements}
    assert power.LAST_WORDS in told
    blind = replace(UPS, last_words_ms=MINUTE, has_charge=False, has_runtime=False)
    for other in (UPS, blind):
        assert power.LAST_WORDS not in {announce.begins for announce in power.watch(other).announcements}


def test_a_stage_looks_at_thresholds_from_both_sides_and_at_the_plan() -> None:
    draining = IsFlag(point="ups1.forecast.on_battery")
    thresholds = (
        Threshold(point=CHARGE, limit=50.0, release=60.0),
        Threshold(point="ups1.output.load_pct", limit=90.0, release=80.0),
        Threshold(point=CHARGE, limit=30.0, release=40.0, only_while=draining),
    )
    asked = ShedStage(
        cause="power", order=2, outputs=("a",), after_ms=None, thresholds=thresholds, dwell_ms=0, hold_ms=SECOND,
        announce_ms=MINUTE, targets=("ups1.plan.stages",),
    )  # fmt: skip
    part = conservation.shed([asked])
    low, high, drained, deep = (condition.test for condition in part.conditions)
    assert low == Below(point=CHARGE, limit=50.0, deadband=10.0)
    assert high == Above(point="ups1.output.load_pct", limit=90.0, deadband=10.0)
    assert drained == AllOf(tests=(Below(point=CHARGE, limit=30.0, deadband=10.0), draining))
    assert deep == Above(point="ups1.plan.stages", limit=1.5)
    assert [condition.on_delay_ms for condition in part.conditions] == [SECOND, SECOND, SECOND, PLAN_HOLD_MS]
    assert part.flags == (FlagRule(flag=ANNOUNCED, when=Announced(stage="power.stage2")),)
    assert conservation.shed([replace(asked, announce_ms=0)]).flags == ()


def test_without_a_gauge_nobody_can_say_whether_the_floor_is_ready() -> None:
    part = planned.watch(["ups1.output_source"], [], cause="power", off_delay_ms=0)
    assert planned.NOT_READY not in {condition.id for condition in part.conditions}
    part = planned.watch(["ups1.output_source"], [CHARGE], cause="power", off_delay_ms=0)
    assert planned.NOT_READY in {condition.id for condition in part.conditions}


def test_an_announced_cut_of_loads_shows_as_a_flag_and_is_told() -> None:
    floor = healthy()
    stage: Stage = replace(floor.plan.stages["power.stage2"], announce_ms=2 * MINUTE, after_ms=3 * MINUTE)
    floor.plan = replace(
        floor.plan,
        stages={**floor.plan.stages, stage.id: stage},
        flags=(*floor.plan.flags, FlagRule(flag=ANNOUNCED, when=Announced(stage=stage.id))),
    )
    floor.values[SOURCE] = "battery"
    floor.run(70 * SECOND)
    assert ANNOUNCED in floor.last.flags
    assert "stage.announced" in floor.events
    floor.order(CommandKind.ACK)
    floor.values[SOURCE] = "mains"
    floor.run(40 * SECOND)
    assert ANNOUNCED not in floor.last.flags
    assert "stage.withdrawn" in floor.events


def test_a_floor_without_batteries_has_the_same_picture() -> None:
    floor = healthy()
    image = floor.last.derived
    assert image
    plan = replace(floor.plan, batteries={})
    floor.plan = plan
    floor.run(SECOND)
    assert not any(name.startswith("ups1.") for name in floor.last.derived)


def test_only_the_end_of_our_own_supply_is_taken_for_it() -> None:
    named = ("ups1.on_battery", "ups1.controller_ending", "ups2.battery_ending")
    assert power.own_endings(named) == ("ups1.controller_ending",)
