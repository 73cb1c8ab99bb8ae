"""kill -9, or a stop, in an outage that the disk never heard of: the next process has the same incident."""

from __future__ import annotations

from pathlib import Path

import pytest

from firmware_py.runtime.clock import boot_id
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.spare import Spare
from firmware_py.runtime.state_file import MAX_BYTES, StateFile
from tests.conftest import run
from tests.e2e.disk import full_disk
from tests.e2e.rig import Picture, Rig, tell
from tests.e2e.site import Times

pytestmark = pytest.mark.acceptance


def conserves(picture: Picture) -> bool:
    return picture["mode"] == "conservation" and bool(picture["incidents"])


def ids(incidents: dict[str, Picture]) -> set[str]:
    return {one["id"] for one in incidents.values()}


def kept_incidents(spare: Path, folder: Path) -> set[str]:
    """Of the memory that lies there, as the next start would have it."""
    stored = StateFile(Disk(), folder / "no store", Spare(spare, MAX_BYTES)).load(boot_id())
    return {incident.id for incident in stored.state.incidents.values()} if stored else set()


def test_a_kill_or_a_stop_while_the_disk_is_full_costs_no_memory(tmp_path: Path) -> None:
    async def scenario() -> None:
        with full_disk(tmp_path / "disk") as (state, how):
            async with Rig.open(tmp_path / "floor", state=state, times=Times(on_delay="0 s")) as rig:
                await rig.start()
                await rig.until_ready()
                if not rig.picture["storage"]["degraded"]:
                    pytest.skip(f"here a disk cannot be full: {how}")
                rig.world.mains = False
                await rig.until(conserves, what="conservation")
                first = rig.picture["incidents"]
                spare = rig.socket.with_name("state-spare")
                await rig.until(lambda _: kept_incidents(spare, tmp_path) == ids(first), what="it is kept")
                await rig.kill()
                rig.seen.clear()
                await rig.start()
                await rig.until(lambda picture: bool(picture), what="it is up again")
                tell("came back with", rig.seen[0][1]["mode"], rig.seen[0][1]["incidents"])
                assert conserves(rig.seen[0][1]), "before any device was asked"
                await rig.until(
                    lambda picture: all(one["ok"] for one in picture["devices"].values()), what="all are read"
                )
                assert "is refused by this release" not in rig.log, "half a configuration was left behind"
                assert ids(rig.picture["incidents"]) == ids(first)
                assert await rig.stop() == 0
                rig.seen.clear()
                await rig.start()
                await rig.until(lambda picture: bool(picture), what="it is up after the stop")
                assert ids(rig.seen[0][1]["incidents"]) == ids(first), "a stop costs no more than a kill"
                assert await rig.stop() == 0

    run(scenario(), within_s=120)
