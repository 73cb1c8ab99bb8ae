"""`floorguard probe modbus+tcp://` against a server that we did not write."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from firmware_py.cli import main
from firmware_py.cli.codes import Code
from tests.conftest import find_tcp_port


@contextmanager
def serve_hvac() -> Iterator[int]:
    """pyModbusTCP with the map of hvac_generic: running, 22.5 C, set point not known."""
    from pyModbusTCP.server import DataBank, ModbusServer

    bank = DataBank(h_regs_size=50, i_regs_size=50, coils_size=50, d_inputs_size=50)
    bank.set_discrete_inputs(0, [True, False, False, False])
    bank.set_input_registers(0, [225, 0x8000, 480])
    server = ModbusServer("127.0.0.1", find_tcp_port(), no_block=True, data_bank=bank)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


@pytest.fixture
def served() -> Iterator[int]:
    with serve_hvac() as port:
        yield port


@pytest.mark.wire
def test_a_unit_is_read_once_by_its_address_and_profile(served: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", f"modbus+tcp://127.0.0.1:{served}/1", "--profile", "hvac_generic", "--json"]) == Code.OK
    told = json.loads(capsys.readouterr().out)
    assert told["v"] == 1
    assert told["points"]["hvac.running"]["v"] is True
    warm = told["points"]["hvac.temp_c"]
    assert (warm["v"], warm["q"], warm["source"], warm["unit"]) == (22.5, "good", "input 0", "C")
    lost = told["points"]["hvac.setpoint_c"]
    assert (lost["v"], lost["q"], lost["because"]) == (None, "bad", "sentinel")


@pytest.mark.wire
def test_nobody_there_is_said_and_nothing_is_invented(capsys: pytest.CaptureFixture[str]) -> None:
    address = f"modbus+tcp://127.0.0.1:{find_tcp_port()}/1"
    assert main(["probe", address, "--profile", "hvac_generic", "--json", "--timeout", "1 s"]) == Code.PROBE
    told = capsys.readouterr()
    assert json.loads(told.out)["points"] == {}
    assert "does not accept a connection" in told.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["modbus+tcp://127.0.0.1"], "must end with the unit's number"),
        (["modbus+tcp://127.0.0.1/300", "--profile", "hvac_generic"], "must end with the unit's number"),
        (["modbus+tcp://127.0.0.1/1"], "name a profile"),
        (["modbus+tcp://127.0.0.1/1", "--profile", "hvac_genric"], "hvac_generic"),
    ],
)
def test_what_an_address_must_say_is_asked_for(
    words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", *words]) == Code.USAGE
    assert sentence in capsys.readouterr().err
