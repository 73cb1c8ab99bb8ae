"""Captures of `floorguard probe --record`, served again by programs that we did not write, and read again."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.library import Library
from drivers.modbus import ModbusBus
from drivers.modbus_profile import Endpoint, ModbusUnit
from drivers.snmp_access import Community
from drivers.snmp_bus import SnmpBus
from firmware_py.core.reading import Sample
from firmware_py.wiring.probe import Opened, read_once
from tests.conftest import find_tcp_port, find_udp_port, run
from tests.wires.ami_replay import open_answers, serve_answers
from tests.wires.snmp_peers import HOST, recorded

CAPTURES = Path(__file__).resolve().parents[1] / "data" / "captures"
UNIT = 1
_SIGNED_MOST = 2**31 - 1


def points_again(file: Path, folder: Path) -> dict[str, Any]:
    """What the driver makes of a capture's answers, as the capture itself tells its points."""
    capture = tomllib.loads(file.read_text(encoding="utf-8"))
    serve, open_ = {
        "snmp": (_serve_objects, _open_snmp),
        "modbus": (_serve_cells, _open_modbus),
        "ami": (lambda capture, folder: serve_answers(capture), open_answers),
    }[capture["protocol"]]
    with serve(capture, folder) as port:
        opened = open_(capture, port)

        async def look() -> dict[str, Any]:
            report = await read_once(opened, 20_000)
            assert not report.error, report.error
            again = {name: told(sample) for name, sample in report.samples.items()}
            # What an exchange tells by events is in no capture.
            return again if capture["protocol"] != "ami" else {name: again[name] for name in capture["points"]}

        return run(look(), within_s=40)


def told(sample: Sample) -> dict[str, Any]:
    """As a capture has it."""
    value = {} if sample.value is None else {"value": sample.value}
    because = {} if sample.because is None else {"because": sample.because.value}
    return {**value, "quality": sample.quality.value, **because}


def _open_snmp(capture: Mapping[str, Any], port: int) -> Opened:
    bus = SnmpBus(
        name="capture", device=capture["device"], host=HOST, port=port, access=Community(name="capture"),
        profile=Library(Path("nowhere")).snmp(capture["profile"]), fast_deadline_ms=8_000, slow_deadline_ms=8_000,
    )  # fmt: skip
    return Opened(bus=bus, sources=dict, units={})


def _open_modbus(capture: Mapping[str, Any], port: int) -> Opened:
    unit = ModbusUnit(
        device=capture["device"], unit=UNIT, profile=Library(Path("nowhere")).modbus(capture["profile"]),
        timeout_ms=3_000, room=capture.get("room"), settings=capture.get("parameters", {}), watched=True,
    )  # fmt: skip
    return Opened(bus=ModbusBus(Endpoint(name="capture", host=HOST, port=port), [unit]), sources=dict, units={})


@contextmanager
def _serve_objects(capture: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """snmpsim, with its own kind of file."""
    walk = folder / "capture.snmprec"
    walk.write_text("".join(_row(one) for one in capture["object"]))
    with recorded(folder, find_udp_port(), [walk]) as port:
        yield port


def _row(one: Mapping[str, Any]) -> str:
    if "octets" in one:
        return f"{one['oid']}|4x|{one['octets']}\n"
    if "name" in one:
        return f"{one['oid']}|6|{one['name']}\n"
    return f"{one['oid']}|{2 if one['number'] <= _SIGNED_MOST else 66}|{one['number']}\n"


@contextmanager
def _serve_cells(capture: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """pyModbusTCP; what was not answered then is refused now."""
    from pyModbusTCP.server import DataBank, ModbusServer

    cells = {
        (run_["table"], run_["address"] + place): value
        for run_ in capture["cells"]
        for place, value in enumerate(run_["values"])
    }

    class Recorded(DataBank):  # type: ignore[misc]  # its base has no type information
        def _look(self, table: str, address: int, number: int) -> list[Any] | None:
            found = [cells.get((table, address + place)) for place in range(number)]
            return None if None in found else found

        def get_coils(self, address: int, number: int = 1, srv_info: object = None) -> list[Any] | None:
            return self._look("coil", address, number)

        def get_discrete_inputs(self, address: int, number: int = 1, srv_info: object = None) -> list[Any] | None:
            return self._look("discrete", address, number)

        def get_holding_registers(self, address: int, number: int = 1, srv_info: object = None) -> list[Any] | None:
            return self._look("holding", address, number)

        def get_input_registers(self, address: int, number: int = 1, srv_info: object = None) -> list[Any] | None:
            return self._look("input", address, number)

    server = ModbusServer(HOST, find_tcp_port(), no_block=True, data_bank=Recorded())
    server.start()
    try:
        yield server.port
    finally:
        server.stop()
