"""The plan backwards from the target: how much must go, what each depth lasts, and what hand-cut loads are worth."""

from firmware_py.core.shedplan import Battery, FedLoad, depth, fed_w, ladder

HOUR = 3_600_000
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
