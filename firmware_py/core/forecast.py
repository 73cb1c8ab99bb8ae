"""How long a battery will last: three estimates, the lowest of them, and our own clock where nothing is seen.

The UPS's own figure, the slope of this discharge, and what was learnt from watching earlier ones. A pm is a thousandth,
of full charge or of rated load. This module must not know points, stages or who asks.
"""

from collections.abc import Mapping
from dataclasses import field

from config.valued import dataclass, replace

BAND_PM = 100  # one line of the learnt table covers this much charge
LOAD_STEP_PM = 100  # and this much load; 12 x 10 lines at most
LOAD_PM_MAX = 1_200
SLOPE_FALL_PM = 30  # charge comes in steps of 1 %: less fall than this gives no slope (facts: ups.md 4.2)
MARKS = 8
# From a load to a higher one runtime falls by this power at most (published tables: 1.32 to 1.74 at full load, 1.05 to
# 1.25 at the rates of hours); to a lower one it rises by 1 at least.
HARSH = 1.5
KINDS = frozenset({"ups", "slope", "table"})
_DISCHARGES: Mapping[str, bool] = {"battery": True, "test": True, "mains": False, "bypass": False, "off": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One line of the table: a percent of charge lasted `pct_lasts_ms` at this load."""

    pct_lasts_ms: int
    load_pm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The charge changed to this value, at this age of the discharge."""

    at_ms: int
    charge_pm: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryState:
    """What is remembered of one battery. All but `learnt` and `tried_s` speaks of the discharge under way.

    `outage`: the UPS said "battery" (a self-test discharges too, and is no outage). `left_ms`: the lowest plausible
    forecast, `believed_ms` the part of it that rests on what was watched; both run down by our own clock in darkness,
    which began at `dark_left_ms`. `load_w`, `fed_w`: measured load, and what the declared loads that were on by then
    draw. `settling_ms`: how long the last change of load may still be on its way to the UPS's figures.
    """

    discharging: bool = False
    outage: bool = False
    outage_ms: int = 0
    charge_pm: int | None = None
    left_ms: int | None = None
    believed_ms: int = 0
    dark_left_ms: int | None = None
    load_pm: int = 0
    load_w: int = 0
    fed_w: int = 0
    settling_ms: int = 0
    depth: int = 0
    marks: tuple[Mark, ...] = ()
    since: Mark | None = None  # where the stretch that is being watched began
    learnt: Mapping[str, tuple[Watched, ...]] = field(default_factory=dict)  # by band, one line for each load
    tried_s: int | None = None  # wall time at which it last gave power, at first of the first sound clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known of a battery now, None where it cannot be trusted. `load_w`: the whole load; `fed_w`: what is
    declared of it; `kinds`: the estimates that this site goes by."""

    source: str | None
    charge_pm: int | None = None
    runtime_ms: int | None = None
    load_pm: int | None = None
    load_w: int | None = None
    fed_w: int = 0
    kinds: frozenset[str] = KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimates:
    """Three forecasts in milliseconds, None where one has no ground; `proven_ms`: what was watched at this load."""

    ups_ms: int | None = None
    slope_ms: int | None = None
    table_ms: int | None = None
    proven_ms: int = 0

    @property
    def named(self) -> Mapping[str, int]:
        """Those that there are."""
        listed = {"ups": self.ups_ms, "slope": self.slope_ms, "table": self.table_ms}
        return {name: ms for name, ms in listed.items() if ms is not None}


def advance(state: BatteryState, look: Look, *, dt_ms: int, trust_pct: float) -> tuple[BatteryState, Estimates]:
    """One look. `trust_pct`: how much of a forecast is believed beyond what was ever watched."""
    discharging = _DISCHARGES.get(look.source or "", state.discharging)
    if not discharging:
        return (BatteryState(learnt=state.learnt) if state.discharging else state), estimate(state, look)
    if state.discharging:
        state = replace(state, outage_ms=state.outage_ms + dt_ms)
    else:
        state = BatteryState(discharging=True, learnt=state.learnt, load_w=look.fed_w, fed_w=look.fed_w)
    state = replace(state, outage=state.outage if look.source is None else look.source == "battery")
    state = _load(state, look, dt_ms)
    state = _watch(state, look)
    found = estimate(state, look)
    if not found.named:
        return _run_down(state, dt_ms), found
    left_ms = min(found.named.values())
    return replace(state, left_ms=left_ms, believed_ms=believe(found, left_ms, trust_pct), dark_left_ms=None), found


def believe(found: Estimates, left_ms: int, trust_pct: float) -> int:
    """The part of a forecast that rests on what was watched, and the trusted share of the rest."""
    proven_ms = min(left_ms, found.proven_ms)
    return proven_ms + int((left_ms - proven_ms) * trust_pct / 100)


def _run_down(state: BatteryState, dt_ms: int) -> BatteryState:
    """Darkness: frozen charge, own clock."""
    if state.left_ms is None:
        return state
    dark_left_ms = state.left_ms if state.dark_left_ms is None else state.dark_left_ms
    left_ms, believed_ms = max(0, state.left_ms - dt_ms), max(0, state.believed_ms - dt_ms)
    return replace(state, left_ms=left_ms, believed_ms=believed_ms, dark_left_ms=dark_left_ms)


# ---------------------------------------------------------------------------------------------------------- the load
SETTLING_MS = 30_000


def _load(state: BatteryState, look: Look, dt_ms: int) -> BatteryState:
    """The load now: in watts where they are measured, else as the percentage moves what is declared, else without what
    was shed since the last measurement."""
    load_pm = state.load_pm if look.load_pm is None else look.load_pm
    stepped = 8 * abs(load_pm - state.load_pm) > state.load_pm > 0
    settling_ms = SETTLING_MS if look.fed_w != state.fed_w or stepped else max(0, state.settling_ms - dt_ms)
    if look.load_w is not None or look.load_pm is not None:
        moved_w = state.load_w * load_pm // state.load_pm if state.load_pm else state.load_w
        load_w = moved_w if look.load_w is None else look.load_w
        return replace(state, load_w=load_w, load_pm=load_pm, fed_w=look.fed_w, settling_ms=settling_ms)
    presumed_w = presume_w(state.load_w, state.fed_w, look.fed_w)
    moved = replace(state, load_w=presumed_w, fed_w=look.fed_w, settling_ms=settling_ms)
    if presumed_w in (0, state.load_w) or state.left_ms is None:
        return moved
    longer = state.load_w / presumed_w
    return replace(
        moved, load_pm=int(state.load_pm / longer),
        left_ms=int(state.left_ms * longer), believed_ms=int(state.believed_ms * longer),
        dark_left_ms=None if state.dark_left_ms is None else int(state.dark_left_ms * longer),
    )  # fmt: skip


def presume_w(load_w: int, fed_before_w: int, fed_now_w: int) -> int:
    """The load after declared loads of `fed_before_w - fed_now_w` went: what nobody declared stays, and a load that
    measures less than its declaration takes as much less with it."""
    if fed_before_w <= 0:
        return load_w
    return max(0, load_w - (fed_before_w - fed_now_w) * min(load_w, fed_before_w) // fed_before_w)


# ------------------------------------------------------------------------------------------------------- the watching
def _watch(state: BatteryState, look: Look) -> BatteryState:
    """Follow the charge: marks for the slope, a line of the table for each band that was passed at a steady load."""
    charge_pm = look.charge_pm
    if charge_pm is None:
        return state
    if state.charge_pm is None:  # the discharge begins here, or its first look at the charge
        return replace(state, charge_pm=charge_pm, since=Mark(at_ms=state.outage_ms, charge_pm=charge_pm))
    if state.settling_ms:
        return replace(state, charge_pm=charge_pm, marks=(), since=None)
    if charge_pm == state.charge_pm:
        return state
    mark = Mark(at_ms=state.outage_ms, charge_pm=charge_pm)
    if charge_pm > state.charge_pm:
        return replace(state, charge_pm=charge_pm, marks=(mark,), since=mark)
    state = replace(state, charge_pm=charge_pm, marks=(*state.marks, mark)[-MARKS:])
    return _learn(state, mark)


def _learn(state: BatteryState, mark: Mark) -> BatteryState:
    since = state.since
    if since is None:
        return replace(state, since=mark)
    top = band_of(since.charge_pm)
    if mark.charge_pm > top * BAND_PM:
        return state
    fall_pm = since.charge_pm - mark.charge_pm
    if fall_pm < SLOPE_FALL_PM:
        return replace(state, since=mark)
    line = Watched(pct_lasts_ms=max(1, (mark.at_ms - since.at_ms) * 10 // fall_pm), load_pm=state.load_pm)
    bottom = -(-mark.charge_pm // BAND_PM)  # the lowest band that was passed to its end
    passed = {str(band): _with(state.learnt.get(str(band), ()), line) for band in range(bottom, top + 1)}
    return replace(state, since=mark, learnt={**state.learnt, **passed})


def _with(lines: tuple[Watched, ...], line: Watched) -> tuple[Watched, ...]:
    """The newest watch of a load counts: batteries age, and are replaced."""
    key = _load_key(line.load_pm)
    return (*(old for old in lines if _load_key(old.load_pm) != key), line)


def band_of(charge_pm: int) -> int:
    """Number of the band that a charge lies in, its upper end included: 100 and 90.1 are in band 9, 90 in band 8."""
    return max(0, -(-charge_pm // BAND_PM) - 1)


def _load_key(load_pm: int) -> int:
    return min(LOAD_PM_MAX, round(load_pm / LOAD_STEP_PM) * LOAD_STEP_PM)


# ------------------------------------------------------------------------------------------------------ the estimates
def estimate(state: BatteryState, look: Look) -> Estimates:
    """All that this site goes by, from what is seen now."""
    load_pm = state.load_pm if look.load_pm is None else look.load_pm
    ups_ms = _plausible(look) if "ups" in look.kinds else None
    if look.charge_pm is None:
        return Estimates(ups_ms=ups_ms)
    slope_ms = from_slope(state) if "slope" in look.kinds else None
    table_ms, proven_ms = None, 0
    if "table" in look.kinds and state.learnt:
        table_ms, proven_ms = from_table(state.learnt, look.charge_pm, load_pm)
    return Estimates(ups_ms=ups_ms, slope_ms=slope_ms, table_ms=table_ms, proven_ms=proven_ms)


def _plausible(look: Look) -> int | None:
    # Zero minutes beside a charged battery is a card that does not know (facts: ups.md R5).
    if look.runtime_ms == 0 and look.charge_pm is not None and look.charge_pm > 50:
        return None
    return look.runtime_ms


def from_slope(state: BatteryState) -> int | None:
    """Charge over the fall of the last marks; between two of them our own clock runs on, for one step of the gauge."""
    if len(state.marks) < 2:
        return None
    first, last = state.marks[0], state.marks[-1]
    fall_pm = first.charge_pm - last.charge_pm
    if fall_pm < SLOPE_FALL_PM:
        return None
    step_ms = (last.at_ms - first.at_ms) * 10 // fall_pm
    waited_ms = min(state.outage_ms - last.at_ms, step_ms)
    return max(0, last.charge_pm * step_ms // 10 - waited_ms)


def from_table(learnt: Mapping[str, tuple[Watched, ...]], charge_pm: int, load_pm: int) -> tuple[int | None, int]:
    """The runtime by the table, and the part of it through bands that were watched without a gap.

    A band that was never watched is taken at the fastest that was; with none at all there is no estimate.
    """
    lines = {band: _nearest(learnt.get(str(band), ()), load_pm) for band in range(band_of(charge_pm), -1, -1)}
    known = [ms for ms in lines.values() if ms is not None]
    if not known:
        return None, 0
    total_ms, proven_ms, unbroken = 0, 0, True
    above_pm = charge_pm
    for band, lasts_ms in lines.items():
        width_pm = above_pm - band * BAND_PM
        total_ms += width_pm * (min(known) if lasts_ms is None else lasts_ms) // 10
        unbroken = unbroken and lasts_ms is not None
        proven_ms = total_ms if unbroken else proven_ms
        above_pm = band * BAND_PM
    return total_ms, proven_ms


def _nearest(lines: tuple[Watched, ...], load_pm: int) -> int | None:
    """Milliseconds per percent in a band, from the line watched at the nearest load, on the cautious side."""
    if not lines:
        return None
    line = min(lines, key=lambda one: (abs(one.load_pm - load_pm), -one.load_pm))
    if line.load_pm <= 0 or load_pm <= 0:
        return line.pct_lasts_ms
    ratio = line.load_pm / load_pm
    return int(line.pct_lasts_ms * (ratio if ratio >= 1 else ratio**HARSH))
