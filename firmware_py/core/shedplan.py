"""How much load must go so that a battery reaches its endurance target: planned backwards from the target.

Counts with the least that shedding can buy (runtime in proportion to load), so that a plan errs towards lasting.
This module must not know points, conditions or how a load is cut.
"""

from collections.abc import Sequence

from config.valued import dataclass
from firmware_py.core.forecast import HARSH, KINDS, presume_w

RESERVE_PCT = 5  # planned beyond the target
GRACE_PCT = 5  # of the target, what waiting may cost in the worst case
GRACE_MS_MAX = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FedLoad:
    """A declared load of one UPS. `output`: its feed, empty where it is cut by hand. `order`: of the power stage that
    sheds it, 0 where none does."""

    id: str
    watts_w: int
    output: str = ""
    order: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One UPS whose end is forecast: its points (empty: not offered), its loads, and its target.

    `orders`: the power stages that are shed for the target, in their order. `rating_w`: its rated output, 0: not known.
    `trust_pct`: how much of a forecast is believed beyond what was watched. `kinds`: the estimates that count.
    `overlong`: the condition that a test of its UPS counts as an outage.
    """

    id: str
    source: str
    charge: str = ""
    runtime: str = ""
    load: str = ""
    power: str = ""
    rating_w: int = 0
    endurance_ms: int = 14_400_000
    trust_pct: float = 0.0
    kinds: frozenset[str] = KINDS
    overlong: str = ""
    loads: tuple[FedLoad, ...] = ()
    orders: tuple[int, ...] = ()

    @property
    def points(self) -> tuple[str, str, str, str, str]:
        """What is looked at: source, charge, runtime, load and power."""
        return self.source, self.charge, self.runtime, self.load, self.power


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One depth of shedding: all stages up to `order`. `load_w`: what is left, `runtime_ms`: how long that lasts."""

    order: int
    load_w: int
    runtime_ms: int


def fed_w(battery: Battery, off: frozenset[str]) -> int:
    """What the declared loads draw together, without those whose outputs are off."""
    return sum(load.watts_w for load in battery.loads if load.output not in off)


def ladder(battery: Battery, *, runtime_ms: int, load_w: int, off: frozenset[str]) -> tuple[Rung, ...]:
    """Every depth that the site allows, from nothing more (order 0) down, with what it lasts from now on."""
    fed_now_w = fed_w(battery, off)
    rungs = []
    for order in (0, *battery.orders):
        gone = frozenset(load.output for load in battery.loads if load.output and 0 < load.order <= order)
        left_w = presume_w(load_w, fed_now_w, fed_w(battery, off | gone))
        lasts_ms = runtime_ms * load_w // left_w if left_w > 0 else runtime_ms
        rungs.append(Rung(order=order, load_w=left_w, runtime_ms=lasts_ms))
    return tuple(rungs)


def depth(rungs: Sequence[Rung], wanted_ms: int) -> int:
    """The order of the shallowest rung that lasts for `wanted_ms` and the reserve; the deepest where none does."""
    planned_ms = wanted_ms * (100 + RESERVE_PCT) // 100
    return next((rung.order for rung in rungs if rung.runtime_ms >= planned_ms), rungs[-1].order)


def grace_ms(battery: Battery, rungs: Sequence[Rung]) -> int:
    """How long doubt alone may wait before it sheds: what the whole load drains meanwhile costs what is kept at most
    `GRACE_PCT` of its target, at the harshest battery law. Nobody's desk goes off for a cut of a minute."""
    whole_w, kept_w = rungs[0].load_w, rungs[-1].load_w
    if kept_w <= 0:
        return 0
    return min(GRACE_MS_MAX, int(battery.endurance_ms * GRACE_PCT / 100 / (whole_w / kept_w) ** HARSH))
