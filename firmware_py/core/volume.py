"""Callers of one exchange, minute by minute: what came, gave up, found every line taken; and whether it is a surge.

Turns counters into the minutes that `surge` judges. Learns by local time of the week, and only while that is sound;
crowding and abandonment need no learning. It must not know an exchange's words, nor what is done about a surge.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field

from config.valued import dataclass, replace
from firmware_py.core import surge
from firmware_py.core.image import InputImage
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value

WEEK_POINT = "clock.week_min"  # whole minutes since Monday 00:00 local time
STALE_MS = 60_000
MINUTE_MS = 60_000
RECENT = 20  # minutes that crowding and abandonment look back on
ENOUGH_CALLS = 10  # fewer callers in that time prove no abandonment
FLAGS = ("surge", "learning")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """What is counted of one exchange. `offered`, `abandoned`: points of counters that start anew with their source.

    `lines`: points of calls in progress over the trunks that carry inbound; all are taken at `capacity_count` calls,
    0 where that is not known.
    """

    id: str
    offered: str
    abandoned: str
    lines: tuple[str, ...] = ()
    capacity_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One minute that is over, apart from what is learnt. None: not seen."""

    offered_count: int | None
    abandoned_count: int | None
    busy_ms: int
    seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeState:
    """`index`: local minute of the week that is running, None while that is not known. The counters as they stood at
    the last look, what they grew by in this minute, and how long in it every line was seen taken."""

    callers: surge.SurgeState = field(default_factory=surge.SurgeState)
    recent: tuple[Past, ...] = ()
    index: int | None = None
    age_ms: int = 0
    offered_mark_count: int | None = None
    abandoned_mark_count: int | None = None
    offered_count: int | None = 0
    abandoned_count: int | None = 0
    busy_ms: int = 0
    seen_ms: int = 0


def declare(name: str) -> tuple[Point, ...]:
    """The derived points of one exchange."""

    def number(point: str, unit: str) -> Point:
        return Point(id=f"{name}.volume.{point}", kind=Kind.NUMBER, unit=unit, stale_after_ms=STALE_MS, low=0)

    return (
        Point(id=f"{name}.volume.seen", kind=Kind.INTEGER, stale_after_ms=STALE_MS, low=0),
        number("usual", ""),
        number("times", ""),
        number("busy_pct", "%"),
        number("abandoned_pct", "%"),
        *(Point(id=f"{name}.volume.{flag}", kind=Kind.FLAG, stale_after_ms=STALE_MS) for flag in FLAGS),
    )


def week_point(stale_ms: int) -> Point:
    """What the shell feeds: the local minute of the week, GOOD only while the clock is synchronised."""
    last = surge.SLOTS * surge.SLOT_MIN - 1
    return Point(id=WEEK_POINT, kind=Kind.INTEGER, unit="min", stale_after_ms=stale_ms, low=0, high=last)


def derive(
    volumes: Mapping[str, Volume], states: Mapping[str, VolumeState], image: InputImage, dt_ms: int
) -> tuple[dict[str, VolumeState], dict[str, Reading]]:
    """One look at every exchange: the memory after it, and the readings to join to the image."""
    after: dict[str, VolumeState] = {}
    readings: dict[str, Reading] = {}
    for name, volume in volumes.items():
        state = _count(volume, states[name], image, dt_ms)
        now = _whole(image, WEEK_POINT)
        known = now is not None and state.index is not None
        if (now != state.index) if known else state.age_ms >= MINUTE_MS:
            state = _close(state)
        after[name] = state = state if state.index == now else replace(state, index=now)
        readings.update(_shown(name, state, image[volume.offered]))
    return after, readings


def _whole(image: InputImage, point: str) -> int | None:
    reading = image[point]
    whole = reading.good and isinstance(reading.value, int) and not isinstance(reading.value, bool)
    return int(reading.value) if whole and reading.value is not None else None


def _count(volume: Volume, state: VolumeState, image: InputImage, dt_ms: int) -> VolumeState:
    offered, abandoned = _whole(image, volume.offered), _whole(image, volume.abandoned)
    calls = [_whole(image, point) for point in volume.lines]
    taken = [count for count in calls if count is not None]
    seen = bool(volume.capacity_count) and len(taken) == len(calls)
    busy = seen and sum(taken) >= volume.capacity_count
    return replace(
        state,
        age_ms=state.age_ms + dt_ms,
        offered_mark_count=state.offered_mark_count if offered is None else offered,
        abandoned_mark_count=state.abandoned_mark_count if abandoned is None else abandoned,
        offered_count=_grown(state.offered_count, state.offered_mark_count, offered),
        abandoned_count=_grown(state.abandoned_count, state.abandoned_mark_count, abandoned),
        busy_ms=state.busy_ms + (dt_ms if busy else 0),
        seen_ms=state.seen_ms + (dt_ms if seen else 0),
    )


def _grown(count: int | None, mark: int | None, now: int | None) -> int | None:
    """The minute's count; None once a part of the minute was not seen. A counter that fell has started anew."""
    if count is None or now is None:
        return None
    return count + (0 if mark is None else now - mark if now >= mark else now)


def _close(state: VolumeState) -> VolumeState:
    past = Past(
        offered_count=state.offered_count, abandoned_count=state.abandoned_count,
        busy_ms=state.busy_ms, seen_ms=state.seen_ms,
    )  # fmt: skip
    noted = state.callers
    if state.index is not None:
        busy_pct = 100 * past.busy_ms / past.seen_ms if past.seen_ms else 0.0
        minute = surge.Minute(index=state.index, offered_count=past.offered_count, busy_pct=busy_pct)
        noted = surge.note(noted, minute)
    return replace(
        state, callers=noted, recent=(*state.recent, past)[-RECENT:], age_ms=0,
        offered_count=0, abandoned_count=0, busy_ms=0, seen_ms=0,
    )  # fmt: skip


def _shown(name: str, state: VolumeState, source: Reading) -> Iterator[tuple[str, Reading]]:
    """While the exchange is not seen nothing is claimed: what is done about a surge stays as it is."""
    verdict = surge.judge(state.callers)
    values: Mapping[str, Value | None] = {
        "seen": verdict.seen_count,
        "usual": None if verdict.usual_count is None else round(verdict.usual_count, 1),
        "times": None if verdict.times_value is None else round(verdict.times_value, 1),
        "busy_pct": _busy_pct(state),
        "abandoned_pct": _abandoned_pct(state),
        "surge": verdict.surge,
        "learning": verdict.learning,
    }
    sound = source.good
    for point, value in values.items():
        if not sound:
            reading = Reading(value=value, quality=Quality.BAD, at_ms=source.at_ms, because=source.because)
        elif value is None:
            reading = Reading(value=None, quality=Quality.BAD, at_ms=source.at_ms, because=Reason.NOT_YET)
        else:
            reading = Reading(value=value, quality=Quality.GOOD, at_ms=source.at_ms)
        yield f"{name}.volume.{point}", reading


def _busy_pct(state: VolumeState) -> float:
    """Share of the last minutes with every line taken; nothing before enough of them were seen to tell."""
    seen_ms = sum([past.seen_ms for past in state.recent])
    if seen_ms < RECENT * MINUTE_MS // 2:
        return 0.0
    return round(100 * sum([past.busy_ms for past in state.recent]) / seen_ms, 1)


def _abandoned_pct(state: VolumeState) -> float:
    """Share of the callers of the last minutes who gave up; nothing while they are too few to tell."""
    known = [
        (past.offered_count, past.abandoned_count)
        for past in state.recent
        if past.offered_count is not None and past.abandoned_count is not None
    ]
    offered = sum([one for one, _ in known])
    if offered < ENOUGH_CALLS:
        return 0.0
    return round(min(100.0, 100 * sum(lost for _, lost in known) / offered), 1)
