"""Set points and a board's own safety timer, on the wire: what is written, when not, and what an outage does to it."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from config.site import load_document
from drivers.modbus import Endpoint, ModbusBus, SetpointOutput
from drivers.modbus_profile import ModbusUnit, load, points
from drivers.modbus_rate import MOST_SETTINGS
from drivers.modbus_write import CoilOutput
from firmware_py.cli.safe_remote import drive_remote
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import DeviceError
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.config.test_cooling import RAISING as RAISING_INROW
from tests.conftest import eventually_async, run
from tests.wires import modbus_faults as faults
from tests.wires.test_modbus import PEERS, UNIT, serve
from tests.wires.test_modbus_line import point_at

PROFILE = """
about = "two set points"
document = "tests/wires/test_modbus_setpoints.py"
revision = "1"
verified = "here"
gap = "none"
class = "hvac"
numbers = "from_0"
points = [
  { name = "fault", table = "discrete", address = 1, group = "fast" },
  { name = "wanted_c", table = "holding", address = 50, type = "s16", scale = 0.1, sentinels = [0], range = [5, 50] },
  { name = "supply_c", table = "holding", address = 60, type = "s32", scale = 0.1, fahrenheit = true, range = [5, 50] },
]
setpoints = [
  { point = "wanted_c", range = [18, 30]%s },
  { point = "supply_c", range = [18, 30] },
]
writable = [{ table = "coil", address = 0, count = 8 }]
[safety_timer]
address = 70
step = "100 ms"
"""
RAISING = RAISING_INROW.replace("hvac_apc_inrow_sc", "hvac_daikin_intesis")
RAISED = SetpointOutput(device="ac1", point="wanted_c", raised=27.0, usual=24.0)
SUPPLY = SetpointOutput(device="ac1", point="supply_c", raised=27.0, usual=24.0)


def make_unit(folder: Path, *, function: int = 6, **wanted: int) -> ModbusUnit:
    path = folder / "setpoints.toml"
    path.write_text(PROFILE % ("" if function == 6 else ", function = 16"))
    return ModbusUnit(device="ac1", unit=UNIT, profile=load(path), **{"timeout_ms": 400, **wanted})


@dataclass
class Registers:
    """A unit of the lying server that takes what it is told, and keeps what was written."""

    cells: dict[int, int] = field(default_factory=lambda: {50: 240, 60: 0, 61: 752})
    coils: dict[int, bool] = field(default_factory=dict)
    written: list[tuple[int, int, tuple[int, ...]]] = field(default_factory=list)
    silent: bool = False
    stuck: bool = False

    def __call__(self, server: faults.FaultServer, request: faults.Request) -> Sequence[faults.Step]:
        if self.silent:
            return []
        place = range(request.address, request.address + request.count)
        match request.function:
            case 3:
                words = [self.cells.get(a, 0) for a in place]
                pdu = bytes((3, 2 * len(words))) + struct.pack(f">{len(words)}H", *words)
            case 1 | 2:
                bits = sum(self.coils.get(a, False) << i for i, a in enumerate(place))
                pdu = bytes((request.function, (len(place) + 7) // 8)) + bits.to_bytes((len(place) + 7) // 8, "little")
            case _:
                self._take(request)
                pdu = faults.sound_pdu(request)
        return [server.frame(request, pdu)]

    def _take(self, request: faults.Request) -> None:
        words = struct.unpack(f">{len(request.data) // 2}H", request.data) if request.data else (request.count,)
        self.written.append((request.function, request.address, words))
        if request.function == 5:
            self.coils[request.address] = request.count == 0xFF00
        elif not self.stuck:
            self.cells |= {request.address + i: word for i, word in enumerate(words)}


@pytest.mark.wire
@pytest.mark.parametrize("function", [6, 16])
@pytest.mark.parametrize("peer", PEERS)
def test_a_set_point_is_raised_read_back_and_given_back(
    peer: str, function: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    unit = make_unit(tmp_path, function=function)

    async def scenario(endpoint: Endpoint) -> None:
        bus = ModbusBus(endpoint, [unit], {"raised": RAISED, "supply": SUPPLY})
        (slow,) = (group for group in bus.groups if group.id.endswith("slow"))
        for on, value in ((True, 27.0), (False, 24.0)):
            for output in ("raised", "supply"):
                await bus.write(output, on)
                assert await bus.read_back(output) is on
            samples = await bus.read(slow)
            assert {name: sample.value for name, sample in samples.items()} == {
                "ac1.wanted_c": value, "ac1.supply_c": value,
            }  # fmt: skip
        await bus.close()

    with serve(peer, request) as endpoint:
        run(scenario(endpoint))


@pytest.mark.wire
@pytest.mark.parametrize("function", [6, 16])
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU, faults.SERIAL])
def test_what_people_set_at_the_unit_meanwhile_has_the_last_word(tmp_path: Path, framing: str, function: int) -> None:
    registers = Registers()

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=registers) as server:
            bus = ModbusBus(
                line_to(server, framing), [make_unit(tmp_path, function=function)],
                {"raised": RAISED, "supply": SUPPLY},
            )  # fmt: skip
            await bus.write("raised", False)
            assert registers.written == [], "off over a value that is not ours"
            await bus.write("raised", True)
            await bus.write("raised", True)
            assert registers.written == [(function, 50, (270,))], "the lease writes nothing that is there"
            assert await bus.read_back("raised") is True
            await bus.write("supply", True)
            assert registers.written[1:] == [(16, 60, (0, 806))]
            registers.cells[50] = 255  # somebody turns the knob
            assert await bus.read_back("raised") is False
            await bus.write("raised", False)
            assert registers.cells[50] == 255
            await bus.write("supply", False)
            assert (registers.cells[60], registers.cells[61]) == (0, 752)
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_nothing_is_written_over_what_cannot_be_a_set_point(tmp_path: Path) -> None:
    registers = Registers(cells={50: 0, 60: 0, 61: 0})  # not known yet, and colder than any room

    async def scenario() -> None:
        async with faults.FaultServer(answer=registers) as server:
            bus = ModbusBus(point_at(server.port), [make_unit(tmp_path)], {"raised": RAISED, "supply": SUPPLY})
            for output in ("raised", "supply"):
                with pytest.raises(DeviceError, match="no set point") as caught:
                    await bus.write(output, True)
                assert caught.value.because is Reason.DOUBTFUL
            assert registers.written == []
            await bus.close()

    run(scenario())


def line_to(server: faults.FaultServer, framing: str) -> Endpoint:
    if framing == faults.SERIAL:
        from drivers.modbus_guard import Framing

        return Endpoint(name="line", framing=Framing.RTU, serial=server.serial, baud=115_200, parity="N")
    return point_at(server.port, framing)


@pytest.mark.wire
def test_a_set_point_that_does_not_take_its_value_is_reported_and_seldom_written(tmp_path: Path) -> None:
    registers = Registers(stuck=True)

    async def scenario() -> None:
        async with faults.FaultServer(answer=registers) as server:
            bus = ModbusBus(point_at(server.port), [make_unit(tmp_path)], {"raised": RAISED})
            for _ in range(MOST_SETTINGS):
                with pytest.raises(DeviceError, match="reads back"):
                    await bus.write("raised", True)
            with pytest.raises(DeviceError, match="too often"):
                await bus.write("raised", True)
            assert len(registers.written) == MOST_SETTINGS
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_of_all_that_was_wanted_during_an_outage_only_the_last_is_written(tmp_path: Path) -> None:
    registers, unit = Registers(), make_unit(tmp_path, timeout_ms=100)

    async def scenario() -> None:
        async with faults.FaultServer(answer=registers) as server:
            bus = ModbusBus(point_at(server.port), [unit], {"raised": RAISED})
            clock = SystemClock()
            table = PointTable({point.id: point for point in points(unit)}, clock, lambda: None)
            poller = Poller(bus=bus, port=bus, clock=clock, table=table)
            task = asyncio.create_task(poller.run())
            poller.want("raised", on=False, lease_ms=60_000)
            await eventually_async(lambda: "ac1.wanted_c" in table.readings, what="the first reading")
            registers.silent = True
            for on in (True, False, True, False, True):
                poller.want("raised", on=on, lease_ms=60_000)
                await asyncio.sleep(0.12)
            poller.want("raised", on=False, lease_ms=60_000)
            asked = len(server.requests)
            registers.silent = False
            await eventually_async(lambda: not poller.wishes.pending, within_s=20, what="told after the outage")
            assert len(server.requests) > asked
            assert registers.written == [], "the newest wish is what already is"
            assert registers.cells[50] == 240
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await poller.close()

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize("framing", [faults.TCP, faults.RTU])
def test_a_boards_own_timer_is_set_before_its_first_relay_and_after_each_loss_of_the_line(
    tmp_path: Path, framing: str
) -> None:
    registers, unit = Registers(), make_unit(tmp_path, safety_ms=30_000)

    async def scenario() -> None:
        async with faults.FaultServer(framing=framing, answer=registers) as server:
            bus = ModbusBus(point_at(server.port, framing), [unit], {"fans": CoilOutput(device="ac1", coil=3)})
            await bus.write("fans", True)
            await bus.write("fans", True)
            timer = (6, 70, (300,))
            assert registers.written == [timer, (5, 3, (0xFF00,)), (5, 3, (0xFF00,))]
            registers.cells[70] = 0  # the board was restarted
            await bus.close()
            await bus.write("fans", True)
            assert registers.written[3:] == [timer, (5, 3, (0xFF00,))]
            registers.stuck, registers.cells[70] = True, 0
            await bus.close()
            with pytest.raises(DeviceError, match="reads back"):
                await bus.write("fans", False)
            assert registers.coils[3] is True, "no relay is told by a board that would not let go of it"
            assert all(s.quality is Quality.GOOD for s in (await bus.read(bus.groups[0])).values())
            await bus.close()

    run(scenario())


@pytest.mark.wire
def test_safe_outputs_gives_a_raised_set_point_back(tmp_path: Path) -> None:
    registers = Registers(cells={0: 1, 4: 270, 5: 240, 10: 0, 11: 0})

    async def scenario() -> None:
        async with faults.FaultServer(answer=registers) as server:
            path = tmp_path / "site.toml"
            path.write_text(RAISING.replace('"192.0.2.20"', f'"127.0.0.1"\nport = {server.port}'))
            _, site = load_document(path)
            assert await drive_remote(tmp_path, site, {"cooling.setpoint": False}) == []
            assert registers.written == [(6, 4, (240,))]
            assert await drive_remote(tmp_path, site, {"cooling.setpoint": False}) == []
            assert len(registers.written) == 1

    run(scenario())
