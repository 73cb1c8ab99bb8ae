"""`floorguard probe` against net-snmp's agent and recordings: what it prints, and what it ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.strict import ConfigError
from firmware_py.cli import main
from firmware_py.cli.codes import Code
from firmware_py.wiring.probe import parse_address
from tests.conftest import PROJECT, eventually, find_udp_port
from tests.wires.snmp_peers import Snmpd, recorded, snmpd

pytestmark = pytest.mark.wire


@pytest.fixture
def agent(tmp_path: Path, free_udp_port: int) -> Iterator[Snmpd]:
    (tmp_path / "agent").mkdir()
    with snmpd(tmp_path / "agent", free_udp_port) as running:
        yield running


def secret(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return str(path)


def points(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["probe", *words, "--json"]) == Code.OK, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["points"]
    return found


@pytest.mark.parametrize("version", ["1", "2c"])
def test_an_agent_is_decoded_by_its_address_alone(
    agent: Snmpd, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    found = points(capsys, f"snmp://floor@127.0.0.1:{agent.port}", "--version", version)
    source = found["ups1.output_source"]
    assert {key: source[key] for key in ("v", "q", "because", "source")} == {
        "v": "mains", "q": "good", "because": None, "source": "rfc1628",
    }  # fmt: skip
    assert [found[f"ups1.{name}"]["v"] for name in ("battery.charge_pct", "battery.runtime_s", "output.load_pct")] == [
        100.0, 2580.0, 40.0,
    ]  # fmt: skip
    assert found["ups1.battery.current_a"]["because"] == "not_supported"


def test_version_3_takes_its_pass_phrases_from_files(
    agent: Snmpd, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    auth, privacy = secret(tmp_path, "auth", "a phrase for auth"), secret(tmp_path, "privacy", "a phrase for priv")
    words = ("--version", "3", "--auth", "sha1", "--auth-file", auth, "--privacy", "aes128", "--privacy-file", privacy)
    assert points(capsys, f"snmp://floor@127.0.0.1:{agent.port}", *words)["ups1.output_source"]["v"] == "mains"


def test_the_community_may_come_from_a_file(agent: Snmpd, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = (f"snmp://127.0.0.1:{agent.port}", "--community-file", secret(tmp_path, "community", "floor"))
    assert points(capsys, *words)["ups1.output_source"]["v"] == "mains"


def test_for_people_raw_and_decoded_stand_side_by_side(agent: Snmpd, capsys: pytest.CaptureFixture[str]) -> None:
    agent.give(_2_3_0=("integer", "65535"))
    assert main(["probe", f"snmp://floor@127.0.0.1:{agent.port}"]) == Code.OK
    lines = capsys.readouterr().out.splitlines()
    (voltage,) = [line for line in lines if line.startswith("ups1.battery.voltage_v")]
    assert voltage.split() == ["ups1.battery.voltage_v", "54.5", "V", "good", "rfc1628", "upsBatteryVoltage", "545", "x", "0.1"]
    assert any(line.startswith("ups1.fast: ") and line.endswith(" ms") for line in lines)
    (runtime,) = [line for line in lines if line.startswith("ups1.battery.runtime_s")]
    assert "bad sentinel" in runtime and "65535 means not known" in runtime


def test_silence_is_exit_5_and_says_what_to_look_at(capsys: pytest.CaptureFixture[str], agent: Snmpd) -> None:
    eventually(lambda: main(["probe", f"snmp://floor@127.0.0.1:{agent.port}", "--timeout", "2 s"]) == Code.OK)
    capsys.readouterr()
    assert main(["probe", f"snmp://wrong@127.0.0.1:{agent.port}", "--timeout", "2 s", "--json"]) == Code.PROBE
    told = capsys.readouterr()
    assert "a wrong one looks like silence" in told.err and "wrong@" not in told.err
    assert json.loads(told.out)["points"] == {} and json.loads(told.out)["error"]


def test_an_agent_without_any_ups_is_exit_5(shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk = shared / "devices" / "ups" / "snmprec" / "tpdin3.snmprec"
    with recorded(tmp_path, find_udp_port(), [walk]) as port:
        assert main(["probe", f"snmp://tpdin3@127.0.0.1:{port}", "--timeout", "40 s"]) == Code.PROBE
    assert "nothing that the profile knows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["http://127.0.0.1"], "must begin with ami:// or snmp://"),
        (["snmp://"], "names no host"),
        (["snmp://a@b:99999"], "is not an address"),
        (["snmp://127.0.0.1", "--profile", "ups_rfc1682"], "did you mean"),
        (["snmp://u@127.0.0.1", "--version", "3", "--privacy", "aes128"], "privacy needs authentication"),
        (["snmp://u@127.0.0.1", "--community-file", "/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_asked_is_said_at_once(capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["probe", *words]) == Code.USAGE
    assert said in capsys.readouterr().err


def test_an_address_is_taken_apart_and_shows_no_secret() -> None:
    address = parse_address("snmp://a%40b__c@[::1]:1161")
    assert (address.user, address.host, address.port) == ("a@b__c", "::1", 1161)
    assert "a@b" not in repr(address)
    with pytest.raises(ConfigError):
        parse_address("snmp://host:port")


def test_privacy_without_the_cryptography_package_is_an_error_at_the_start(tmp_path: Path) -> None:
    auth, privacy = secret(tmp_path, "auth", "a phrase for auth"), secret(tmp_path, "privacy", "a phrase for priv")
    hidden = "import sys; sys.modules['cryptography'] = None; from firmware_py.cli import main; sys.exit(main())"
    words = ["probe", "snmp://floor@127.0.0.1:9", "--version", "3", "--auth", "sha256", "--auth-file", auth]
    ended = subprocess.run(
        [sys.executable, "-c", hidden, *words, "--privacy", "aes128", "--privacy-file", privacy],
        cwd=PROJECT, capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert ended.returncode == Code.USAGE
    assert "needs the package cryptography" in ended.stderr and "phrase" not in ended.stderr
