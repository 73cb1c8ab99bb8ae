"""Points that nobody reads: the forecast of each battery and the plan that follows from it, out of image and memory.

They are readings like any other for conditions, messages and people (decision 0010). This module must not know what is
done about them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from config.valued import dataclass
from firmware_py.core import forecast
from firmware_py.core.calendar import SECONDS_A_DAY
from firmware_py.core.forecast import BatteryState, Estimates, Look
from firmware_py.core.image import InputImage
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.shedplan import Battery, depth, fed_w, grace_ms, ladder

STALE_MS = 60_000  # made anew in each cycle; the limit only has to be longer than that
GRAIN_S = 10  # forecasts move in steps, so that a message is not due each second
HOUR_S = 3_600
CLOCK_POINT = "clock.utc_s"
CLOCK_MS = 5_000  # while a battery drains, our own clock alone moves the forecast
BASES = ("ups", "slope", "table", "clock", "none")
SECONDS = ("runtime_s", "from_ups_s", "from_slope_s", "from_table_s", "spread_s", "believed_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """`readings`: what was worked out, by point; `batteries`: the memory after it."""

    batteries: Mapping[str, BatteryState]
    readings: Mapping[str, Reading]


def declare(battery: str) -> tuple[Point, ...]:
    """The derived points of one battery."""
    name = f"{battery}.forecast"

    def number(point: str, unit: str) -> Point:
        return Point(id=point, kind=Kind.INTEGER, unit=unit, stale_after_ms=STALE_MS, low=0)

    return (
        *(number(f"{name}.{point}", "s") for point in SECONDS),
        Point(id=f"{name}.basis", kind=Kind.WORD, words=BASES, stale_after_ms=STALE_MS),
        Point(id=f"{name}.charge_pct", kind=Kind.NUMBER, unit="%", stale_after_ms=STALE_MS, low=0, high=100),
        Point(id=f"{name}.on_battery", kind=Kind.FLAG, stale_after_ms=STALE_MS),
        number(f"{name}.discharge_s", "s"),
        number(f"{name}.untried_d", "d"),
        number(f"{battery}.plan.stages", ""),
        number(f"{battery}.plan.short_s", "s"),
    )


def derive(
    batteries: Mapping[str, Battery], states: Mapping[str, BatteryState], image: InputImage,
    off: frozenset[str], dt_ms: int, overlong: frozenset[str] = frozenset(),
) -> Derived:  # fmt: skip
    """One look at every battery. `off`: outputs that are off, so that what they feed draws nothing. `overlong`: those
    whose test counts as an outage by now."""
    readings: dict[str, Reading] = {}
    after: dict[str, BatteryState] = {}
    for name, battery in batteries.items():
        look = _look(battery, image, off, counts=name in overlong)
        state, found = forecast.advance(states[name], look, dt_ms=dt_ms, trust_pct=battery.trust_pct)
        state = replace(state, tried_s=_tried_s(states[name].tried_s, image[CLOCK_POINT], gives=state.discharging))
        state, short_ms = _plan(battery, state, off)
        after[name] = state
        readings.update(_shown(battery, state, look, found, short_ms, image))
    return Derived(batteries=after, readings=readings)


def due_ms(state: BatteryState) -> int | None:
    """Milliseconds until our own clock alone moves what is derived."""
    return CLOCK_MS if state.discharging else None


def _look(battery: Battery, image: InputImage, off: frozenset[str], *, counts: bool) -> Look:
    source = image[battery.source]
    said = str(source.value) if source.good and source.value != "unknown" else None
    charge_pct, runtime_s = _number(image, battery.charge), _number(image, battery.runtime)
    load_pct, power_w = _number(image, battery.load), _number(image, battery.power)
    fed_now_w = fed_w(battery, off)
    load_w = power_w
    if load_w is None and load_pct is not None and battery.rating_w:
        load_w = load_pct * battery.rating_w / 100
    return Look(
        source="battery" if counts and said == "test" else said,
        charge_pm=None if charge_pct is None else int(charge_pct * 10),
        runtime_ms=None if runtime_s is None else int(runtime_s * 1000),
        load_pm=None if load_pct is None else int(load_pct * 10),
        load_w=None if load_w is None else int(load_w),
        fed_w=fed_now_w,
        kinds=battery.kinds,
    )


def _tried_s(known_s: int | None, clock: Reading, *, gives: bool) -> int | None:
    """In steps of an hour, so that a long outage does not change the memory each second."""
    if not clock.good or not isinstance(clock.value, int):
        return known_s
    if known_s is None or clock.value < known_s or (gives and clock.value - known_s >= HOUR_S):
        return clock.value
    return known_s


def _number(image: InputImage, point: str) -> float | None:
    reading = image[point] if point else None
    if reading is None or not reading.good or isinstance(reading.value, bool | str | None):
        return None
    return reading.value


def _plan(battery: Battery, state: BatteryState, off: frozenset[str]) -> tuple[BatteryState, int]:
    """The depth of shedding that the target needs, never shallower within one outage; and by how much it is missed."""
    left_ms = state.left_ms
    if not state.outage or left_ms is None:
        return state, 0
    wanted_ms = max(0, battery.endurance_ms - state.outage_ms)
    load_w = state.load_w
    if not state.settling_ms and battery.orders:
        rungs = ladder(battery, runtime_ms=state.believed_ms, load_w=load_w, off=off)
        if state.outage_ms < grace_ms(battery, rungs):
            rungs = ladder(battery, runtime_ms=left_ms, load_w=load_w, off=off)
        state = replace(state, depth=max(state.depth, depth(rungs, wanted_ms)))
    deepest = ladder(battery, runtime_ms=left_ms, load_w=load_w, off=off)[-1]
    return state, max(0, wanted_ms - deepest.runtime_ms)


def _shown(
    battery: Battery, state: BatteryState, look: Look, found: Estimates, short_ms: int, image: InputImage
) -> Iterator[tuple[str, Reading]]:
    name, now_ms = f"{battery.id}.forecast", image.now_ms
    read = [image[point] for point in (battery.charge, battery.runtime) if point]
    seen_ms = max((reading.at_ms for reading in read if reading.good), default=now_ms)
    named = found.named
    left_ms = min(named.values(), default=state.left_ms if state.discharging else None)
    basis = min(named, key=lambda word: named[word], default="none" if left_ms is None else "clock")
    yield f"{name}.runtime_s", _seconds(left_ms, seen_ms)
    yield f"{name}.from_ups_s", _seconds(found.ups_ms, seen_ms)
    yield f"{name}.from_slope_s", _seconds(found.slope_ms, seen_ms)
    yield f"{name}.from_table_s", _seconds(found.table_ms, seen_ms)
    spread_ms = max(named.values()) - min(named.values()) if named else None
    yield f"{name}.spread_s", _seconds(spread_ms, seen_ms)
    dark_ms = state.believed_ms if left_ms is not None else None
    believed_ms = forecast.believe(found, min(named.values()), battery.trust_pct) if named else dark_ms
    yield f"{name}.believed_s", _seconds(believed_ms, seen_ms)
    yield f"{name}.basis", _good(basis, now_ms)
    yield f"{name}.charge_pct", _charge(state, look, seen_ms)
    # As old as the figures beside it: a second look at the same figures confirms nothing.
    yield f"{name}.on_battery", _good(state.outage, seen_ms)
    yield f"{name}.discharge_s", _seconds(state.outage_ms, now_ms)
    yield f"{name}.untried_d", _days(state.tried_s, image[CLOCK_POINT], now_ms)
    yield f"{battery.id}.plan.stages", _good(state.depth, seen_ms)
    yield f"{battery.id}.plan.short_s", _seconds(short_ms, seen_ms)


def _charge(state: BatteryState, look: Look, seen_ms: int) -> Reading:
    """The gauge; in darkness what our own clock leaves of it."""
    if look.charge_pm is not None:
        return _good(look.charge_pm / 10, seen_ms)
    if state.charge_pm is None or state.left_ms is None or not state.dark_left_ms:
        return _missing(seen_ms)
    return _good(state.charge_pm * state.left_ms // state.dark_left_ms / 10, seen_ms)


def _days(since_s: int | None, clock: Reading, at_ms: int) -> Reading:
    if since_s is None or not clock.good or not isinstance(clock.value, int):
        return _missing(at_ms)
    return _good((clock.value - since_s) // SECONDS_A_DAY, at_ms)


def _seconds(ms: int | None, at_ms: int) -> Reading:
    return _missing(at_ms) if ms is None else _good(ms // (1000 * GRAIN_S) * GRAIN_S, at_ms)


def _good(value: Value, at_ms: int) -> Reading:
    return Reading(value=value, quality=Quality.GOOD, at_ms=at_ms)


def _missing(at_ms: int) -> Reading:
    return Reading(value=None, quality=Quality.BAD, at_ms=at_ms, because=Reason.NOT_YET)
