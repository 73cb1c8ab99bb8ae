"""The poller on simulated devices in virtual time: rhythm, blame, back-off, confirming reads."""

from __future__ import annotations

import asyncio
import re
from itertools import pairwise

import pytest

from drivers.simulated import Behaviour, SimulatedBus
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import PollGroup
from firmware_py.runtime.ask import Limits
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.runtime.line import Line, groups_of, warnings
from tests.shell.virtual import VirtualClock, run_virtual, running, spend


def test_fast_groups_are_read_on_the_second_and_slow_ones_in_between() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (2,))
        async with running(line.poller.run()):
            await spend(120_500)
        fast, slow = line.times("unit2.fast"), line.times("unit2.slow")
        assert all(at_ms % 1_000 == 0 for at_ms in fast[1:])
        assert {later - sooner for sooner, later in pairwise(fast[1:])} == {1_000}
        assert 5 <= len(slow) <= 6
        assert line.quality("unit2.model") == (Quality.GOOD, None)
        assert line.bus.most_busy == 1

    run_virtual(scenario)


def test_all_endpoints_wake_at_the_same_instants() -> None:
    async def scenario(clock: VirtualClock) -> None:
        lines = [Line(clock, (2,)), Line(clock, (3,))]
        await spend(137)
        async with running(*(line.poller.run() for line in lines)):
            await spend(60_000)
        ticks = [{at_ms for at_ms, name in line.diary if "fast" in name} for line in lines]
        assert len(ticks[0] & ticks[1]) >= 59

    run_virtual(scenario)


def test_one_lost_poll_changes_nothing_and_a_dead_device_goes_bad_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].behaviour = Behaviour.REFUSING
            await spend(1_000)
            line.devices["unit1"].behaviour = Behaviour.SOUND
            await spend(2_000)
            assert line.quality("unit1.state") == (Quality.GOOD, None)
            assert warnings(caplog) == []
            line.devices["unit1"].behaviour = Behaviour.SILENT
            await spend(4_000)
            assert line.quality("unit1.state") == (Quality.BAD, Reason.NO_COMMUNICATION)
            assert line.quality("unit1.model") == (Quality.BAD, Reason.NO_COMMUNICATION)
            assert line.table.readings["unit1.state"].value == 1
            await spend(600_000)
            line.devices["unit1"].behaviour = Behaviour.SOUND
            await spend(13_000)
            assert line.quality("unit1.model") == (Quality.GOOD, None)
        died, returned = warnings(caplog)
        assert died == "line: unit1 does not answer: no answer within 400 ms"
        found = re.fullmatch(r"line: unit1 answers again after (\d+) s", returned)
        assert found
        assert 600 <= int(found[1]) <= 616

    run_virtual(scenario)


def test_a_dead_unit_costs_its_neighbours_one_deadline_per_back_off_step() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3))
        async with running(line.poller.run()):
            await spend(5_500)
            line.devices["unit1"].behaviour = Behaviour.SILENT
            await spend(60_000)
            asked = line.devices["unit1"].asked
            before = line.devices["unit2"].asked
            await spend(600_000)
            probes = line.devices["unit1"].asked - asked
            assert 600 // 13 <= probes <= 600 // 8 + 1
            assert line.devices["unit2"].asked - before >= 600
            assert all(report.late == 0 for report in line.poller.report() if report.device != "unit1")
            fast = line.times("unit2.fast")[-600:]
            assert max(later - sooner for sooner, later in pairwise(fast)) <= 1_400

    run_virtual(scenario)


def test_a_lost_line_costs_one_probe_for_all_its_units_and_all_come_back_together(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2, 3))
        async with running(line.poller.run()):
            await spend(5_500)
            for device in line.devices.values():
                device.behaviour = Behaviour.BUS_LOST
            asked = sum(device.asked for device in line.devices.values())
            await spend(2_000)
            assert sum(device.asked for device in line.devices.values()) - asked == 2  # a tick is given up at once
            await spend(58_000)
            assert all(line.quality(f"unit{n}.state")[0] is Quality.BAD for n in (1, 2, 3))
            asked = sum(device.asked for device in line.devices.values())
            await spend(120_000)
            assert sum(device.asked for device in line.devices.values()) - asked <= 120 // 8 + 1
            for device in line.devices.values():
                device.behaviour = Behaviour.SOUND
            await spend(12_500)
            assert all(line.quality(f"unit{n}.state")[0] is Quality.GOOD for n in (1, 2, 3))
        assert len([text for text in warnings(caplog) if "does not answer" in text]) == 3
        assert len([text for text in warnings(caplog) if "answers again" in text]) == 3

    run_virtual(scenario)


@pytest.mark.parametrize("own_behaviour", [Behaviour.SOUND, Behaviour.BUS_LOST])
def test_what_a_driver_knows_by_itself_never_delays_the_return_of_what_is_on_the_wire(own_behaviour: Behaviour) -> None:
    """A counter of the line, read every 10 s: its turns once put off the dead unit's next question."""

    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        own = PollGroup(
            id="line.own", device="unit2", points=("unit2.state",), period_ms=10_000, deadline_ms=400, local=True
        )
        line.bus = SimulatedBus("line", (*groups_of(1), own), line.devices, frozenset(), line.note)
        line.poller = Poller(bus=line.bus, clock=clock, table=line.table)
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].behaviour = Behaviour.BUS_LOST
            line.devices["unit2"].behaviour = own_behaviour
            await spend(300_000)
            assert line.quality("unit1.state")[0] is Quality.BAD
            assert (line.quality("unit2.state")[0] is Quality.BAD) == (own_behaviour is Behaviour.BUS_LOST)
            probes = [at_ms for at_ms in line.times("unit1.fast") if at_ms > 60_000]
            assert max(later - earlier for earlier, later in pairwise(probes)) <= 12_400

    run_virtual(scenario)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(Behaviour.RAISING, Reason.BAD_REPLY), (Behaviour.FOREIGN, Reason.BAD_REPLY), (Behaviour.DEAF, None)],
)
def test_a_driver_with_a_bug_is_a_failed_device_and_said_once(
    caplog: pytest.LogCaptureFixture, behaviour: Behaviour, reason: Reason | None
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        async with running(line.poller.run()):
            await spend(5_500)
            line.devices["unit1"].behaviour = behaviour
            await spend(600_000)
            assert line.quality("unit1.state") == (Quality.BAD, reason or Reason.NO_COMMUNICATION)
            assert line.quality("unit2.state") == (Quality.GOOD, None)
            assert line.devices["unit2"].asked > 600
        traced = [record for record in caplog.records if record.exc_info]
        assert len(traced) == (0 if reason is None else 1)
        assert len([text for text in warnings(caplog) if "does not answer" in text]) == 1

    run_virtual(scenario)


def test_garbage_makes_points_bad_and_the_device_stays_alive() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        line.devices["unit1"].behaviour = Behaviour.GARBAGE
        async with running(line.poller.run()):
            await spend(20_000)
        assert line.quality("unit1.state") == (Quality.BAD, Reason.BAD_REPLY)
        assert line.poller.report()[0].alive

    run_virtual(scenario)


def test_a_point_that_is_missing_from_the_answer_counts_as_not_supported() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        del line.devices["unit1"].values["unit1.state"]
        async with running(line.poller.run()):
            await spend(2_000)
        assert line.quality("unit1.state") == (Quality.BAD, Reason.NOT_SUPPORTED)
        assert line.quality("unit1.alarm") == (Quality.GOOD, None)

    run_virtual(scenario)


def test_a_hint_is_followed_at_once_and_foreign_hints_are_ignored() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            before = len(line.diary)
            for _ in range(1_000):
                line.bus.hint("nobody")
                line.bus.hint("unit1")
            assert len(line.poller._hints) == 1
            await spend(10)
            assert [name for _, name in line.diary[before:]] == ["unit1.fast"]

    run_virtual(scenario)


def test_a_storm_of_hints_is_no_storm_on_the_wire() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            before = len(line.diary)
            for _ in range(1_000):
                line.bus.hint("unit1")
                await spend(1)
            assert len(line.diary) - before <= 12

    run_virtual(scenario)


def test_a_driver_that_ignores_its_end_is_abandoned_and_never_called_twice(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        line.devices["unit1"].behaviour = Behaviour.HANGING
        with pytest.raises(RuntimeError, match="ignores its end"):
            await line.poller.run()
        assert all(line.quality(f"unit{n}.state") == (Quality.BAD, Reason.NO_COMMUNICATION) for n in (1, 2))
        line.devices["unit1"].behaviour = Behaviour.SOUND
        async with running(line.poller.run()):
            await spend(60_000)
            assert line.devices["unit1"].asked == 1  # the old call has not come back
            await spend(3_600_000)
            assert line.quality("unit1.state") == (Quality.GOOD, None)
        assert line.bus.most_busy == 1

    run_virtual(scenario)


def test_a_hung_driver_is_replaced_where_a_fresh_one_can_be_made() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        fresh = line.make_bus((1,), frozenset())
        line.poller = Poller(bus=line.bus, clock=clock, table=line.table, rebuild=lambda: (fresh, None))
        line.devices["unit1"].behaviour = Behaviour.HANGING
        with pytest.raises(RuntimeError, match="ignores its end"):
            await line.poller.run()
        line.devices["unit1"].behaviour = Behaviour.SOUND
        async with running(line.poller.run()):
            await spend(2_000)
            assert line.quality("unit1.state") == (Quality.GOOD, None)
        await spend(3_600_000)  # the abandoned call ends some day

    run_virtual(scenario)


def test_stopping_in_the_middle_of_a_read_takes_no_longer_than_the_grace() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        line.devices["unit1"].behaviour = Behaviour.DEAF
        task = asyncio.create_task(line.poller.run())
        await spend(100)
        start_ms = clock.now_ms()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert clock.now_ms() - start_ms <= Limits().grace_ms

    run_virtual(scenario)


def test_points_that_the_plan_does_not_know_are_found_at_the_start() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        with pytest.raises(AssertionError, match="points that the plan does not know"):
            Poller(bus=line.bus, clock=clock, table=PointTable({}, clock, line.wake))

    run_virtual(scenario)


def test_a_flood_of_hints_about_a_dead_device_does_not_cost_its_neighbours_more() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2))
        line.devices["unit1"].behaviour = Behaviour.SILENT
        async with running(line.poller.run()):
            await spend(60_000)
            asked, good = line.devices["unit1"].asked, line.devices["unit2"].asked
            for _ in range(3_000):
                line.bus.hint("unit1")
                await spend(10)
            assert line.devices["unit1"].asked - asked <= 30_000 // 900 + 1  # a deadline and the first pause
            assert line.devices["unit2"].asked - good >= 30

    run_virtual(scenario)
