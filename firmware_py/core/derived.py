"""Points that nobody reads: the forecast of each battery and the plan that follows from it, out of image and memory.

They are readings like any other for conditions, messages and people (decision 0010). This module must not know what is
done about them.
"""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias, TypeVar

from config.valued import dataclass, replace
from firmware_py.core import forecast
from firmware_py.core.calendar import SECONDS_A_DAY
from firmware_py.core.forecast import BatteryState, Estimates, Look
from firmware_py.core.image import InputImage, Readings, Shared, reads_otherwise, touched
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


T = TypeVar("T")
_Days: TypeAlias = tuple[int, int] | None
_ALWAYS_S: Final = 1 << 62


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

    @property
    def runs(self) -> bool:
        """Whether the next look says something else by itself."""
        return self.state.discharging or self.ends

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


class Ages:
    """The times of all shares: what is as old as charge and runtime of a battery (`dated`, where they are good), and
    what is of each cycle."""

    __slots__ = ("dated", "image")

    def __init__(self, dated: Mapping[str, tuple[str, ...]], image: InputImage) -> None:
        self.dated, self.image = dated, image

    def __getitem__(self, owner: str, /) -> int:
        return max(map(self.image.at_ms, self.dated.get(owner, ())), default=self.image.now_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """`readings`: what was worked out, by point; `batteries`: the memory after it; `seen`: for the next look, with
    `off` and `overlong` as they were, those in which time runs, and the wall time (from, until) for which days are
    counted like that (None: while it is not known)."""

    batteries: Mapping[str, BatteryState]
    readings: Shared
    seen: Mapping[str, Seen]
    ages: Ages
    watchers: "Watchers"
    off: frozenset[str]
    overlong: frozenset[str]
    running: frozenset[str]
    days: _Days

    def moved(
        self, states: Mapping[str, BatteryState], image: InputImage, off: frozenset[str], overlong: frozenset[str],
        clock: Reading,
    ) -> Collection[str]:  # fmt: skip
        """Batteries of which another look may see something else: of all others it sees the same, and says the same."""
        before, now = self.ages.image.readings, image.readings
        known = isinstance(now, Readings) and now.follows(before) and _within(self.days, _wall_s(clock))
        if not known or states is not self.batteries or off != self.off or overlong != self.overlong:
            return self.seen.keys()
        others, watchers = touched(before, now), self.watchers
        found = set(self.running)
        for point in watchers.at_rest.keys() & others:
            found.update(watchers.at_rest[point])
        for point in watchers.of_load.keys() & others:
            found.update(name for name in watchers.of_load[point] if states[name].learnt)
        return found


class Watchers:
    """Which batteries look at a point while they give no power, and at a load by what was watched in an outage."""

    __slots__ = ("at_rest", "of_load")

    def __init__(self, batteries: Mapping[str, Battery]) -> None:
        self.at_rest: dict[str, tuple[str, ...]] = {}
        self.of_load: dict[str, tuple[str, ...]] = {}
        for name, battery in batteries.items():
            for point in battery.points[:_RUNTIME]:
                self.at_rest[point] = (*self.at_rest.get(point, ()), name)
            self.of_load[battery.load] = (*self.of_load.get(battery.load, ()), name)


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
    clock = image.content(CLOCK_POINT)
    names = batteries if known is None or not batteries else known.moved(states, image, off, overlong, clock)
    found = dict[str, Seen]()
    shares, dated = dict[str, Mapping[str, Reading]](), dict[str, tuple[str, ...]]()
    for name in names:
        battery, last = batteries[name], None if known is None else known.seen[name]
        read = tuple(map(image.content, battery.points))
        one = _look_again(battery, states[name], read, last, clock, off, dt_ms, counts=name in overlong)
        found[name], shares[name], shares[f"{name} now"] = one, one.figures, one.others
        figures = zip((battery.charge, battery.runtime), read[1:_RUNTIME], strict=True)
        dated[name] = tuple(point for point, reading in figures if reading.good)
    days = _days_alike(found.values(), _wall_s(clock))
    after = _updated(states, {name: one.state for name, one in found.items()})
    running = frozenset(name for name, one in found.items() if one.runs)
    if known is None:
        owners = {point: owner for owner, content in shares.items() for point in content}
        ages = Ages(dated, image)
        return Derived(
            batteries=after, readings=Shared(owners, shares, ages, {}), seen=found, ages=ages,
            watchers=Watchers(batteries), off=off, overlong=overlong, running=running, days=days,
        )  # fmt: skip
    ages, all_shares = Ages(_updated(known.ages.dated, dated), image), _updated(known.readings.shares, shares)
    return Derived(
        batteries=after, readings=Shared(known.readings.owners, all_shares, ages, {}),
        seen=_updated(known.seen, found), ages=ages, watchers=known.watchers, off=off, overlong=overlong,
        running=running, days=_both(days, known.days) if len(found) < len(batteries) else days,
    )  # fmt: skip


def _updated(known: Mapping[str, T], news: Mapping[str, T]) -> Mapping[str, T]:
    """`known` itself where the news are the very same."""
    return known if all(known[name] is one for name, one in news.items()) else {**known, **news}


def _look_again(
    battery: Battery, before: BatteryState, read: tuple[Reading, ...], last: Seen | None, clock: Reading,
    off: frozenset[str], dt_ms: int, *, counts: bool,
) -> Seen:  # fmt: skip
    """The very same as last time where it would say the same."""
    fed_now_w, tried_s = fed_w(battery, off), _tried_s(before.tried_s, clock, gives=before.discharging)
    if last is None or tried_s != before.tried_s or not last.holds(before, read, fed_now_w, counts=counts):
        return _see(battery, before, read, fed_now_w, clock, off, dt_ms, counts=counts, known=last)
    untried_d = _days(tried_s, clock)
    if last.untried_d == untried_d:
        return last
    others = {**last.others, f"{battery.id}.forecast.untried_d": _whole(untried_d)}
    return last._replace(others=others, untried_d=untried_d)


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
    wall_s = _wall_s(clock)
    if wall_s is None:
        return known_s
    return wall_s if known_s is None or wall_s < known_s or (gives and wall_s - known_s >= HOUR_S) else known_s


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
    wall_s = _wall_s(clock)
    return None if since_s is None or wall_s is None else (wall_s - since_s) // SECONDS_A_DAY


def _wall_s(clock: Reading) -> int | None:
    return clock.value if clock.good and isinstance(clock.value, int) else None


def _days_alike(found: Collection[Seen], wall_s: int | None) -> _Days:
    """From and until when the wall time counts the same days for all of these; None while it is not known."""
    if wall_s is None:
        return None
    since = [(one.state.tried_s or 0) + (one.untried_d or 0) * SECONDS_A_DAY for one in found]
    return max(since, default=0), min(since, default=_ALWAYS_S) + SECONDS_A_DAY


def _both(one: _Days, other: _Days) -> _Days:
    return None if one is None or other is None else (max(one[0], other[0]), min(one[1], other[1]))


def _within(days: _Days, wall_s: int | None) -> bool:
    return days is None if wall_s is None else days is not None and days[0] <= wall_s < days[1]


def _whole(value: int | None) -> Reading:
    return _MISSING if value is None else _good(value)


def _seconds(ms: int | None) -> Reading:
    return _MISSING if ms is None else _good(ms // (1000 * GRAIN_S) * GRAIN_S)


@lru_cache(maxsize=1_000, typed=True)
def _good(value: Value) -> Reading:
    """Without a time, which it gets with its share."""
    return Reading(value=value, quality=Quality.GOOD, at_ms=0)
