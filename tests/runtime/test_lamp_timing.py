"""All lamps flash in unison: on mock pins, in real time, while every core of this machine is kept busy.

A minute long, so a proof; the last figures stand in docs/lamps.md.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from drivers.gpio import GpioPort, OutputPin, open_chip
from firmware_py.core.output import PATTERN_STEPS, Drive, Output, Pattern, Priority, StopValue
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats
from firmware_py.runtime.writer import Writer
from tests.conftest import run

LAMPS = tuple(f"lamp{number}" for number in range(8))
OUTPUTS = {name: Output(id=name, on_stop=StopValue.OFF, on_fault=StopValue.OFF) for name in LAMPS}
SECONDS, SPREAD_MS, RATE_PCT = 60, 5.0, 2.0
FIRST_PIN = 4  # 2 and 3 have a pull-up, whose end would count as an edge


def edges_ms(pin: Any) -> list[float]:
    """When this mock pin changed, by gpiozero's own record: the time of the last change, and the gaps."""
    moments = [pin._last_change]
    for state in reversed(pin.states[1:]):
        moments.append(moments[-1] - state.timestamp)
    return [moment * 1000 for moment in reversed(moments)][1:]


@pytest.fixture
def busy_cores() -> Iterator[int]:
    cores = os.cpu_count() or 1
    loads = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(cores)]
    yield cores
    for load in loads:
        load.kill()
        load.wait()


def measure(pattern: Pattern, seconds: int) -> list[list[float]]:
    """The moments at which each lamp's pin changed."""
    chip = open_chip("mock")
    port = GpioPort([OutputPin(output=n, pin=FIRST_PIN + i) for i, n in enumerate(LAMPS)], chip, {})

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
    return [edges_ms(chip.factory.pin(FIRST_PIN + i)) for i in range(len(LAMPS))]


@pytest.mark.proof
@pytest.mark.parametrize("pattern", [Pattern.FLASH, Pattern.SLOW])
def test_lamps_flash_in_unison_while_all_cores_are_busy(
    pattern: Pattern, busy_cores: int, capsys: pytest.CaptureFixture[str]
) -> None:
    edges = [moments[1:] for moments in measure(pattern, SECONDS)]
    count = min(map(len, edges))
    assert max(map(len, edges)) - count <= 1
    spreads = sorted(max(moment) - min(moment) for moment in zip(*edges, strict=False))
    span_ms = edges[0][count - 1] - edges[0][0]
    half_ms = sum(PATTERN_STEPS[pattern]) / 2
    error_pct = abs(span_ms / ((count - 1) * half_ms) - 1) * 100
    median_ms, most_ms = spreads[len(spreads) // 2], spreads[len(spreads) * 99 // 100]
    load = os.getloadavg()[0]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{pattern.value}: {count} edges on {len(LAMPS)} lamps, {span_ms / 1000:.1f} s, "
            f"{busy_cores} cores kept busy, load {load:.1f}: "
            f"apart {median_ms:.2f} ms at the median, {most_ms:.2f} at 99 %, {spreads[-1]:.2f} at worst; "
            f"rate off by {error_pct:.3f} %\n"
        )
    assert spreads[-1] <= SPREAD_MS
    assert error_pct <= RATE_PCT
