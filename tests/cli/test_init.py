"""A first site file from the devices of the simulated floor: found by their answers, and sound."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from urllib.parse import urlsplit

import pytest

from config.site import build_site, load_site
from config.strict import ConfigError, parse
from firmware_py.cli import main
from firmware_py.cli.codes import Code
from firmware_py.cli.draft_text import Answers, write
from firmware_py.demo.stand_ins import StandIns
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.discover import Found, Suit, units_of
from tests.cli.documents import held_against
from tests.conftest import PROJECT, find_tcp_port

pytestmark = pytest.mark.wire


@contextmanager
def stand_ins(folder: Path, site: str = "demo.toml") -> Iterator[StandIns]:
    """The devices in a thread and a loop of their own: the command line runs its own loop in this one."""
    devices = StandIns(site=load_site(PROJECT / "config" / "sites" / site), folder=folder)
    ready, ended = Event(), Event()  # of threads

    async def serve() -> None:
        await devices.start()
        ready.set()
        await asyncio.to_thread(ended.wait)
        await devices.close()

    thread = Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield devices
    finally:
        ended.set()
        thread.join()


def test_devices_are_found_by_their_answers_and_the_file_written_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with stand_ins(tmp_path) as devices:
        file, silent = tmp_path / "new.toml", find_tcp_port()
        words = [word for address in devices.addresses.values() for word in ("--address", address)]
        code = main(
            [
                "init",
                str(file),
                "--no-questions",
                "--id",
                "floor-9",
                "--country",
                "CN",
                "--trunk",
                "trunk-main1",
                *words,
                "--address",
                f"modbus+tcp://127.0.0.1:{silent}/1",
                "--timeout",
                "4 s",
            ]
        )
        said = capsys.readouterr().out
    site = build_floor(file)[0].site
    assert code == 5 and f"{silent}/1" in said, "what does not answer is left out, and that is said"
    assert {unit.kind.value for _, unit in site.units} == {"hvac", "fire", "relays"}
    assert [one.profile for one in site.ups] == ["ups_auto"] and site.site.id == "floor-9"
    assert [one.id for one in site.exchange] == ["pbx1"] and site.output[0].id == "outbound_paused"
    assert file.read_text().count("#") > 10, "it is commented"
    assert [trunk.name for trunk in site.exchange[0].trunks] == ["trunk_main1"]
    assert main(["init", str(file), "--no-questions"]) == 1, "it never overwrites one"


def test_discover_tells_in_json_what_suits_and_how_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with stand_ins(tmp_path) as devices:
        words = ["discover", devices.addresses["ups1"], devices.addresses["pbx1"], "--timeout", "4 s", "--json"]
        assert main(words) == 0
    told = held_against("discover", capsys.readouterr().out)
    ups, exchange = told["found"]
    assert told["v"] == 1 and ups["suits"][0]["profile"] == "ups_auto" and ups["suits"][0]["good"] > 5
    assert exchange["suits"][0]["class"] == "exchange" and "Asterisk" in exchange["said"]
    assert "public@" not in json.dumps(told), "the community is a secret"


@pytest.mark.parametrize("text", ["", "a", "1-", "0-300", "1-40", "5-2", "1,,2"])
def test_more_units_than_anybody_wires_or_none_are_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        units_of(text)


@pytest.mark.parametrize(("text", "units"), [("3", [3]), ("1-4", [1, 2, 3, 4]), ("1,5,7-8", [1, 5, 7, 8])])
def test_units_are_named_one_by_one_or_as_a_range(text: str, units: list[int]) -> None:
    assert units_of(text) == units


def test_whatever_was_found_the_file_is_sound() -> None:
    suits = {
        kind: (Suit(profile=name, kind=kind, good=3, asked=4),)
        for kind, name in (
            ("hvac", "hvac_generic"),
            ("fire", "fire_generic"),
            ("relays", "relay_board_8"),
        )
    }
    units = [
        Found(scheme="modbus+tcp", host="192.0.2.9", port=502, unit=number, suits=suits[kind], said="answers")
        for number, kind in enumerate(("hvac", "hvac", "fire", "relays"), 1)
    ]
    units += [
        Found(scheme="modbus+rtu-tcp", host="192.0.2.10", port=502, unit=1, suits=suits["hvac"]),
        Found(
            scheme="modbus+rtu", host="/dev/ttyUSB0", port=0, unit=2, suits=suits["fire"],
            line="baud=19200&parity=none&stop_bits=2",
        ),
    ]  # fmt: skip
    upses = [Found(scheme="snmp", host=f"192.0.2.{n}", port=161, said="answers") for n in (1, 2)]
    pbx = [Found(scheme="ami", host="192.0.2.5", port=5038, said="Asterisk")]
    answers = Answers(id="floor-1", name="Floor", country="CN", broker="192.0.2.7:1884", trunks=("a", "b"))
    for found in ([], units, upses, pbx, [*units, *upses, *pbx]):
        site = build_site(parse(write(found, answers), "site.toml"))
        assert len(site.units) == sum(one in units for one in found)


def test_at_a_terminal_it_asks_few_questions_and_takes_the_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = f"modbus+tcp://127.0.0.1:{find_tcp_port()}/1"
    answers = iter([silent, "", "floor-9", "", "de", "192.0.2.7:1884"])
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question.strip())
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    file = tmp_path / "new.toml"
    assert main(["init", str(file), "--timeout", "1 s", "--no-pins"]) == Code.PROBE
    assert len(asked) == 6 and asked[2].startswith("Short name of the floor"), asked
    site = load_site(file)
    assert (site.site.id, site.site.name) == ("floor-9", "Call floor"), "an empty answer takes the default"
    assert site.mqtt is not None and (site.mqtt.host, site.mqtt.port) == ("192.0.2.7", 1884)
    assert f"Left out, since they did not answer: {silent}" in capsys.readouterr().out


def test_an_answer_that_cannot_be_writes_nothing_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "new.toml"
    assert main(["init", str(file), "--no-questions", "--id", "Floor 9"]) == Code.CHECK
    assert "site.id: must be 1 to 40 small letters" in capsys.readouterr().err and not file.exists()


LISTENING = """
import json, socket, sys
touched = set()
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto") and arguments[0].family != socket.AF_UNIX:
        touched.add(tuple(arguments[1][:2]))
sys.addaudithook(hook)
from firmware_py.cli import main
code = main(sys.argv[2:])
open(sys.argv[1], "w").write(json.dumps(sorted(touched)))
sys.exit(code)
"""


def test_nothing_but_the_given_addresses_is_asked(tmp_path: Path) -> None:
    with stand_ins(tmp_path) as devices:
        given = [address for address in devices.addresses.values() if "://" in address]
        words = [word for address in given for word in ("--address", address)]
        notes = tmp_path / "touched"
        done = subprocess.run(
            [sys.executable, "-c", LISTENING, str(notes), "init", str(tmp_path / "a.toml"), "--no-questions", *words],
            cwd=PROJECT, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    wanted = {(urlsplit(address).hostname, urlsplit(address).port) for address in given}
    assert {tuple(one) for one in json.loads(notes.read_text())} == wanted
