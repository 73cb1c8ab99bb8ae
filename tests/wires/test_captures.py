"""`floorguard probe --record`: what a device answered becomes a file, and the file a test against foreign servers."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.codes import Code
from tests.cli.documents import held_against
from tests.conftest import PROJECT, find_tcp_port, find_udp_port
from tests.wires.captures import CAPTURES, points_again
from tests.wires.snmp_peers import snmpd
from tests.wires.test_modbus import serve_libmodbus_serial
from tests.wires.test_probe import secret
from tests.wires.test_probe_modbus import serve_hvac

pytestmark = pytest.mark.wire
SITE = """
[site]
id = "floor-1"
name = "Floor"

[[ups]]
id = "ups7"
address = "127.0.0.1"
port = {snmp}
community_file = "{community}"

[[modbus]]
id = "line1"
transport = "tcp"
address = "127.0.0.1"
port = {modbus}

[[modbus.unit]]
id = "hvac7"
unit = 1
class = "hvac"
profile = "hvac_generic"
room = "hall"
"""


@pytest.mark.parametrize("file", sorted(CAPTURES.glob("*.toml")), ids=lambda file: file.stem)
def test_a_capture_served_again_gives_the_points_that_it_tells(file: Path, tmp_path: Path) -> None:
    assert points_again(file, tmp_path) == tomllib.loads(file.read_text())["points"]


def test_there_is_a_capture_of_each_protocol() -> None:
    kinds = {tomllib.loads(file.read_text())["protocol"] for file in CAPTURES.glob("*.toml")}
    assert kinds == {"snmp", "modbus", "ami"}


def test_a_ups_is_recorded_by_its_address_without_address_or_community(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, port = tmp_path / "ups.toml", find_udp_port()
    (tmp_path / "agent").mkdir()
    with snmpd(tmp_path / "agent", port):
        words = ["probe", f"snmp://floor@127.0.0.1:{port}", "--record", str(file), "--json", "--timeout", "20 s"]
        assert main(words) == Code.OK
    seen = capsys.readouterr()
    text = file.read_text()
    assert "127.0.0.1" not in text and "floor" not in text.replace("floorguard", "") and str(port) not in text
    assert "tests/data/captures" in seen.err
    capture = tomllib.loads(text)
    assert capture["v"] == 1 and capture["device"] == "ups1" and capture["profile"] == "ups_auto"
    assert {"oid": "1.3.6.1.2.1.33.1.2.5.0", "number": 545} in capture["object"]
    live = {name: one["v"] for name, one in json.loads(seen.out)["points"].items()}
    again = points_again(file, tmp_path)
    assert {name: one.get("value") for name, one in again.items()} == live
    assert again["ups1.output_source"] == {"value": "mains", "quality": "good"}


def test_a_unit_is_recorded_by_its_address_and_what_it_refused_stays_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "hvac.toml"
    with serve_hvac() as port:
        words = ["probe", f"modbus+tcp://127.0.0.1:{port}/1", "--profile", "hvac_generic", "--record", str(file)]
        assert main(words) == Code.OK
    capture = tomllib.loads(file.read_text())
    assert {"table": "input", "address": 0, "values": [225, 32768, 480]} in capture["cells"]
    assert points_again(file, tmp_path) == capture["points"]
    assert capture["points"]["hvac.temp_c"] == {"value": 22.5, "quality": "good"}
    assert capture["points"]["hvac.setpoint_c"] == {"quality": "bad", "because": "sentinel"}
    capsys.readouterr()


def test_a_device_is_probed_and_recorded_by_its_id_before_its_site_file_is_in_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site, file, port = tmp_path / "site.toml", tmp_path / "unit.toml", find_udp_port()
    nowhere = ["--socket", str(tmp_path / "none"), "--config", str(site)]
    (tmp_path / "agent").mkdir()
    with snmpd(tmp_path / "agent", port), serve_hvac() as modbus:
        site.write_text(SITE.format(snmp=port, modbus=modbus, community=secret(tmp_path, "community", "floor")))
        assert main(["probe", "ups7", "--json", "--timeout", "20 s", *nowhere]) == Code.OK
        ups = json.loads(capsys.readouterr().out)["points"]
        assert main(["probe", "hvac7", "--json", "--record", str(file), *nowhere]) == Code.OK
        hvac = json.loads(capsys.readouterr().out)["points"]
    assert ups["ups7.battery.charge_pct"]["v"] == 100.0 and ups["ups7.battery.charge_pct"]["source"] == "rfc1628"
    assert (hvac["hall.temp_c"]["v"], hvac["hall.temp_c"]["source"]) == (22.5, "input 0")
    assert not any(name.startswith("ups7") for name in hvac)
    capture = tomllib.loads(file.read_text())
    assert (capture["device"], capture["room"]) == ("hvac7", "hall")
    assert points_again(file, tmp_path) == capture["points"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["hvac8"], Code.USAGE, 'did you mean "hvac7"?'),
        (["pbx1"], Code.USAGE, "there are ups7, hvac7"),
        (["snmp://floor@127.0.0.1:1", "--record", "never", "--timeout", "1 s"], Code.FAILED, "nothing was answered"),
    ],
)
def test_what_cannot_be_recorded_or_found_is_said(
    words: list[str], code: Code, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(SITE.format(snmp=1, modbus=find_tcp_port(), community=secret(tmp_path, "community", "floor")))
    assert main(["probe", *words, "--config", str(site), "--socket", str(tmp_path / "none")]) == code
    assert said in capsys.readouterr().err
    assert not (PROJECT / "never").exists()


def test_a_unit_on_a_serial_line_is_read_by_the_lines_file(
    libmodbus_server: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve_libmodbus_serial(libmodbus_server) as line:
        address = f"modbus+rtu://{line.serial}/3?baud=19200&parity=none"
        assert main(["probe", address, "--profile", "hvac_generic", "--json"]) == Code.OK
        found = held_against("probe", capsys.readouterr().out)["points"]
        assert main(["discover", address.replace("/3?", "/2-3?"), "--json", "--timeout", "1 s"]) == Code.OK
        silent, unit = json.loads(capsys.readouterr().out)["found"]
    assert (found["hvac.running"]["v"], found["hvac.fault"]["v"]) == (True, False)
    assert not silent["suits"] and unit["suits"] and unit["address"].startswith("modbus+rtu:///dev/")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("modbus+rtu://host/dev/ttyUSB0/3", "must name the line's file"),
        ("modbus+rtu:///3", "must name the line's file"),
        ("modbus+rtu:///dev/ttyUSB0/3?baud=9601", "takes baud (1200, "),
        ("modbus+rtu:///dev/ttyUSB0/3?parity=e", "parity (even, odd, none)"),
        ("modbus+rtu:///dev/ttyUSB0/3?stopbits=1", "stop_bits (1, 2) only"),
        ("modbus+rtu:///dev/ttyUSB0/x", "must end with the unit's number"),
        ("modbus+rtu:///dev/none/3", "cannot be opened"),
    ],
)
def test_a_slip_in_a_serial_address_is_answered_with_what_to_write(
    address: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", address, "--profile", "hvac_generic", "--timeout", "1 s"]) in (Code.USAGE, Code.PROBE)
    assert said in capsys.readouterr().err
