"""The course that an outage would take from now on: when each stage goes, what is left, how long it lasts.

Arithmetic for `floorguard plan`, with runtime in proportion to load, as the daemon plans. It must not know sockets.
"""

from collections.abc import Iterator, Sequence

from config.stages import PlannedStage
from config.valued import dataclass
from firmware_py.core.forecast import presume_w
from firmware_py.core.shedplan import Battery, depth, fed_w, grace_ms, ladder


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Where the battery stands: what it carries, how long it would at this load, and how much of that is believed."""

    load_w: int
    charge_pct: float
    runtime_ms: int
    believed_ms: int
    off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """One stage on its way: `at_ms` after the outage began (None: the battery ends first), and the forecast then."""

    stage: PlannedStage
    at_ms: int | None
    why: str
    load_w: int
    lasts_ms: int
    buys_ms: int


def foresee(battery: Battery, stages: Sequence[PlannedStage], start: Start) -> tuple[list[Going], int]:
    """What goes when, and when the battery is empty. `stages`: those of the power cause, in their order."""
    waiting, going = list(stages), []
    off, load_w, now_ms, left = start.off, start.load_w, 0, 1.0
    while waiting:
        lasts_ms = _lasts_ms(start, load_w)
        due = [(ms, index, why) for index, stage in enumerate(waiting)
               for ms, why in _due(battery, stage, start, now_ms, left, lasts_ms)]  # fmt: skip
        at_ms, index, why = min(due, default=(None, 0, ""))
        if at_ms is None or at_ms >= now_ms + left * lasts_ms:
            break
        left -= (at_ms - now_ms) / lasts_ms
        now_ms = at_ms
        for stage in waiting[: index + 1]:  # a deeper stage takes along what comes before it
            gone = frozenset(load.output for load in battery.loads if load.output and load.id in stage.loads)
            less_w = presume_w(load_w, fed_w(battery, off), fed_w(battery, off | gone))
            before_ms = int(left * _lasts_ms(start, load_w))
            off, load_w = off | gone, less_w
            rest_ms = int(left * _lasts_ms(start, load_w))
            bought_ms = rest_ms - before_ms
            going.append(Going(stage=stage, at_ms=now_ms, why=why, load_w=load_w, lasts_ms=rest_ms, buys_ms=bought_ms))
        waiting = waiting[index + 1 :]
    end_ms = now_ms + int(left * _lasts_ms(start, load_w))
    going += [
        Going(stage=stage, at_ms=None, why="", load_w=load_w, lasts_ms=0, buys_ms=0) for stage in waiting
    ]  # fmt: skip
    return going, end_ms


def _lasts_ms(start: Start, load_w: int) -> float:
    """A battery as it is now, at another load."""
    return start.runtime_ms * start.load_w / load_w if load_w > 0 else float(start.runtime_ms)


def _due(
    battery: Battery, stage: PlannedStage, start: Start, now_ms: int, left: float, lasts_ms: float
) -> list[tuple[int, str]]:
    """Every trigger of a stage with the time at which it comes."""
    found: list[tuple[int, str]] = []
    if stage.after_ms is not None:
        found.append((max(now_ms, stage.after_ms), "time"))
    if stage.charge_below_pct is not None and start.charge_pct > 0:
        until = left - stage.charge_below_pct / start.charge_pct
        found.append((now_ms + max(0, int(until * lasts_ms)), "charge"))
    if stage.runtime_below_ms is not None:
        found.append((now_ms + max(0, int(left * lasts_ms - stage.runtime_below_ms)), "runtime"))
    if stage.endurance:
        found += [(max(now_ms, ms), why) for ms, why in _for_endurance(battery, stage, start)]
    return found


def _for_endurance(battery: Battery, stage: PlannedStage, start: Start) -> Iterator[tuple[int, str]]:
    """At once where the forecast itself is too short; where only belief in it is, after the grace."""
    doubted = ladder(battery, runtime_ms=start.believed_ms, load_w=start.load_w, off=start.off)
    said = ladder(battery, runtime_ms=start.runtime_ms, load_w=start.load_w, off=start.off)
    if depth(said, battery.endurance_ms) >= stage.order:
        yield 0, "endurance"
    elif depth(doubted, battery.endurance_ms) >= stage.order:
        yield grace_ms(battery, doubted), "endurance, never watched to last"
