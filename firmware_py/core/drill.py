"""A drill: for a while some readings are replaced, and everything behind them is the real sequence under a label.

It starts from a quiet floor only, ends by itself, and gives way to anything real: an alarm that does not rest on the
replaced readings, or what the replaced ones truly say. This module must not know devices or who looks on.
"""

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum

from config.valued import dataclass, replace
from firmware_py.core.alarm import Alarm, AlarmState
from firmware_py.core.check import evaluate, points_of
from firmware_py.core.condition import Condition
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value

FLAG = "drill"
AGE_DAYS = "drill.age_days"
LASTS_MS, LASTS_MS_MAX = 600_000, 3_600_000
CLOCK_POINT = "clock.utc_s"
_DAY_S = 86_400
_STALE_MS = 60_000  # made anew in each cycle


class DrillPhase(StrEnum):
    """How far a drill is."""

    IDLE = "idle"
    RUNNING = "running"
    ENDING = "ending"  # the readings are real again; what began as a drill is on its way back


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """What can be tried: the readings that are replaced, by their points."""

    id: str
    readings: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillState:
    """`left_ms`: until it ends by itself. `since_s`: the wall time of the last one that ran to its end, or of the first
    look at a sound clock; 0 while neither is known. `alarms`: those whose present instance was practised; they carry
    the label until they are gone, also after an abort."""

    phase: DrillPhase = DrillPhase.IDLE
    kind: str = ""
    by: str = ""
    left_ms: int = 0
    since_s: int = 0
    alarms: frozenset[str] = frozenset()

    @property
    def on(self) -> bool:
        """True while what happens carries the label."""
        return self.phase is not DrillPhase.IDLE


def declare() -> Point:
    """The age of the last drill."""
    return Point(id=AGE_DAYS, kind=Kind.NUMBER, unit="d", stale_after_ms=_STALE_MS, low=0)


def age(state: DrillState, image: InputImage, declared: Iterable[str]) -> dict[str, Reading]:
    """The reading of that point, as good as the clock; nothing where the plan has no such point."""
    if AGE_DAYS not in declared:
        return {}
    clock = image[CLOCK_POINT]
    if not clock.good or not isinstance(clock.value, int) or not state.since_s:
        lost = clock.because or Reason.NOT_YET
        return {AGE_DAYS: Reading(value=None, quality=Quality.BAD, at_ms=clock.at_ms, because=lost)}
    days = round(max(0, clock.value - state.since_s) / _DAY_S, 1)
    return {AGE_DAYS: Reading(value=days, quality=Quality.GOOD, at_ms=clock.at_ms)}


def rehearse(drills: Mapping[str, Drill], state: DrillState, image: InputImage) -> InputImage:
    """The picture that is acted on: the real one, with the readings of a running drill in their place."""
    if state.phase is not DrillPhase.RUNNING or state.kind not in drills:
        return image
    return image.joined(
        {
            point: Reading(value=value, quality=Quality.GOOD, at_ms=image.now_ms)
            for point, value in drills[state.kind].readings.items()
        }
    )


def advance(
    drills: Mapping[str, Drill],
    state: DrillState,
    real: Iterable[str],
    *,
    quiet: bool,
    restored: bool,
    utc_s: int | None,
    dt_ms: int,
    now_ms: int,
) -> tuple[DrillState, list[Event]]:
    """One look later. `real`: what is no drill (`real_alarms`); `quiet`: nothing of it is left on the floor."""
    if not state.since_s and utc_s is not None:
        state = replace(state, since_s=utc_s)
    if not state.on:
        return state, []
    because = ("restart",) if restored else tuple(real)
    if because or state.kind not in drills:
        return _idle(state), [_told("drill.aborted", state, now_ms, because)]
    if state.phase is DrillPhase.ENDING:
        return (_idle(state), [_told("drill.over", state, now_ms)]) if quiet else (state, [])
    if state.left_ms > dt_ms:
        return replace(state, left_ms=state.left_ms - dt_ms), []
    ended = replace(state, phase=DrillPhase.ENDING, left_ms=0, since_s=utc_s or state.since_s)
    return ended, [_told("drill.ended", state, now_ms)]


def real_alarms(
    drills: Mapping[str, Drill],
    state: DrillState,
    conditions: Mapping[str, Condition],
    alarms: Mapping[str, Alarm],
    before: Mapping[str, AlarmState],
    now: Mapping[str, AlarmState],
    image: InputImage,
) -> Iterator[str]:
    """Ids of alarms that came in this cycle and are no drill. `image`: the real picture."""
    if not state.on or state.kind not in drills:
        return
    touched = drills[state.kind].readings.keys()
    for name, declared in alarms.items():
        condition = conditions[declared.condition]
        if touched & set(points_of(condition.test)):
            if evaluate(condition.test, image, holding=False):
                yield name
        elif now[name].activations > _activations(before, name) and not now[name].suppressed_by:
            yield name


def begun(state: DrillState, now_ms: int) -> Event:
    """A drill has been started."""
    return _told("drill.begun", state, now_ms)


def label(events: Iterable[Event]) -> Iterator[Event]:
    """The same events, marked as what they are."""
    return (replace(event, drill=True) for event in events)


def due_ms(state: DrillState) -> int | None:
    """Milliseconds until a running drill ends by itself."""
    return state.left_ms if state.phase is DrillPhase.RUNNING else None


def _activations(before: Mapping[str, AlarmState], name: str) -> int:
    return before[name].activations if name in before else 0


def _idle(state: DrillState) -> DrillState:
    return DrillState(since_s=state.since_s, alarms=state.alarms)


def _told(kind: str, state: DrillState, now_ms: int, because: tuple[str, ...] = ()) -> Event:
    return Event(
        type=kind,
        severity=Severity.WARNING,
        at_ms=now_ms,
        drill=True,
        data={"kind": state.kind, "by": state.by, "because": because},
    )
