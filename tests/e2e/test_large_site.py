"""The large example site against stand-ins for all of its devices: everything answers, and a cut takes its course."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

from config.site import load_site
from firmware_py.core.command import CommandRefused
from firmware_py.demo.stand_ins import StandIns
from firmware_py.runtime.control_wire import ControlClient
from tests.conftest import PROJECT, run

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
LARGE = PROJECT / "config" / "sites" / "large.toml"


async def picture(folder: Path) -> dict[str, Any]:
    try:
        async with ControlClient(folder / "control.sock") as client:
            answer = await client.ask("status")
    except CommandRefused:
        return {}
    assert isinstance(answer, dict)
    return answer


async def until(folder: Path, holds: Any, what: str) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for _ in range(600):
        seen = await picture(folder)
        if seen and holds(seen):
            return seen
        await asyncio.sleep(0.2)
    silent = [name for name, one in seen.get("devices", {}).items() if not one["alive"]]
    pytest.fail(f"{what}: {seen.get('mode')} {list(seen.get('alarms', {}))[:9]} silent {silent}")


def test_every_device_of_the_large_site_is_read_and_a_cut_takes_its_course(tmp_path: Path) -> None:
    async def scenario() -> None:
        devices = StandIns(site=load_site(LARGE), folder=tmp_path)
        await devices.start()
        words = (sys.executable, "-m", "firmware_py", "run", "--config", str(devices.site_file))
        daemon = await asyncio.create_subprocess_exec(
            *words, cwd=PROJECT, stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
        try:
            seen = await until(
                tmp_path, lambda s: len(s["devices"]) >= 17 and all(one["alive"] for one in s["devices"].values()),
                "all answer",
            )  # fmt: skip
            assert {"ups3", "hvac8", "fire2", "relays3", "pbx1"} <= seen["devices"].keys()
            assert len(seen["lamps"]) == 24 and len([p for p in seen["points"] if p.startswith("trunks.line")]) >= 12
            await until(tmp_path, lambda s: s["mode"] == "normal" and not s["alarms"], "quiet")
            devices.world.mains = False
            seen = await until(tmp_path, lambda s: s["mode"] == "conservation" and s["stage"] >= 1, "conservation")
            assert set(seen["because"]) >= {"ups1.on_battery"}
            await until(tmp_path, lambda s: s["outputs"]["feed.pantry_north"]["level"] is False, "the relay is pulled")
            assert devices.world.gates.get("Custom:outbound-gate") is True
        finally:
            daemon.terminate()
            await daemon.wait()
            await devices.close()

    run(scenario(), within_s=300)
