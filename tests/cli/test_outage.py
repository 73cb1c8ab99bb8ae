"""`floorguard outage` over a real control socket, with the real core behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.core.codec import decode, encode
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.control import Control
from firmware_py.runtime.desk import Desk
from tests.conftest import eventually
from tests.stories.story import plan_of

START, END = "2026-12-10T08:00+08:00", "2026-12-10T12:00+08:00"
NOW_S = 1_795_000_000


class Floor:
    """A controller with nothing but its core and its control socket; one cycle for each command."""

    def __init__(self, path: Path) -> None:
        self.plan, self.state, self.path = plan_of("planned.toml"), State(), path
        self._clock, self._now_ms = SystemClock(), 0
        self.board = Board(self.plan, self._clock, run="b41c", outputs=tuple, devices=tuple, storage=dict)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._end = asyncio.Event()

    async def _serve(self) -> None:
        self._desk = Desk(lambda: self._loop.call_soon(self._cycle))
        control = Control(self.path, run="b41c", clock=self._clock, board=self.board, desk=self._desk)
        task = asyncio.create_task(control.run())
        self._cycle()
        await self._end.wait()
        task.cancel()
        await asyncio.wait({task})

    def _cycle(self) -> None:
        self._now_ms += 1_000
        clock = Reading(value=NOW_S, quality=Quality.GOOD, at_ms=self._now_ms)
        image = InputImage(now_ms=self._now_ms, readings={"clock.utc_s": clock})
        decision = step(self.plan, self.state, image, self._desk.take(), self._now_ms)
        self.state = decision.state
        self.board.show(image.joined(decision.derived), decision)
        self._desk.answer(decision.replies)

    def __enter__(self) -> Floor:
        self._thread.start()
        eventually(self.path.exists)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Floor]:
    with Floor(tmp_path / "s") as ready:
        yield ready


def outage(floor: Floor, *words: str) -> int:
    return main(["outage", *words, "--socket", str(floor.path)])


def test_a_cut_is_told_of_listed_and_cancelled(floor: Floor, capsys: pytest.CaptureFixture[str]) -> None:
    assert outage(floor, "add", START, END, "--note", "landlord: switchgear") == 0
    assert outage(floor, "list") == 0
    own, told = capsys.readouterr().out.splitlines()[1:]
    assert own == "file1    2026-12-01 00:00Z to 2026-12-01 04:00Z  switchgear  (site file)"
    assert told.startswith("cut1     2026-12-10 00:00Z to 2026-12-10 04:00Z  landlord: switchgear  (")
    assert outage(floor, "cancel", "cut1") == 0
    assert outage(floor, "cancel", "cut1") == 1
    assert "there is no planned outage 'cut1'" in capsys.readouterr().err
    assert outage(floor, "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [cut["id"] for cut in listed["planned"]] == ["file1"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", END, START), "it must end after it begins"),
        (("add", START, "noon"), "must be a date with its offset from UTC"),
        (("add", START, "2027-01-10T12:00+08:00"), "it lasts longer than 14 days"),
        (("cancel", "file1"), "'file1' stands in the site file"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    floor: Floor, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert outage(floor, *words) == 1
    assert said in capsys.readouterr().err


def test_what_was_told_is_part_of_the_state_that_is_kept(floor: Floor) -> None:
    outage(floor, "add", START, END)
    kept = decode(State, json.loads(json.dumps(encode(floor.state, sparse=True))))
    assert [(cut.id, cut.note, cut.notice_s) for cut in kept.cuts] == [("cut1", "planned power cut", 604_800)]
    assert kept.cut_number == 1


def test_without_a_daemon_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["outage", "list", "--socket", str(tmp_path / "none")]) != 0
    assert main(["outage", "add", START, END, "--socket", str(tmp_path / "none")]) != 0
    assert "no controller is running" in capsys.readouterr().err
