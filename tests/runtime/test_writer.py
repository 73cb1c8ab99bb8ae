"""The writer and the flash clock: differences, leases, patterns in phase, stop values, pins that are gone."""

from __future__ import annotations

import gc
import logging

import pytest

from drivers.simulated import SimulatedPort
from firmware_py.core.output import Drive, Output, OutputImage, OutputValue, Pattern, Priority, StopValue, level
from firmware_py.core.point import Kind, Point
from firmware_py.runtime.endpoint import Wishes
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats
from firmware_py.runtime.writer import Writer
from tests.shell.virtual import VirtualClock, VirtualLoop, run_virtual, running, spend

OUTPUTS = {
    output.id: output
    for output in (
        Output(id="beacon", on_stop=StopValue.OFF, on_fault=StopValue.ON, lease_ms=10_000),
        Output(id="lamp", on_stop=StopValue.HOLD, on_fault=StopValue.OFF, lease_ms=10_000),
        Output(id="healthy", normal=True, on_stop=StopValue.OFF, on_fault=StopValue.OFF, lease_ms=10_000),
        Output(id="outbound_paused", on_stop=StopValue.HOLD, on_fault=StopValue.OFF, lease_ms=30_000),
        Output(id="nowhere", on_stop=StopValue.OFF, on_fault=StopValue.OFF),
    )
}
POINTS = {"out.beacon.follows": Point(id="out.beacon.follows", kind=Kind.FLAG, stale_after_ms=60_000)}


class Box:
    """The mailbox of an exchange that is never reached."""

    outputs = frozenset({"outbound_paused"})

    def __init__(self, clock: VirtualClock) -> None:
        self.wishes = Wishes(self.outputs)
        self._clock = clock

    def want(self, output: str, *, on: bool, lease_ms: int) -> None:
        self.wishes.want(output, on=on, lease_ms=lease_ms, now_ms=self._clock.now_ms())


class Bench:
    def __init__(self, clock: VirtualClock) -> None:
        self.port = SimulatedPort(frozenset({"beacon", "lamp", "healthy"}))
        self.box = Box(clock)
        self.table = PointTable(POINTS, clock, lambda: None)
        self.beats = Beats(clock)
        self.writer = Writer(
            OUTPUTS, clock=clock, table=self.table, beats=self.beats, local=[self.port], remote=[self.box]
        )


def image(**values: OutputValue) -> OutputImage:
    return {name: Drive(value=value, priority=Priority.PROGRAM) for name, value in values.items()}


@pytest.fixture
def loop() -> VirtualLoop:
    return VirtualLoop()


@pytest.fixture
def bench(loop: VirtualLoop, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(VirtualClock(loop))


def test_the_first_picture_writes_every_output_once(bench: Bench) -> None:
    bench.writer.apply(image(beacon=True))
    assert sorted(bench.port.writes) == [("beacon", True), ("healthy", True), ("lamp", False)]
    assert bench.box.wishes.due(10**9) == (("outbound_paused", False),)


def test_afterwards_only_differences_are_written_until_the_lease_is_over(bench: Bench, loop: VirtualLoop) -> None:
    bench.writer.apply(image(beacon=True))
    bench.port.writes.clear()
    for _ in range(9):
        loop.ms += 1_000
        bench.writer.apply(image(beacon=True))
    bench.writer.apply(image(beacon=False))
    assert bench.port.writes == [("beacon", False)]
    loop.ms += 1_000
    bench.writer.apply(image(beacon=False))
    assert bench.port.writes == [("beacon", False), ("lamp", False), ("healthy", True)]


def test_a_remote_output_plays_no_pattern_but_is_on(bench: Bench) -> None:
    bench.writer.apply(image(outbound_paused=Pattern.FLASH))
    assert bench.box.wishes.all["outbound_paused"].on is True


def test_a_stop_drives_each_output_to_what_was_declared_and_nothing_afterwards(bench: Bench) -> None:
    bench.writer.apply(image(beacon=True, lamp=True, outbound_paused=True))
    bench.writer.stop(fault=False)
    assert bench.port.levels == {"beacon": False, "lamp": True, "healthy": False}
    assert bench.box.wishes.all["outbound_paused"].on is True
    bench.writer.apply(image(beacon=True))
    assert bench.port.levels["beacon"] is False


def test_a_fault_drives_each_output_to_its_fault_value(bench: Bench) -> None:
    bench.writer.apply(image(beacon=False, lamp=True, outbound_paused=True))
    bench.writer.stop(fault=True)
    assert bench.port.levels == {"beacon": True, "lamp": False, "healthy": False}
    assert bench.box.wishes.all["outbound_paused"].on is False


def test_a_stop_writes_even_what_it_believes_to_be_so(bench: Bench) -> None:
    bench.writer.apply(image())
    bench.port.levels["beacon"] = True  # somebody else was at it
    bench.writer.stop(fault=False)
    assert bench.port.levels["beacon"] is False


def test_a_stop_tries_every_output_even_if_a_port_breaks_its_promise(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.writer.apply(image(beacon=False, lamp=True))
    sound = bench.port.set_level

    def broken(output: str, on: bool) -> None:
        if output == "healthy":
            raise ZeroDivisionError("a bug")
        sound(output, on)

    monkeypatch.setattr(bench.port, "set_level", broken)
    with pytest.raises(ZeroDivisionError):
        bench.writer.stop(fault=True)
    assert (bench.port.levels["beacon"], bench.port.levels["lamp"]) == (True, False)


def test_a_pin_that_is_gone_is_said_once_tried_again_and_reported(
    bench: Bench, loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    bench.port.broken.add("beacon")
    for _ in range(5):
        bench.writer.apply(image(beacon=True))
        loop.ms += 1_000
    assert not bench.table.readings["out.beacon.follows"].good
    assert bench.port.levels["healthy"] is True  # the others do not care
    report = {one.output: one for one in bench.writer.report()}
    assert (report["beacon"].follows, report["beacon"].level, report["beacon"].wanted) == (False, None, True)
    assert (report["nowhere"].port, report["healthy"].port) == ("", "simulated")
    assert (report["outbound_paused"].port, report["outbound_paused"].level) == ("remote", None)
    bench.port.broken.clear()
    bench.writer.apply(image(beacon=True))
    assert bench.port.levels["beacon"] is True
    assert bench.table.readings["out.beacon.follows"].value is True
    logged = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert logged == ["beacon cannot be driven: beacon: the pin is gone", "beacon can be driven again"]


def test_two_ports_for_one_output_are_a_bug(bench: Bench, loop: VirtualLoop) -> None:
    clock = VirtualClock(loop)
    twice = SimulatedPort(frozenset({"outbound_paused"}))
    with pytest.raises(AssertionError, match="one port"):
        Writer(OUTPUTS, clock=clock, table=bench.table, beats=bench.beats, local=[twice], remote=[bench.box])


# --------------------------------------------------------------------------------------------------------------- flash
def test_patterns_are_played_in_phase_by_plain_writes_at_their_edges() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.writer.apply(image(beacon=Pattern.FLASH, lamp=Pattern.MANUAL))
        async with running(bench.writer.flasher.run()):
            for _ in range(600):
                await spend(7)
                now_ms = clock.now_ms()
                for output, pattern in (("beacon", Pattern.FLASH), ("lamp", Pattern.MANUAL)):
                    if level(pattern, now_ms - 1) is level(pattern, now_ms):  # not in the millisecond of an edge
                        assert bench.port.levels[output] is level(pattern, now_ms)
        assert len(bench.port.writes) < 40  # edges, not looks

    run_virtual(scenario)


def test_a_steady_value_ends_a_pattern_at_once_and_a_new_pattern_starts_at_once() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        async with running(bench.writer.flasher.run()):
            await spend(1_100)
            bench.writer.apply(image(beacon=Pattern.RECOVER))
            assert bench.port.levels["beacon"] is level(Pattern.RECOVER, clock.now_ms())
            await spend(5_000)
            bench.writer.apply(image(beacon=True))
            writes = len(bench.port.writes)
            await spend(5_000)
            assert bench.port.levels["beacon"] is True
            assert len(bench.port.writes) == writes
            bench.writer.apply(image(beacon=Pattern.FLASH))
            await spend(1_001)
            assert len(bench.port.writes) >= writes + 3

    run_virtual(scenario)


def test_a_held_output_keeps_the_level_that_its_pattern_had() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.writer.apply(image(lamp=Pattern.FLASH))
        async with running(bench.writer.flasher.run()):
            await spend(330)
            held = bench.port.levels["lamp"]
            bench.writer.stop(fault=False)
            await spend(3_000)
            assert bench.port.levels["lamp"] is held

    run_virtual(scenario)


def test_the_flash_clock_beats_even_when_nothing_flashes_and_sleeps_meanwhile() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bench = Bench(clock)
        bench.writer.apply(image())
        async with running(bench.writer.flasher.run()):
            jumps = clock._loop.jumps
            for _ in range(60):
                await spend(1_000)
                assert bench.beats.ages_ms()["writer"] <= 2_000
            assert clock._loop.jumps - jumps <= 121

    run_virtual(scenario)


def test_no_garbage_is_collected_between_two_lamps(loop: VirtualLoop) -> None:
    seen: list[bool] = []

    class Watching(SimulatedPort):
        def set_level(self, output: str, on: bool) -> None:
            seen.append(gc.isenabled())
            super().set_level(output, on)

    lamps = ("beacon", "lamp")
    port = Watching(frozenset(lamps))
    port.broken.add("lamp")
    outputs = {name: Output(id=name, on_stop=StopValue.OFF, on_fault=StopValue.OFF) for name in lamps}
    clock = VirtualClock(loop)
    table = PointTable({}, clock, lambda: None)
    writer = Writer(outputs, clock=clock, table=table, beats=Beats(clock), local=[port])
    writer.apply({name: Drive(value=True, priority=Priority.PROGRAM) for name in lamps})
    assert seen == [False, False] and gc.isenabled()
    gc.disable()
    try:
        writer.apply({name: Drive(value=False, priority=Priority.PROGRAM) for name in lamps})
        assert not gc.isenabled(), "whoever had it off keeps it off"
    finally:
        gc.enable()
