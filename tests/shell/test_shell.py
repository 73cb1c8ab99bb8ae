"""The shell ring: the whole shell and the real core on simulated devices, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise

import pytest

from drivers.simulated import Behaviour
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.condition import Phase
from firmware_py.core.mode import CausePhase
from firmware_py.core.state import State
from firmware_py.core.step import CLOCK_POINT
from firmware_py.runtime.clock import LATER_MS, ClockQuality
from firmware_py.runtime.cycle import BURST, GAP_MS
from tests.shell.floor import DEVICES, Floor
from tests.shell.virtual import VirtualClock, run_virtual, spend

TROUBLE = (
    Behaviour.RAISING, Behaviour.HANGING, Behaviour.DEAF, Behaviour.SILENT, Behaviour.GARBAGE, Behaviour.FOREIGN,
    Behaviour.FROZEN, Behaviour.REFUSING, Behaviour.BUS_LOST,
)  # fmt: skip


def gaps(times: list[int]) -> set[int]:
    return {later - sooner for sooner, later in pairwise(times[2:])}


def test_an_outage_reaches_lamp_relay_exchange_and_mode_within_a_few_milliseconds_of_the_answer() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        floor.later(10_500, floor.say("ups1", "battery"))
        start_ms = clock.now_ms()
        await floor.live(15_000)
        answered_ms = start_ms + 11_000 + 5  # asked on the tick, the simulated device takes 5 ms
        (conserving_ms,) = [at_ms for at_ms, mode in floor.diary.modes if mode == "conservation"]
        assert answered_ms < conserving_ms <= answered_ms + 20
        lit = [at_ms for at_ms in floor.times("pin lamp.power True") if at_ms >= answered_ms]
        assert lit[0] <= answered_ms + 250  # flashing, in phase with everything else
        assert floor.times("pin beacon True") == [conserving_ms]
        assert floor.times("outbound_paused")[1] <= conserving_ms + 1

    run_virtual(scenario)


def test_outputs_come_before_the_journal_and_the_journal_before_everybody_else() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        floor.later(5_500, floor.say("ups1", "battery"))
        await floor.live(8_000)
        lines = [text for _, text in floor.diary.lines]
        relay, mode = lines.index("pin beacon True"), lines.index("mode conservation")
        assert any(line.startswith("journal") for line in lines[relay:mode])

    run_virtual(scenario)


def test_the_cycle_runs_once_a_second_when_nothing_happens_after_what_is_read_in_that_second() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        await floor.live(120_500)
        cycles = [at_ms for at_ms in floor.diary.cycles if at_ms > floor.diary.cycles[0] + 2_000]
        assert {at_ms % 1_000 for at_ms in cycles} == {LATER_MS}
        assert len(cycles) in (118, 119)
        assert cycles == sorted(set(cycles))

    run_virtual(scenario)


def test_a_storm_of_urgent_changes_costs_at_most_a_hundred_cycles_a_second() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)

        async def storm() -> None:
            for n in range(2_000):
                await asyncio.sleep(0.001)
                floor.devices["ups1"].values["ups1.output_source"] = ("normal", "battery")[n % 2]
                floor.buses["ups1"].hint("ups1")

        floor.supervisor.supervise("storm", storm, group="pollers")
        await floor.live(2_000)
        cycles = floor.diary.cycles
        assert len(cycles) <= 205 + BURST
        assert all(later - first >= BURST * GAP_MS for first, later in zip(cycles, cycles[BURST:], strict=False))

    run_virtual(scenario)


async def live_beside(clock: VirtualClock, behaviour: Behaviour, ms: int) -> Floor:
    """A floor where one device is in trouble all the time."""
    floor = Floor(clock)
    floor.devices["hvac1"].frozen = {"hvac1.output_source": "normal"}
    floor.later(5_500, lambda: setattr(floor.devices["hvac1"], "behaviour", behaviour))
    await floor.live(ms)
    await asyncio.sleep(3_700)  # whoever ignores its end for an hour has ended
    for device in set(DEVICES) - {"hvac1"}:
        times = floor.times(f"{device}.fast")
        assert gaps(times) <= {1_000, 995, 1_005}, device
        assert len(times) >= ms // 1_000 - 1
    assert len(floor.diary.cycles) <= ms // 1_000 * 1.1 + 50
    return floor


@pytest.mark.parametrize("behaviour", TROUBLE)
def test_one_troubled_poller_leaves_the_rhythm_of_all_others_unchanged(
    behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = await live_beside(clock, behaviour, 300_000)
        said = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
        assert len(said) <= 3, said
        good = floor.table.readings["hvac1.output_source"].good
        assert good is (behaviour is Behaviour.FROZEN)

    run_virtual(scenario)


@pytest.mark.proof
@pytest.mark.parametrize("behaviour", TROUBLE)
def test_a_whole_day_beside_a_troubled_poller_changes_no_rhythm(behaviour: Behaviour) -> None:
    async def scenario(clock: VirtualClock) -> None:
        await live_beside(clock, behaviour, 86_400_000)

    run_virtual(scenario)


def test_boot_in_the_middle_of_an_outage_puts_the_outputs_before_any_bus_is_read() -> None:
    async def scenario(clock: VirtualClock) -> None:
        before = Floor(clock)
        before.later(2_500, before.say("ups1", "battery"))
        await before.live(10_000)
        left: State = before.cycle.state

        after = Floor(clock, left)
        for device in after.devices.values():
            device.behaviour = Behaviour.SILENT
        after.exchange.port_behaviour = Behaviour.SILENT
        await after.live(600_000)
        lines = [text for _, text in after.diary.lines]
        first_read = next(number for number, line in enumerate(lines) if line.endswith(".fast"))
        assert lines.index("pin beacon True") < lines.index("mode conservation") < first_read
        assert [mode for _, mode in after.diary.modes] == ["conservation"]  # and nothing ends it without evidence
        assert after.cycle.state.causes["power"].phase is CausePhase.ACTIVE
        assert after.cycle.state.causes["power"].active_ms > 590_000

    run_virtual(scenario)


def test_a_state_of_another_boot_is_taken_without_its_time() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock, State(stepped_ms=clock.now_ms() + 10**9))
        await floor.live(3_000)
        assert floor.cycle.state.stepped_ms is not None
        assert floor.cycle.state.stepped_ms < clock.now_ms() + 1

    run_virtual(scenario)


def test_the_time_off_within_one_boot_ends_nothing_that_was_still_to_be_proven() -> None:
    async def scenario(clock: VirtualClock) -> None:
        before = Floor(clock)
        before.later(2_500, before.say("ups1", "battery"))
        before.later(8_500, before.say("ups1", "normal"))
        await before.live(20_000)  # 11 s of the 30 s off-delay have run
        await spend(3_600_000)
        after = Floor(clock, before.cycle.state)
        for at_ms in (25_000, 35_000):
            after.later(at_ms, lambda: after.diary.note(after.cycle.state.conditions["ups1.on_battery"].phase.value))
        await after.live(40_000)
        # Dark at first, so that the proof of the end begins anew.
        assert [text for _, text in after.diary.lines if text in set(Phase)] == ["clearing", "clear"]

    run_virtual(scenario)


def test_stepping_the_wall_clock_changes_nothing_but_its_own_point() -> None:
    def live(steps: bool) -> tuple[object, ...]:
        async def scenario(clock: VirtualClock) -> tuple[object, ...]:
            floor = Floor(clock)
            floor.later(5_500, floor.say("ups1", "battery"))
            floor.later(40_500, floor.say("ups1", "normal"))
            if steps:
                floor.later(3_000, lambda: setattr(clock, "utc_offset_ms", 0))
                floor.later(20_000, lambda: setattr(clock, "utc_offset_ms", 4_000_000_000_000))
                floor.later(60_000, lambda: setattr(clock, "clk", ClockQuality.NONE))
            await floor.live(150_000)
            assert floor.table.readings[CLOCK_POINT].good is not steps
            return floor.diary.modes, floor.diary.cycles, floor.port.writes

        return run_virtual(scenario)

    assert live(steps=True) == live(steps=False)


def test_a_stop_drives_outputs_first_tells_the_exchange_and_closes_everything() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        floor.later(2_500, floor.say("ups1", "battery"))
        start_ms = clock.now_ms()
        await floor.live(10_500)
        assert floor.times("pin beacon False")[-1] == start_ms + 10_500
        assert floor.port.levels == {"beacon": False, "lamp.power": False}
        assert floor.exchange.levels == {"outbound_paused": True}  # held
        assert floor.port.closed
        assert all(bus.closed for bus in (*floor.buses.values(), floor.exchange))
        assert clock.now_ms() - start_ms < 10_600

    run_virtual(scenario)


def test_a_bug_in_the_core_drives_the_outputs_to_their_fault_values_and_ends_the_process() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)

        def broken(*_: object) -> object:
            raise ZeroDivisionError("a bug in the core")

        floor.later(5_500, lambda: setattr(floor.cycle, "_decide", broken))
        with pytest.raises(ZeroDivisionError):
            await floor.supervisor.run(floor.closing())
        assert floor.port.levels == {"beacon": True, "lamp.power": True}
        assert floor.port.closed

    run_virtual(scenario)


def test_a_command_is_answered_at_once_and_not_at_the_next_second() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        took: list[int] = []

        async def order() -> None:
            await asyncio.sleep(4.3)
            asked_ms = clock.now_ms()
            reply = await floor.desk.ask(Command(id="x1", kind=CommandKind.CONSERVE, by="1000:maria"))
            took.append(clock.now_ms() - asked_ms)
            assert reply.command == "x1"
            await asyncio.sleep(3_600)

        floor.supervisor.supervise("order", order, group="pollers")
        await floor.live(10_000)
        assert took == [0]

    run_virtual(scenario)


def test_every_part_beats_while_all_is_well_whatever_the_devices_do() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        for device in floor.devices.values():
            device.behaviour = Behaviour.HANGING
        late: list[tuple[str, ...]] = []

        async def look() -> None:
            while True:
                ages_ms = floor.beats.ages_ms()
                late.append(
                    tuple(
                        name
                        for name in ("cycle", "writer", "supervisor")
                        if ages_ms[name] > (1_100 if name == "cycle" else 2_100)
                    )
                )
                await asyncio.sleep(0.9)

        floor.supervisor.supervise("look", look, group="pollers")
        await floor.live(120_000)
        assert set(late) == {()}
        await asyncio.sleep(3_700)

    run_virtual(scenario)


def test_the_board_shows_the_whole_floor() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        assert floor.board.snapshot()["mode"] == "starting"
        assert floor.board.headline == "starting"
        floor.devices["hvac1"].behaviour = Behaviour.SILENT
        floor.later(2_500, floor.say("ups1", "battery"))
        await floor.live(20_000)
        seen = floor.board.snapshot()
        assert floor.board.headline.startswith("conservation because")
        assert seen["because"] == ["ups1.on_battery"]
        assert seen["points"]["ups1.output_source"]["value"] == "battery"
        assert seen["points"]["ups1.output_source"]["age_ms"] <= 2_100
        assert seen["points"]["hvac1.output_source"]["reason"] == "no_communication"
        assert seen["points"]["hvac1.output_source"]["age_ms"] is None
        assert seen["outputs"]["outbound_paused"]["wanted"] is True
        assert seen["outputs"]["outbound_paused"]["because"]
        assert seen["devices"]["hvac1"]["alive"] is False
        assert seen["devices"]["ups2"]["ok"] >= 19
        assert seen["alarms"]["ups1.on_battery"]["state"] == "active_unacked"
        assert seen["causes"]["power"]["phase"] == "active"
        assert (seen["clock"]["clk"], seen["boot"], seen["storage"]) == ("ntp", "b41c", {"journal": "sound"})
        events = floor.board.events(0, 500)
        assert [event["count"] for event in events] == list(range(1, len(events) + 1))
        assert floor.board.events(events[-2]["count"], 500) == events[-1:]

    run_virtual(scenario)
