"""The small values: points, readings, outputs with their patterns, the calendar, the frozen image."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.calendar import year_of
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import freeze
from firmware_py.core.mode import Mode
from firmware_py.core.output import PATTERN_STEPS, Output, Pattern, StopValue, level, next_edge_ms
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Sample, Value, bad


def point(kind: Kind, words: tuple[str, ...] = ()) -> Point:
    return Point(id="p", kind=kind, stale_after_ms=1_000, low=0, high=100, words=words)


@pytest.mark.parametrize(
    ("kind", "value", "fits"),
    [
        (Kind.FLAG, True, True),
        (Kind.FLAG, 1, False),
        (Kind.INTEGER, 5, True),
        (Kind.INTEGER, True, False),
        (Kind.INTEGER, 5.0, False),
        (Kind.INTEGER, 101, False),
        (Kind.NUMBER, 5, True),
        (Kind.NUMBER, 99.9, True),
        (Kind.NUMBER, -0.1, False),
        (Kind.NUMBER, False, False),
        (Kind.NUMBER, float("nan"), False),
        (Kind.NUMBER, float("inf"), False),
        (Kind.NUMBER, "5", False),
        (Kind.TEXT, "x", True),
        (Kind.TEXT, 1, False),
    ],
)
def test_a_value_fits_its_point_by_type_and_range(kind: Kind, value: Value, fits: bool) -> None:
    assert point(kind).fits(value) is fits


def test_a_word_is_one_of_a_closed_set() -> None:
    declared = point(Kind.WORD, ("mains", "battery"))
    assert declared.fits("mains")
    assert not declared.fits("Mains")


def test_a_number_without_range_takes_any_finite_value() -> None:
    free = Point(id="p", kind=Kind.NUMBER, stale_after_ms=1)
    assert free.fits(-1e300)
    assert not free.fits(float("-inf"))


def test_points_that_make_no_sense_are_refused() -> None:
    with pytest.raises(AssertionError):
        Point(id="p", kind=Kind.WORD, stale_after_ms=1)
    with pytest.raises(AssertionError):
        Point(id="p", kind=Kind.FLAG, stale_after_ms=0)


def test_a_reason_goes_with_every_doubt_and_only_then() -> None:
    assert bad(Reason.SENTINEL, "65535") == Sample(
        value=None, quality=Quality.BAD, because=Reason.SENTINEL, detail="65535"
    )
    with pytest.raises(AssertionError):
        Sample(value=1, quality=Quality.BAD)
    with pytest.raises(AssertionError):
        Sample(value=1, because=Reason.STALE)
    with pytest.raises(AssertionError):
        Sample(value=None)


@given(pattern=st.sampled_from(Pattern), phase_ms=st.integers(0, 10**7))
def test_a_pattern_changes_exactly_at_its_edges(pattern: Pattern, phase_ms: int) -> None:
    left_ms = next_edge_ms(pattern, phase_ms)
    assert left_ms is not None and left_ms > 0
    now = level(pattern, phase_ms)
    assert level(pattern, phase_ms + left_ms - 1) is now
    assert level(pattern, phase_ms + left_ms) is not now


def test_a_steady_value_has_no_edge() -> None:
    assert level(True, 5) and not level(False, 5)
    assert next_edge_ms(True, 5) is None


def test_flash_rates_are_those_of_the_standard() -> None:
    assert sum(PATTERN_STEPS[Pattern.FLASH]) == 500  # 2 Hz
    assert sum(PATTERN_STEPS[Pattern.SLOW]) == 2_000  # 0.5 Hz


@pytest.mark.parametrize("pattern", [Pattern.SOUND_HIGH, Pattern.SOUND_MEDIUM, Pattern.SOUND_LOW])
def test_no_sound_is_like_an_evacuation_signal(pattern: Pattern) -> None:
    steps = PATTERN_STEPS[pattern]
    temporal_3, temporal_4, march = (
        (500, 500, 500, 500, 500, 1_500),
        (100, 100, 100, 100, 100, 100, 100, 5_000),
        (500, 500),
    )
    for signal in (temporal_3, temporal_4, march):
        assert steps != signal
    # ISO 8201 allows 10 %: no pulse of ours is as long as half of theirs, and ours come in fives, threes or alone.
    assert max(steps[::2]) <= 250
    assert len(steps) // 2 != 4


def test_every_pattern_has_steps_in_pairs() -> None:
    assert set(PATTERN_STEPS) == set(Pattern)
    assert all(len(steps) % 2 == 0 and min(steps) > 0 for steps in PATTERN_STEPS.values())


def test_an_output_with_negative_stays_is_refused() -> None:
    with pytest.raises(AssertionError):
        Output(id="o", on_stop=StopValue.OFF, on_fault=StopValue.OFF, min_on_ms=-1)


@given(st.datetimes(min_value=datetime.datetime(1970, 1, 1), max_value=datetime.datetime(9999, 12, 31)))
def test_the_year_agrees_with_the_calendar(moment: datetime.datetime) -> None:
    seconds = int((moment - datetime.datetime(1970, 1, 1)).total_seconds())
    assert year_of(seconds) == moment.year


def test_modes_have_words_and_an_order() -> None:
    assert [mode.word for mode in sorted(Mode)] == ["normal", "recovery", "conservation", "evacuation"]


def test_freezing_makes_old_readings_stale_and_keeps_their_value() -> None:
    declared = point(Kind.NUMBER)
    fresh = {"p": Reading(value=5.0, quality=Quality.GOOD, at_ms=1_000)}
    image = freeze([declared], fresh, 2_000)
    assert image["p"].good and image.stale_at_ms == 2_001
    stale = freeze([declared], fresh, 2_001)
    assert (stale["p"].value, stale["p"].quality, stale["p"].because) == (5.0, Quality.BAD, Reason.STALE)
    assert stale.stale_at_ms is None


def test_a_point_that_was_never_read_is_bad_and_not_yet() -> None:
    image = freeze([point(Kind.NUMBER)], {}, 5)
    assert image["p"].because is Reason.NOT_YET
    assert image["unheard.of"].because is Reason.NOT_YET


def test_the_first_point_to_turn_stale_is_told() -> None:
    points = [Point(id=name, kind=Kind.FLAG, stale_after_ms=ms) for name, ms in (("a", 900), ("b", 300), ("c", 500))]
    readings = {name: Reading(value=True, quality=Quality.GOOD, at_ms=100) for name in "abc"}
    assert freeze(points, readings, 200).stale_at_ms == 401


def test_an_event_carries_what_it_is_given() -> None:
    event = Event(type="a.b", severity=Severity.INFO, at_ms=1, data={"charge_pct": 96})
    assert event.data["charge_pct"] == 96 and event.incident is None and not event.drill
