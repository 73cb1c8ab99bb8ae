"""A standby generator: tries, minimum run, a feedback that lies or is lost, and the monthly trial."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from firmware_py.core.condition import ConditionState
from firmware_py.core.condition import Phase as Seen
from firmware_py.core.generator import (
    BREAK_MS,
    CARRIES,
    CLOCK_POINT,
    FAILED,
    PHASE,
    RUN,
    Generator,
    GeneratorState,
    Phase,
    advance,
    declare,
    due_ms,
    show,
)
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason

SECOND = 1_000
MINUTE = 60_000
DAY_S = 86_400
UP = "contact.generator"
PLANT = Generator(
    reasons=("low",), gates=("out",), running=UP, start_within_ms=30 * SECOND, tries_count=2,
    minimum_run_ms=10 * MINUTE, test_run_ms=5 * MINUTE, test_every_s=28 * DAY_S,
)  # fmt: skip


@dataclass
class Yard:
    """The generator, what asks for it, and a person who turns its feedback."""

    plant: Generator = PLANT
    state: GeneratorState = field(default_factory=GeneratorState)
    wanted: bool = False
    outage: bool = True
    runs: bool | None = False
    utc_s: int | None = None
    now_ms: int = 0

    def go(self, ms: int = 0, **changes: object) -> GeneratorState:
        for name, value in changes.items():
            setattr(self, name, value)
        self.now_ms += ms
        holding = {"low": self.wanted, "out": self.outage}
        conditions = {name: ConditionState(phase=Seen.ACTIVE if on else Seen.CLEAR) for name, on in holding.items()}
        readings = {UP: _read(self.runs), CLOCK_POINT: _read(self.utc_s)}
        image = InputImage(now_ms=self.now_ms, readings=readings)
        self.state = advance(self.plant, self.state, conditions, image, dt_ms=ms)
        return self.state

    def shown(self) -> Mapping[str, object]:
        return {name: reading.value for name, reading in show(self.state, self.now_ms)}


def _read(value: bool | int | None) -> Reading:
    if value is None:
        return Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.NO_COMMUNICATION)
    return Reading(value=value, quality=Quality.GOOD, at_ms=0)


def running() -> Yard:
    yard = Yard(wanted=True)
    yard.go()
    yard.go(5 * SECOND, runs=True)
    return yard


def test_it_is_asked_for_runs_for_its_minimum_and_rests() -> None:
    yard = Yard(wanted=True)
    assert yard.go().phase is Phase.STARTING
    assert yard.shown() == {RUN: True, CARRIES: False, FAILED: False, PHASE: "starting"}
    assert yard.go(5 * SECOND, runs=True).phase is Phase.RUNNING
    assert yard.shown() == {RUN: True, CARRIES: True, FAILED: False, PHASE: "running"}
    assert yard.go(9 * MINUTE, wanted=False).asked
    assert yard.go(MINUTE) == GeneratorState()


def test_a_reason_without_an_outage_starts_nothing_but_keeps_what_runs() -> None:
    yard = Yard(wanted=True, outage=False)
    assert yard.go().phase is Phase.REST
    yard = running()
    assert yard.go(3 * 60 * MINUTE, outage=False).phase is Phase.RUNNING


def test_two_tries_with_a_break_then_it_has_failed_until_its_reasons_end() -> None:
    yard = Yard(wanted=True)
    yard.go()
    assert yard.go(30 * SECOND).phase is Phase.PAUSING
    assert yard.shown()[RUN] is False
    assert yard.go(BREAK_MS - 1).phase is Phase.PAUSING
    assert yard.go(1).phase is Phase.STARTING
    assert yard.go(30 * SECOND).phase is Phase.FAILED
    assert (yard.shown()[FAILED], yard.shown()[RUN]) == (True, False)
    assert yard.go(60 * MINUTE).phase is Phase.FAILED
    assert yard.go(SECOND, wanted=False) == GeneratorState(failed=True)
    yard.go(SECOND, wanted=True)
    assert yard.go(SECOND, runs=True).failed is False


def test_people_who_start_it_on_the_spot_end_the_failure() -> None:
    yard = Yard(plant=replace(PLANT, tries_count=1), wanted=True)
    yard.go()
    assert yard.go(30 * SECOND).phase is Phase.FAILED
    assert yard.go(SECOND, runs=True) == GeneratorState(phase=Phase.RUNNING)


@pytest.mark.parametrize("into_ms", [0, 31 * SECOND])
def test_a_reason_that_ends_before_it_runs_ends_the_tries(into_ms: int) -> None:
    yard = Yard(wanted=True)
    yard.go()
    yard.go(into_ms)
    assert yard.go(SECOND, wanted=False) == GeneratorState()


def test_a_feedback_that_nobody_can_read_is_told_and_stops_nothing() -> None:
    yard = Yard(wanted=True, runs=None)
    yard.go()
    for _ in range(3):
        assert yard.go(40 * SECOND).phase is Phase.STARTING
        assert (yard.shown()[FAILED], yard.shown()[RUN]) == (True, True)
    assert yard.go(SECOND, runs=True).failed is False
    assert yard.go(60 * MINUTE, runs=None).phase is Phase.RUNNING


def test_one_that_stops_by_itself_is_tried_anew_and_a_bad_contact_is_borne() -> None:
    yard = running()
    yard.go(5 * SECOND, runs=False)
    assert yard.go(SECOND, runs=True).lost_ms == 0
    yard.go(5 * SECOND, runs=False)
    assert yard.go(5 * SECOND).phase is Phase.PAUSING
    yard.go(BREAK_MS)
    assert (yard.state.phase, yard.state.attempt_count) == (Phase.STARTING, 1)


def trial_yard(**changes: object) -> Yard:
    yard = Yard(outage=False, utc_s=1_000_000)
    yard.go(**changes)
    return yard


def test_after_four_weeks_without_a_run_it_is_tried_out() -> None:
    yard = trial_yard()
    assert yard.go(utc_s=1_000_000 + 28 * DAY_S - 1).phase is Phase.REST
    due_s = 1_000_000 + 28 * DAY_S
    assert yard.go(SECOND, utc_s=due_s).trial
    assert yard.shown()[PHASE] == "trial"
    yard.go(5 * SECOND, runs=True)
    assert (yard.shown()[CARRIES], yard.shown()[RUN]) == (False, True)
    yard.go(5 * MINUTE - 1)
    assert yard.go(1, utc_s=due_s + 305) == GeneratorState(proven_s=due_s + 305)
    assert yard.go(SECOND, runs=False, utc_s=due_s + 310).phase is Phase.REST


def test_a_run_of_an_outage_counts_as_a_trial() -> None:
    yard = trial_yard(wanted=True, outage=True)
    yard.go(5 * SECOND, runs=True)
    yard.go(20 * MINUTE)
    yard.go(SECOND, wanted=False, utc_s=1_000_000 + 20 * DAY_S)
    assert yard.state == GeneratorState(proven_s=1_000_000 + 20 * DAY_S)


def test_a_run_whose_end_nobody_can_date_or_that_was_short_counts_as_none() -> None:
    yard = trial_yard(wanted=True, outage=True)
    yard.go(5 * SECOND, runs=True)
    yard.go(20 * MINUTE, wanted=False, utc_s=None)
    assert yard.state == GeneratorState(proven_s=1_000_000)
    yard = trial_yard(wanted=True, outage=True, plant=replace(PLANT, minimum_run_ms=MINUTE))
    yard.go(5 * SECOND, runs=True)
    yard.go(MINUTE, wanted=False, utc_s=2_000_000)
    assert yard.state == GeneratorState(proven_s=1_000_000)


def test_a_trial_in_vain_fails_once_and_is_held() -> None:
    yard = trial_yard()
    due_s = 1_000_000 + 28 * DAY_S
    yard.go(utc_s=due_s)
    for ms in (30 * SECOND, BREAK_MS, 30 * SECOND):
        yard.go(ms)
    assert yard.state.phase is Phase.FAILED
    assert yard.go(SECOND) == GeneratorState(failed=True, proven_s=due_s)
    assert yard.go(DAY_S * SECOND, utc_s=due_s + DAY_S).phase is Phase.REST


def test_an_outage_turns_a_trial_into_a_run() -> None:
    yard = trial_yard()
    yard.go(utc_s=1_000_000 + 28 * DAY_S)
    yard.go(SECOND, wanted=True)
    assert not yard.state.trial
    yard.go(SECOND, runs=True)
    assert yard.shown()[CARRIES] is True
    yard = trial_yard()
    yard.go(utc_s=1_000_000 + 28 * DAY_S)
    yard.go(SECOND, runs=True)
    yard.go(SECOND, wanted=True)
    assert yard.shown()[CARRIES] is True


@pytest.mark.parametrize(
    "changes", [{"runs": True}, {"runs": None}, {"utc_s": None}, {"plant": replace(PLANT, test_every_s=0)}]
)
def test_no_trial_begins_without_a_clock_a_feedback_at_rest_or_the_wish(changes: dict[str, object]) -> None:
    yard = trial_yard()
    yard.go(utc_s=1_000_000 + 40 * DAY_S, **changes) if "utc_s" not in changes else yard.go(**changes)
    assert yard.state.phase is Phase.REST


def test_a_trial_waits_for_its_hour() -> None:
    yard = trial_yard(plant=replace(PLANT, test_at_s=9 * 3_600))
    midnight_s = 40 * DAY_S
    yard.state = GeneratorState(proven_s=0)
    for hour, begins in ((8, False), (10, False), (9, True)):
        yard.go(utc_s=midnight_s + hour * 3_600)
        assert yard.state.trial is begins, hour


def test_a_clock_that_was_set_back_does_not_put_the_trial_off() -> None:
    yard = trial_yard()
    assert yard.go(utc_s=500_000).proven_s == 500_000


def test_the_clock_alone_moves_it_at_these_times() -> None:
    yard = Yard()
    assert due_ms(PLANT, yard.state) is None
    yard.go(wanted=True)
    assert due_ms(PLANT, yard.state) == 30 * SECOND
    yard.go(30 * SECOND)
    assert due_ms(PLANT, yard.state) == BREAK_MS
    yard = running()
    assert due_ms(PLANT, yard.state) == 10 * MINUTE
    yard.go(2 * SECOND, runs=False)
    assert due_ms(PLANT, yard.state) == BREAK_MS - 2 * SECOND
    trial = GeneratorState(phase=Phase.RUNNING, trial=True)
    assert due_ms(PLANT, trial) == 5 * MINUTE
    assert due_ms(PLANT, GeneratorState(phase=Phase.FAILED)) is None


def test_every_reading_that_it_shows_is_of_a_declared_point_that_it_fits() -> None:
    points = {point.id: point for point in declare()}
    for state in (GeneratorState(phase=phase, trial=trial) for phase in Phase for trial in (False, True)):
        shown = dict(show(state, 5))
        assert shown.keys() == points.keys()
        assert all(points[name].fits(reading.value) for name, reading in shown.items() if reading.value is not None)
