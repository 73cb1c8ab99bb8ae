"""A standby generator: asked for while its reasons hold, watched by its run feedback, tried out once a month.

The reasons are conditions, whose limits and delays are the start and stop pairs. All times are elapsed; only the day of
the next trial is wall time, which comes in as a reading. This module must not know pins, nor who carries what.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import assert_never

from config.valued import dataclass, replace
from firmware_py.core.calendar import SECONDS_A_DAY
from firmware_py.core.condition import ConditionState
from firmware_py.core.image import InputImage
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Value

RUN, CARRIES, FAILED, PHASE = "generator.run", "generator.carries", "generator.failed", "generator.phase"
CLOCK_POINT = "clock.utc_s"
STALE_MS = 60_000
BREAK_MS = 10_000  # between two tries; a feedback that drops out for less is a bad contact


class Phase(StrEnum):
    """Where the generator is, as far as we ask for it."""

    REST = "rest"
    STARTING = "starting"
    PAUSING = "pausing"  # between two tries
    RUNNING = "running"
    FAILED = "failed"  # all tries were in vain: rests until its reasons have ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """`reasons`: conditions that ask for it. `gates`: it is started only while one of these holds, so that a battery
    that charges on the mains starts nothing. `running`: point of the run feedback.

    `start_within_ms`: a try that has not brought the feedback by then has failed; `tries_count` of them in a row.
    `minimum_run_ms`: shortest run once it is up. `test_every_s`: a trial is due so long after the last run of at least
    `test_run_ms`, 0 for none; `test_at_s`: only within the hour after this second of the UTC day, None for any.
    """

    reasons: tuple[str, ...]
    gates: tuple[str, ...]
    running: str
    start_within_ms: int = 30_000
    tries_count: int = 3
    minimum_run_ms: int = 600_000
    test_every_s: int = 28 * SECONDS_A_DAY
    test_run_ms: int = 600_000
    test_at_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorState:
    """`elapsed_ms`: time in this phase; `run_ms`: of the run under way; `lost_ms`: how long its feedback has been away.
    `trial`: no reason asks, this is the monthly test. `failed`: the last start was in vain, until a run is seen.
    `proven_s`: wall time of the last long enough run (at first: of the first sound clock)."""

    phase: Phase = Phase.REST
    elapsed_ms: int = 0
    run_ms: int = 0
    lost_ms: int = 0
    attempt_count: int = 0
    trial: bool = False
    failed: bool = False
    proven_s: int | None = None

    @property
    def asked(self) -> bool:
        """Whether the start contact is closed."""
        return self.phase in (Phase.STARTING, Phase.RUNNING)


def declare() -> tuple[Point, ...]:
    """The points that are worked out for the generator."""
    flags = (Point(id=name, kind=Kind.FLAG, stale_after_ms=STALE_MS) for name in (RUN, CARRIES, FAILED))
    words = (*(phase.value for phase in Phase), "trial")
    return (*flags, Point(id=PHASE, kind=Kind.WORD, words=words, stale_after_ms=STALE_MS))


def advance(
    generator: Generator,
    state: GeneratorState,
    conditions: Mapping[str, ConditionState],
    image: InputImage,
    *,
    dt_ms: int,
) -> GeneratorState:
    """One look. `conditions`: as the last cycle left them."""
    wanted = _any_holds(generator.reasons, conditions)
    feedback = image[generator.running]
    runs = feedback.value is True if feedback.good else None
    clock = image[CLOCK_POINT]
    utc_s = clock.value if clock.good and isinstance(clock.value, int) else None
    if state.phase in (Phase.STARTING, Phase.PAUSING):
        state = replace(state, elapsed_ms=state.elapsed_ms + dt_ms, trial=state.trial and not wanted)
    state = _dated(state, utc_s)
    match state.phase:
        case Phase.REST:
            trial = not wanted and runs is False and _trial_due(generator, state, utc_s)
            starts = trial or (wanted and _any_holds(generator.gates, conditions))
            return _try(replace(state, trial=trial), 1) if starts else state
        case Phase.STARTING:
            return _starting(generator, state, wanted=wanted, runs=runs)
        case Phase.PAUSING:
            if not wanted and not state.trial:
                return _rest(state)
            return _try(state, state.attempt_count + 1) if state.elapsed_ms >= BREAK_MS else state
        case Phase.RUNNING:
            after = _running(generator, state, wanted=wanted, runs=runs, dt_ms=dt_ms)
            over = after.phase is not Phase.RUNNING and state.run_ms + dt_ms >= generator.test_run_ms
            return replace(after, proven_s=utc_s) if over and utc_s is not None else after
        case Phase.FAILED:
            if runs:  # people have started it on the spot
                return _up(state)
            return state if wanted else _rest(state)
        case _ as never:
            assert_never(never)


def _any_holds(names: tuple[str, ...], conditions: Mapping[str, ConditionState]) -> bool:
    return any(name in conditions and conditions[name].holds for name in names)


def _starting(generator: Generator, state: GeneratorState, *, wanted: bool, runs: bool | None) -> GeneratorState:
    if runs:
        return _up(state)
    if not wanted and not state.trial:
        return _rest(state)
    if state.elapsed_ms < generator.start_within_ms:
        return state
    if runs is None:  # nobody can see whether it runs: said, but not switched off for that
        return state if state.failed else replace(state, failed=True)
    last = state.attempt_count >= generator.tries_count
    return replace(state, phase=Phase.FAILED if last else Phase.PAUSING, elapsed_ms=0, failed=state.failed or last)


def _running(
    generator: Generator, state: GeneratorState, *, wanted: bool, runs: bool | None, dt_ms: int
) -> GeneratorState:
    state = replace(
        state, run_ms=state.run_ms + dt_ms, trial=state.trial and not wanted,
        lost_ms=state.lost_ms + dt_ms if runs is False else 0,
    )  # fmt: skip
    if state.lost_ms >= BREAK_MS:  # it has stopped by itself: the contact opens, and it is tried anew
        return replace(state, phase=Phase.PAUSING, elapsed_ms=0, run_ms=0, lost_ms=0, attempt_count=0)
    least_ms = generator.test_run_ms if state.trial else generator.minimum_run_ms
    return _rest(state) if not wanted and state.run_ms >= least_ms else state


def _try(state: GeneratorState, attempt: int) -> GeneratorState:
    return replace(state, phase=Phase.STARTING, elapsed_ms=0, run_ms=0, lost_ms=0, attempt_count=attempt)


def _up(state: GeneratorState) -> GeneratorState:
    return replace(state, phase=Phase.RUNNING, elapsed_ms=0, run_ms=0, lost_ms=0, attempt_count=0, failed=False)


def _rest(state: GeneratorState) -> GeneratorState:
    return GeneratorState(failed=state.failed, proven_s=state.proven_s)


# --------------------------------------------------------------------------------------------------------- the trial
def _dated(state: GeneratorState, utc_s: int | None) -> GeneratorState:
    """From which day the next trial counts: never later than now; and a trial in vain is not repeated each minute."""
    in_vain = state.trial and state.phase is Phase.FAILED
    if utc_s is None or not (state.proven_s is None or utc_s < state.proven_s or in_vain):
        return state
    return replace(state, proven_s=utc_s)


def _trial_due(generator: Generator, state: GeneratorState, utc_s: int | None) -> bool:
    if not generator.test_every_s or utc_s is None or state.proven_s is None:
        return False
    if utc_s - state.proven_s < generator.test_every_s:
        return False
    return generator.test_at_s is None or (utc_s - generator.test_at_s) % SECONDS_A_DAY < 3_600


def due_ms(generator: Generator, state: GeneratorState) -> int | None:
    """Milliseconds until the clock alone moves it."""
    match state.phase:
        case Phase.STARTING:
            return generator.start_within_ms - state.elapsed_ms
        case Phase.PAUSING:
            return BREAK_MS - state.elapsed_ms
        case Phase.RUNNING:
            least_ms = generator.test_run_ms if state.trial else generator.minimum_run_ms
            return BREAK_MS - state.lost_ms if state.lost_ms else least_ms - state.run_ms
        case Phase.REST | Phase.FAILED:
            return None
        case _ as never:
            assert_never(never)


def show(state: GeneratorState, now_ms: int) -> Iterator[tuple[str, Reading]]:
    """The derived readings."""
    in_trial = state.trial and state.phase in (Phase.STARTING, Phase.RUNNING, Phase.PAUSING)
    values: dict[str, Value] = {
        RUN: state.asked,
        CARRIES: state.phase is Phase.RUNNING and not state.trial,
        FAILED: state.failed,
        PHASE: "trial" if in_trial else state.phase.value,
    }
    return ((name, Reading(value=value, quality=Quality.GOOD, at_ms=now_ms)) for name, value in values.items())
