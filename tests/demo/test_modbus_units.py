"""The simulated Modbus units, asked by our driver with the shipped profiles and by mbpoll, which we did not write."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping

import pytest

from drivers.modbus import CoilOutput, Endpoint, ModbusBus
from drivers.modbus_profile import ModbusUnit, load
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.demo.modbus_units import ModbusUnits, make_fire_panel, make_hvac, make_relay_board
from firmware_py.ports import DeviceError
from tests.conftest import PROJECT, eventually_async, require_program, run


class Floor:
    """What the units show; changed by the tests."""

    def __init__(self) -> None:
        self.temp_c = 22.7
        self.ups_mode = False
        self.zone: list[set[str]] = [set(), {"walk_test", "fire"}, {"fault", "disabled"}, {"test", "prealarm"}]
        self.panel: set[str] = {"silenced"}
        self.relays = [False] * 8

    def set_relay(self, coil: int, on: bool) -> None:
        self.relays[coil] = on

    def set_ups_mode(self, on: bool) -> None:
        self.ups_mode = on

    def serve(self) -> ModbusUnits:
        hvac = make_hvac(
            running=lambda: True,
            fault=lambda: False,
            ordered_off=lambda: False,
            temp_c=lambda: self.temp_c,
            setpoint_c=lambda: 22.0,
            humidity_pct=lambda: 45.5,
            ups_mode=lambda: self.ups_mode,
            set_ups_mode=self.set_ups_mode,
        )
        fire = make_fire_panel(zones=[lambda n=n: self.zone[n] for n in range(4)], panel=lambda: self.panel)
        board = make_relay_board(relays=[lambda n=n: self.relays[n] for n in range(8)], set_relay=self.set_relay)
        return ModbusUnits({1: hvac, 2: fire, 3: board})


def make_bus(port: int) -> ModbusBus:
    folder = PROJECT / "config/profiles"
    units = [
        ModbusUnit(device="hvac1", unit=1, profile=load(folder / "hvac_generic.toml"), room="room1", timeout_ms=400),
        ModbusUnit(device="fire1", unit=2, profile=load(folder / "fire_generic.toml"), timeout_ms=400),
        ModbusUnit(device="relay1", unit=3, profile=load(folder / "relay_board_8.toml"), timeout_ms=400),
    ]
    outputs = {"fans": CoilOutput(device="relay1", coil=4), "gentle": CoilOutput(device="hvac1", coil=0)}
    outputs["feed"] = CoilOutput(device="relay1", coil=2, active_low=True)
    return ModbusBus(Endpoint(name="floor", host="127.0.0.1", port=port), units, outputs)


async def read_all(bus: ModbusBus, device: str) -> Mapping[str, Sample]:
    samples: dict[str, Sample] = {}
    for group in bus.groups:
        if group.device == device:
            samples.update(await bus.read(group))
    return samples


def test_the_driver_reads_every_point_of_the_simulated_units() -> None:
    async def scenario() -> None:
        floor = Floor()
        server = floor.serve()
        await server.start()
        bus = make_bus(server.port)
        hvac = await read_all(bus, "hvac1")
        assert {id: sample.value for id, sample in hvac.items()} == {
            "hvac1.running": True,
            "hvac1.fault": False,
            "hvac1.ordered_off": False,
            "hvac1.filter_dirty": False,
            "hvac1.ups_mode": False,
            "hvac1.setpoint_c": 22.0,
            "room1.temp_c": 22.7,
            "room1.humidity_pct": 45.5,
        }
        floor.temp_c = -3.5
        assert (await read_all(bus, "hvac1"))["room1.temp_c"].value == -3.5
        fire = await read_all(bus, "fire1")
        on = {id for id, sample in fire.items() if sample.value is True}
        assert on == {
            "fire1.zone2.walk_test",
            "fire1.zone2.fire",
            "fire1.zone3.fault",
            "fire1.zone3.disabled",
            "fire1.zone4.test",
            "fire1.zone4.prealarm",
            "fire1.panel.silenced",
        }
        assert len(fire) == 32
        assert all(sample.quality is Quality.GOOD for sample in fire.values())
        await bus.close()
        await server.close()

    run(scenario())


def test_a_coil_written_by_the_driver_reaches_the_floor() -> None:
    async def scenario() -> None:
        floor = Floor()
        server = floor.serve()
        await server.start()
        bus = make_bus(server.port)
        await bus.write("fans", True)
        await bus.write("gentle", True)
        assert floor.relays == [False, False, False, False, True, False, False, False]
        assert floor.ups_mode
        assert (await read_all(bus, "relay1"))["relay1.relay5.on"].value is True
        await bus.close()
        await server.close()

    run(scenario())


def test_an_active_low_output_is_on_while_its_relay_is_not_pulled() -> None:
    async def scenario() -> None:
        floor = Floor()
        server = floor.serve()
        await server.start()
        bus = make_bus(server.port)
        assert await bus.read_back("feed") is True
        await bus.write("feed", False)
        assert floor.relays[2] is True
        assert await bus.read_back("feed") is False
        await bus.write("feed", True)
        assert (floor.relays[2], await bus.read_back("feed")) == (False, True)
        await bus.close()
        await server.close()

    run(scenario())


def test_a_relay_that_does_not_obey_is_found_by_reading_back() -> None:
    async def scenario() -> None:
        board = make_relay_board(relays=[lambda: False] * 8, set_relay=lambda coil, on: None)
        server = ModbusUnits({3: board})
        await server.start()
        bus = make_bus(server.port)
        with pytest.raises(DeviceError, match="reads back"):
            await bus.write("fans", True)
        await bus.close()
        await server.close()

    run(scenario())


def test_a_silent_unit_leaves_the_others_talking_and_comes_back() -> None:
    async def scenario() -> None:
        server = Floor().serve()
        await server.start()
        bus = make_bus(server.port)
        server.silent_units.add(2)
        with pytest.raises(DeviceError, match="no answer") as caught:
            await read_all(bus, "fire1")
        assert caught.value.unit_only
        assert (await read_all(bus, "hvac1"))["hvac1.running"].value is True
        server.silent_units.clear()
        assert (await read_all(bus, "fire1"))["fire1.zone2.fire"].value is True
        await bus.close()
        await server.close()

    run(scenario())


def test_garbage_from_the_floor_is_never_a_value() -> None:
    async def scenario() -> None:
        server = Floor().serve()
        await server.start()
        bus = make_bus(server.port)
        server.garbage = True
        for _ in range(20):
            with pytest.raises(DeviceError):
                await read_all(bus, "fire1")
        server.garbage = False
        assert (await read_all(bus, "fire1"))["fire1.zone2.fire"].value is True
        await bus.close()
        await server.close()

    run(scenario())


def test_a_server_that_was_closed_can_be_started_again_on_its_port() -> None:
    async def scenario() -> None:
        server = Floor().serve()
        await server.start()
        bus = make_bus(server.port)
        await read_all(bus, "hvac1")
        await server.close()
        with pytest.raises(DeviceError):
            await read_all(bus, "hvac1")
        await server.start()
        assert (await read_all(bus, "hvac1"))["hvac1.running"].value is True
        await bus.close()
        await server.close()

    run(scenario())


async def mbpoll(program: str, port: int, *arguments: str) -> str:
    command = [program, "-m", "tcp", "-0", "-1", "-p", str(port), *arguments]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), 10)
    return output.decode()


@pytest.mark.wire
def test_an_independent_client_reads_and_writes_the_same_units() -> None:
    program = require_program("mbpoll")

    async def scenario() -> None:
        floor = Floor()
        server = floor.serve()
        await server.start()
        registers = await mbpoll(program, server.port, "-a", "1", "-t", "3", "-r", "0", "-c", "3", "127.0.0.1")
        assert re.findall(r"^\[\d+\]:\s+(\d+)", registers, re.M) == ["227", "220", "455"]
        refused = await mbpoll(program, server.port, "-a", "1", "-t", "3", "-r", "0", "-c", "9", "127.0.0.1")
        assert "Illegal data address" in refused
        nobody = await mbpoll(program, server.port, "-a", "9", "-t", "3", "-r", "0", "-c", "1", "127.0.0.1")
        assert "Target device failed to respond" in nobody
        await mbpoll(program, server.port, "-a", "3", "-t", "0", "-r", "6", "127.0.0.1", "1")
        await eventually_async(lambda: floor.relays[6])
        panel = await mbpoll(program, server.port, "-a", "2", "-t", "0", "-r", "0", "127.0.0.1", "1")
        assert "Illegal function" in panel
        await server.close()

    run(scenario())


def test_reasons_reach_the_caller_for_a_unit_that_is_not_there() -> None:
    async def scenario() -> None:
        server = ModbusUnits({})
        await server.start()
        bus = make_bus(server.port)
        with pytest.raises(DeviceError) as caught:
            await read_all(bus, "hvac1")
        assert caught.value.because is Reason.SOURCE_LOST
        await bus.close()
        await server.close()

    run(scenario())
