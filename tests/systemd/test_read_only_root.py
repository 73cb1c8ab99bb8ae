"""The root mounted read-only: state and run directory are all that the controller writes, through an apply as well."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient
from tests.conftest import PROJECT, eventually_async, require, run

pytestmark = pytest.mark.acceptance
SITE = """
[site]
id = "floor-1"
name = "Floor"

[gpio]
factory = "mock"

[[output]]
id = "lamp.controller"
port = "gpio"
pin = 13
polarity = "active_high"
on_stop = "on"
on_fault = "on"

[[lamp]]
row = "CONTROLLER"
output = "lamp.controller"
"""
# In a mount namespace of its own: two folders stay writable, the rest of the root is not.
MOUNTS = 'mount --bind "$1" "$1"; mount --bind "$2" "$2"; mount -o remount,bind,ro /; shift 2; cd /; exec "$@"'


async def ask(socket: Path, verb: str, **fields: object) -> Any:
    async with ControlClient(socket) as client:
        return await client.ask(verb, **fields)


async def answers(socket: Path) -> bool:
    try:
        return bool((await ask(socket, "status")).get("mode") == "normal")
    except (CommandRefused, OSError):
        return False


def test_the_controller_lives_on_two_writable_folders(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    require(os.geteuid() == 0 and unshare, "root and util-linux's unshare are needed")
    state, folder, etc = tmp_path / "state", tmp_path / "run", tmp_path / "etc"
    for made in (state, folder, etc):
        made.mkdir()
    (etc / "site.toml").write_text(SITE)
    environment = {
        "PATH": os.environ["PATH"], "STATE_DIRECTORY": str(state), "RUNTIME_DIRECTORY": str(folder),
        "LG_WD": str(folder), "PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip

    async def scenario() -> None:
        words = [sys.executable, "-m", "firmware_py", "run", "--config", str(etc / "site.toml")]
        process = await asyncio.create_subprocess_exec(
            str(unshare), "--mount", "--propagation", "private", "sh", "-ec", MOUNTS, "sh", str(state), str(folder),
            *words,
            env=environment, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        try:
            reading = asyncio.create_task(process.stderr.read())
            await eventually_async(lambda: (folder / "control.sock").exists(), within_s=60, what="the socket")
            # The root is really read-only for it, and the two folders are not.
            flags = Path(f"/proc/{process.pid}/mountinfo").read_text().splitlines()
            assert [line.split()[5].split(",")[0] for line in flags if line.split()[4] == "/"] == ["ro"]
            for _ in range(100):
                if await answers(folder / "control.sock"):
                    break
                await asyncio.sleep(0.2)
            draft = SITE.replace('"Floor"', '"Hall"')
            applied = await ask(folder / "control.sock", "apply", files={"site.toml": draft}, window_ms=60_000)
            assert applied["generation"] == 2
            assert (await ask(folder / "control.sock", "confirm"))["generation"] == 2
            seen = await ask(folder / "control.sock", "status")
            assert seen["storage"]["degraded"] == {} and seen["mode"] == "normal"
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 30) == 0, (await reading).decode()
        finally:
            if process.returncode is None:
                process.kill()
            log = (await reading).decode()
        assert "Read-only" not in log and "cannot be" not in log, log

    run(scenario(), within_s=150)
    assert {path.name for path in state.iterdir()} >= {"journal", "state", "book", "generations"}
    assert sorted(path.name for path in etc.iterdir()) == ["site.toml"]
