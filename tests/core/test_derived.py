"""Points that are worked out: from an image and a memory to readings, with time and quality of their own."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from firmware_py.core.derived import CLOCK_MS, Derived, declare, derive, due_ms
from firmware_py.core.forecast import BatteryState, Watched
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.shedplan import Battery, FedLoad

MINUTE = 60_000
NOW = 500_000
BATTERY = Battery(
    id="ups1",
    source="ups1.output_source",
    charge="ups1.battery.charge_pct",
    runtime="ups1.battery.runtime_s",
    load="ups1.output.load_pct",
    power="ups1.output.power_w",
    rating_w=10_000,
    endurance_ms=60 * MINUTE,
    trust_pct=100,
    loads=(
        FedLoad(id="inbound", watts_w=1_000),
        FedLoad(id="office", watts_w=1_000, output="feed.office", order=1),
    ),
    orders=(1,),
)
SEEN: dict[str, Value] = {
    "ups1.output_source": "battery",
    "ups1.battery.charge_pct": 80.0,
    "ups1.battery.runtime_s": 1_800.0,
    "ups1.output.load_pct": 20.0,
    "ups1.output.power_w": 2_000.0,
}


def picture(dark: tuple[str, ...] = (), *, now_ms: int = NOW, **changes: Value) -> InputImage:
    values = SEEN | {f"ups1.{name.replace('__', '.')}": value for name, value in changes.items()}
    readings = {name: Reading(value=value, quality=Quality.GOOD, at_ms=now_ms - 7) for name, value in values.items()}
    for name in dark:
        readings[name] = replace(readings[name], quality=Quality.BAD, because=Reason.STALE)
    return InputImage(now_ms=now_ms, readings=readings)


def worked(image: InputImage, state: BatteryState | None = None, battery: Battery = BATTERY, dt_ms: int = 0) -> Derived:
    return derive({"ups1": battery}, {"ups1": state or BatteryState()}, image, frozenset(), dt_ms)


def value(found: Derived, name: str) -> Value | None:
    reading = found.readings[f"ups1.{name}"]
    return reading.value if reading.good else None


def test_every_derived_reading_is_of_a_declared_point_that_it_fits() -> None:
    points = {point.id: point for point in declare("ups1")}
    for image in (picture(), picture(dark=tuple(SEEN)), picture(output_source="mains")):
        found = worked(image).readings
        assert found.keys() == points.keys()
        good = {name: reading.value for name, reading in found.items() if reading.good}
        assert all(points[name].fits(given) for name, given in good.items() if given is not None)


def test_the_lowest_estimate_is_the_forecast_and_says_which_it_is() -> None:
    found = worked(picture())
    assert value(found, "forecast.runtime_s") == value(found, "forecast.from_ups_s") == 1_800
    assert value(found, "forecast.basis") == "ups"
    assert value(found, "forecast.spread_s") == 0
    assert value(found, "forecast.believed_s") == 1_800
    assert value(worked(picture(), battery=replace(BATTERY, trust_pct=50)), "forecast.believed_s") == 900
    assert value(found, "forecast.from_slope_s") is None
    assert value(found, "forecast.on_battery") is True
    assert value(found, "forecast.charge_pct") == 80.0


def test_a_derived_reading_is_as_old_as_what_it_rests_on() -> None:
    assert worked(picture()).readings["ups1.forecast.runtime_s"].at_ms == NOW - 7
    assert worked(picture(dark=tuple(SEEN))).readings["ups1.forecast.runtime_s"].at_ms == NOW


def test_the_look_that_ends_a_discharge_is_not_taken_for_one_at_rest() -> None:
    sloping = {"ups1": replace(BATTERY, kinds=("ups", "slope"))}
    states: Mapping[str, BatteryState] = {"ups1": BatteryState()}
    known: Derived | None = None
    pictures = [picture(battery__charge_pct=80.0 - minute) for minute in range(20)]
    for image in (*pictures, *[picture(output_source="mains", battery__charge_pct=61.0)] * 3):
        hinted = derive(sloping, states, image, frozenset(), MINUTE, known=known)
        plain = derive(sloping, states, image, frozenset(), MINUTE)
        assert (dict(hinted.readings), hinted.batteries) == (dict(plain.readings), plain.batteries)
        states, known = hinted.batteries, hinted


@pytest.mark.parametrize("learnt", [{}, {"7": (Watched(pct_lasts_ms=30_000, load_pm=400),)}])
def test_whatever_moves_at_rest_a_look_by_what_was_seen_says_what_a_fresh_one_says(
    learnt: dict[str, tuple[Watched, ...]],
) -> None:
    states, known = {"ups1": BatteryState(learnt=learnt)}, None
    moves: list[dict[str, Value]] = [
        {},
        {"output__load_pct": 41.0},
        {"output__power_w": 4_100.0},
        {"output__load_pct": 9.0},
        {"battery__charge_pct": 79.0},
        {"battery__runtime_s": 900.0},
        {"output_source": "unknown"},
    ]
    told = list[Value | None]()
    for turn, moved in enumerate(moves):
        image = picture(now_ms=NOW + 1_000 * turn, **{"output_source": "mains", **moved})
        hinted = derive({"ups1": BATTERY}, states, image, frozenset(), 1_000, known=known)
        fresh = derive({"ups1": BATTERY}, states, image, frozenset(), 1_000)
        assert dict(hinted.readings) == dict(fresh.readings)
        assert hinted.batteries == fresh.batteries
        states, known = dict(hinted.batteries), hinted
        told.append(value(hinted, "forecast.from_table_s"))
    assert len(set(told)) == (4 if learnt else 1)  # the load counts by what was watched, and by nothing else


def test_a_look_that_says_the_same_hands_on_the_very_same_readings() -> None:
    states = {"ups1": BatteryState(learnt={"7": (Watched(pct_lasts_ms=30_000, load_pm=400),)})}
    first = derive({"ups1": BATTERY}, states, picture(output_source="mains"), frozenset(), 0)
    image = picture(now_ms=NOW + 1_000, output_source="mains", output__load_pct=20.01)
    second = derive({"ups1": BATTERY}, dict(first.batteries), image, frozenset(), 1_000, known=first)
    assert second.seen["ups1"] is not first.seen["ups1"]
    assert second.seen["ups1"].figures is first.seen["ups1"].figures
    assert second.seen["ups1"].others is first.seen["ups1"].others


def test_in_the_dark_charge_and_forecast_go_on_by_our_own_clock() -> None:
    state = worked(picture()).batteries["ups1"]
    found = worked(picture(dark=tuple(SEEN), now_ms=NOW + 15 * MINUTE), state, dt_ms=15 * MINUTE)
    assert value(found, "forecast.basis") == "clock"
    assert value(found, "forecast.runtime_s") == value(found, "forecast.believed_s") == 900
    assert value(found, "forecast.charge_pct") == 40.0
    assert value(found, "forecast.discharge_s") == 900
    assert value(found, "forecast.from_ups_s") is None


def test_on_mains_in_the_dark_nothing_is_known() -> None:
    found = worked(picture(dark=tuple(SEEN)))
    assert value(found, "forecast.runtime_s") is None
    assert value(found, "forecast.basis") == "none"
    assert value(found, "forecast.charge_pct") is None


def test_the_plan_says_how_deep_and_by_how_much_the_target_is_missed() -> None:
    found = worked(picture())
    assert value(found, "plan.stages") == 1  # 30 min at 2 kW for a target of 60 min
    assert value(found, "plan.short_s") == 0
    assert value(worked(picture(battery__runtime_s=900.0)), "plan.short_s") == 1_800
    assert value(worked(picture(battery__runtime_s=9_000.0)), "plan.stages") == 0
    assert value(worked(picture(output_source="mains")), "plan.stages") == 0


def test_a_plan_never_gets_shallower_within_an_outage() -> None:
    state = worked(picture()).batteries["ups1"]
    assert value(worked(picture(battery__runtime_s=9_000.0), state, dt_ms=MINUTE), "plan.stages") == 1


def test_what_is_only_doubted_waits_for_its_grace_and_a_forecast_that_is_too_short_does_not() -> None:
    doubted = replace(BATTERY, trust_pct=0)
    enough = picture(battery__runtime_s=9_000.0)
    state = worked(enough, battery=doubted).batteries["ups1"]
    grace_ms = int(60 * MINUTE * 0.05 / 2**1.5)
    found = worked(enough, state, doubted, dt_ms=grace_ms - 1)
    assert value(found, "plan.stages") == 0
    assert value(worked(enough, found.batteries["ups1"], doubted, dt_ms=1), "plan.stages") == 1
    assert value(worked(picture(), battery=doubted), "plan.stages") == 1  # 30 min are not 60, whoever says so


def test_a_test_that_counts_as_an_outage_is_planned_for_and_told_as_one() -> None:
    testing = picture(output_source="test")
    assert value(worked(testing), "forecast.on_battery") is False
    found = derive({"ups1": BATTERY}, {"ups1": BatteryState()}, testing, frozenset(), 0, frozenset({"ups1"}))
    assert value(found, "forecast.on_battery") is True
    assert value(found, "plan.stages") == 1
    mains = picture(output_source="mains")
    found = derive({"ups1": BATTERY}, {"ups1": BatteryState()}, mains, frozenset(), 0, frozenset({"ups1"}))
    assert value(found, "forecast.on_battery") is False


def test_while_the_load_settles_the_plan_waits() -> None:
    settling = replace(worked(picture(battery__runtime_s=9_000.0)).batteries["ups1"], settling_ms=20_000)
    assert value(worked(picture(), settling, dt_ms=1_000), "plan.stages") == 0
    assert value(worked(picture(), settling, dt_ms=30_000), "plan.stages") == 1


def test_without_stages_for_the_target_nothing_is_planned() -> None:
    assert value(worked(picture(), battery=replace(BATTERY, orders=())), "plan.stages") == 0


@pytest.mark.parametrize(
    ("battery", "dark", "load_w"),
    [
        (BATTERY, (), 2_000),
        (BATTERY, ("ups1.output.power_w",), 2_000),  # 20 % of 10 kW
        (replace(BATTERY, power="", rating_w=0), (), 2_000),  # nothing gives watts: as declared
        (replace(BATTERY, power="", load="", rating_w=0), (), 2_000),
        (BATTERY, ("ups1.output.power_w", "ups1.output.load_pct"), 2_000),  # as declared, until it is measured
    ],
)
def test_the_load_is_measured_where_it_can_be(battery: Battery, dark: tuple[str, ...], load_w: int) -> None:
    assert worked(picture(dark), battery=battery).batteries["ups1"].load_w == load_w


def test_a_word_that_is_no_number_and_a_source_that_nobody_knows_count_as_nothing() -> None:
    found = worked(picture(output_source="unknown", battery__charge_pct=True))
    assert value(found, "forecast.charge_pct") is None
    assert value(found, "forecast.on_battery") is False


def test_our_own_clock_wakes_the_cycle_only_while_a_battery_drains() -> None:
    assert due_ms(BatteryState()) is None
    assert due_ms(BatteryState(discharging=True)) == CLOCK_MS


def timed(utc_s: Value | None, source: str = "mains", state: BatteryState | None = None) -> Derived:
    image = picture(output_source=source)
    if utc_s is None:
        return worked(image, state)
    clock = {"clock.utc_s": Reading(value=utc_s, quality=Quality.GOOD, at_ms=NOW)}
    return worked(image.joined(clock), state)


def test_the_days_since_a_battery_last_gave_power_count_from_the_first_sound_clock() -> None:
    assert value(timed(None), "forecast.untried_d") is None
    assert value(timed("noon"), "forecast.untried_d") is None
    day_s = 86_400
    state = timed(1_000_000).batteries["ups1"]
    later = timed(1_000_000 + 200 * day_s, state=state)
    assert value(later, "forecast.untried_d") == 200
    tested = timed(1_000_000 + 200 * day_s, "test", later.batteries["ups1"])
    assert value(tested, "forecast.untried_d") == 0
    after = timed(1_000_000 + 210 * day_s, state=tested.batteries["ups1"])
    assert value(after, "forecast.untried_d") == 10
    assert timed(None, state=after.batteries["ups1"]).batteries["ups1"].tried_s == 1_000_000 + 200 * day_s
    assert timed(5, state=after.batteries["ups1"]).batteries["ups1"].tried_s == 5  # the clock was set back
