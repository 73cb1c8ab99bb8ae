"""SIGTERM ends it cleanly and leaves the outputs as declared; SIGHUP does not kill; a second daemon refuses."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from firmware_py.demo.world import OUTBOUND_GATE
from tests.conftest import PROJECT, eventually_async, living_children, run
from tests.e2e.lines import Fault
from tests.e2e.rig import DEVICES, STOP_S, Rig, shed, tell
from tests.e2e.site import COILS, Times

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
TIMES = Times(on_delay="0 s", second_stage="0 s")
SHED = {"feed.displays", "feed.pantry", "feed.office"}


async def until_shed(rig: Rig) -> None:
    """Conservation, and the far ends have all of it."""
    rig.world.mains = False
    await rig.until(lambda seen: shed(seen) == SHED, what="all stages")
    await eventually_async(lambda: rig.world.coils[1] and rig.world.coils[2] and rig.world.coils[3], what="relays")
    await eventually_async(lambda: rig.world.gates.get(OUTBOUND_GATE), what="gate")


def test_sigterm_leaves_outputs_as_declared_and_nothing_behind(tmp_path: Path) -> None:
    async def scenario() -> None:
        others = living_children()
        async with Rig.open(tmp_path, times=TIMES) as rig:
            await rig.start()
            await rig.until_ready()
            await until_shed(rig)
            began_s = time.monotonic()
            assert await rig.stop(signal.SIGTERM) == 0
            tell(f"stopped within {time.monotonic() - began_s:.1f} s")
            # on_stop: the feeds of displays and pantry on (relay released), that of the office held (still pulled).
            assert [rig.world.coils[COILS[name]] for name in ("feed.displays", "feed.pantry", "feed.office")] == [
                False,
                False,
                True,
            ]
            assert rig.world.gates[OUTBOUND_GATE] is False
            assert_clean(rig)
            assert living_children() - others == set()

    run(scenario(), within_s=60)


def assert_clean(rig: Rig) -> None:
    """No word of trouble, no socket, no half-written file."""
    assert "Traceback" not in rig.log and "ERROR" not in rig.log and "CRITICAL" not in rig.log, rig.log
    assert not rig.socket.exists()
    assert rig.process is None
    halves = [path for path in rig.state.rglob("*") if path.suffix in (".new", ".tmp") or path.name.startswith(".")]
    assert halves == []


def test_sigterm_is_obeyed_in_time_with_every_device_broken(tmp_path: Path) -> None:
    async def stop_broken(fault: Fault) -> None:
        async with Rig.open(tmp_path / fault, times=TIMES) as rig:
            await rig.start()
            await rig.until_ready(within_s=30)
            await until_shed(rig)
            for device in DEVICES:
                rig.peers.break_device(device, fault)
            await rig.until(lambda seen: sum(one["failed"] for one in seen["devices"].values()) > 3, what="faults")
            began_s = time.monotonic()
            assert await rig.stop(signal.SIGTERM, within_s=STOP_S) == 0
            tell(f"with every device {fault}: stopped within {time.monotonic() - began_s:.1f} s")
            assert "Traceback" not in rig.log, rig.log

    async def scenario() -> None:
        await asyncio.gather(*(stop_broken(fault) for fault in (Fault.SILENT, Fault.GARBAGE, Fault.SLOW)))

    run(scenario(), within_s=60)


def test_sighup_kills_nothing_and_a_second_daemon_refuses(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path, times=TIMES) as rig:
            await rig.start()
            await rig.until_ready()
            assert rig.process is not None
            rig.process.send_signal(signal.SIGHUP)
            seen_s = time.monotonic()
            await eventually_async(lambda: rig.seen[-1][0] > seen_s + 1.5, what="it lives on")
            assert rig.process.returncode is None
            code, said = await run_second(rig)
            assert code == 3, said
            assert "another controller uses this directory" in said and str(rig.state) in said
            assert "Traceback" not in said and len(said.strip().splitlines()) == 1, said
            await until_shed(rig)
            assert await rig.stop() == 0
            assert_clean(rig)

    run(scenario(), within_s=60)


async def run_second(rig: Rig) -> tuple[int, str]:
    """Another daemon with the same site; its exit code and all that it says."""
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "firmware_py", "run", "--config", str(rig.site_file), cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(20):
        said, _ = await second.communicate()
    assert second.returncode is not None
    return second.returncode, said.decode()
