"""`--json` of every reading verb against its shipped schema, with a real control socket and book behind it."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware_py.cli import main
from firmware_py.cli.manual import verbs_of
from firmware_py.cli.verbs import build_parser
from firmware_py.core.codec import encode
from firmware_py.core.image import freeze
from firmware_py.runtime.board import Board
from firmware_py.runtime.book import Book
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.health import DeviceReport
from firmware_py.runtime.writer import OutputReport
from firmware_py.wiring.drafts import gather
from firmware_py.wiring.records import look_up, site_facts
from tests.cli.documents import NAMES, held_against, validator
from tests.cli.test_records import EXAMPLE
from tests.conftest import PROJECT, run
from tests.core.floor import Floor
from tests.report.told import book_of, outage
from tests.runtime.test_control import serving

SITE = PROJECT / "config" / "sites" / "example.toml"


@pytest.fixture(scope="module")
def floor() -> Floor:
    return outage()


@pytest.fixture(scope="module")
def book(floor: Floor, tmp_path_factory: pytest.TempPathFactory) -> Book:
    return book_of(floor, tmp_path_factory.mktemp("state") / "book")


def served(floor: Floor, book: Book, folder: Path, *words: str) -> int:
    """One command line while a controller with a book, a device, outputs and generations answers."""

    async def records(request: Mapping[str, object]) -> Any:
        return {"site": encode(site_facts(EXAMPLE)), **look_up(book, str(request["ask"]), str(request["about"]))}

    async def config(peer: str, request: Mapping[str, object]) -> Any:
        return {"generation": 3, "files": gather(SITE)}

    async def generations(peer: str, request: Mapping[str, object]) -> Any:
        kept = [{"generation": 3, "by": "0:root", "utc": "", "why": "apply", "bad": False}]
        frame = {"generation": 3, "on_probation": True, "left_ms": 9_000, "by": "0:root", "silent": ["ups1"]}
        return {**frame, "kept": kept}

    device = DeviceReport(
        device="ups1", endpoint="ups1", alive=True, ok=9, failed=1, late=0, latency_ms=12, longest_ms=40, age_ms=400,
        error="",
    )  # fmt: skip

    def outputs() -> tuple[OutputReport, ...]:
        return tuple(
            OutputReport(output=name, port="gpio", wanted=drive.value, level=None, follows=True)
            for name, drive in floor.last.outputs.items()
        )

    async def play() -> int:
        more = {"config": config, "generations": generations}
        async with serving(folder / "s", records=records, more=more) as bench:
            bench.control._board = Board(
                floor.plan, SystemClock(), run="b", outputs=outputs, devices=lambda: (device,), storage=dict
            )
            bench.control._board.show(freeze(floor.plan.points.values(), floor.readings, floor.now_ms), floor.last)
            return await asyncio.to_thread(main, [*words, "--socket", str(folder / "s")])

    return asyncio.run(play())


ASKED = (
    ("status", ["status", "--json"]),
    ("log", ["log", "--json"]),
    ("rollback", ["rollback", "--list", "--json"]),
    ("outage", ["outage", "list", "--json"]),
    ("handover", ["handover", "--json"]),
    ("tick", ["tick", "--json"]),
    ("plan", ["plan", str(SITE), "--json"]),
    ("doctor", ["doctor", str(SITE), "--json"]),
    ("report", ["report", "incident", "--json"]),
    ("report", ["report", "month", "--json"]),
    ("report", ["report", "shift", "--json"]),
    ("report", ["report", "defects", "--json"]),
)


@pytest.mark.parametrize(("name", "words"), ASKED, ids=[" ".join(words[:2]) for _, words in ASKED])
def test_what_is_asked_of_the_controller_is_as_its_schema_says(
    name: str, words: list[str], floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served(floor, book, tmp_path, *words)
    document = held_against(name, capsys.readouterr().out)
    assert document["v"] == 1


def test_what_a_change_would_do_is_as_its_schema_says(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = tmp_path / "site.toml"
    draft.write_text(SITE.read_text().replace('name = "Call floor 3"', 'name = "Hall"'))
    assert served(floor, book, tmp_path, "diff", str(draft), "--json") == 1
    (change,) = held_against("diff", capsys.readouterr().out)["changes"]
    assert change == {"key": "site.name", "was": '"Call floor 3"', "now": '"Hall"'}


@pytest.mark.parametrize(
    "words", [["legend", str(SITE), "--json"], ["legend", str(SITE), "--json", "--language", "zh"]]
)
def test_the_legend_is_as_its_schema_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    legend = held_against("legend", capsys.readouterr().out)
    assert legend["panels"][0]["lamps"] and legend["alarms"]


def test_a_verdict_is_as_its_schema_says_whichever_way_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(SITE), "--json"]) == 0
    assert held_against("check", capsys.readouterr().out)["alarms"] > 10
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SITE.read_text().replace("pin = 17", "pin = 40").replace("[recovery]", "[recovry]"))
    assert main(["check", str(wrong), "--json"]) == 3
    pin, table = held_against("check", capsys.readouterr().out)["faults"]
    assert {(one["key"], one["got"]) for one in (pin, table)} == {("recovry", None), ("output.0.pin", "40")}


def test_a_controller_that_only_starts_has_a_picture_too() -> None:
    frame = {"v": 1, "mode": "starting", "boot": "b", "clock": {"now_ms": 1, "utc_ms": 2, "clk": "none"}}
    held_against("status", json.dumps({**frame, "storage": {}, "devices": {}}))


def test_a_schema_refuses_what_is_not_its_version_or_lacks_a_key() -> None:
    for name in NAMES:
        assert not validator(name).is_valid({"v": 2}) and not validator(name).is_valid({"v": 1}), name


def test_every_verb_that_speaks_json_has_a_schema_and_the_verb_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    speaks = {
        verb
        for verb, parser in verbs_of(build_parser()).items()
        if verb == "outage" or any("--json" in action.option_strings for action in parser._actions)
    }
    assert speaks == set(NAMES)
    for name in NAMES:
        assert main(["schema", name]) == 0
        assert json.loads(capsys.readouterr().out)["$id"] == f"urn:floorguard:cli:v1:{name}"
    assert main(["schema"]) == 0 and capsys.readouterr().out.split() == NAMES
    assert main(["schema", "statsu"]) == 2 and "did you mean status" in capsys.readouterr().err


def _hears_ctrl_c() -> None:
    """A shell starts what runs in its background deaf to Ctrl-C, and all that this starts is as deaf."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_each_line_of_watch_is_as_its_schema_says_and_comes_while_it_happens(floor: Floor, tmp_path: Path) -> None:
    later = outage()

    async def play() -> list[str]:
        async with serving(tmp_path / "s") as bench:
            board = Board(floor.plan, SystemClock(), run="b", outputs=tuple, devices=tuple, storage=dict)
            bench.control._board = board
            board.show(freeze(floor.plan.points.values(), floor.readings, floor.now_ms), floor.last)
            command = [sys.executable, "-m", "firmware_py", "watch", "--json", "--socket", str(tmp_path / "s")]
            watching = await asyncio.create_subprocess_exec(
                *command, cwd=PROJECT, stdout=PIPE, limit=4_000_000, preexec_fn=_hears_ctrl_c
            )
            assert watching.stdout is not None
            lines = [(await watching.stdout.readline()).decode()]
            for second in (1, 2):
                later.run(1_000)
                picture = freeze(later.plan.points.values(), later.readings, later.now_ms)
                board.show(picture, later.last)
                lines.append((await watching.stdout.readline()).decode())
                assert later.now_ms == floor.now_ms + second * 1_000
            watching.send_signal(signal.SIGINT)
            assert await watching.wait() == 0
            return lines

    lines = run(play(), within_s=60)
    pictures = [held_against("watch", line) for line in lines]
    assert all(line.endswith("}\n") for line in lines)
    assert [one["v"] for one in pictures] == [1, 1, 1] and all(one["points"] and one["alarms"] for one in pictures)


def test_every_schema_has_a_test_that_holds_a_real_output_against_it() -> None:
    texts = "".join(path.read_text() for path in (PROJECT / "tests").rglob("test_*.py"))
    asked = {name for name, _ in ASKED}
    assert [name for name in NAMES if name not in asked and f'held_against("{name}"' not in texts] == []
