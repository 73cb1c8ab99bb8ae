"""`probe --record` beside a running controller: what it reads anyway becomes the capture, over its own connections."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import PROJECT, eventually, find_udp_port
from tests.wires.asterisk import Asterisk
from tests.wires.captures import points_again
from tests.wires.snmp_peers import snmpd
from tests.wires.test_modbus import serve_libmodbus_serial
from tests.wires.test_probe import secret
from tests.wires.test_probe_modbus import serve_hvac

pytestmark = pytest.mark.wire
SITE = """
[site]
id = "floor-1"
name = "Floor"

[storage]
directory = "{folder}/state"

[control]
socket = "{folder}/control.sock"

[[ups]]
id = "ups7"
address = "127.0.0.1"
port = {snmp}
community_file = "{community}"
slow = "2 s"

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
slow = "2 s"

[[modbus]]
id = "line2"
transport = "serial"
device = "{serial}"
baud = 19200
parity = "none"

[[modbus.unit]]
id = "hvac8"
unit = 3
class = "hvac"
profile = "hvac_generic"
room = "cellar"
slow = "2 s"

[[exchange]]
id = "pbx1"
host = "127.0.0.1"
port = {ami}
user = "edge-min"
secret_file = "{ami_secret}"
country = "CN"
desk_context = "outbound"

[[exchange.trunk]]
name = "main"
endpoint = "trunk-main"
group = "lines"

[[exchange.trunk]]
name = "backup"
endpoint = "trunk-backup"
group = "lines"

[[trunk_group]]
id = "lines"
minimum_up = 1
"""


def floorguard(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "firmware_py", *words, "--socket", str(folder / "control.sock")]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def guarding(site: Path, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log:
        command = [sys.executable, "-m", "firmware_py", "run", "--config", str(site)]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=log, stderr=log)
    try:
        eventually((folder / "control.sock").exists, within_s=60, what="the controller answers")
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def connections(process: subprocess.Popen[bytes]) -> set[str]:
    """The very sockets of the net and serial lines that the controller has open."""
    tables = [Path(f"/proc/{process.pid}/net/{name}").read_text() for name in ("tcp", "udp")]
    inodes = {f"socket:[{line.split()[9]}]" for table in tables for line in table.splitlines()[1:]}
    names = set[str]()
    for one in Path(f"/proc/{process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a file that it has closed meanwhile
            names.add(os.readlink(one))
    return {name for name in names if name in inodes or name.startswith("/dev/pts/")}


@pytest.mark.acceptance
def test_every_kind_is_recorded_by_the_controller_that_reads_it(
    healthy: Asterisk, libmodbus_server: Path, tmp_path: Path
) -> None:
    snmp = find_udp_port()
    (tmp_path / "agent").mkdir()
    with ExitStack() as peers:
        peers.enter_context(snmpd(tmp_path / "agent", snmp))
        modbus = peers.enter_context(serve_hvac())
        serial = peers.enter_context(serve_libmodbus_serial(libmodbus_server)).serial
        site = tmp_path / "site.toml"
        site.write_text(
            SITE.format(
                folder=tmp_path, snmp=snmp, modbus=modbus, serial=serial, ami=healthy.port,
                community=secret(tmp_path, "community", "floor"),
                ami_secret=secret(tmp_path, "ami", healthy.account().secret),
            )
        )  # fmt: skip
        process = peers.enter_context(guarding(site, tmp_path))

        def settled() -> bool:
            seen = json.loads(floorguard(tmp_path, "status", "--json").stdout)
            names = ("ups7.output_source", "hall.temp_c", "hvac8.running", "trunks.main.state", "trunks.backup.state")
            return all(seen["points"][name]["quality"] == "good" for name in names)

        eventually(settled, within_s=60, every_s=1, what="every device is read and the exchange has settled")
        before = connections(process)
        captures = {}
        for name in ("ups7", "hvac7", "hvac8", "pbx1"):
            file = tmp_path / f"{name}.toml"
            done = floorguard(tmp_path, "probe", name, "--record", str(file), "--json")
            assert done.returncode == 0, done.stderr
            captures[name] = tomllib.loads(file.read_text())
            assert captures[name]["device"] == name and captures[name]["points"], done.stderr
            assert "127.0.0.1" not in file.read_text() and healthy.account().secret not in file.read_text()
        assert connections(process) == before and len(before) == 4, "no second connection"
        refused = floorguard(tmp_path, "probe", "hvac7", "--record", str(tmp_path / "no" / "file"))
        assert refused.returncode == 1 and "name a file where you may write" in refused.stderr
    for name, capture in captures.items():
        folder = tmp_path / f"again-{name}"
        folder.mkdir()
        assert points_again(tmp_path / f"{name}.toml", folder) == capture["points"], name
    assert captures["pbx1"]["points"]["trunks.main.state"]["value"] == "up"
    assert captures["hvac8"]["points"]["hvac8.running"]["value"] is True


def test_a_probe_of_an_exchange_by_its_address_is_recorded_too(healthy: Asterisk, tmp_path: Path) -> None:
    file = tmp_path / "pbx.toml"
    account = ["--secret-file", secret(tmp_path, "ami", healthy.account().secret)]
    done = floorguard(tmp_path, "probe", f"ami://edge-min@127.0.0.1:{healthy.port}", *account, "--record", str(file))
    assert done.returncode == 0, done.stderr
    capture = tomllib.loads(file.read_text())
    assert points_again(file, tmp_path) == capture["points"] and capture["points"]["pbx1.link"]["value"] == "up"
    assert socket.gethostname() not in file.read_text() and healthy.account().secret not in file.read_text()
