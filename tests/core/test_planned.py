"""Announced cuts by the clock: which phase, how far away, how late; nothing without a sound clock."""

import pytest

from firmware_py.core.calendar import second_of_day, seconds_of
from firmware_py.core.image import InputImage
from firmware_py.core.planned import CLOCK_POINT, NOTE, OVERDUE, PHASE, STARTS_IN, Cut, current, declare, derive
from firmware_py.core.reading import Quality, Reading, Reason, Value

START = seconds_of("2026-12-01T08:00+08:00")
END = seconds_of("2026-12-01T12:00+08:00")
CUT = Cut(start_s=START, end_s=END, note="switchgear")
HOUR = 3_600
DAY = 24 * HOUR


def at(utc_s: Value, *cuts: Cut) -> dict[str, Value | None]:
    clock = Reading(value=utc_s, quality=Quality.GOOD, at_ms=5)
    image = InputImage(now_ms=9, readings={CLOCK_POINT: clock})
    found = derive(cuts or (CUT,), image)
    points = {point.id: point for point in declare()}
    assert all(reading.value is None or points[name].fits(reading.value) for name, reading in found.items())
    return {name: reading.value for name, reading in found.items()}


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("1970-01-01T00:00Z", 0),
        ("2026-12-01T08:00+08:00", 1_796_083_200),
        ("2028-02-29 23:59-05:30", 1_835_501_340),
        ("2000-03-01T00:00Z", 951_868_800),
    ],
)
def test_a_written_date_becomes_seconds(text: str, known: int) -> None:
    assert seconds_of(text) == known


@pytest.mark.parametrize(
    "text", ["2026-12-01", "2026-02-29T00:00Z", "2100-02-29T00:00Z", "2026-13-01T00:00Z", "2026-12-00T00:00Z",
             "2026-12-01T24:00Z", "2026-12-01T10:60Z", "1969-01-01T00:00Z", "tomorrow"],
)  # fmt: skip
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="date"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("utc_s", "phase"),
    [
        (START - 8 * DAY, "none"),
        (START - 7 * DAY, "noticed"),
        (START - DAY, "soon"),
        (START, "running"),
        (END - 1, "running"),
        (END, "overrun"),
        (END + DAY, "none"),
    ],
)
def test_the_phase_follows_the_clock(utc_s: int, phase: str) -> None:
    assert at(utc_s)[PHASE] == phase


def test_how_far_and_how_late() -> None:
    assert at(START - DAY)[STARTS_IN] == DAY
    assert at(START + HOUR)[STARTS_IN] == 0
    assert at(END + HOUR)[OVERDUE] == HOUR
    assert at(START)[NOTE] == "switchgear"
    assert at(START - 30 * DAY) == {PHASE: "none", STARTS_IN: 30 * DAY, OVERDUE: 0, NOTE: ""}


def test_of_several_cuts_the_nearest_of_the_furthest_phase_counts() -> None:
    later = Cut(start_s=START + 3 * DAY, end_s=END + 3 * DAY, note="second")
    assert at(START - DAY, later, CUT)[NOTE] == "switchgear"
    assert at(END + HOUR, later, CUT)[PHASE] == "overrun"
    assert at(END + 2 * DAY, later, CUT)[NOTE] == "second"


def test_without_a_sound_clock_or_a_cut_nothing_is_said() -> None:
    dark = Reading(value=START, quality=Quality.BAD, at_ms=5, because=Reason.STALE)
    found = derive((CUT,), InputImage(now_ms=9, readings={CLOCK_POINT: dark}))
    assert {reading.quality for reading in found.values()} == {Quality.BAD}
    assert set(at("noon").values()) == {None}
    assert {reading.quality for reading in derive((), InputImage(now_ms=9)).values()} == {Quality.BAD}


def clock(utc_s: int) -> InputImage:
    return InputImage(now_ms=9, readings={CLOCK_POINT: Reading(value=utc_s, quality=Quality.GOOD, at_ms=5)})


def test_with_no_cut_the_phase_is_none_and_nothing_starts() -> None:
    found = {name: reading.value for name, reading in derive((), clock(START)).items() if reading.good}
    assert found == {PHASE: "none", OVERDUE: 0, NOTE: ""}


def test_what_is_long_past_is_forgotten_by_a_sound_clock_only() -> None:
    cuts = (CUT, Cut(start_s=START + 9 * DAY, end_s=END + 9 * DAY))
    assert current(cuts, clock(END + DAY - 1)) is cuts
    assert current(cuts, clock(END + DAY)) == cuts[1:]
    assert current(cuts, InputImage(now_ms=9)) is cuts


@pytest.mark.parametrize("text", ["noon", "25:00Z", "09:61Z", "09:30"])
def test_a_time_of_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time with its offset"):
        second_of_day(text)
