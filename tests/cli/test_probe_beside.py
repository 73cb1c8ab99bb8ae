"""`probe` beside a running controller: what that reads already is asked of it, and no second connection is made."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware_py.cli.codes import Code
from firmware_py.core.image import freeze
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import State
from firmware_py.core.step import step
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import SystemClock
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.drafts import gather
from tests.cli.documents import held_against
from tests.conftest import PROJECT
from tests.runtime.test_control import serving

SITE = PROJECT / "config" / "sites" / "example.toml"
# Whoever touches the net is caught in the act.
GUARD = """
import socket, sys
def hook(event, arguments):
    if event in ("socket.connect", "socket.sendto", "socket.bind", "socket.getaddrinfo"):
        if event == "socket.getaddrinfo" or arguments[0].family != socket.AF_UNIX:
            raise SystemExit(f"touched the net: {event}")
sys.addaudithook(hook)
from firmware_py.cli import main
sys.exit(main())
"""


def probe(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, while a controller of the example site answers at the socket."""
    plan = build_floor(SITE)[0].plan
    now_ms = 1_000_000
    readings = {
        "hvac1.running": Reading(value=True, quality=Quality.GOOD, at_ms=now_ms - 400, detail="raw 1"),
        "room1.temp_c": Reading(value=22.5, quality=Quality.GOOD, at_ms=now_ms - 400, detail="raw 225"),
        "hvac1.setpoint_c": Reading(value=None, quality=Quality.BAD, because=Reason.SENTINEL, at_ms=now_ms),
    }
    image = freeze(plan.points.values(), readings, now_ms)

    async def config(peer: str, request: Mapping[str, object]) -> Any:
        return {"generation": 1, "files": gather(SITE)}

    async def play() -> subprocess.CompletedProcess[str]:
        async with serving(folder / "s", more={"config": config}) as bench:
            bench.control._board = Board(plan, SystemClock(), run="b", outputs=tuple, devices=tuple, storage=dict)
            bench.control._board.show(image, step(plan, State(), image, (), now_ms))
            command = [sys.executable, "-c", GUARD, "probe", *words, "--socket", str(folder / "s")]
            return await asyncio.to_thread(
                subprocess.run, command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
            )

    return asyncio.run(play())


@pytest.mark.parametrize("asked", ["hvac1", "modbus+tcp://192.0.2.20/1"])
def test_a_device_that_the_controller_reads_is_told_by_the_controller(tmp_path: Path, asked: str) -> None:
    done = probe(tmp_path, asked)
    assert done.returncode == Code.OK, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "hvac1 as the running controller reads it"
    (warm,) = [line.split() for line in lines if line.startswith("room1.temp_c")]
    assert warm[:3] == ["room1.temp_c", "22.5", "C"] and warm[-3:] == ["good", "raw", "225"]
    assert any("hvac1.setpoint_c" in line and "bad sentinel" in line for line in lines)


def test_in_json_it_is_a_document_of_version_1(tmp_path: Path) -> None:
    told = held_against("probe", probe(tmp_path, "hvac1", "--json").stdout)
    assert told["v"] == 1 and told["points"]["hvac1.running"]["value"] is True


def test_nothing_sound_is_exit_5(tmp_path: Path) -> None:
    done = probe(tmp_path, "fire1")
    assert done.returncode == Code.PROBE and "nothing sound is known of fire1" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["modbus+tcp://192.0.2.20:502/9", "--profile", "hvac_generic"], "holds this line for hvac1"),
        (["modbus+tcp://192.0.2.20:502/9", "--profile", "hvac_generic"], "or add --directly"),
    ],
)
def test_a_line_that_the_controller_holds_is_left_alone(tmp_path: Path, words: list[str], said: str) -> None:
    done = probe(tmp_path, *words)
    assert done.returncode == Code.USAGE and said in done.stderr, done


def test_only_directly_makes_a_second_connection(tmp_path: Path) -> None:
    done = probe(
        tmp_path, "modbus+tcp://192.0.2.20:502/1", "--profile", "hvac_generic", "--directly", "--timeout", "1 s"
    )
    assert "touched the net" in done.stderr
