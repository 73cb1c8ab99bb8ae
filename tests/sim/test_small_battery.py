"""A battery that never lasts for as long as a stage's release value asks: its loads come back when it is full again.

The example floor with 600 Wh: full, it carries for 25 min what is never shed; stage 3 waits for 75 min (decision 0074).
"""

from __future__ import annotations

from tests.sim.checks import Checks
from tests.sim.faults import HOUR, MINUTE, Fault, Kind, Script
from tests.sim.run import Look, Run
from tests.sim.site import plan
from tests.sim.weeks import heal

DEEP = "power.stage3"
SMALL_WH = 600
OUTAGE = Fault(kind=Kind.MAINS_CUT, target="", at_ms=10 * MINUTE, until_ms=22 * MINUTE)
BLIND = Fault(kind=Kind.OUT_OF_RANGE, target="ups1.battery.charge_pct", at_ms=23 * MINUTE, until_ms=4 * HOUR)


def _script(*faults: Fault) -> Script:
    return Script(seed=1, length_ms=4 * HOUR, faults=faults, orders=(), capacity_wh=SMALL_WH)


class Returns:
    """When the deepest stage came back, and how full the battery really was; with every invariant."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float, bool]] = []
        self._checks = Checks()

    def __call__(self, look: Look) -> None:
        self._checks(look)
        was, now = look.before.stages.get(DEEP), look.decision.state.stages[DEEP]
        if was is not None and was.shed and not now.shed:
            share = look.world.charge / look.world.capacity
            self.seen.append((look.now_ms, share, look.world.supplied))


def test_a_small_battery_gives_its_last_load_back_when_it_is_full_and_not_before() -> None:
    returns = Returns()
    run = Run(_script(OUTAGE), plan(), check=returns)
    run.play()
    assert [(share >= 0.95, supplied) for _, share, supplied in returns.seen] == [(True, True)]
    forecast = run.decision.derived["ups1.forecast.runtime_s"].value if run.decision else None
    assert isinstance(forecast, int)
    assert forecast < 60 * 60, "it would never have reached the release value"
    assert heal(run) <= HOUR


def test_a_small_battery_whose_charge_nobody_can_read_gives_nothing_back() -> None:
    returns = Returns()
    run = Run(_script(OUTAGE, BLIND), plan(), check=returns)
    run.play(BLIND.until_ms - MINUTE)
    assert returns.seen == []
    assert run.state.stages[DEEP].shed
    run.play()
    heal(run)
    assert len(returns.seen) == 1
