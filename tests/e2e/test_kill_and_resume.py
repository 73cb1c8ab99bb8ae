"""SIGKILL in conservation, start again with every device unreachable: the same floor, before the first packet leaves.

The audit hook of `audited.py` writes down what stands when the daemon first touches the network.
"""

from __future__ import annotations

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from firmware_py.demo.world import OUTBOUND_GATE
from tests.conftest import eventually_async, run
from tests.e2e.lines import Fault
from tests.e2e.rig import DEVICES, Picture, Rig, find_bad, is_sound, points_of, shed, tell
from tests.e2e.site import PINS, Times

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
TIMES = Times(on_delay="500 ms", off_delay="1 s", stable="1 s", second_stage="1 s", trunk_stage="0 s")
BLIND_S = 6.0  # three times what a recovery would need


def conclusion(picture: Picture) -> dict[str, Any]:
    """What must survive: mode, reasons, causes, stages, outputs with theirs, standing alarms."""
    return {
        "mode": picture["mode"],
        "because": picture["because"],
        "stage": picture["stage"],
        "causes": {name: (one["phase"], one["because"]) for name, one in picture["causes"].items()},
        "stages": {name: (one["shed"], one["because"]) for name, one in picture["stages"].items()},
        "outputs": {name: (one["wanted"], one["because"]) for name, one in picture["outputs"].items()},
        "alarms": {name: one["state"] for name, one in picture["alarms"].items()},
        "incidents": {name: one["cause"] for name, one in picture["incidents"].items()},
    }


async def until_deep_in_conservation(rig: Rig) -> Picture:
    """Both causes, all stages, everything told; and a moment for the state to reach the medium."""
    rig.world.mains = False
    rig.lose_trunks()
    everything = {"feed.displays", "feed.pantry", "feed.office"}
    await rig.until(
        lambda seen: (
            shed(seen) == everything
            and {"ups1.on_battery", "trunks.main.below_minimum"} <= set(seen["because"])
            and all(one["follows"] for one in seen["outputs"].values())
        ),
        what="both causes, all stages",
    )
    # Saved at each change that matters, by a thread that needs 250 ms at most.
    await asyncio.sleep(1.0)
    return await rig.status()


async def read_notes(file: Path) -> dict[str, Any]:
    await eventually_async(file.exists, within_s=15, what="the daemon touches the network")
    notes: dict[str, Any] = json.loads(file.read_text())
    return notes


def test_after_a_kill_the_same_floor_stands_before_the_first_packet(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Rig.open(tmp_path, times=TIMES) as rig:
            # No broker: its absence would be told at a moment of its own, before or after the kill.
            rig.site_file.write_text(rig.site_file.read_text().replace("[mqtt]", "[mqtt]\nenabled = false"))
            await rig.start()
            await rig.until_ready()
            before = conclusion(await until_deep_in_conservation(rig))
            assert before["mode"] == "conservation"
            assert await rig.stop(signal.SIGKILL) == -signal.SIGKILL
            for device in DEVICES:
                rig.peers.break_device(device, Fault.SILENT)
            killed_s = time.monotonic()
            notes_file = tmp_path / "first-packet.json"
            await rig.start(module=("tests.e2e.audited", str(notes_file)))
            notes = await read_notes(notes_file)
            assert_stands(notes, before)
            await rig.until(lambda seen: "causes" in seen, what="a picture")
            await eventually_async(lambda: rig.peers.spoken_to()[-1] > killed_s, what="a packet at all")
            first_s = next(at_s for at_s in rig.peers.spoken_to() if at_s > killed_s)
            assert notes["at_s"] < first_s, "everything stood before the first packet arrived anywhere"
            tell(f"all stood {1000 * (first_s - notes['at_s']):.0f} ms before the first packet arrived")
            await stay_blind(rig, before)
            await heal(rig)
            assert await rig.stop() == 0

    run(scenario(), within_s=90)


def assert_stands(notes: dict[str, Any], before: dict[str, Any]) -> None:
    """As written down at the first packet: causes, stages, outputs and reasons of before; the pins driven so."""
    assert notes["picture"] is not None, "the first cycle was done"
    assert conclusion(notes["picture"]) == before
    read = {name: one["value"] for name, one in points_of(notes["picture"]).items() if one["reason"] != "not_yet"}
    assert read == {}, "nothing was read"
    assert set(notes["pins"]) == {str(pin) for pin in PINS.values()}
    assert notes["pins"][str(PINS["beacon"])] is False, "active low: low is on (lamps have rhythms)"


async def stay_blind(rig: Rig, before: dict[str, Any]) -> None:
    """For longer than a recovery takes nothing is released: nobody has seen that the causes are over."""
    until_s = time.monotonic() + BLIND_S
    while time.monotonic() < until_s:
        now = conclusion(await rig.status())
        assert (now["mode"], now["stages"]) == (before["mode"], before["stages"])
        for cause in ("power", "trunk"):
            assert now["causes"][cause] == before["causes"][cause]
        for output in ("outbound_paused", "beacon", "feed.displays", "feed.pantry", "feed.office"):
            assert now["outputs"][output] == before["outputs"][output]
        assert before["alarms"].items() <= now["alarms"].items()
        await asyncio.sleep(0.2)
    # The exchange's own line is known to be down; of the rest nothing is known.
    unknown = points_of(rig.picture).keys() - {"pbx1.link"}
    await rig.until(lambda seen: unknown <= find_bad(seen).keys(), what="every device is unreachable")


async def heal(rig: Rig) -> None:
    """The devices answer again, still without mains and trunks; then all is well."""
    for device in DEVICES:
        rig.peers.break_device(device, Fault.NONE)
    await rig.until(lambda seen: not find_bad(seen), within_s=20, what="everybody answers again")
    await asyncio.sleep(2.0)
    assert rig.picture["mode"] == "conservation"
    assert rig.world.gates[OUTBOUND_GATE] is True
    assert [rig.world.coils[coil] for coil in (1, 2, 3)] == [True, True, True]
    rig.world.mains = True
    rig.mend_trunks()
    await rig.until(is_sound, within_s=15, what="normal in the end")
    await eventually_async(lambda: not any(rig.world.coils), what="loads are back")
    await eventually_async(lambda: not rig.world.gates[OUTBOUND_GATE], what="outbound is open")
