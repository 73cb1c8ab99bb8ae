"""The Modbus driver against servers that we did not write: pyModbusTCP, libmodbus, jsmodbus, modbus-serial."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.modbus import CoilOutput, Endpoint, ModbusBus
from drivers.modbus_guard import Framing
from drivers.modbus_profile import ModbusUnit, load, points
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import DeviceError
from tests.conftest import eventually, find_tcp_port, run
from tests.wires.modbus_node import serve_node

UNIT = 3
HOLDING = {
    0: 225, 1: 65336, 2: 4660, 3: 22136, 4: 0, 5: 16808, 6: 0x5550, 7: 0x5320, 8: 0x3132, 9: 0x0000, 10: 0x1234,
    11: 0, 12: 1, 13: 0, 14: 2, 15: 0x8010, 16: 7, 17: 9, 18: 32768, 19: 0x6666, 20: 0x41B5, 40: 1,
    50: 240, 61: 752,
}  # fmt: skip
VALUES = {
    "scaled_c": 22.5, "below_zero": -200, "long": 305419896, "real": 21.0, "name": "UPS 12", "digits": 1234,
    "longest": (1 << 32) + 2, "high_bit": True, "field": 1, "word": "running", "swapped": 22.674999237060547,
    "coil1": True, "coil2": False, "any_input": True, "input": 3007,
}  # fmt: skip
PROFILE = """
about = "all types, all tables"
document = "tests/wires/test_modbus.py"
revision = "1"
verified = "here"
gap = "none"
class = "relays"
numbers = "from_0"
points = [
  { name = "scaled_c", table = "holding", address = 0, type = "s16", scale = 0.1, unit = "C", range = [-20, 80] },
  { name = "below_zero", table = "holding", address = 1, type = "s16" },
  { name = "long", table = "holding", address = 2, type = "u32" },
  { name = "real", table = "holding", address = 4, type = "f32", order = "CDAB" },
  { name = "name", table = "holding", address = 6, type = "string", count = 4 },
  { name = "digits", table = "holding", address = 10, type = "bcd" },
  { name = "longest", table = "holding", address = 11, type = "u64" },
  { name = "high_bit", table = "holding", address = 15, bit = 15 },
  { name = "field", table = "holding", address = 15, type = "u16", mask = 0xF0 },
  { name = "word", table = "holding", address = 16, words = { 7 = "running", 8 = "off" } },
  { name = "strange_word", table = "holding", address = 17, words = { 7 = "running", 8 = "off" } },
  { name = "lost_c", table = "holding", address = 18, type = "s16", sentinels = [-32768] },
  { name = "swapped", table = "holding", address = 19, type = "f32", order = "CDAB" },
  { name = "coil1", table = "coil", address = 3, group = "fast", urgent = true },
  { name = "coil2", table = "coil", address = 5, group = "fast" },
  { name = "any_input", table = "discrete", address = 7, type = "any_bit", count = 3 },
  { name = "input", table = "input", address = 7 },
]
writable = [{ table = "coil", address = 0, count = 16 }]
"""


@contextlib.contextmanager
def serve_pymodbustcp() -> Iterator[Endpoint]:
    from pyModbusTCP.server import DataBank, ModbusServer

    bank = DataBank(h_regs_size=500, i_regs_size=500, coils_size=500, d_inputs_size=500)
    for address, value in HOLDING.items():
        bank.set_holding_registers(address, [value])
    bank.set_input_registers(0, [3000 + i for i in range(500)])
    bank.set_coils(0, [i % 3 == 0 for i in range(500)])
    bank.set_discrete_inputs(0, [i % 2 == 0 for i in range(500)])
    server = ModbusServer("127.0.0.1", find_tcp_port(), no_block=True, data_bank=bank)
    server.start()
    try:
        yield Endpoint(name="line", host="127.0.0.1", port=server.port)
    finally:
        server.stop()


@contextlib.contextmanager
def run_server(program: Path, *arguments: str) -> Iterator[None]:
    cells = [f"{address}={value}" for address, value in HOLDING.items()]
    server = subprocess.Popen([program, *arguments, *cells], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        yield
    finally:
        server.kill()
        server.wait(timeout=5)
        assert server.stdout is not None
        server.stdout.close()


@contextlib.contextmanager
def serve_libmodbus_tcp(program: Path) -> Iterator[Endpoint]:
    port = find_tcp_port()
    with run_server(program, "tcp", str(port)):
        yield Endpoint(name="line", host="127.0.0.1", port=port)


@contextlib.contextmanager
def serve_libmodbus_serial(program: Path) -> Iterator[Endpoint]:
    """Two pseudo terminals with a thread between them that carries the bytes: a serial line without hardware."""
    pairs = [os.openpty() for _ in range(2)]
    for master, slave in pairs:
        tty.setraw(master)
        tty.setraw(slave)
    masters = [master for master, _ in pairs]
    carriers = [threading.Thread(target=_carry, args=way, daemon=True) for way in (masters, masters[::-1])]
    for carrier in carriers:
        carrier.start()
    try:
        with run_server(program, "rtu", os.ttyname(pairs[0][1]), str(UNIT)):
            yield Endpoint(name="line", framing=Framing.RTU, serial=os.ttyname(pairs[1][1]), baud=19200, parity="N")
    finally:
        for _, slave in pairs:
            os.close(slave)
        eventually(lambda: not any(carrier.is_alive() for carrier in carriers), what="the line ends")
        for master in masters:
            os.close(master)


def _carry(source: int, sink: int) -> None:
    with contextlib.suppress(OSError):  # EIO when the last user of the other side is gone
        while data := os.read(source, 512):
            os.write(sink, data)


PEERS = ["pyModbusTCP", "libmodbus", "libmodbus serial", "jsmodbus", "modbus-serial"]


@contextlib.contextmanager
def serve(peer: str, request: pytest.FixtureRequest) -> Iterator[Endpoint]:
    if peer == "pyModbusTCP":
        with serve_pymodbustcp() as endpoint:
            yield endpoint
        return
    if peer in ("jsmodbus", "modbus-serial"):
        with serve_node(peer, HOLDING) as endpoint:
            yield endpoint
        return
    program = request.getfixturevalue("libmodbus_server")
    with serve_libmodbus_tcp(program) if peer == "libmodbus" else serve_libmodbus_serial(program) as endpoint:
        yield endpoint


def make_unit(folder: Path, **wanted: int) -> ModbusUnit:
    path = folder / "all_types.toml"
    path.write_text(PROFILE)
    return ModbusUnit(device="x1", unit=UNIT, profile=load(path), **{"timeout_ms": 400, **wanted})


@pytest.mark.wire
@pytest.mark.parametrize("peer", PEERS)
def test_all_types_of_all_four_tables_are_read_as_they_are(
    peer: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    unit = make_unit(tmp_path)

    async def scenario(endpoint: Endpoint) -> None:
        bus = ModbusBus(endpoint, [unit])
        samples = {}
        for group in bus.groups:
            samples.update(await bus.read(group))
        assert samples.keys() == {point.id for point in points(unit)}
        read = {id.split(".")[1]: sample.value for id, sample in samples.items() if sample.quality is Quality.GOOD}
        assert read == VALUES
        assert samples["x1.strange_word"].because is Reason.UNKNOWN_WORD
        assert samples["x1.lost_c"].because is Reason.SENTINEL
        await bus.close()

    with serve(peer, request) as endpoint:
        run(scenario(endpoint))


@pytest.mark.wire
@pytest.mark.parametrize("peer", PEERS)
def test_a_relay_is_written_and_read_back(peer: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    unit = make_unit(tmp_path)

    async def scenario(endpoint: Endpoint) -> None:
        bus = ModbusBus(endpoint, [unit], {"fans": CoilOutput(device="x1", coil=5)})
        assert bus.outputs == {"fans"}
        assert await bus.read_back("fans") is False
        await bus.write("fans", True)
        assert await bus.read_back("fans") is True
        (fast,) = (group for group in bus.groups if group.id.endswith("fast"))
        assert (await bus.read(fast))["x1.coil2"].value is True
        await bus.write("fans", False)
        assert await bus.read_back("fans") is False
        await bus.close()

    with serve(peer, request) as endpoint:
        run(scenario(endpoint))


@pytest.mark.wire
def test_a_second_client_of_a_device_that_takes_only_one_gets_no_answer_and_no_value(
    tmp_path: Path, libmodbus_server: Path
) -> None:
    unit = make_unit(tmp_path, timeout_ms=150)

    async def scenario(endpoint: Endpoint) -> None:
        first, second = ModbusBus(endpoint, [unit]), ModbusBus(endpoint, [unit])
        group = first.groups[0]
        await first.read(group)
        with pytest.raises(DeviceError, match="no answer"):
            await second.read(group)
        await first.close()
        assert (await second.read(group))["x1.coil1"].value is True
        await second.close()

    with serve_libmodbus_tcp(libmodbus_server) as endpoint:
        run(scenario(endpoint))


@pytest.mark.wire
def test_a_point_outside_the_devices_tables_is_not_supported_and_the_others_are_read(
    tmp_path: Path, libmodbus_server: Path
) -> None:
    path = tmp_path / "hole.toml"
    extra = (
        '  { name = "beyond", table = "input", address = 510 },\n  { name = "last", table = "input", address = 499 },\n'
    )
    path.write_text(PROFILE.replace("points = [\n", "points = [\n" + extra) + "[read]\nmax_gap = 20\n")
    unit = ModbusUnit(device="x1", unit=UNIT, profile=load(path))

    async def scenario(endpoint: Endpoint) -> None:
        bus = ModbusBus(endpoint, [unit])
        (slow,) = (group for group in bus.groups if group.id.endswith("slow"))
        for _ in range(2):
            samples = await bus.read(slow)
            assert samples["x1.beyond"].because is Reason.NOT_SUPPORTED
            assert samples["x1.last"].value == 3499
            assert samples["x1.input"].value == 3007
        await bus.close()

    with serve_libmodbus_tcp(libmodbus_server) as endpoint:
        run(scenario(endpoint))
