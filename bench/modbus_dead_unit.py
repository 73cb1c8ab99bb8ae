"""Ten units behind one gateway, one of them dead: what the others pay, measured with the real driver and poller.

Prints a table. The gateway is simulated with the behaviour of a real one (0x0B after its own tries, or plain silence);
it answers in 10 ms. Run: .venv/bin/python bench/modbus_dead_unit.py [seconds for each row]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from drivers.modbus import Endpoint, ModbusBus
from drivers.modbus_guard import Framing
from drivers.modbus_profile import ModbusUnit, load, points
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.wires import modbus_faults as faults

PROFILE = Path(__file__).resolve().parents[1] / "config/profiles/relay_board_8.toml"
ANSWER_S = 0.01
GATEWAY_S = 2.15  # measured: three tries of 500 ms and its own pauses (facts: modbus.md, chapter 5)
DEAD = 4
PERIOD_S = 1.0
NOISE_S = 0.05  # two worst cases of one run on a shared machine are not alike to the millisecond
CASES = (
    ("all alive", faults.TCP, "", 800),
    ("one silent", faults.TCP, "silent", 800),
    ("one 0x0B after 2.15 s", faults.TCP, "0x0B", 2_300),
    ("all alive", faults.RTU, "", 800),
    ("one silent", faults.RTU, "silent", 800),
)


async def measure(framing: str, dead: str, timeout_ms: int, seconds: float) -> tuple[list[float], int]:
    """The healthy units' cycles (time between two reads of the same unit), and how often the dead one was asked."""
    seen: dict[int, list[float]] = {}
    loop = asyncio.get_running_loop()

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        if request.address == 0 and request.function == 1:
            seen.setdefault(request.unit, []).append(loop.time())
        if request.unit == DEAD and dead == "silent":
            return []
        if request.unit == DEAD and dead:
            return [GATEWAY_S, *faults.exception(11)(server, request)]
        return [ANSWER_S, server.sound(request)]

    profile = load(PROFILE)
    units = [
        ModbusUnit(device=f"u{n}", unit=n, profile=profile, timeout_ms=timeout_ms, slow_ms=1_000) for n in range(1, 11)
    ]
    async with faults.FaultServer(framing=framing, answer=answer) as server:
        bus = ModbusBus(Endpoint(name="gw", framing=Framing(framing), host="127.0.0.1", port=server.port), units)
        clock = SystemClock()
        table = PointTable({point.id: point for unit in units for point in points(unit)}, clock, lambda: None)
        poller = Poller(bus=bus, clock=clock, table=table)
        task = asyncio.create_task(poller.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await poller.close()
    gaps = [b - a for unit, at in seen.items() if unit != DEAD for a, b in pairwise(at)]
    return [gap for gap in gaps if gap > 0.2], len(seen.get(DEAD, ()))  # a proof read beside the read is no cycle


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    print(f"ten units behind one gateway, read every {PERIOD_S} s for {seconds:.0f} s; seconds")
    heads = f"{'cycle p50':>10}{'worst':>8}{'grown by':>10}{'time-out':>10}{'asked dead':>12}{'at most that':>14}"
    print(f"{'case':<24}{'framing':<10}{heads}")
    healthy_s: dict[str, float] = {}
    for name, framing, dead, timeout_ms in CASES:
        gaps, probes = asyncio.run(measure(framing, dead, timeout_ms, seconds))
        worst_s, timeout_s = max(gaps), timeout_ms / 1000
        grown_s = worst_s - healthy_s.setdefault(framing, worst_s)  # against the same line with all alive, in this run
        shown = "".join(
            f"{each:>{width}.2f}"
            for each, width in zip((statistics.median(gaps), worst_s, grown_s, timeout_s), (10, 8, 10, 10), strict=True)
        )
        met = "yes" if grown_s <= timeout_s + NOISE_S else "no"
        print(f"{name:<24}{framing:<10}{shown}{probes:>12}{met:>14}", flush=True)


if __name__ == "__main__":
    main()
