"""What one unit's silence or failed proof costs the others on its line, and what it says of its own values."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers.simulated import Behaviour
from firmware_py.core.reading import Quality, Reason
from tests.runtime.line import Line
from tests.shell.virtual import VirtualClock, run_virtual, running, spend


def test_a_unit_that_falls_silent_costs_its_neighbours_one_deadline_a_round_before_it_counts_as_dead() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        line.devices["unit1"].behaviour = Behaviour.SILENT  # both of its groups are due
        began_ms = clock.now_ms()
        async with running(line.poller.run()):
            await spend(900)
            assert len(line.times("unit1.fast")) + len(line.times("unit1.slow")) == 1
            assert line.times("unit2.fast")[0] - began_ms <= 400 + 10
            await spend(5_000)
        rounds = [at_ms for at_ms, name in line.diary if name.startswith("unit1")]
        assert all(later - sooner >= 400 + 5 for sooner, later in pairwise(rounds))

    run_virtual(scenario)


def test_what_a_device_said_before_its_proof_failed_is_doubted_and_its_neighbours_are_not() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        async with running(line.poller.run()):
            await spend(3_500)
            assert line.quality("unit1.state") == (Quality.GOOD, None)
            line.devices["unit1"].behaviour = Behaviour.UNPROVEN
            await spend(1_000)
            assert line.quality("unit1.state") == line.quality("unit1.model") == (Quality.UNCERTAIN, Reason.DOUBTFUL)
            assert line.table.readings["unit1.state"].value == 1
            assert line.quality("unit2.state") == (Quality.GOOD, None)
            line.devices["unit1"].behaviour = Behaviour.SOUND
            await spend(1_000)
            assert line.quality("unit1.state") == (Quality.GOOD, None)

    run_virtual(scenario)


@pytest.mark.parametrize("dead", [("unit2",), ("unit1", "unit2")])
def test_no_neighbour_pays_more_than_one_silence_whenever_the_dead_are_asked(dead: tuple[str, ...]) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3))
        for device in line.devices.values():
            device.answer_ms = 100  # slow enough that a changed order within the round would show
        for name in dead:
            line.devices[name].behaviour = Behaviour.SILENT
        async with running(line.poller.run()):
            await spend(900_000)  # with the jitter of the pauses each phase against the tick comes up
        slow = [at_ms for at_ms, name in line.diary if name.endswith(".slow")]
        for name in sorted(line.devices.keys() - set(dead)):
            turns = [
                (a, b) for a, b in pairwise(line.times(f"{name}.fast")[10:]) if not any(a <= at <= b for at in slow)
            ]
            assert len(turns) > 700
            assert max(later - sooner for sooner, later in turns) <= 1_000 + 400 + 10

    run_virtual(scenario)


def test_of_several_dead_devices_each_gets_its_turn() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3))
        for name in ("unit1", "unit2"):
            line.devices[name].behaviour = Behaviour.SILENT
        async with running(line.poller.run()):
            await spend(60_000)
            for name in ("unit2", "unit1"):
                line.devices[name].behaviour = Behaviour.SOUND
                await spend(12_500)
                assert line.quality(f"{name}.state") == (Quality.GOOD, None)

    run_virtual(scenario)
