"""The plan backwards from the target: how much must go, what each depth lasts, and what hand-cut loads are worth."""

from dataclasses import replace

import pytest

from firmware_py.core.shedplan import Battery, FedLoad, Rung, depth, fed_w, grace_ms, ladder

MINUTE = 60_000
HOUR = 60 * MINUTE
BATTERY = Battery(
    id="ups1",
    source="ups1.output_source",
    loads=(
        FedLoad(id="inbound", watts_w=1_000),
        FedLoad(id="pantry", watts_w=1_000, output="feed.pantry", order=1),
        FedLoad(id="office", watts_w=1_000, output="feed.office", order=2),
        FedLoad(id="lamps", watts_w=1_000, output="feed.lamps"),
    ),
    orders=(1, 2),
)
NONE: frozenset[str] = frozenset()


def test_each_rung_lasts_at_least_in_proportion_to_what_is_left() -> None:
    rungs = ladder(BATTERY, runtime_ms=2 * HOUR, load_w=4_000, off=NONE)
    assert [(rung.order, rung.load_w) for rung in rungs] == [(0, 4_000), (1, 3_000), (2, 2_000)]
    assert [rung.runtime_ms for rung in rungs] == [2 * HOUR, 2 * HOUR * 4 // 3, 4 * HOUR]


def test_load_that_nobody_declared_makes_shedding_worth_less() -> None:
    rungs = ladder(BATTERY, runtime_ms=2 * HOUR, load_w=8_000, off=NONE)
    assert [rung.load_w for rung in rungs] == [8_000, 7_000, 6_000]


def test_what_is_off_already_is_not_counted_twice() -> None:
    off = frozenset({"feed.pantry"})
    assert fed_w(BATTERY, off) == 3_000
    assert [rung.load_w for rung in ladder(BATTERY, runtime_ms=HOUR, load_w=3_000, off=off)] == [3_000, 3_000, 2_000]


def test_the_shallowest_depth_that_reaches_the_target_with_its_reserve_is_enough() -> None:
    rungs = ladder(BATTERY, runtime_ms=2 * HOUR, load_w=4_000, off=NONE)
    assert depth(rungs, HOUR) == 0
    assert depth(rungs, 2 * HOUR) == 1  # exactly the target leaves no reserve
    assert depth(rungs, 3 * HOUR) == 2
    assert depth(rungs, 9 * HOUR) == 2  # out of reach: everything that may go


def test_without_any_load_nothing_is_bought() -> None:
    assert {rung.runtime_ms for rung in ladder(BATTERY, runtime_ms=HOUR, load_w=0, off=NONE)} == {HOUR}


@pytest.mark.parametrize(
    ("whole_w", "kept_w", "endurance_min", "grace_min"),
    [(1_000, 1_000, 100, 5.0), (4_000, 1_000, 240, 1.5), (4_000, 1_000, 24 * 60, 9.0), (1_000, 1_000, 900, 10.0)],
)
def test_doubt_waits_for_as_long_as_it_costs_a_twentieth_of_the_target_at_most(
    whole_w: int, kept_w: int, endurance_min: int, grace_min: float
) -> None:
    battery = replace(BATTERY, endurance_ms=endurance_min * MINUTE)
    rungs = [Rung(order=n, load_w=load_w, runtime_ms=0) for n, load_w in enumerate((whole_w, kept_w))]
    assert grace_ms(battery, rungs) == grace_min * MINUTE


def test_a_battery_that_would_carry_nothing_has_no_grace() -> None:
    assert grace_ms(BATTERY, [Rung(order=0, load_w=0, runtime_ms=0)]) == 0
