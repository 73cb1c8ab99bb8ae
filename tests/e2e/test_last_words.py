"""The controller's own supply ends: an event that is synced, a goodbye with its reason, and guarding to the last."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import run
from tests.e2e.rig import Rig, shed
from tests.e2e.site import Times
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates as every_message_validates
from tests.wires.mqtt_fixtures import mosquitto as mosquitto

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
FULL_MWH, LAST_MWH = 4_500_000, 2_000  # the last: under a minute at any load
CONTROLLER = '\n[[load]]\nid = "pi"\nkind = "controller"\npriority = 1\nwatts = "8 W"\nups = "ups1"\n'


def journalled(rig: Rig) -> list[str]:
    """Types of the events on the medium, read as a stranger would."""
    lines = [line for file in sorted(rig.state.rglob("*.jsonl")) for line in file.read_text().splitlines()]
    return [json.loads(line[line.index("{") : line.rindex("}") + 1]).get("type", "") for line in lines if "{" in line]


def test_before_its_own_supply_ends_it_says_why_it_goes_and_comes_back_with_the_mains(
    tmp_path: Path, mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    async def scenario() -> None:
        collector = every_message_validates(mosquitto.port)
        async with Rig.open(tmp_path, broker=mosquitto.port, times=Times(on_delay="500 ms")) as rig:
            rig.site_file.write_text(rig.site_file.read_text() + CONTROLLER)
            await rig.start()
            await rig.until_ready(60)
            rig.world.mains = False
            await rig.until(lambda seen: seen["mode"] == "conservation", what="conservation")
            assert "controller.last_words" not in journalled(rig)
            rig.world.battery.charge_mwh = LAST_MWH

            def gone(heard: Collector) -> bool:
                return bool(heard.of("status")) and heard.last("status")["state"] == "offline"

            await asyncio.to_thread(collector.wait_for, gone, within_s=30, what="the goodbye")
            assert "ups1.controller_ending" in collector.last("status")["why"]
            words = [one for one in collector.of("event") if one.data["type"] == "controller.last_words"]
            assert [one.data["sev"] for one in words] == ["critical"]
            said_at_s = next(one.at_s for one in collector.of("status") if one.data["state"] == "offline")
            assert words[0].at_s < said_at_s  # it is told before the door is shut
            assert "controller.last_words" in journalled(rig)
            # Nobody hears it any more, but the floor is guarded as before.
            assert (rig.picture["mode"], rig.picture["outputs"]["outbound_paused"]["wanted"]) == ("conservation", True)
            assert shed(rig.picture) != set()

            rig.world.battery.charge_mwh = FULL_MWH
            rig.world.mains = True
            await asyncio.to_thread(collector.wait_for, lambda heard: not gone(heard), within_s=30, what="back again")
            assert collector.last("status")["state"] == "online"

    run(scenario())
