"""Forecasts by arithmetic: each estimate alone, their lowest, the learning, and the clock in the dark."""

from dataclasses import replace

import pytest

from firmware_py.core.forecast import (
    SETTLING_MS,
    BatteryState,
    Estimates,
    Look,
    Mark,
    Watched,
    advance,
    band_of,
    estimate,
    from_slope,
    from_table,
    presume_w,
)

MINUTE = 60_000
SEEN = Look(source="battery", charge_pm=1_000, runtime_ms=60 * MINUTE, load_pm=400, load_w=4_000, fed_w=4_000)


def discharge(state: BatteryState, *looks: Look, dt_ms: int = MINUTE) -> BatteryState:
    for look in looks:
        state, _ = advance(state, look, dt_ms=dt_ms, trust_pct=0)
    return state


def falling(from_pm: int, to_pm: int, look: Look = SEEN) -> list[Look]:
    return [replace(look, charge_pm=charge, runtime_ms=None) for charge in range(from_pm, to_pm - 1, -10)]


def test_on_mains_nothing_is_remembered_but_what_was_learnt() -> None:
    learnt = {"9": (Watched(pct_lasts_ms=MINUTE, load_pm=400),)}
    rest = BatteryState(learnt=learnt)
    on, _ = advance(rest, SEEN, dt_ms=0, trust_pct=0)
    assert on.discharging
    assert on.outage
    off, _ = advance(on, replace(SEEN, source="mains"), dt_ms=MINUTE, trust_pct=0)
    assert off == rest
    assert advance(off, replace(SEEN, source="mains"), dt_ms=MINUTE, trust_pct=0)[0] is off


def test_a_self_test_discharges_and_is_no_outage() -> None:
    state = discharge(BatteryState(), replace(SEEN, source="test"))
    assert state.discharging
    assert not state.outage


def test_an_unknown_source_leaves_things_as_they_were() -> None:
    state = discharge(BatteryState(), SEEN, replace(SEEN, source=None))
    assert state.discharging
    assert state.outage
    assert not discharge(BatteryState(), replace(SEEN, source=None)).discharging


def test_no_runtime_beside_a_charged_battery_is_no_figure() -> None:
    assert estimate(BatteryState(), replace(SEEN, runtime_ms=0)).ups_ms is None
    assert estimate(BatteryState(), replace(SEEN, runtime_ms=0, charge_pm=50)).ups_ms == 0
    assert estimate(BatteryState(), replace(SEEN, runtime_ms=0, charge_pm=None)).ups_ms == 0


def test_only_the_estimates_that_the_site_goes_by_are_made() -> None:
    state = BatteryState(
        marks=(Mark(at_ms=0, charge_pm=990), Mark(at_ms=4 * MINUTE, charge_pm=950)), outage_ms=4 * MINUTE,
        learnt={"9": (Watched(pct_lasts_ms=MINUTE, load_pm=400),)},
    )  # fmt: skip
    assert set(estimate(state, replace(SEEN, charge_pm=950)).named) == {"ups", "slope", "table"}
    assert set(estimate(state, replace(SEEN, charge_pm=950, kinds=frozenset({"ups"}))).named) == {"ups"}
    assert set(estimate(state, replace(SEEN, charge_pm=950, kinds=frozenset({"slope"}))).named) == {"slope"}
    assert Estimates().named == {}


def test_a_slope_needs_three_percent_of_fall() -> None:
    state = discharge(BatteryState(), *falling(1_000, 970))
    assert from_slope(state) is None
    state = discharge(state, *falling(960, 960))
    assert from_slope(state) == 96 * MINUTE
    assert from_slope(BatteryState(marks=(Mark(at_ms=0, charge_pm=990),))) is None


def test_between_two_steps_of_the_gauge_the_slope_counts_on_but_not_for_ever() -> None:
    state = discharge(BatteryState(), *falling(1_000, 950))
    assert from_slope(replace(state, outage_ms=state.outage_ms + MINUTE // 2)) == 95 * MINUTE - MINUTE // 2
    assert from_slope(replace(state, outage_ms=state.outage_ms + 50 * MINUTE)) == 94 * MINUTE


@pytest.mark.parametrize(("charge_pm", "band"), [(1_000, 9), (901, 9), (900, 8), (1, 0), (0, 0)])
def test_a_band_includes_its_upper_end(charge_pm: int, band: int) -> None:
    assert band_of(charge_pm) == band


def test_a_band_that_was_passed_at_a_steady_load_is_learnt() -> None:
    state = discharge(BatteryState(), *falling(1_000, 800))
    assert state.learnt == {
        "9": (Watched(pct_lasts_ms=MINUTE, load_pm=400),),
        "8": (Watched(pct_lasts_ms=MINUTE, load_pm=400),),
    }


def test_bands_that_were_fallen_through_share_the_time() -> None:
    state = discharge(BatteryState(), replace(SEEN, charge_pm=1_000), replace(SEEN, charge_pm=700))
    assert {band: lines[0].pct_lasts_ms for band, lines in state.learnt.items()} == dict.fromkeys("987", MINUTE // 30)


def test_a_sliver_of_a_band_teaches_nothing() -> None:
    assert discharge(BatteryState(), *falling(920, 890)).learnt == {}
    assert set(discharge(BatteryState(), *falling(920, 800)).learnt) == {"8"}


def test_the_newest_watch_of_a_load_counts_and_other_loads_stay() -> None:
    old = (Watched(pct_lasts_ms=5, load_pm=380), Watched(pct_lasts_ms=7, load_pm=800))
    state = discharge(BatteryState(learnt={"9": old}), *falling(1_000, 900))
    assert state.learnt["9"] == (old[1], Watched(pct_lasts_ms=MINUTE, load_pm=400))


def test_a_step_of_load_begins_the_watch_anew() -> None:
    half = replace(SEEN, load_pm=200, load_w=2_000)
    state = discharge(BatteryState(), *falling(1_000, 950), *falling(940, 900, half))
    assert state.learnt == {"9": (Watched(pct_lasts_ms=MINUTE, load_pm=200),)}
    assert state.marks[0].charge_pm == 930
    shed = replace(SEEN, fed_w=3_000)
    state = discharge(BatteryState(), *falling(1_000, 950), replace(shed, charge_pm=940), dt_ms=5_000)
    assert state.settling_ms == SETTLING_MS
    assert (state.marks, state.since, state.learnt) == ((), None, {})


def test_after_settling_the_watch_begins_with_the_next_step_of_the_gauge() -> None:
    shed = replace(SEEN, fed_w=3_000)
    state = discharge(BatteryState(), SEEN, shed, shed, shed)
    assert state.since is None
    state = discharge(state, replace(shed, charge_pm=990))
    assert state.since == Mark(at_ms=state.outage_ms, charge_pm=990)


def test_a_gauge_that_rises_in_a_discharge_begins_anew() -> None:
    state = discharge(BatteryState(), *falling(960, 930), replace(SEEN, charge_pm=950))
    assert state.marks == (Mark(at_ms=4 * MINUTE, charge_pm=950),)


def test_the_table_goes_by_the_nearest_load_on_the_cautious_side() -> None:
    learnt = {"9": (Watched(pct_lasts_ms=MINUTE, load_pm=400), Watched(pct_lasts_ms=3 * MINUTE, load_pm=100))}
    assert from_table(learnt, 1_000, 400) == (100 * MINUTE, 10 * MINUTE)
    assert from_table(learnt, 1_000, 300) == (100 * MINUTE * 4 // 3, 10 * MINUTE * 4 // 3)  # less load: in proportion
    assert from_table(learnt, 1_000, 200)[1] == 636_390  # more load: 30 min by two to the power of 1.5
    assert from_table(learnt, 1_000, 0)[1] == 30 * MINUTE  # no load known: the line as it stands


def test_a_band_that_was_never_watched_counts_as_the_fastest_and_ends_what_is_proven() -> None:
    lines = {"9": (Watched(pct_lasts_ms=2 * MINUTE, load_pm=400),), "7": (Watched(pct_lasts_ms=MINUTE, load_pm=400),)}
    total_ms, proven_ms = from_table(lines, 1_000, 400)
    assert (total_ms, proven_ms) == ((20 + 10 + 10 + 70) * MINUTE, 20 * MINUTE)
    assert from_table(lines, 900, 400) == ((10 + 10 + 70) * MINUTE, 0)
    assert from_table(lines, 600, 400) == (None, 0)
    assert from_table({}, 600, 400) == (None, 0)


def test_a_forecast_is_believed_as_far_as_it_was_watched() -> None:
    learnt = {"9": (Watched(pct_lasts_ms=MINUTE, load_pm=400),)}
    for trust_pct, believed_min in ((0, 10), (50, 35), (100, 60)):
        state, _ = advance(BatteryState(learnt=learnt), SEEN, dt_ms=0, trust_pct=trust_pct)
        assert (state.left_ms, state.believed_ms) == (60 * MINUTE, believed_min * MINUTE)


def test_in_the_dark_the_own_clock_runs_down_what_was_left() -> None:
    dark = replace(SEEN, source=None, charge_pm=None, runtime_ms=None, load_pm=None, load_w=None)
    state, _ = advance(BatteryState(), SEEN, dt_ms=0, trust_pct=100)
    state, found = advance(state, dark, dt_ms=10 * MINUTE, trust_pct=100)
    assert found.named == {}
    assert (state.left_ms, state.believed_ms, state.dark_left_ms) == (50 * MINUTE, 50 * MINUTE, 60 * MINUTE)
    state, _ = advance(state, replace(dark, fed_w=2_000), dt_ms=0, trust_pct=100)
    assert (state.left_ms, state.load_w, state.load_pm, state.dark_left_ms) == (100 * MINUTE, 2_000, 200, 120 * MINUTE)
    state, _ = advance(state, replace(dark, fed_w=2_000), dt_ms=500 * MINUTE, trust_pct=100)
    assert (state.left_ms, state.believed_ms) == (0, 0)
    lit, _ = advance(state, replace(SEEN, fed_w=2_000, load_w=2_000), dt_ms=MINUTE, trust_pct=100)
    assert (lit.left_ms, lit.dark_left_ms) == (60 * MINUTE, None)


def test_what_was_shed_while_the_ups_still_spoke_counts_before_its_figures_follow() -> None:
    state, _ = advance(BatteryState(), SEEN, dt_ms=0, trust_pct=100)
    state, _ = advance(state, replace(SEEN, load_w=None, load_pm=None, fed_w=2_000), dt_ms=MINUTE, trust_pct=100)
    assert (state.load_w, state.dark_left_ms) == (2_000, None)


def test_darkness_from_the_first_moment_gives_no_figure() -> None:
    blind = Look(source="battery", fed_w=1_000)
    state, _ = advance(BatteryState(), blind, dt_ms=0, trust_pct=100)
    state, _ = advance(state, blind, dt_ms=MINUTE, trust_pct=100)
    assert state.left_ms is None
    assert state.outage_ms == MINUTE


def test_load_that_goes_is_scaled_as_the_whole_measures() -> None:
    assert presume_w(4_000, 4_000, 3_000) == 3_000
    assert presume_w(5_000, 4_000, 3_000) == 4_000  # what nobody declared stays
    assert presume_w(2_000, 4_000, 3_000) == 1_500  # declared more than it draws
    assert presume_w(700, 0, 0) == 700
    assert presume_w(4_000, 4_000, 0) == 0
