"""The simulated floor by itself: energy, warmth, calls, and what the wires show of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.site import load_site
from firmware_py.demo.floor import make_world
from firmware_py.demo.folder import SHIPPED
from firmware_py.demo.peers import UPS_MIB, counts, sim_trunk, ups_rows, zone_states
from firmware_py.demo.world import (
    BACKUP_GATE,
    LONGEST_MIN,
    OUTBOUND_GATE,
    Battery,
    Load,
    Room,
    World,
    Zone,
)

SECOND = 1_000


def floor() -> World:
    return make_world(load_site(SHIPPED), haste=60)


def cut(world: World, *names: str) -> None:
    for load in world.loads:
        if load.name in names:
            assert load.coil is not None
            world.coils[load.coil] = True


def test_the_site_s_loads_are_what_the_ups_carries() -> None:
    world = floor()
    assert world.load_w == world.whole_load_w == 4_508
    cut(world, "pantry", "displays")
    assert (world.load_w, world.whole_load_w) == (3_258, 4_508)


def test_on_battery_a_second_of_the_demo_costs_a_minute_of_the_load() -> None:
    world = floor()
    world.mains = False
    world.advance(SECOND)
    assert world.battery.capacity_mwh - world.battery.charge_mwh == -(-4_508_000 // 60)
    assert world.on_battery_ms == 60_000


def test_shedding_buys_minutes() -> None:
    world = floor()
    world.mains = False
    before = world.runtime_min(world.load_w)
    cut(world, "pantry", "displays", "office", "outbound_desks")
    after = world.runtime_min(world.load_w)
    assert (before, after) == (59, 185)
    world.advance(30 * SECOND)
    assert world.runtime_min(world.load_w) == after - 30


@given(steps=st.lists(st.integers(1, 5_000), max_size=60), power_w=st.integers(-6_000, 6_000))
def test_no_energy_is_lost_in_rounding(steps: list[int], power_w: int) -> None:
    whole = Battery(capacity_mwh=10**9, charge_mwh=5 * 10**8)
    parts = Battery(capacity_mwh=10**9, charge_mwh=5 * 10**8)
    whole.move(power_w, sum(steps))
    for step in steps:
        parts.move(power_w, step)
    assert (parts.charge_mwh, parts.rest_mj) == (whole.charge_mwh, whole.rest_mj)


@given(steps=st.lists(st.tuples(st.booleans(), st.integers(0, 600_000)), max_size=30))
def test_a_battery_is_never_fuller_than_full_nor_emptier_than_empty(steps: list[tuple[bool, int]]) -> None:
    world = floor()
    for mains, dt_ms in steps:
        world.mains = mains
        world.advance(dt_ms)
        assert 0 <= world.battery.charge_mwh <= world.battery.capacity_mwh
        assert 0 <= world.charge_pct <= 100


def test_an_empty_battery_shows_as_no_output_and_depleted() -> None:
    world = floor()
    world.mains = False
    world.advance(3_600 * SECOND)
    rows = ups_rows(world, 0)
    assert rows[f"{UPS_MIB}.4.1.0"] == 2
    assert rows[f"{UPS_MIB}.2.1.0"] == 4
    assert rows[f"{UPS_MIB}.2.4.0"] == rows[f"{UPS_MIB}.2.3.0"] == 0


def test_a_low_battery_shows_as_low_and_a_charging_one_comes_back() -> None:
    world = floor()
    world.mains = False
    world.advance(49 * SECOND)
    assert ups_rows(world, 0)[f"{UPS_MIB}.2.1.0"] == 3
    assert ups_rows(world, 0)[f"{UPS_MIB}.4.1.0"] == 5
    world.mains = True
    world.advance(200 * SECOND)
    assert world.charge_pct == 100
    assert ups_rows(world, 1_230)["1.3.6.1.2.1.1.3.0"] == 123


def test_without_a_load_the_forecast_stays_below_the_card_s_mark_for_unknown() -> None:
    assert World(loads=()).runtime_min(0) == LONGEST_MIN
    assert World(loads=(Load(name="led", watts_w=1),)).runtime_min(1) == LONGEST_MIN


def test_the_room_warms_without_cooling_slower_with_fans_and_cools_down_again() -> None:
    world = floor()
    world.advance(60 * SECOND)
    assert world.room.temp_mc == 22_000
    world.cooling_works = False
    world.advance(5 * SECOND)
    assert world.room.temp_mc == 25_500
    assert world.fan_coil is not None
    world.coils[world.fan_coil] = True
    world.advance(5 * SECOND)
    assert world.room.temp_mc == 27_500
    world.cooling_works = True
    world.advance(60 * SECOND)
    assert world.room.temp_mc == 22_000


@given(steps=st.lists(st.integers(1, 3_000), max_size=40), cooled=st.booleans())
def test_warmth_does_not_depend_on_the_size_of_the_steps(steps: list[int], cooled: bool) -> None:
    whole, parts = Room(temp_mc=30_000), Room(temp_mc=30_000)
    whole.move(cooled=cooled, fanned=False, dt_ms=sum(steps))
    for step in steps:
        parts.move(cooled=cooled, fanned=False, dt_ms=step)
    assert parts.temp_mc == whole.temp_mc


def test_calls_are_shared_over_what_is_up_and_the_backup_carries_none_until_it_is_the_route() -> None:
    world = floor()
    assert [world.calls_on(name) for name in world.trunks] == [(3, 2), (3, 2), (3, 2), (0, 0), (0, 0)]
    world.trunks["main1"].up = world.trunks["main2"].up = False
    assert world.calls_on("main1") == (0, 0)
    assert world.calls_on("main3") == (8, 0)  # full, and people who call in go first
    world.gates[BACKUP_GATE] = True
    assert [sum(world.calls_on(name)) for name in ("main3", "backup1", "backup2")] == [5, 4, 4]


def test_a_closed_gate_leaves_the_lines_to_people_who_call_in() -> None:
    world = floor()
    world.gates[OUTBOUND_GATE] = True
    assert [world.calls_on(name) for name in ("main1", "main2", "main3")] == [(3, 0), (3, 0), (3, 0)]
    shown = sim_trunk(world.trunks["main1"])
    assert set(counts(world, world.trunks["main1"])) == set(shown.groups)
    assert not world.announcement


@pytest.mark.parametrize("zone", [Zone(), Zone(fire=True), Zone(fire=True, walk_test=True), Zone(fault=True)])
def test_a_zone_shows_exactly_its_flags(zone: Zone) -> None:
    shown = zone_states(zone)
    assert ("fire" in shown, "fault" in shown, "walk_test" in shown) == (zone.fire, zone.fault, zone.walk_test)


def test_a_reset_panel_forgets_its_fires_and_keeps_its_tests() -> None:
    world = floor()
    world.zones[0].fire, world.zones[1].walk_test = True, True
    world.reset_panel()
    assert (world.zones[0].fire, world.zones[1].walk_test) == (False, True)
