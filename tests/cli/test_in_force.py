"""`plan` and `legend` of what a controller has in force: the same as of its file, and no schema is loaded for it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.codes import Code
from firmware_py.core.image import freeze
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import SystemClock
from firmware_py.wiring import told
from firmware_py.wiring.building import build_floor
from tests.cli.documents import held_against
from tests.conftest import PROJECT
from tests.runtime.test_control import serving

SITES = PROJECT / "config" / "sites"
LIGHT = """
import sys
from firmware_py.cli import main
code = main()
heavy = {"pydantic", "config.model_site", "config.compile", "drivers", "firmware_py.wiring"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""


def asked(folder: Path, site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, while a controller that has `site` in force answers."""
    floor, _ = build_floor(site)
    image = freeze(floor.plan.points.values(), {}, 1_000_000)

    async def play() -> subprocess.CompletedProcess[str]:
        async with serving(folder / "s", more=told.verbs(lambda: floor)) as bench:
            board = Board(floor.plan, SystemClock(), run="b", outputs=tuple, devices=tuple, storage=dict)
            board.show(image, step(floor.plan, State(), image, (), 1_000_000))
            bench.control._board = board
            command = [sys.executable, "-c", LIGHT, *words, "--socket", str(folder / "s")]
            return await asyncio.to_thread(
                subprocess.run, command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
            )

    return asyncio.run(play())


def of_file(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words, "--socket", "/nowhere"]) == Code.OK
    return capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["--all"], ["--language", "zh"], ["--json"], ["--html"]])
def test_the_legend_in_force_is_that_of_its_file(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site = SITES / "example.toml"
    done = asked(tmp_path, site, "legend", *words)
    assert done.returncode == Code.OK, done.stderr
    assert done.stdout == of_file(capsys, "legend", str(site), *words)


def test_the_plan_in_force_is_that_of_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    site = SITES / "large.toml"
    words = ("--runtime", "2 h", "--load", "6 kW", "--json")
    done = asked(tmp_path, site, "plan", *words)
    assert done.returncode == Code.OK, done.stderr
    live, declared = held_against("plan", done.stdout), held_against("plan", of_file(capsys, "plan", str(site), *words))
    assert all(one["live"] for one in live["plans"]) and len(live["plans"]) == 3
    for one in (*live["plans"], *declared["plans"]):
        del one["live"], one["believed_ms"]
    assert [one["stages"] for one in live["plans"]] != [[], [], []]
    assert [{**one, "stages": [stage["id"] for stage in one["stages"]]} for one in live["plans"]] == [
        {**one, "stages": [stage["id"] for stage in one["stages"]]} for one in declared["plans"]
    ]


def test_a_language_that_there_is_not_is_refused(tmp_path: Path) -> None:
    async def ask() -> object:
        return await told.verbs(lambda: build_floor(SITES / "demo.toml")[0])["legend"]("0:root", {"language": "fr"})

    with pytest.raises(Exception, match="there are texts in en and zh only"):
        asyncio.run(ask())
