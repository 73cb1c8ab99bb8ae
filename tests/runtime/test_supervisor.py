"""The supervisor in virtual time: restarts, the death of the core, the order of stopping."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from firmware_py.runtime.supervisor import Closing, Supervisor
from firmware_py.runtime.watchdog import Beats
from tests.shell.virtual import VirtualClock, run_virtual, spend


class Bench:
    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.diary: list[str] = []
        self.beats = Beats(clock)
        self.supervisor = Supervisor(clock, self.beats, self.release)

    def release(self, fault: bool) -> None:
        self.diary.append("on_fault" if fault else "on_stop")

    def note(self, text: str, wait_ms: int = 0) -> Callable[[], Awaitable[None]]:
        async def step() -> None:
            await spend(wait_ms)
            self.diary.append(text)

        return step

    def lasting(self, text: str) -> Callable[[], Awaitable[None]]:
        async def task() -> None:
            self.diary.append(f"{text} starts")
            try:
                await asyncio.Event().wait()
            finally:
                self.diary.append(f"{text} ends")

        return task

    async def live(self, ms: int, closing: tuple[Closing, ...] = ()) -> None:
        asyncio.get_running_loop().call_later(ms / 1000, self.supervisor.stop)
        await self.supervisor.run(closing)


def test_a_failing_task_is_started_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        starts: list[int] = []

        async def poller() -> None:
            starts.append(clock.now_ms())
            raise OSError("no such host")

        bench.supervisor.supervise("ups1", poller, group="pollers")
        await bench.live(900_000)
        pauses = [later - sooner for sooner, later in pairwise(starts)]
        assert 800 <= pauses[0] <= 1_200
        assert 1_600 <= pauses[1] <= 2_400
        assert all(48_000 <= pause <= 72_000 for pause in pauses[6:])
        assert bench.supervisor.restarts["ups1"] == len(starts)

    run_virtual(scenario)


def test_five_good_minutes_make_the_pause_short_again() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        lives_ms = iter([0, 0, 0, 0, 0, 0, 0, 0, 301_000, 0, 10**9])
        ends: list[int] = []
        starts: list[int] = []

        async def poller() -> None:
            starts.append(clock.now_ms())
            await spend(next(lives_ms))
            ends.append(clock.now_ms())

        bench.supervisor.supervise("ups1", poller, group="pollers")
        await bench.live(1_000_000)
        assert starts[8] - ends[7] > 40_000
        assert starts[9] - ends[8] <= 1_200

    run_virtual(scenario)


def test_a_task_that_is_cancelled_from_inside_is_started_again() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        starts: list[int] = []

        async def poller() -> None:
            starts.append(clock.now_ms())
            raise asyncio.CancelledError

        bench.supervisor.supervise("ups1", poller, group="pollers")
        await bench.live(10_000)
        assert 5 <= len(starts) <= 7

    run_virtual(scenario)


def test_the_death_of_a_core_task_drives_the_outputs_first_and_ends_the_process() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)

        async def cycle() -> None:
            await spend(5_000)
            raise ZeroDivisionError("a bug in the core")

        bench.supervisor.core("cycle", cycle)
        bench.supervisor.supervise("ups1", bench.lasting("ups1"), group="pollers")
        closing = (Closing(name="pollers", limit_ms=100, cancels=("pollers",)),)
        with pytest.raises(ZeroDivisionError):
            await bench.supervisor.run(closing)
        assert bench.diary == ["ups1 starts", "on_fault", "ups1 ends"]

    run_virtual(scenario)


def test_a_core_task_that_dies_in_its_first_step_lets_nobody_touch_the_network() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)

        async def cycle() -> None:
            raise ZeroDivisionError("a bug in the core")

        bench.supervisor.core("cycle", cycle)
        bench.supervisor.supervise("ups1", bench.lasting("ups1"), group="pollers")
        with pytest.raises(ZeroDivisionError):
            await bench.supervisor.run(())
        assert bench.diary == ["on_fault"]

    run_virtual(scenario)


def test_a_core_task_that_simply_ends_is_a_death_too() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.supervisor.core("cycle", bench.note("once"))
        with pytest.raises(RuntimeError, match="cycle ended by itself"):
            await bench.supervisor.run(())
        assert bench.diary == ["once", "on_fault"]

    run_virtual(scenario)


def test_core_tasks_take_their_first_step_before_anybody_else() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.supervisor.supervise("ups1", bench.lasting("ups1"), group="pollers")
        bench.supervisor.core("cycle", bench.lasting("cycle"))
        bench.supervisor.core("writer", bench.lasting("writer"))
        await bench.live(1_000)
        assert bench.diary[:3] == ["cycle starts", "writer starts", "ups1 starts"]

    run_virtual(scenario)


def test_everything_stops_in_its_order_and_the_outputs_first() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.supervisor.core("cycle", bench.lasting("cycle"))
        for name, group in (("publisher", "mqtt"), ("ups1", "pollers")):
            bench.supervisor.supervise(name, bench.lasting(name), group=group)
        closing = (
            Closing(name="pollers", limit_ms=1_000, call=bench.note("last writes", 500), cancels=("pollers",)),
            Closing(name="publisher", limit_ms=1_000, call=bench.note("offline"), cancels=("mqtt",)),
            Closing(name="storage", limit_ms=1_000, call=bench.note("synced")),
            Closing(name="ports", limit_ms=1_000, call=bench.note("ports closed")),
        )
        await bench.live(60_000, closing)
        assert bench.diary[3:] == [
            "on_stop", "cycle ends", "last writes", "ups1 ends", "offline", "publisher ends", "synced", "ports closed",
        ]  # fmt: skip

    run_virtual(scenario)


def test_stopping_is_bounded_in_time_whoever_hangs_or_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        released = asyncio.Event()

        async def stubborn() -> None:
            while not released.is_set():
                try:
                    await released.wait()
                except asyncio.CancelledError:
                    continue

        async def failing() -> None:
            raise OSError("disk gone")

        bench.supervisor.supervise("ups1", stubborn, group="pollers")
        closing = (
            Closing(name="hangs", limit_ms=1_500, call=bench.note("never", 10**9)),
            Closing(name="storage", limit_ms=1_000, call=failing),
            Closing(name="pollers", limit_ms=1_000, cancels=("pollers",)),
            Closing(name="ports", limit_ms=1_000, call=bench.note("ports closed")),
        )
        start_ms = clock.now_ms()
        await bench.live(10_000, closing)
        assert clock.now_ms() - start_ms <= 10_000 + 1_500 + 2 * 2_000 + 100
        assert bench.diary == ["on_stop", "ports closed"]
        logged = [record.message for record in caplog.records]
        assert "hangs did not end within 1500 ms, left alone" in logged
        assert "storage failed while stopping" in logged
        assert "ups1 does not end, left alone" in logged
        released.set()
        await spend(10)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await spend(10)

    run_virtual(scenario)


def test_a_cancelled_supervisor_stops_as_if_it_were_told_to() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.supervisor.core("cycle", bench.lasting("cycle"))
        task = asyncio.create_task(bench.supervisor.run((Closing(name="s", limit_ms=100, call=bench.note("synced")),)))
        await spend(1_000)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert bench.diary == ["cycle starts", "on_stop", "cycle ends", "synced"]

    run_virtual(scenario)


def test_a_second_request_to_stop_changes_nothing() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.supervisor.stop()
        await bench.live(1_000)
        bench.supervisor.stop()
        assert bench.diary == ["on_stop"]

    run_virtual(scenario)


def test_the_supervisor_beats_while_it_lives() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        ages: list[int] = []

        async def look() -> None:
            while True:
                ages.append(bench.beats.ages_ms()["supervisor"])
                await spend(700)

        bench.supervisor.supervise("look", look, group="any")
        await bench.live(60_000)
        assert len(ages) > 80
        assert max(ages) <= 2_000

    run_virtual(scenario)
