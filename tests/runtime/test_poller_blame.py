"""What one unit's silence or failed proof costs the others on its line, and what it says of its own values."""

from __future__ import annotations

from itertools import pairwise

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
