"""Points that nobody reads: the forecast of each battery and the plan that follows from it, out of image and memory.

They are readings like any other for conditions, messages and people (decision 0010). This module must not know what is
done about them.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from config.valued import dataclass, replace
from firmware_py.core import forecast
from firmware_py.core.calendar import SECONDS_A_DAY
from firmware_py.core.forecast import BatteryState, Estimates, Look
from firmware_py.core.image import InputImage, Readings, Shared, reads_otherwise
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.shedplan import Battery, depth, fed_w, grace_ms, ladder

STALE_MS = 60_000  # made anew in each cycle; the limit only has to be longer than that
GRAIN_S = 10  # forecasts move in steps, so that a message is not due each second
HOUR_S = 3_600
CLOCK_POINT = "clock.utc_s"
CLOCK_MS = 5_000  # while a battery drains, our own clock alone moves the forecast
BASES = ("ups", "slope", "table", "clock", "none")
_MISSING = Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.NOT_YET)
_RUNTIME, _LOAD = 3, 4  # how many of a battery's points there are up to these
SECONDS = ("runtime_s", "from_ups_s", "from_slope_s", "from_table_s", "spread_s", "believed_s")


class Seen(NamedTuple):
    """A look at a battery, which says the same as long as it sees the same and the battery gives no power. `read`:
    source, charge, runtime, load and power, whatever their times; `counts`: a test is an outage; `figures`: as old as
    charge and runtime, `others`: of each cycle; `untried_d`: days, one of these. `ends`: it gave power until then, of
    which this look still tells."""

    state: BatteryState
    read: tuple[Reading, ...]
    fed_w: int
    counts: bool
    untried_d: int | None
    figures: Mapping[str, Reading]
    others: Mapping[str, Reading]
    ends: bool

    def holds(self, state: BatteryState, read: tuple[Reading, ...], fed_now_w: int, *, counts: bool) -> bool:
        """True when another look sees the same."""
        if (
            self.state is not state
            or state.discharging
            or self.ends
            or self.fed_w != fed_now_w
            or self.counts is not counts
        ):
            return False
        # Power is looked at in an outage only, and the load only by what was watched in one before.
        used = self.read[:_LOAD] if state.learnt else self.read[:_RUNTIME]
        return not any(map(reads_otherwise, used, read))


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """`readings`: what was worked out, by point; `batteries`: the memory after it; `seen`: for the next look."""

    batteries: Mapping[str, BatteryState]
    readings: Shared
    seen: Mapping[str, Seen]


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
    off: frozenset[str], dt_ms: int, overlong: frozenset[str] = frozenset(), known: Derived | None = None,
) -> Derived:  # fmt: skip
    """One look at every battery. `off`: outputs that are off, so that what they feed draws nothing. `overlong`: those
    whose test counts as an outage by now. `known`: a hint, what the last look at the same batteries saw."""
    after: dict[str, BatteryState] = {}
    seen: dict[str, Seen] = {}
    shares: dict[str, tuple[Mapping[str, Reading], int]] = {}
    clock = image[CLOCK_POINT]
    readings = image.readings
    content = readings.content if isinstance(readings, Readings) else image.content
    for name, battery in batteries.items():
        before, counts, fed_now_w = states[name], name in overlong, fed_w(battery, off)
        read, seen_ms = tuple(map(content, battery.points)), _seen_ms(battery, image)
        last = None if known is None else known.seen[name]
        tried_s = _tried_s(before.tried_s, clock, gives=before.discharging)
        if last is None or tried_s != before.tried_s or not last.holds(before, read, fed_now_w, counts=counts):
            last = _see(battery, before, read, fed_now_w, clock, off, dt_ms, counts=counts, known=last)
        elif last.untried_d != (untried_d := _days(tried_s, clock)):
            others = {**last.others, f"{name}.forecast.untried_d": _whole(untried_d)}
            last = last._replace(others=others, untried_d=untried_d)
        after[name], seen[name] = last.state, last
        shares[name], shares[f"{name} now"] = (last.figures, seen_ms), (last.others, image.now_ms)
    owners = known.readings.owners if known is not None else {
        point: owner for owner, (content, _) in shares.items() for point in content
    }  # fmt: skip
    return Derived(batteries=after, readings=Shared(owners, shares, {}), seen=seen)


def _see(
    battery: Battery, before: BatteryState, read: tuple[Reading, ...], fed_now_w: int, clock: Reading,
    off: frozenset[str], dt_ms: int, *, counts: bool, known: Seen | None,
) -> Seen:  # fmt: skip
    look = _look(battery, read, fed_now_w, counts=counts)
    state, found = forecast.advance(before, look, dt_ms=dt_ms, trust_pct=battery.trust_pct)
    tried_s = _tried_s(before.tried_s, clock, gives=state.discharging)
    state, short_ms = _plan(battery, state if state.tried_s == tried_s else replace(state, tried_s=tried_s), off)
    state = before if state == before else state
    untried_d = _days(tried_s, clock)
    figures, others = _shown(battery, state, look, found, short_ms)
    others = {**others, f"{battery.id}.forecast.untried_d": _whole(untried_d)}
    if known is not None:  # what says the same stays the same
        figures = known.figures if known.figures == figures else figures
        others = known.others if known.others == others else others
    return Seen(state, read, fed_now_w, counts, untried_d, figures, others, before.discharging)


def due_ms(state: BatteryState) -> int | None:
    """Milliseconds until our own clock alone moves what is derived."""
    return CLOCK_MS if state.discharging else None


def _look(battery: Battery, read: tuple[Reading, ...], fed_now_w: int, *, counts: bool) -> Look:
    source, *figures = read
    said = str(source.value) if source.good and source.value != "unknown" else None
    charge_pct, runtime_s, load_pct, power_w = map(_number, figures)
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


def _number(reading: Reading) -> float | None:
    if not reading.good or isinstance(reading.value, bool | str | None):
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


def _seen_ms(battery: Battery, image: InputImage) -> int:
    """How old the figures are: those of charge and runtime."""
    times = [image.at_ms(point) for point in (battery.charge, battery.runtime) if image.content(point).good]
    return max(times, default=image.now_ms)


def _shown(
    battery: Battery, state: BatteryState, look: Look, found: Estimates, short_ms: int
) -> tuple[Mapping[str, Reading], Mapping[str, Reading]]:
    """The points that are as old as the figures, and those that get the time of each cycle."""
    name, named = f"{battery.id}.forecast", found.named
    left_ms = min(named.values(), default=state.left_ms if state.discharging else None)
    basis = min(named, key=lambda word: named[word], default="none" if left_ms is None else "clock")
    spread_ms = max(named.values()) - min(named.values()) if named else None
    dark_ms = state.believed_ms if left_ms is not None else None
    believed_ms = forecast.believe(found, min(named.values()), battery.trust_pct) if named else dark_ms
    figures = {
        f"{name}.runtime_s": _seconds(left_ms),
        f"{name}.from_ups_s": _seconds(found.ups_ms),
        f"{name}.from_slope_s": _seconds(found.slope_ms),
        f"{name}.from_table_s": _seconds(found.table_ms),
        f"{name}.spread_s": _seconds(spread_ms),
        f"{name}.believed_s": _seconds(believed_ms),
        f"{name}.charge_pct": _charge(state, look),
        # As old as the figures beside it: a second look at the same figures confirms nothing.
        f"{name}.on_battery": _good(state.outage),
        f"{battery.id}.plan.stages": _good(state.depth),
        f"{battery.id}.plan.short_s": _seconds(short_ms),
    }
    others = {f"{name}.basis": _good(basis), f"{name}.discharge_s": _seconds(state.outage_ms)}
    return figures, others


def _charge(state: BatteryState, look: Look) -> Reading:
    """The gauge; in darkness what our own clock leaves of it."""
    if look.charge_pm is not None:
        return _good(look.charge_pm / 10)
    if state.charge_pm is None or state.left_ms is None or not state.dark_left_ms:
        return _MISSING
    return _good(state.charge_pm * state.left_ms // state.dark_left_ms / 10)


def _days(since_s: int | None, clock: Reading) -> int | None:
    if since_s is None or not clock.good or not isinstance(clock.value, int):
        return None
    return (clock.value - since_s) // SECONDS_A_DAY


def _whole(value: int | None) -> Reading:
    return _MISSING if value is None else _good(value)


def _seconds(ms: int | None) -> Reading:
    return _MISSING if ms is None else _good(ms // (1000 * GRAIN_S) * GRAIN_S)


@lru_cache(maxsize=1_000, typed=True)
def _good(value: Value) -> Reading:
    """Without a time, which it gets with its share."""
    return Reading(value=value, quality=Quality.GOOD, at_ms=0)
