"""A configuration put in force on a running controller: what stays stays, and every accident leads back."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient
from firmware_py.wiring.drafts import gather
from tests.conftest import PROJECT, eventually_async, run
from tests.e2e.rig import Rig

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]


async def ask(rig: Rig, verb: str, **fields: object) -> Any:
    async with ControlClient(rig.socket) as client:
        return await client.ask(verb, **fields)


def change(rig: Rig, old: str, new: str) -> None:
    text = rig.site_file.read_text()
    assert old in text
    rig.site_file.write_text(text.replace(old, new, 1))


async def apply(rig: Rig, window_ms: int = 60_000) -> Any:
    return await ask(rig, "apply", files=gather(rig.site_file), window_ms=window_ms)


def outputs(rig: Rig) -> dict[str, Any]:
    """All but lamps and sounder, which speak of the broker that is not there."""
    told = rig.picture["outputs"].items()
    return {name: one["wanted"] for name, one in told if not name.startswith("lamp.") and name != "sounder"}


async def generation(rig: Rig) -> int:
    return int((await ask(rig, "generations"))["generation"])


class Steady:
    """Nothing was written to a coil or gate that differs from what stood there."""

    def __init__(self, rig: Rig) -> None:
        self.rig, self.coils = rig, list(rig.world.coils)
        self.since = len(rig.coil_writes()), len(rig.gates_written())

    def check(self, *, sheds: bool = False) -> None:
        """`sheds`: more may be shed meanwhile, for that is the outage's course; nothing may come back."""
        coils = [(coil, on) for _, coil, on in self.rig.coil_writes()[self.since[0] :]]
        assert all(self.coils[coil] is on or (sheds and on) for coil, on in coils), coils


def test_only_what_changed_restarts_and_an_outage_goes_on_through_it(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until_ready(60)
            rig.world.mains = False
            rig.peers.show()
            await rig.until(lambda seen: seen["mode"] == "conservation", what="conservation")
            await rig.until(lambda seen: len([1 for s in seen["stages"].values() if s["shed"]]) >= 2, what="shed")
            steady, before = Steady(rig), dict(rig.picture["incidents"])
            ok = {name: one["ok"] for name, one in rig.picture["devices"].items()}
            change(rig, 'name = "Acceptance floor"', 'name = "The same floor"')
            change(rig, 'id = "ups1"', 'id = "ups1"\ntimeout = "750 ms"')
            answer = await apply(rig)
            assert answer["restarted"] == ["ups1"]
            await rig.until(lambda seen: seen["config"]["generation"] == 2, within_s=40, what="generation 2")
            await rig.until(lambda seen: seen["devices"]["ups1"]["ok"] > 1, what="the new driver reads")
            seen = rig.picture
            assert seen["mode"] == "conservation" and seen["incidents"].keys() == before.keys()
            for name in ok.keys() - {"ups1"}:
                assert seen["devices"][name]["ok"] >= ok[name], "a driver that stays keeps its counters"
            steady.check(sheds=True)
            assert (await ask(rig, "confirm"))["generation"] == 2
            assert not rig.picture["config"]["on_probation"] or (await generation(rig)) == 2

    run(scenario(), within_s=300)


def test_a_broken_driver_is_refused_and_nothing_has_moved(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until_ready(60)
            steady, before = Steady(rig), outputs(rig)
            change(rig, str(rig.folder / "pbx1.secret"), str(rig.folder / "nowhere.secret"))
            change(rig, "pin = 19", "pin = 20")
            with pytest.raises(CommandRefused, match=r"nowhere\.secret"):
                await apply(rig)
            assert await generation(rig) == 1
            assert outputs(rig) == before
            steady.check()

    run(scenario(), within_s=300)


def test_nobody_confirms_and_the_old_one_comes_back_with_every_output_in_its_place(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until_ready(60)
            steady, before = Steady(rig), outputs(rig)
            change(rig, "pin = 19", "pin = 20")
            await apply(rig, window_ms=1_500)
            assert await generation(rig) == 2
            with pytest.raises(CommandRefused, match="on probation"):
                await apply(rig)
            await rig.until(lambda seen: seen["config"]["generation"] == 1, within_s=40, what="reverted")
            events = await ask(rig, "events", last=100)
            assert outputs(rig) == before and isinstance(events, list)
            steady.check()
            rig.world.mains = False  # and it still guards
            rig.peers.show()
            await rig.until(lambda seen: seen["mode"] == "conservation", what="conservation after a revert")

    run(scenario(), within_s=300)


def test_a_line_that_drops_takes_the_command_and_not_the_clock(tmp_path: Path) -> None:
    """The technician's `apply` waits on a terminal; its terminal hangs up (SIGHUP); the controller goes back itself."""

    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until_ready(60)
            steady = Steady(rig)
            change(rig, "pin = 19", "pin = 20")
            master, slave = pty.openpty()
            words = ("apply", str(rig.site_file), "--confirm", "3 s", "--socket", str(rig.socket))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "firmware_py", *words, cwd=PROJECT, stdin=slave, stdout=slave, stderr=slave
            )  # fmt: skip
            os.close(slave)
            await rig.until(lambda seen: seen["config"]["generation"] == 2, within_s=30, what="applied")
            process.send_signal(signal.SIGHUP)
            assert await process.wait() == -signal.SIGHUP
            os.close(master)
            await rig.until(lambda seen: seen["config"]["generation"] == 1, within_s=40, what="reverted by itself")
            assert rig.process is not None and rig.process.returncode is None
            steady.check()

    run(scenario(), within_s=300)


@pytest.mark.parametrize("boot", ["same", "another"])
def test_sudden_death_in_the_window_leads_back(tmp_path: Path, boot: str) -> None:
    """SIGKILL, and a reboot, which is one with another boot id in everything that was stored."""

    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until_ready(60)
            steady = Steady(rig)
            change(rig, "pin = 19", "pin = 20")
            await apply(rig)
            await rig.until(lambda seen: seen["config"]["generation"] == 2, within_s=40, what="applied")
            await rig.kill()
            if boot == "another":
                book = rig.state / "generations" / "book.json"
                here = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
                for path in (book, *rig.state.rglob("*.json")):
                    path.write_text(path.read_text().replace(here, "another-boot").replace(here[:8], "other"))
            rig.seen.clear()
            await rig.start()
            await rig.until(lambda seen: seen.get("config", {}).get("generation") == 1, within_s=30, what="back")
            await rig.until_ready(60)
            steady.check()
            await eventually_async(lambda: "was on probation when the controller ended: back to 1" in rig.log)

    run(scenario(), within_s=300)


def test_three_sudden_deaths_soon_after_the_start_lead_back_to_the_one_before(tmp_path: Path) -> None:
    """A confirmed configuration on which the controller keeps dying: it falls back by itself."""

    async def scenario() -> None:
        async with Rig.open(tmp_path) as rig:
            await rig.start()
            await rig.until(lambda seen: seen.get("mode") == "normal", within_s=60, what="normal")
            change(rig, "pin = 19", "pin = 20")
            await apply(rig)
            await ask(rig, "confirm", anyway=True)
            await rig.kill()
            for _ in range(3):
                rig.seen.clear()
                await rig.start()
                await rig.until(lambda seen: seen.get("config", {}).get("generation") == 2, within_s=60, what="two")
                await rig.kill()
            rig.seen.clear()
            await rig.start()
            await rig.until(lambda seen: seen.get("config", {}).get("generation") == 1, within_s=60, what="fallen back")
            assert "did not last 3 times: back to 1" in rig.log

    run(scenario(), within_s=300)
