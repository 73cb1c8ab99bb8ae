"""How much a value has risen within a window, and whether it jumped as no real one can: points worked out of readings.

Samples carry ages, not stamps, and are forgotten over a reboot. This module must not know rooms, degrees or alarms.
"""

from collections.abc import Mapping

from config.valued import dataclass, replace
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason

SAMPLES_LEAST = 3  # a rise that rests on fewer sound samples is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """`rise`: id of the point that carries the rise of `point` over `window_ms`, in the point's own unit.

    A change by more than `jump_limit` between two samples less than `near_ms` apart is a fault of the sensor or of its
    decoding; the new level is believed only after it has stood for `settle_ms`.
    """

    point: str
    rise: str
    jump_limit: float
    window_ms: int = 300_000
    every_ms: int = 30_000
    near_ms: int = 60_000
    settle_ms: int = 60_000

    def __post_init__(self) -> None:
        assert self.jump_limit > 0 and 0 < self.every_ms <= self.window_ms, self.point


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A sound sample in thousandths, and its age."""

    milli_value: int
    age_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendState:
    """`samples`: thinned to one each `every_ms`, oldest first; `last`: the latest that was believed; `strange`: the
    first of those that agree with each other but not with it."""

    samples: tuple[Mark, ...] = ()
    last: Mark | None = None
    strange: Mark | None = None


def derive(
    trends: Mapping[str, Trend], states: Mapping[str, TrendState], image: InputImage, *, stepped_ms: int | None
) -> tuple[dict[str, TrendState], dict[str, Reading]]:
    """One look at every trend: the memory after it, and the readings to join to the image: the rises, and each point
    that jumped as BAD with its last believed value."""
    after: dict[str, TrendState] = {}
    readings: dict[str, Reading] = {}
    for name, trend in trends.items():
        reading = image[trend.point]
        state = TrendState() if stepped_ms is None else _aged(trend, states[name], image.now_ms - stepped_ms)
        if reading.good and isinstance(reading.value, int | float) and reading.at_ms > (stepped_ms or -1):
            state = _take(
                trend, state, Mark(milli_value=round(reading.value * 1000), age_ms=image.now_ms - reading.at_ms)
            )
        after[name] = state
        if reading.good and state.strange is not None:
            reading = Reading(
                value=None if state.last is None else state.last.milli_value / 1000,
                quality=Quality.BAD,
                at_ms=reading.at_ms,
                because=Reason.OUT_OF_RANGE,
                detail=f"jumped to {state.strange.milli_value / 1000:g}",
            )
            readings[trend.point] = reading
        readings[trend.rise] = _rise(state, reading)
    return after, readings


def _aged(trend: Trend, state: TrendState, dt_ms: int) -> TrendState:
    def older(mark: Mark) -> Mark:
        return Mark(milli_value=mark.milli_value, age_ms=mark.age_ms + dt_ms)

    return TrendState(
        samples=tuple(older(mark) for mark in state.samples if mark.age_ms + dt_ms <= trend.window_ms),
        last=None if state.last is None else older(state.last),
        strange=None if state.strange is None else older(state.strange),
    )


def _take(trend: Trend, state: TrendState, fresh: Mark) -> TrendState:
    last = state.last
    # Once doubted, the new level has to prove itself however long ago the last believed one was.
    near = last is not None and (state.strange is not None or last.age_ms - fresh.age_ms <= trend.near_ms)
    if last is not None and near and _differ(trend, last, fresh):
        return _doubt(trend, state, fresh)
    samples = state.samples
    if not samples or samples[-1].age_ms - fresh.age_ms >= trend.every_ms:
        samples = (*samples, fresh)
    return TrendState(samples=samples, last=fresh)


def _differ(trend: Trend, one: Mark, other: Mark) -> bool:
    return abs(one.milli_value - other.milli_value) > trend.jump_limit * 1000


def _doubt(trend: Trend, state: TrendState, fresh: Mark) -> TrendState:
    strange = state.strange
    if strange is None or _differ(trend, strange, fresh):
        return replace(state, strange=fresh)
    if strange.age_ms - fresh.age_ms < trend.settle_ms:
        return state
    # It has stood long enough to be the truth, but a rise from what was before would be one that nobody measured.
    return TrendState(samples=(fresh,), last=fresh)


def _rise(state: TrendState, reading: Reading) -> Reading:
    if not reading.good or state.last is None or len(state.samples) < SAMPLES_LEAST:
        because = reading.because or Reason.NOT_YET
        return Reading(value=None, quality=Quality.BAD, at_ms=reading.at_ms, because=because)
    rise = state.last.milli_value - min(mark.milli_value for mark in state.samples)
    return Reading(value=max(0, rise) / 1000, quality=Quality.GOOD, at_ms=reading.at_ms)
