"""The unit file lived through with the real daemon: start, stop, sudden death, a stopped process, a reboot."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.core.mode import CausePhase
from firmware_py.demo.world import OUTBOUND_GATE
from firmware_py.runtime.control_wire import ControlClient
from firmware_py.runtime.disk import ReadOnlyDisk
from firmware_py.runtime.state_file import StateFile
from tests.conftest import PROJECT, eventually_async, find_program, require, run
from tests.e2e.lines import Fault
from tests.e2e.rig import Rig
from tests.e2e.site import COILS, COMMUNITY, HEALTHY, PINS, SECRET
from tests.systemd.init import Init
from tests.systemd.unit import Unit
from tests.systemd.witness import levels, make_board

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
UNIT = PROJECT / "systemd" / "floorguard.service"
# As tests/e2e/site.py has them.
FAULT_PINS = {name: name == "beacon" for name in PINS}
STOP_PINS = {name: name == "lamp.controller" for name in PINS}
FAULT_COILS = {
    "fan.floor": True,
    "feed.displays": False,
    "feed.pantry": False,
    "feed.office": False,
}  # feeds: pulled is off
READ = {"ups1.output_source", "pbx1.link", "room1.temp_c", *(f"out.{name}.follows" for name in COILS)}


def bad_points(picture: dict[str, Any]) -> dict[str, str]:
    """What one point of each device, and each output behind a wire, lacks."""
    points = picture.get("points", {})
    return {name: str(points.get(name)) for name in READ if points.get(name, {}).get("quality") != "good"}


def is_read(picture: dict[str, Any]) -> bool:
    """Normal, every device has answered, every output follows."""
    return picture.get("mode") == "normal" and not bad_points(picture)


class Place:
    """One floor and one service manager."""

    def __init__(self, rig: Rig, init: Init, board: Path) -> None:
        self.rig, self.init, self.board = rig, init, board

    def pins(self) -> dict[str, bool]:
        """Levels on the header, as on or off (the beacon is active low)."""
        seen = levels(self.board)
        return {name: seen[pin] is not (name == "beacon") for name, pin in PINS.items() if pin in seen}

    def coils(self) -> dict[str, bool]:
        return {name: bool(self.rig.world.coils[coil]) for name, coil in COILS.items()}

    async def status(self) -> dict[str, Any]:
        """The daemon's picture; empty while its socket is not there yet, which may be shortly after READY."""
        try:
            async with ControlClient(self.init.place("/run/floorguard/control.sock")) as client:
                answer = await client.ask("status")
        except CommandRefused:
            return {}
        assert isinstance(answer, dict)
        return answer

    def saved_causes(self) -> set[str]:
        """Causes that the state files hold as active; what was decided is there a moment later."""
        stored = StateFile(ReadOnlyDisk(), self.init.place("/var/lib/floorguard/state")).load("")
        causes = stored.state.causes if stored else {}
        return {name for name, cause in causes.items() if cause.phase is CausePhase.ACTIVE}

    async def until_ready(self, times: int = 1) -> None:
        await eventually_async(
            lambda: len(self.init.said("ready")) >= times, within_s=30, what=f"READY {times}: {self.init.log[-2000:]}"
        )

    async def until_sound(self) -> None:
        await self.until_ready()
        deadline_s = time.monotonic() + 20
        while not (is_read(picture := await self.status())):
            if time.monotonic() > deadline_s:
                seen = {key: picture.get(key) for key in ("mode", "because", "alarms")}
                pytest.fail(f"not sound: {seen}, {bad_points(picture)}\n{self.init.log[-2000:]}")
            await asyncio.sleep(0.1)


@asynccontextmanager
async def guarded(
    folder: Path, before: Sequence[str] = (), module: Sequence[str] = ("tests.systemd.witness",)
) -> AsyncIterator[Place]:
    """The floor, and the unit started on it with secrets as credentials and directories as systemd gives them."""
    async with Rig.open(folder / "rig") as rig:
        root = folder / "root"
        credentials = root / "etc/floorguard/credentials"
        credentials.mkdir(parents=True)
        for name, secret in (("pbx1.secret", SECRET), ("community", COMMUNITY)):
            (credentials / name).write_text(secret + "\n")
        text = rig.site_file.read_text()
        for name in ("pbx1.secret", "community"):
            text = text.replace(str(rig.folder / name), f"credential:{name}")
        text = text[: text.index("[storage]")]
        if "emergency_numbers" not in text:
            text = text.replace('id = "pbx1"\nhost', 'id = "pbx1"\nemergency_numbers = ["112"]\nhost')
        site, board = root / "etc/floorguard/site.toml", folder / "board"
        site.write_text(text)
        make_board(board)
        command = [sys.executable, "-m", *module, str(board), str(site)]
        init = Init(Unit([UNIT]), root, command, before=before)
        await init.start()
        try:
            yield Place(rig, init, board)
        finally:
            await init.stop()


def test_ready_comes_after_the_first_tick_and_petting_goes_on(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await eventually_async(lambda: place.init.said("ready"), within_s=30, every_s=0.001)
            assert place.pins().keys() == PINS.keys(), "at READY every output is driven"
            assert place.init.said("status")[0].said.startswith("normal")
            await place.until_sound()
            await eventually_async(lambda: len(place.init.said("pet")) >= 6, within_s=10)
            gaps = [b.at_s - a.at_s for a, b in zip(place.init.said("pet"), place.init.said("pet")[1:], strict=False)]
            assert max(gaps) < 3.0
        assert not place.init.said("unknown")

    run(scenario(), within_s=60)


def test_a_stop_leaves_every_output_at_on_stop(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await place.until_sound()
        assert place.init.said("stopping")
        assert [note.said for note in place.init.said("end")] == ["success 0"]
        assert [note.said for note in place.init.said("post")] == ["success 0"], place.init.log[-2000:]
        assert place.pins() == STOP_PINS
        assert not place.coils()["fan.floor"]
        assert not place.rig.world.gates.get(OUTBOUND_GATE)
        assert "to on_stop" in place.init.log

    run(scenario(), within_s=60)


def test_sudden_death_leaves_every_output_at_on_fault_until_the_next_start(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await place.until_sound()
            assert place.pins()[HEALTHY] and not FAULT_PINS[HEALTHY] and not STOP_PINS[HEALTHY]
            place.init.kill(signal.SIGKILL)
            await eventually_async(lambda: place.init.said("post"), within_s=20)
            assert place.pins() == FAULT_PINS
            assert place.coils() == FAULT_COILS
            assert place.init.said("post")[0].said == "signal 0", place.init.log[-2000:]
            await place.until_ready(2)
            await eventually_async(lambda: not place.pins()["beacon"], within_s=20, what="the floor is guarded again")

    run(scenario(), within_s=90)


def test_a_stopped_process_is_ended_by_the_watchdog_and_started_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await place.until_sound()
            at_s = time.monotonic()
            place.init.kill(signal.SIGSTOP)
            await eventually_async(lambda: place.init.said("post"), within_s=20)
            end = place.init.said("end")[0]
            assert end.said == f"watchdog {-signal.SIGABRT}"
            assert end.at_s - at_s < 30 / place.init.haste + 1.5
            assert place.pins() == FAULT_PINS
            assert "Fatal Python error: Aborted" in place.init.log, "the journal shows where it stood"
            await place.until_ready(2)

    run(scenario(), within_s=90)


def test_a_device_that_hangs_or_talks_nonsense_does_not_end_the_petting(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await place.until_sound()
            for name, fault in (("ups", Fault.SILENT), ("exchange", Fault.SILENT), ("relays", Fault.GARBAGE)):
                place.rig.peers.break_device(name, fault)
            at_s = time.monotonic()
            await asyncio.sleep(2.5 * 30 / place.init.haste)  # nothing is to happen for so long
            pets = [note.at_s for note in place.init.said("pet", at_s)]
            assert max(b - a for a, b in zip([at_s, *pets], [*pets, time.monotonic()], strict=True)) < 2.0
            assert not place.init.said("end")

    run(scenario(), within_s=90)


def test_after_a_reboot_the_state_is_taken_up_again(tmp_path: Path) -> None:
    """Mains fail, the machine reboots with a new boot id, and conservation stands before any device has answered."""
    unshare = find_program("unshare")
    require(os.geteuid() == 0 and unshare, "a faked boot id needs root and unshare")
    fake = tmp_path / "boot_id"
    fake.write_text("00000000-0000-4000-8000-000000000001\n")
    mount = 'mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'
    before = [str(unshare), "--mount", "sh", "-c", mount, "sh", str(fake)]

    async def scenario() -> None:
        async with guarded(tmp_path, before) as place:
            await place.until_sound()
            place.rig.world.mains = False

            async def conserves() -> bool:
                return (await place.status()).get("mode") == "conservation"

            await eventually_async(conserves, within_s=20, every_s=0.05)
            await eventually_async(lambda: "power" in place.saved_causes(), within_s=20, what="the state is saved")
            place.rig.peers.break_device("ups", Fault.SILENT)
            fake.write_text(f"00000000-0000-4000-8000-{2:012}\n")
            place.init.kill(signal.SIGKILL)
            await place.until_ready(2)
            await eventually_async(conserves, within_s=20)
            assert place.pins()["beacon"] and place.pins()[HEALTHY], "outputs too, and the UPS has not answered yet"
            await eventually_async(lambda: place.coils()["feed.displays"], within_s=10, what="it is shed again")
            files = place.init.place("/var/lib/floorguard/state").iterdir
            await eventually_async(
                lambda: any(f"000000004000800{2:013}".encode() in file.read_bytes() for file in files()), within_s=20
            )

    run(scenario(), within_s=90)


def test_safe_outputs_refuses_while_the_controller_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with guarded(tmp_path) as place:
            await place.until_sound()
            process = await place.init._spawn(
                [*place.init._command, "safe-outputs", "--as", "fault"], place.init._environ()
            )  # fmt: skip
            assert await process.wait() == 1
            assert "refused, the controller is running" in place.init.log
            assert not place.pins()["beacon"], "on_fault would be on"

    run(scenario(), within_s=60)
