"""CPU for a thousand points, and memory: our daemon beside peers and raw bounds, on 1 to 200 units and 1 to 50 UPSs.

`python -m bench.polling [typical|modbus|snmp ...]`; rounds are interleaved, medians and ratios are told. The plant
counts what was really read: a tool that does not keep the rate of one reading a second is told with its share.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from dataclasses import dataclass

from bench.plant import CHANGING, OBJECTS, REGISTERS, Plant, cpu_ns, folder, plant, rss_mib
from bench.table import Table, middle, number
from bench.tools import TOOLS, Floor, Tool, running
from tests.wires.mosquitto import Mosquitto

ROUNDS, WINDOW_S = 3, 6.0
# A daemon runs for months. V8 still compiles eight seconds after Node-RED's start, and we load what is seldom needed;
# the one floor that a site will have is measured when both are over, the tables of rates as the peers' figures were.
SETTLED_S = {"typical": (30.0, 12.0)}  # wait at least, window
FLOORS = {
    "typical": ((4, 1),),
    "modbus": ((1, 0), (10, 0), (50, 0), (200, 0)),
    "snmp": ((0, 1), (0, 10), (0, 50)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One window of one tool."""

    cpu_pct: float
    cpu_ms: float  # for a thousand points
    rate_pct: float  # of one reading a second
    rss_mib: float


def measure(
    tool: Tool, device: Plant, floor: Floor, *, settle_s: float = 0.0, window_s: float = WINDOW_S
) -> Cost | None:
    """Start it, wait until it works, look for one window. None where it cannot be had."""
    command = tool.command(floor)
    if command is None:
        return None
    with running(command, floor.folder) as process:
        before = _points(device)
        deadline_s = time.monotonic() + 60
        while _points(device) == before and time.monotonic() < deadline_s:
            time.sleep(0.1)
        time.sleep(max(settle_s, tool.settle_s))
        pids = [process.pid]
        points, spent, began_s = _points(device), cpu_ns(pids), time.monotonic()
        time.sleep(window_s)
        points, spent, lasted_s = _points(device) - points, cpu_ns(pids) - spent, time.monotonic() - began_s
        wanted = (len(floor.units) * REGISTERS + len(floor.agents) * OBJECTS) * lasted_s
        return Cost(
            cpu_pct=spent / lasted_s / 1e7, cpu_ms=spent / 1e6 / max(points, 1) * 1000,
            rate_pct=points / wanted * 100, rss_mib=rss_mib(pids),
        )  # fmt: skip


def _points(device: Plant) -> int:
    served = device.served()
    return served.registers + served.values


def compare(
    units: int,
    agents: int,
    rounds: int,
    *,
    tools: tuple[Tool, ...] = TOOLS,
    settle_s: float = 0.0,
    window_s: float = WINDOW_S,
) -> tuple[dict[str, list[Cost]], float]:
    """All tools on one floor, round after round; also what the plant itself took of a core, in percent."""
    found: dict[str, list[Cost]] = defaultdict(list)
    busy = []
    with folder("polling") as place, plant(units, agents) as device, Mosquitto.serve(place, quiet=True) as broker:
        for turn in range(rounds):
            for tool in tools:
                own = place / f"{turn}-{tool.name.split()[0].strip(',')}"
                own.mkdir()
                floor = Floor(units=device.units, agents=device.agents, broker=broker.port, folder=own)
                before, began_s = cpu_ns([device.process.pid]), time.monotonic()
                cost = measure(tool, device, floor, settle_s=settle_s, window_s=window_s)
                if cost is not None:
                    found[tool.name].append(cost)
                    busy.append((cpu_ns([device.process.pid]) - before) / (time.monotonic() - began_s) / 1e7)
                    print(f"  {units} units, {agents} UPSs, {tool.name}: {cost}", file=sys.stderr, flush=True)
    return found, max(busy, default=0.0)


def tables(kind: str, rounds: int = ROUNDS) -> Table:
    """One table: a row for each tool and floor."""
    rows, notes = [], []
    settle_s, window_s = SETTLED_S.get(kind, (0.0, WINDOW_S))
    for units, agents in FLOORS[kind]:
        found, busy = compare(units, agents, rounds, settle_s=settle_s, window_s=window_s)
        what = " + ".join(f"{count} {word}" for count, word in ((agents, "UPS"), (units, "Modbus")) if count)
        mine = middle([cost.cpu_ms for cost in found["Floorguard"]])
        for name, costs in found.items():
            cpu_ms = middle([cost.cpu_ms for cost in costs])
            spread = f"{number(min(c.cpu_ms for c in costs))} to {number(max(c.cpu_ms for c in costs))}"
            rows.append((
                what, name, number(cpu_ms), spread, f"{mine / cpu_ms:.3f}", f"{middle([c.cpu_pct for c in costs]):.2f}",
                f"{middle([c.rate_pct for c in costs]):.0f}", f"{middle([c.rss_mib for c in costs]):.1f}",
            ))  # fmt: skip
        notes.append(f"{what}: the plant took at most {busy:.1f} % of a core.")
    if settle_s:
        notes.append(f"Windows of {window_s:.0f} s, {settle_s:.0f} s after the first reading.")
    missing = [tool.name for tool in TOOLS if not any(tool.name == row[1] for row in rows) and not _unfit(tool, kind)]
    if missing:
        notes.append(f"Not installed here, so not measured: {', '.join(missing)}.")
    return Table(
        name=f"polling-{kind}", title=TITLES[kind],
        head=(
            "floor", "tool", "CPU ms / 1000 points", "spread", "ours : it", "CPU % of a core", "% of the rate",
            "RSS MiB",
        ),
        rows=tuple(rows), notes=tuple(notes),
    )  # fmt: skip


def _unfit(tool: Tool, kind: str) -> bool:
    """Whether a tool has nothing to do with such floors."""
    if tool.name in _ONLY:
        return kind != _ONLY[tool.name]
    return kind == "typical" and tool.name in ("hand-encoded, asyncio", "C library, no publish")


_ONLY = {"pysnmp, no publish": "snmp", "libmodbus, spread, no publish": "modbus"}


TITLES = {
    "typical": f"The typical site: 1 UPS x {OBJECTS} objects and 4 units x {REGISTERS} registers, published",
    "modbus": f"Modbus TCP: units of {REGISTERS} registers each second, {CHANGING} of them moving each second",
    "snmp": f"SNMP version 2c: UPSs of {OBJECTS} objects each second, 5 of them moving each second",
}


def main(words: list[str]) -> None:
    """Print the tables."""
    for kind in words or FLOORS:
        tables(kind).show()


if __name__ == "__main__":
    main(sys.argv[1:])
