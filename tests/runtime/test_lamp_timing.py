"""All lamps flash in unison: on mock pins, in real time, while every core of this machine is kept busy.

A minute long, so a proof; the last figures stand in docs/lamps.md.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from drivers.gpio import GpioPort, OutputPin, open_chip
from firmware_py.core.output import PATTERN_STEPS, Drive, Output, Pattern, Priority, StopValue
from firmware_py.ports import LocalPort
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats
from firmware_py.runtime.writer import Writer
from tests.conftest import run

LAMPS = tuple(f"lamp{number}" for number in range(8))
OUTPUTS = {name: Output(id=name, on_stop=StopValue.OFF, on_fault=StopValue.OFF) for name in LAMPS}
SECONDS, SPREAD_MS, RATE_PCT = 60, 5.0, 2.0


class TimedPort:
    """The real port on mock pins; remembers when each write was done."""

    def __init__(self, port: LocalPort) -> None:
        self._port = port
        self.name, self.outputs = port.name, port.outputs
        self.edges: dict[str, list[float]] = {name: [] for name in LAMPS}

    def set_level(self, output: str, on: bool) -> None:
        self._port.set_level(output, on)
        self.edges[output].append(time.monotonic() * 1000)

    def close(self) -> None:
        self._port.close()


@pytest.fixture
def busy_cores() -> Iterator[int]:
    cores = os.cpu_count() or 1
    loads = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    yield cores
    for load in loads:
        load.kill()
        load.wait()


def measure(pattern: Pattern, seconds: int) -> TimedPort:
    chip = open_chip("mock")
    port = TimedPort(GpioPort([OutputPin(output=n, pin=2 + i) for i, n in enumerate(LAMPS)], chip, {}))

    async def scenario() -> None:
        clock = SystemClock()
        writer = Writer(
            OUTPUTS, clock=clock, table=PointTable({}, clock, lambda: None), beats=Beats(clock), local=[port]
        )
        shown = {name: Drive(value=pattern, priority=Priority.PROGRAM) for name in LAMPS}
        flashing = asyncio.create_task(writer.flasher.run())
        for _ in range(seconds):
            writer.apply(shown)
            await asyncio.sleep(1)
        flashing.cancel()

    run(scenario(), within_s=seconds + 30)
    port.close()
    return port


@pytest.mark.proof
@pytest.mark.parametrize("pattern", [Pattern.FLASH, Pattern.SLOW])
def test_lamps_flash_in_unison_while_all_cores_are_busy(
    pattern: Pattern, busy_cores: int, capsys: pytest.CaptureFixture[str]
) -> None:
    edges = [port_edges[1:] for port_edges in measure(pattern, SECONDS).edges.values()]
    count = min(map(len, edges))
    assert max(map(len, edges)) - count <= 1
    spreads = sorted(max(moment) - min(moment) for moment in zip(*edges, strict=False))
    span_ms = edges[0][count - 1] - edges[0][0]
    half_ms = sum(PATTERN_STEPS[pattern]) / 2
    error_pct = abs(span_ms / ((count - 1) * half_ms) - 1) * 100
    median_ms = spreads[len(spreads) // 2]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{pattern.value}: {count} edges on {len(LAMPS)} lamps, {span_ms / 1000:.1f} s, {busy_cores} cores busy: "
            f"apart {median_ms:.3f} ms at the median, {spreads[-1]:.3f} ms at worst; rate off by {error_pct:.3f} %\n"
        )
    assert spreads[-1] <= SPREAD_MS
    assert error_pct <= RATE_PCT
