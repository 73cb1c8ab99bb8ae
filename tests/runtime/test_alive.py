"""The alive blink lives by the control loop itself: when it no longer goes round the lamp is dark, not steady."""

from __future__ import annotations

import pytest

from drivers.simulated import SimulatedPort
from firmware_py.core.output import PATTERN_STEPS, Drive, Output, Pattern, Priority, StopValue
from firmware_py.runtime.flash import ALIVE_MS
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats
from firmware_py.runtime.writer import Writer
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

OUTPUT = Output(id="lamp", on_stop=StopValue.OFF, on_fault=StopValue.OFF)


def writer(clock: VirtualClock, port: SimulatedPort, **more: object) -> Writer:
    table = PointTable({}, clock, lambda: None)
    return Writer({"lamp": OUTPUT}, clock=clock, table=table, beats=Beats(clock), local=[port], **more)  # type: ignore[arg-type] # rhythms of a test


def shown(pattern: Pattern) -> dict[str, Drive]:
    return {"lamp": Drive(value=pattern, priority=Priority.PROGRAM)}


def blinks(pattern: Pattern, *, cycles: bool) -> int:
    """How often the lamp comes on within a minute, after the loop has gone round once."""
    port = SimulatedPort(frozenset({"lamp"}))

    async def scenario(clock: VirtualClock) -> int:
        lit = 0
        flashing = writer(clock, port)
        async with running(flashing.flasher.run()):
            flashing.apply(shown(pattern))
            before = False
            for _ in range(1_200):
                await spend(50)
                if cycles:
                    flashing.apply(shown(pattern))
                now = port.levels["lamp"]
                lit, before = lit + (now and not before), now
        assert not port.levels["lamp"] or cycles or pattern is not Pattern.ALIVE, "steady would look like life"
        return lit

    return run_virtual(scenario)


def test_it_blinks_while_the_loop_goes_round() -> None:
    assert blinks(Pattern.ALIVE, cycles=True) in (29, 30, 31)


@pytest.mark.parametrize(("pattern", "most"), [(Pattern.ALIVE, ALIVE_MS // 2_000 + 1), (Pattern.DRILL, 4 + 4)])
def test_it_goes_dark_when_the_loop_stands_still(pattern: Pattern, most: int) -> None:
    assert blinks(pattern, cycles=False) <= most


def test_other_rhythms_go_on_for_an_alarm_must_not_vanish_with_the_loop() -> None:
    assert blinks(Pattern.SLOW, cycles=False) in (29, 30, 31)


def test_a_floor_plays_its_own_rhythms() -> None:
    port = SimulatedPort(frozenset({"lamp"}))
    steps = {**PATTERN_STEPS, Pattern.SOUND_LOW: (100, 100)}

    async def scenario(clock: VirtualClock) -> int:
        flashing = writer(clock, port, steps=steps)
        async with running(flashing.flasher.run()):
            flashing.apply(shown(Pattern.SOUND_LOW))
            levels = set()
            for _ in range(40):
                await spend(50)
                levels.add(port.levels["lamp"])
        return len(levels)

    assert run_virtual(scenario) == 2
