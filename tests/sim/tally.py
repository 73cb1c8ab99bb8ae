"""Series of simulated outages and what they came to, by battery law; for the tests and for `make bench`.

Who must last and for how long is the site's; what a battery does is the law's. It must not know how it is printed.
"""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from firmware_py.core.state import State
from tests.sim.outages import KEPT_W, MINUTE, TARGET_MS, Law, Outage, build_plan, sound, watched, worn

EXPONENTS = (1.0, 1.15, 1.25, 1.5)
SHARES = (0.6, 0.95, 1.1, 1.4, 3.0, 6.0)  # what is kept would last for so many times the target
RATIOS = (1.5, 2.0, 3.0)  # full load over what is kept
HISTORIES = ("new", "watched", "half watched")
UNDECLARED_W = 400
Case = tuple[float, float, float]  # exponent, share, ratio

QUICK = [(1.0, 1.1, 2.0), (1.25, 0.95, 3.0), (1.25, 3.0, 1.5), (1.5, 1.1, 3.0), (1.15, 6.0, 1.5)]
ALL = list(itertools.product(EXPONENTS, SHARES, RATIOS))


def law_of(exponent: float, share: float, gauge: Callable[[float], float], undeclared_w: int) -> Law:
    # The kept load includes what nobody declared: nobody can shed it. A worn battery's UPS counts with a new one.
    kept_ms = int(TARGET_MS * share * ((KEPT_W + undeclared_w) / KEPT_W) ** exponent)
    claim = 4.0 if gauge is worn else 1.0
    return Law(name=f"{gauge.__name__} k={exponent}", exponent=exponent, kept_ms=kept_ms, gauge=gauge, claim=claim)


def memory_of(history: str, plan_of: Outage) -> State:
    if history == "new":
        return State()
    floor = 0.97 if history == "watched" else 0.5
    return watched(plan_of.plan, plan_of.law, plan_of.undeclared_w, floor)


class Tally:
    """What a series of runs came to, by law."""

    def __init__(self) -> None:
        self.missed: list[str] = []
        self.lost_min: defaultdict[str, list[float]] = defaultdict(list)
        self.errors: defaultdict[str, list[float]] = defaultdict(list)
        self.cut: defaultdict[str, list[int]] = defaultdict(list)
        self.runs = 0

    def run(self, folder: Path, gauge: Callable[[float], float], case: Case, history: str) -> None:
        """One outage."""
        exponent, share, ratio = case
        undeclared_w = UNDECLARED_W if ratio == 2.0 else 0
        law = law_of(exponent, share, gauge, undeclared_w)
        plan = build_plan(folder, int((ratio - 1) * KEPT_W))
        one = Outage(plan=plan, law=law, undeclared_w=undeclared_w)
        one.state = memory_of(history, one)
        lasted_ms = one.fail(TARGET_MS)
        self.runs += 1
        possible_ms = law.lasts_ms(KEPT_W + undeclared_w)
        self.errors[f"{law.name}, {history}"] += one.errors
        assert one.last is not None
        self.cut[f"{law.name} {history} x{share}"].append(one.last.stage)
        if possible_ms >= 1.1 * TARGET_MS - MINUTE and lasted_ms < TARGET_MS:
            self.missed.append(f"{law.name} load x{ratio} battery x{share} {history}: {lasted_ms / MINUTE:.1f} min")
        if possible_ms < 1.1 * TARGET_MS - MINUTE:
            self.lost_min[f"{law.name}, {history}"].append((min(possible_ms, TARGET_MS) - lasted_ms) / MINUTE)

    def table(self) -> str:
        """For people: the minutes lost where the target was out of reach, and how far the forecast was off, from the
        moment at which the mains went to ten minutes before the end."""
        lines = [
            f"{self.runs} outages, target {TARGET_MS // MINUTE} min; {len(self.missed)} missed that were in reach",
            "law           history        lost min: median worst   forecast error: 5 %  median    95 %",
        ]
        for name, errors in sorted(self.errors.items()):
            lost, ordered = self.lost_min.get(name, []), sorted(errors)
            minutes = f"{statistics.median(lost):16.1f} {max(lost):5.1f}" if lost else f"{'in reach':>22}"
            parts = (ordered[len(ordered) // 20], statistics.median(ordered), ordered[-1 - len(ordered) // 20])
            law, _, history = name.partition(", ")
            lines.append(f"{law:<13} {history:<13} {minutes}   " + " ".join(f"{part * 100:+13.0f} %" for part in parts))
        return "\n".join(lines)


def series(folder: Path, cases: Sequence[Case], histories: Sequence[str]) -> Tally:
    tally = Tally()
    for gauge, case, history in itertools.product((sound, worn), cases, histories):
        tally.run(folder, gauge, case, history)
    return tally
