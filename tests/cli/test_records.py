"""`report`, `handover` and `tick` against a control socket with a real book behind it, and without a daemon."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.site import load_document
from firmware_py.cli import main
from firmware_py.core.codec import encode
from firmware_py.core.command import CommandRefused
from firmware_py.core.image import freeze
from firmware_py.runtime.board import Board
from firmware_py.runtime.book import Book
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.records import look_up, site_facts
from tests.conftest import PROJECT
from tests.core.floor import MINUTE, Floor
from tests.report.told import book_of, outage
from tests.runtime.test_control import serving

_, EXAMPLE = load_document(PROJECT / "config" / "sites" / "example.toml")


@pytest.fixture(scope="module")
def floor() -> Floor:
    return outage()


@pytest.fixture(scope="module")
def book(floor: Floor, tmp_path_factory: pytest.TempPathFactory) -> Book:
    return book_of(floor, tmp_path_factory.mktemp("state") / "book")


def ask(floor: Floor, book: Book, tmp_path: Path, *lines: list[str]) -> list[int]:
    """Exit codes of some command lines, one after the other, while the socket is served."""

    async def records(request: Mapping[str, object]) -> Any:
        return {
            "site": encode(site_facts(EXAMPLE)),
            **look_up(book, str(request["ask"]), str(request.get("about", ""))),
        }

    async def play() -> list[int]:
        async with serving(tmp_path / "s", records=records) as bench:
            bench.board = bench.control._board = Board(
                floor.plan,
                SystemClock(),
                run="b41c",
                outputs=tuple,
                devices=tuple,
                storage=lambda: {"degraded": {}, "last": 7},
            )
            bench.board.show(freeze(floor.plan.points.values(), floor.readings, floor.now_ms), floor.last)
            bench.orders = bench.taken  # type: ignore[attr-defined]  # for the test to look at
            codes = [await asyncio.to_thread(main, [*line, "--socket", str(tmp_path / "s")]) for line in lines]
            ORDERS[:] = [(one.kind.value, one.target, one.why) for one in bench.taken]
            return codes

    return asyncio.run(play())


ORDERS: list[tuple[str, str, str]] = []


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
def test_the_newest_incident_is_reported_in_every_form(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    assert ask(floor, book, tmp_path, ["report", "incident", "2026-0001", "--format", form]) == [0]
    said = capsys.readouterr().out
    assert "2026-0001" in said
    if form == "json":
        assert json.loads(said)["v"] == 1
    if form == "text":
        assert "2026-11-18 19:23:35" in said  # Shanghai


def test_incidents_are_found_by_month_cause_class_and_state(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("", "2026-11", "power", "2026-11 trunk", "open", "major", "2026-10", "closed,technical")
    assert ask(floor, book, tmp_path, *(["report", "incidents", one, "--format", "json"] for one in asked)) == [0] * 8
    told = [json.loads(line)["incidents"] for line in capsys.readouterr().out.splitlines()]
    assert [len(one) for one in told] == [3, 3, 1, 1, 0, 0, 0, 3]
    assert [one["id"] for one in told[1]] == ["2026-0003", "2026-0002", "2026-0001"]
    assert told[2][0]["cause"] == "power" and told[3][0]["cause"] == "trunk"
    assert main(["report", "incidents", "power", "--book", str(book._directory)]) == 0
    assert "2026-0001  technical fault" in capsys.readouterr().out


def test_a_report_goes_to_a_file_in_the_language_that_is_asked_for(floor: Floor, book: Book, tmp_path: Path) -> None:
    out = tmp_path / "month.html"
    line = ["report", "month", "2026-11", "--format", "html", "--language", "zh", "--output", str(out)]
    assert ask(floor, book, tmp_path, line) == [0]
    assert "月报 2026-11" in out.read_text(encoding="utf-8")
    bad = [*line[:-1], str(tmp_path / "no" / "where.html")]
    assert ask(floor, book, tmp_path, bad) == [1]


def test_shift_and_defects_come_from_the_picture(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(floor, book, tmp_path, ["report", "shift"], ["report", "defects"]) == [0, 0]
    said = capsys.readouterr().out
    assert "Shift hand-over" in said and "Open defects" in said and "Have an engineer check" in said


def test_what_is_not_in_the_book_is_said_in_a_sentence(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (["report", "incident", "2026-0999"], ["report", "incident", "../etc"], ["report", "month", "November"])
    assert ask(floor, book, tmp_path, *lines) == [1, 1, 1]
    said = capsys.readouterr().err
    assert "no incident 2026-0999" in said and "no incident ../etc" in said and "2026-11" in said
    with pytest.raises(CommandRefused, match="no incident yet"):
        look_up(Book(Disk(), tmp_path / "empty"), "incident", "")
    with pytest.raises(CommandRefused, match="nothing called"):
        look_up(book, "secrets", "")
    assert look_up(book, "incidents", "")["months"] == []


def test_a_copy_of_the_book_is_read_without_a_daemon(
    book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--book", str(book._directory)]
    assert main(["report", "incident", "2026-0001", *folder]) == 0
    assert "2026-11-18 11:23:35" in capsys.readouterr().out
    assert main(["report", "shift", *folder]) == 1
    assert main(["report", "incident", "--book", str(tmp_path / "none")]) == 1
    assert main(["report", "incident", "--socket", str(tmp_path / "none")]) == 4


def test_matters_are_listed_begun_and_taken_over_by_name(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (
        ["handover"], ["handover", "begin"], ["handover", "take"],
        ["handover", "take", "override:beacon", "--name", "Wang"], ["handover", "take", "no"],
    )  # fmt: skip
    assert ask(floor, book, tmp_path, *lines) == [0, 0, 2, 0, 1]
    assert ORDERS == [("handover", "", ""), ("take-over", "override:beacon", "Wang"), ("take-over", "no", "")]
    said = capsys.readouterr()
    assert "OPEN (" in said.out and "item:power.recovery.systems" in said.out
    assert "say which matter" in said.err and "not now" in said.err


def test_all_that_there_is_to_see_includes_what_to_do(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    floor.values["hvac1.fault"] = True
    floor.run(MINUTE)
    assert ask(floor, book, tmp_path, ["status", "--all"], ["status"]) == [0, 0]
    whole, _, screen = capsys.readouterr().out.rpartition("LAMPS")
    assert "WHAT TO DO\n" in whole
    assert "  hvac1: air conditioning has failed\n    If nobody acts: the room warms up" in whole
    assert "    Do: See that fans run" in whole and "WHAT TO DO" not in screen


def test_items_are_listed_and_ticked(
    floor: Floor, book: Book, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(floor, book, tmp_path, ["tick"], ["tick", "power.recovery.systems"]) == [0, 0]
    said = capsys.readouterr().out
    assert "[x] power.recovery.forms  by wang" in said and "[ ] power.recovery.systems" in said
    assert ORDERS == [("tick", "power.recovery.systems", "")]


def test_a_controller_without_a_book_says_so(floor: Floor, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def play() -> int:
        async with serving(tmp_path / "s"):
            return await asyncio.to_thread(main, ["report", "incident", "--socket", str(tmp_path / "s")])

    assert asyncio.run(play()) == 1
    assert "keeps no book" in capsys.readouterr().err
