"""The poller's other half: outputs behind a wire, told before anything is read, followed up until they follow."""

from __future__ import annotations

from itertools import pairwise

import pytest

from drivers.simulated import Behaviour, SimulatedBus
from firmware_py.core.reading import Quality, Reason
from firmware_py.runtime.poller import Poller
from tests.runtime.line import Line, groups_of, warnings
from tests.shell.virtual import VirtualClock, run_virtual, running, spend


def test_outputs_go_before_readings_and_are_told_again_at_each_lease() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3), frozenset({"fan"}))
        line.poller.want("fan", on=True, lease_ms=60_000)
        async with running(line.poller.run()):
            await spend(150_000)
        assert line.diary[0][1] == "fan"
        assert len(line.times("fan")) == 3
        assert line.quality("out.fan.follows") == (Quality.GOOD, None)

    run_virtual(scenario)


def test_a_wish_comes_between_two_reads_of_a_busy_line() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3), frozenset({"fan"}))
        for device in line.devices.values():
            device.answer_ms = 300
        async with running(line.poller.run()):
            await spend(60_000)
            while line.diary[-1][1] != "unit1.fast":  # the first of three or more reads in a row
                await spend(10)
            line.poller.want("fan", on=True, lease_ms=60_000)
            asked_ms = clock.now_ms()
            await spend(1_000)
        assert line.times("fan")[0] - asked_ms <= 300
        assert line.diary[line.diary.index((line.times("fan")[0], "fan")) - 1][1] == "unit1.fast"

    run_virtual(scenario)


def test_a_stuck_relay_is_told_again_and_reported(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,), frozenset({"fan"}))
        line.bus.levels["fan"] = False
        line.bus.stuck.add("fan")
        async with running(line.poller.run()):
            line.poller.want("fan", on=True, lease_ms=60_000)
            await spend(60_000)
            assert line.table.readings["out.fan.follows"].value is False
            assert 6 <= len(line.times("fan")) <= 14
            line.bus.stuck.clear()
            await spend(13_000)
            assert line.table.readings["out.fan.follows"].value is True
        assert [text.split(": ")[1] for text in warnings(caplog)] == [
            "fan does not follow",
            "fan follows again",
        ]

    run_virtual(scenario)


def test_an_output_that_cannot_be_told_is_bad_and_reading_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (2,), frozenset({"fan", "heater"}))
        line.bus.port_behaviour = Behaviour.SILENT
        async with running(line.poller.run()):
            line.poller.want("fan", on=True, lease_ms=60_000)
            line.poller.want("heater", on=True, lease_ms=60_000)
            await spend(120_000)
            assert line.quality("out.fan.follows") == (Quality.BAD, Reason.NO_COMMUNICATION)
            assert line.devices["unit2"].asked >= 90
            assert not await line.poller.flush(100)
            line.bus.port_behaviour = Behaviour.SOUND
            assert await line.poller.flush(30_000)
            assert line.bus.levels == {"fan": True, "heater": True}
        assert len(warnings(caplog)) == 4

    run_virtual(scenario)


def test_after_stop_reading_only_outputs_are_served() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,), frozenset({"fan"}))
        async with running(line.poller.run()):
            await spend(5_500)
            line.poller.stop_reading()
            before = line.devices["unit1"].asked
            line.poller.want("fan", on=False, lease_ms=60_000)
            assert await line.poller.flush(1_000)
            await spend(5_000)
            assert line.devices["unit1"].asked == before
        await line.poller.close()
        assert line.bus.closed

    run_virtual(scenario)


def test_a_driver_with_a_bug_in_close_does_not_stop_the_stopping(caplog: pytest.LogCaptureFixture) -> None:
    class Sticky(SimulatedBus):
        async def close(self) -> None:
            raise ZeroDivisionError("a bug")

    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        await Poller(bus=Sticky("line", groups_of(1), line.devices), clock=clock, table=line.table).close()

    run_virtual(scenario)
    assert warnings(caplog) == ["line: close: a bug"]


def test_a_silent_board_with_many_outputs_costs_the_readings_one_deadline_at_a_time() -> None:
    async def scenario(clock: VirtualClock) -> None:
        outputs = frozenset(f"relay{number}" for number in range(16))
        line = Line(clock, (2,), outputs)
        line.bus.port_behaviour = Behaviour.SILENT
        async with running(line.poller.run()):
            await spend(5_000)
            for output in outputs:
                line.poller.want(output, on=True, lease_ms=60_000)
            await spend(60_000)
        times = line.times("unit2.fast")
        assert max(later - sooner for sooner, later in pairwise(times)) <= 2_010

    run_virtual(scenario)
