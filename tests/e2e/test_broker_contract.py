"""What a central server hears over a whole run: every message valid, retained topics, will, and goodbye."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import run
from tests.e2e.rig import Rig, is_sound, tell
from tests.e2e.site import NAME, Times
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates as every_message_validates
from tests.wires.mqtt_fixtures import mosquitto as mosquitto

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
TIMES = Times(on_delay="500 ms")


async def heard(collector: Collector, ready: Callable[[Collector], Any], what: str) -> Any:
    """Wait for it in a thread, so that the floor goes on."""
    return await asyncio.to_thread(collector.wait_for, ready, within_s=30, what=what)  # it may start slowly


async def live_through_an_outage(rig: Rig) -> None:
    """Conservation for both causes and back to normal."""
    await rig.until_ready()
    rig.world.mains = False
    rig.lose_trunks()
    await rig.until(lambda seen: seen["stage"] == 3, what="all stages")
    rig.world.mains = True
    rig.mend_trunks()
    await rig.until(is_sound, within_s=15, what="normal")


def stands(collector: Collector) -> bool:
    """The newest word on the UPS's alarm is that it is active."""
    told = [one.data for one in collector.of("alarm") if one.topic.endswith("alarm/ups1/on_battery")]
    return bool(told) and bool(told[-1]) and told[-1]["state"] == "active_unacked"


def kept(collector: Collector) -> dict[str, Any]:
    """Retained messages by topic below the site, as a newcomer gets them."""
    return {one.topic.split("/", 3)[3]: one.data for one in collector.heard if one.retained}


def test_every_message_of_a_run_is_valid_and_status_tells_the_truth(
    tmp_path: Path, mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    async def scenario() -> None:
        collector = every_message_validates(mosquitto.port)
        async with Rig.open(tmp_path, broker=mosquitto.port, times=TIMES) as rig:
            await rig.start()
            await heard(collector, lambda c: c.last("status"), "birth")
            birth = collector.last("status")
            assert (birth["state"], birth["n"]) == ("online", 1)
            await live_through_an_outage(rig)
            await asyncio.to_thread(check_story, collector)
            # The retained picture follows the control socket's at its own pace.
            await heard(collector, lambda c: c.last("state")["mode"] == "normal", "state")
            await check_newcomer(every_message_validates(mosquitto.port), in_outage=False)
            rig.world.mains = False
            await rig.until(lambda seen: seen["mode"] == "conservation", what="conservation")
            await heard(collector, lambda c: c.last("state")["mode"] == "conservation", "state")
            await heard(collector, stands, "its alarm")  # before the kill, or it is never told
            await rig.stop(signal.SIGKILL)
            will = await heard(collector, lambda c: c.last("status")["state"] == "lost" and c.last("status"), "will")
            assert (will["boot"], will["n"]) == (birth["boot"], 1)
            await check_newcomer(every_message_validates(mosquitto.port), in_outage=True)
            await rig.start()
            await heard(collector, lambda c: c.last("status")["state"] == "online", "second birth")
            assert collector.last("status")["boot"] != birth["boot"]
            await rig.until(lambda seen: "causes" in seen, what="started")
            assert await rig.stop() == 0
            bye = await heard(collector, lambda c: c.last("status")["state"] == "offline" and c.last("status"), "bye")
            assert bye["why"] == "stop"
            check_numbers(collector)
        assert collector.of("info")
        tell({kind: len(collector.of(kind)) for kind in ("status", "info", "state", "alarm", "event")}, "messages")

    run(scenario(), within_s=90)


def check_story(collector: Collector) -> None:
    """Events of the outage and its alarm, there and gone again."""
    wanted = {"controller.started", "mode.changed", "alarm.raised", "alarm.cleared", "stage.shed", "incident.opened"}
    wanted |= {"power.mains_lost", "power.mains_returned"}
    collector.wait_for(
        lambda heard: wanted <= {one.data["type"] for one in heard.heard if one.kind == "event"},
        what=f"events {sorted(wanted)}",
    )
    alarms = [one.data for one in collector.of("alarm") if one.topic.endswith("alarm/ups1/on_battery")]
    assert alarms[0]["state"] == "active_unacked"
    assert alarms[0]["pri"] == "high"


async def check_newcomer(late: Collector, *, in_outage: bool) -> None:
    """Who subscribes later finds status, info, state and the standing alarms retained, and no event."""
    await heard(late, lambda c: {"status", "info", "state"} <= kept(c).keys(), "retained topics")
    if in_outage:
        # The mode is told at once, the alarm's topic right behind it.
        await heard(late, lambda c: kept(c).get("alarm/ups1/on_battery", {}).get("state") == "active_unacked", "alarm")
    await asyncio.sleep(0.3)
    found = kept(late)
    assert "event" not in found
    assert found["state"]["mode"] == ("conservation" if in_outage else "normal")
    assert (found.get("alarm/ups1/on_battery", {}).get("state") == "active_unacked") or not in_outage
    assert "ups1.output_source" in json.dumps(found["info"]), "the catalogue of points"


def check_numbers(collector: Collector) -> None:
    """One journal; numbers without a gap, each event with the same content however often it came."""
    events = [one.data for one in collector.of("event")]
    assert len({event["log"] for event in events}) == 1
    numbers = sorted({event["seq"] for event in events})
    assert numbers == list(range(1, len(numbers) + 1))
    for event in events:
        assert event["id"] == f"{NAME}/{event['log']}/{event['seq']}"
    content = {(event["seq"], event["type"], json.dumps(event["data"], sort_keys=True)) for event in events}
    assert len(content) == len(numbers), "a number means one thing"
