"""The whole daemon with its shipped times: a half-open line, and a second client of the same name."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tests.chaos.link import Link
from tests.conftest import run
from tests.e2e.rig import Rig, tell
from tests.e2e.site import NAME
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_fixtures import mosquitto as mosquitto

pytestmark = [pytest.mark.wire, pytest.mark.proof]


def connected(picture: dict[str, Any]) -> object:
    return picture["points"]["mqtt.connected"]["value"]


def test_a_half_open_line_is_noticed_within_thirty_seconds(tmp_path: Path, mosquitto: Mosquitto) -> None:
    link = Link(mosquitto.port)
    link.start()

    async def scenario() -> float:
        async with Rig.open(tmp_path, broker=link.port) as rig:
            await rig.start()
            await rig.until(lambda seen: seen.get("points") and connected(seen) is True, within_s=60, what="connected")
            link.silence()
            began_s = time.monotonic()
            await rig.until(lambda seen: connected(seen) is False, within_s=60, what="noticed")
            took_s = time.monotonic() - began_s
            link.heal()
            await rig.until(lambda seen: connected(seen) is True, within_s=60, what="connected again")
            return took_s

    try:
        took_s = run(scenario(), within_s=240)
    finally:
        link.stop()
    tell(f"a half-open line was noticed after {took_s:.1f} s")
    assert took_s < 30


def test_a_second_client_of_our_name_raises_its_alarm_and_makes_us_hold_back(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    twin = paho.Client(CallbackAPIVersion.VERSION2, NAME, protocol=MQTTProtocolVersion.MQTTv5)
    twin.reconnect_delay_set(1, 1)

    async def scenario() -> None:
        async with Rig.open(tmp_path, broker=mosquitto.port) as rig:
            await rig.start()
            await rig.until(lambda seen: seen.get("points") and connected(seen) is True, within_s=60, what="connected")
            twin.connect_async("127.0.0.1", mosquitto.port)
            twin.loop_start()
            began_s = time.monotonic()

            def raised(seen: dict[str, Any]) -> bool:
                return bool(seen["alarms"].get("mqtt.duplicate_id", {}).get("state") == "active_unacked")

            await rig.until(raised, within_s=120, what="alarm")
            tell(f"the alarm came {time.monotonic() - began_s:.0f} s after the second client")
            waits_s = [int(text) for text in re.findall(r"next try in (\d+) s", rig.log)]
            assert 240 <= waits_s[-1] <= 300
            await asyncio.sleep(20)
            assert connected(rig.picture) is False, "it holds back"

    try:
        run(scenario(), within_s=300)
    finally:
        twin.disconnect()
        twin.loop_stop()
