"""The line as a whole: what may leave for a fire panel, deadlines, dead neighbours, lines that cannot be opened."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.modbus import Endpoint, ModbusBus, ModbusLink
from drivers.modbus_guard import WRITE_COIL, Framing, Question
from drivers.modbus_profile import ModbusUnit, load
from drivers.modbus_write import CoilOutput
from firmware_py.core.reading import Quality
from firmware_py.ports import DeviceError
from tests.conftest import PROJECT, find_tcp_port, run
from tests.wires import modbus_faults as faults
from tests.wires.test_modbus_faults import make_bus, make_profile, read_or_fault, wrong

PROFILES = PROJECT / "config/profiles"
FIRE_PROFILES = sorted(path.stem for path in PROFILES.glob("fire_*.toml"))


def make_unit(name: str, device: str, number: int, **wanted: int) -> ModbusUnit:
    return ModbusUnit(device=device, unit=number, profile=load(PROFILES / f"{name}.toml"), **wanted)


def point_at(port: int, framing: str = faults.TCP, **wanted: int) -> Endpoint:
    return Endpoint(name="line", framing=Framing(framing), host="127.0.0.1", port=port, connect_ms=300, **wanted)


async def read_all(bus: ModbusBus, device: str) -> float | DeviceError:
    """Seconds that one read of all of a device's groups took, or what went wrong."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        for group in bus.groups:
            if group.device == device:
                samples = await bus.read(group)
                assert all(sample.quality is Quality.GOOD for sample in samples.values())
    except DeviceError as fault:
        return fault
    return loop.time() - began


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
@pytest.mark.parametrize("name", FIRE_PROFILES)
def test_nothing_but_reads_ever_reaches_a_fire_panel(name: str, framing: str) -> None:
    panel, board = make_unit(name, "fire1", 5), make_unit("relay_board_8", "relay1", 6)

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing) as server:
            bus = ModbusBus(
                point_at(server.port, framing), [panel, board], {"fans": CoilOutput(device="relay1", coil=0)}
            )
            for _ in range(3):
                await read_all(bus, "fire1")
                with pytest.raises(DeviceError):  # this server's coils do as they please
                    await bus.write("fans", False)
            functions = {(request.unit, request.function) for request in server.requests}
            assert (6, 5) in functions
            assert {function for unit, function in functions if unit == 5} <= {1, 2, 3, 4}
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_the_last_lock_stops_a_write_to_a_watched_unit_even_where_the_code_above_is_wrong(framing: str) -> None:
    async def scenario() -> None:
        async with faults.FaultServer(framing=framing) as server:
            link = ModbusLink(point_at(server.port, framing), [make_unit("fire_generic", "fire1", 5)])
            await link.open()
            with pytest.raises(AssertionError, match="function 5 to unit 5"):
                await link.ask(Question(unit=5, function=WRITE_COIL, address=1, count=1, value=True), 0.2, 0.0)
            await asyncio.sleep(0.05)
            assert server.requests == []
            link.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_every_read_ends_within_its_deadline_however_long_the_silence_lasts(framing: str) -> None:
    unit = make_unit("hvac_generic", "hvac1", 1, timeout_ms=80)

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=lambda server, request: []) as server:
            bus = ModbusBus(point_at(server.port, framing), [unit])
            loop = asyncio.get_running_loop()
            for group in (*bus.groups, *bus.groups):
                began = loop.time()
                with pytest.raises(DeviceError):
                    await bus.read(group)
                assert loop.time() - began < group.deadline_ms / 1000
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_of_ten_units_one_that_is_dead_costs_the_others_no_values(framing: str) -> None:
    units = [make_unit("hvac_generic", f"hvac{n}", n, timeout_ms=250) for n in range(1, 11)]

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        if request.unit == 4:
            return []
        pdu = faults.sound_pdu(request)
        if request.function == 4:
            pdu = pdu[:2] + b"\0\xe1" * ((len(pdu) - 2) // 2)  # 22.5 of everything is plausible
        return [server.frame(request, pdu)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=answer) as server:
            bus = ModbusBus(point_at(server.port, framing), units)
            for _ in range(2):
                for n in range(1, 11):
                    answered = await read_all(bus, f"hvac{n}")
                    if n == 4:
                        assert isinstance(answered, DeviceError)
                        assert answered.unit_only
                    else:
                        assert isinstance(answered, float), answered
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_the_newest_value_is_read_and_no_answer_is_one_question_late() -> None:
    """Each answer carries the number of its question: a line that lags by one would show at once."""
    unit = make_unit("relay_board_8", "relay1", 1, timeout_ms=100)

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        late = 0.15 if request.number in (5, 17) else 0.0
        level = 0xFF if request.number % 2 else 0x00
        pdu = bytes((request.function, 1, level)) if request.function == 1 else faults.sound_pdu(request)
        return [late, server.frame(request, pdu)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=faults.RTU, answer=answer) as server:
            bus = ModbusBus(point_at(server.port, faults.RTU), [unit])
            (group,) = bus.groups
            good = 0
            for _ in range(30):
                try:
                    samples = await bus.read(group)
                except DeviceError:
                    continue
                last = server.requests[-1].number
                assert samples["relay1.relay1.on"].value is bool(last % 2)
                good += 1
            assert good >= 20
            await bus.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.RTU, pytest.param(faults.SERIAL, marks=pytest.mark.acceptance)])
def test_late_answers_of_one_unit_pass_for_nobody_elses_and_the_neighbours_go_on(tmp_path: Path, framing: str) -> None:
    """One line, first in first out: unit 3 is late again and again, units 4 and 5 never are."""
    profile, chance = make_profile(tmp_path, single=True), random.Random(7)
    late = 0

    def answer(server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        nonlocal late
        if request.unit == 3 and chance.random() < 0.5:
            late += 1
            return [chance.uniform(0.08, 0.25), server.sound(request)]
        return [server.sound(request)]

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=answer) as server:
            units = [ModbusUnit(device=f"x{n}", unit=n, profile=profile, timeout_ms=100) for n in (3, 4, 5)]
            bus = make_bus(server.address, framing, units)
            good = dict.fromkeys(("x3", "x4", "x5"), 0)
            while min(good["x4"], good["x5"]) < 2 * 81 or late < 5:
                for group in bus.groups:
                    samples = await read_or_fault(bus, group)
                    if not isinstance(samples, DeviceError):
                        assert not wrong(samples, single=True)
                        good[group.device] += sum(sample.quality is Quality.GOOD for sample in samples.values())
            await bus.close()

    run(scenario(), within_s=60)


@pytest.mark.wire
def test_a_line_that_cannot_be_opened_is_the_links_fault(tmp_path: Path) -> None:
    master, slave = os.openpty()  # has no parity: what the operating system says to that is no OSError

    async def scenario() -> None:
        for endpoint in (
            point_at(find_tcp_port()),
            Endpoint(name="gone", framing=Framing.RTU, serial=str(tmp_path / "ttyUSB9")),
            Endpoint(name="odd", framing=Framing.RTU, serial=os.ttyname(slave), parity="E"),
            Endpoint(name="nowhere", host="floorguard.invalid", connect_ms=500),
        ):
            bus = ModbusBus(endpoint, [make_unit("hvac_generic", "hvac1", 1)])
            for _ in range(2):
                with pytest.raises(DeviceError) as caught:
                    await bus.read(bus.groups[0])
                assert not caught.value.unit_only
            await bus.close()

    try:
        run(scenario())
    finally:
        os.close(slave)
        os.close(master)


def test_units_that_share_a_number_or_outputs_without_a_unit_are_refused() -> None:
    one, other = make_unit("hvac_generic", "hvac1", 1), make_unit("hvac_generic", "hvac2", 1)
    with pytest.raises(ValueError, match="share a name or a unit number"):
        ModbusBus(point_at(1), [one, other])
    with pytest.raises(ValueError, match="has no unit relay1"):
        ModbusBus(point_at(1), [one], {"fans": CoilOutput(device="relay1", coil=0)})
    with pytest.raises(ValueError, match="does not list coil 7"):
        ModbusBus(point_at(1), [one], {"fans": CoilOutput(device="hvac1", coil=7)})


@pytest.mark.parametrize("name", FIRE_PROFILES)
def test_an_output_on_a_fire_panel_is_refused_when_the_bus_is_made(name: str) -> None:
    with pytest.raises(ValueError, match="fire1 is watched only"):
        ModbusBus(point_at(1), [make_unit(name, "fire1", 1)], {"reset": CoilOutput(device="fire1", coil=0)})
