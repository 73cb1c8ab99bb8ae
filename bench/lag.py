"""Loop lag: the longest that any callback held the daemon's loop, in CPU of its thread, at four floors.

`python -m bench.lag`; times ten is a Pi-class core. The start (imports, the configuration) does not count: nothing is
polled yet.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from pathlib import Path

from bench.plant import folder, plant
from bench.site import write_site
from bench.table import Table, middle, number
from bench.tools import running
from tests.wires.mosquitto import Mosquitto

RUN_S, SETTLE_S = 20.0, 15.0
FLOORS = (("1 UPS + 4 units x 125", 4, 1), ("10 UPSs", 0, 10), ("50 units x 125", 50, 0))
PI = 10  # times slower than a core of the machine that facts were measured on


def held(units: int, agents: int) -> tuple[list[float], dict[str, float]]:
    """Of ordinary work: the callbacks that were longer than 0.2 ms, and the longest of each kind."""
    with folder("lag") as place, plant(units, agents) as device, Mosquitto.serve(place, quiet=True) as broker:
        site = write_site(place, units=device.units, agents=device.agents, broker=broker.port)
        stamps = place / "stamps"
        with running([sys.executable, "-m", "bench.stamped", str(stamps), "run", "--config", str(site)], place):
            time.sleep(SETTLE_S)
            skip = len(_lines(stamps))
            time.sleep(RUN_S)
            lines = _lines(stamps)[skip:]
    longest: dict[str, float] = defaultdict(float)
    for what, ms in lines:
        longest[what] = max(longest[what], ms)
    return [ms for _, ms in lines], longest


def _lines(path: Path) -> list[tuple[str, float]]:
    words = [line.split() for line in path.read_text().splitlines() if line.startswith("held ")]
    return [(" ".join(what), int(ns) / 1e6) for _, ns, *what in words]


def measure() -> Table:
    """The table."""
    rows = []
    for name, units, agents in FLOORS:
        times, longest = held(units, agents)
        worst = sorted(longest.items(), key=lambda one: -one[1])[:2]
        told = ", ".join(f"{what} {number(ms)}" for what, ms in worst)
        rows.append(
            (name, number(middle(times)), number(max(times, default=0)), number(PI * max(times, default=0)), told)
        )
    return Table(
        name="lag", title="Loop lag: how long one callback holds the loop, CPU milliseconds",
        head=("floor", "median of those > 0.2 ms", "longest", f"x {PI}", "which"), rows=tuple(rows),
        notes=("`guarded` and `_as_coroutine` are the cycle and the pollers: a turn of a task up to its next wait.",),
    )  # fmt: skip


if __name__ == "__main__":
    measure().show()
