"""Birth, will and goodbye against a real mosquitto, over MQTT 5 and 3.1.1."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from firmware_py.core.drill import DrillState
from mqtt_bridge.settings import Bridge, Broker, MqttVersion
from tests.conftest import PROJECT, eventually_async, run
from tests.mqtt_bridge.floors import SITE, TOPIC, make_publisher, power_cut, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]
Listen = Callable[..., Collector]

VICTIM = """
import asyncio, sys
from mqtt_bridge.settings import Bridge, Broker
from tests.mqtt_bridge.floors import SITE, make_publisher, see

async def main():
    bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=int(sys.argv[1]))))
    bridge.offer(see())
    await bridge.run()

asyncio.run(main())
"""


def settings(port: int, version: MqttVersion = MqttVersion.V5) -> Bridge:
    return Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, version=version))


@pytest.mark.parametrize("version", list(MqttVersion))
def test_a_session_begins_with_a_birth_and_ends_with_a_goodbye(
    version: MqttVersion, mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)

    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port, version))
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await asyncio.to_thread(far.wait_for, lambda c: c.of("state"), what="state")
        await eventually_async(lambda: bridge.health.connected)
        await bridge.stop("update")
        await task
        assert not bridge.health.connected

    run(scenario())
    far.wait_for(lambda c: c.last("status")["state"] == "offline", what="goodbye")
    assert [one.data["state"] for one in far.of("status")] == ["online", "offline"], "no will after a clean stop"
    assert far.last("status") == {"v": 1, "state": "offline", "boot": "b41c", "n": 1, "why": "update"}
    assert [one.kind for one in far.heard[:3]] == ["status", "info", "state"]
    assert not [line for line in mosquitto.log.read_text().splitlines() if "Protocol error" in line]


def test_a_killed_controller_is_lost_with_the_boot_and_number_of_its_birth(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(mosquitto.port)], cwd=PROJECT)
    try:
        far.wait_for(lambda c: c.of("state"), within_s=20, what="state")
    finally:
        os.kill(victim.pid, signal.SIGKILL)
        victim.wait(10)
    far.wait_for(lambda c: c.last("status")["state"] == "lost", what="will")
    birth, will = (one.data for one in far.of("status"))
    assert (will["boot"], will["n"]) == (birth["boot"], birth["n"])


def test_who_comes_late_finds_status_info_state_and_alarm_retained(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    first = every_message_validates(mosquitto.port)

    async def scenario() -> Collector:
        bridge = make_publisher(settings(mosquitto.port))
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await asyncio.to_thread(first.wait_for, lambda c: c.of("alarm"), what="alarm")
        late = every_message_validates(mosquitto.port)
        await asyncio.to_thread(late.wait_for, lambda c: len(c.heard) >= 4, what="what is retained")
        await bridge.stop("test")
        await task
        return late

    late = run(scenario())
    assert all(one.retained for one in late.heard[:4])
    assert {one.topic for one in late.heard[:4]} == {
        f"{TOPIC}/{end}" for end in ("status", "info", "state", "alarm/ups1/on_battery")
    }
    assert late.last("state")["mode"] == "conservation"
    assert late.last("state")["because"] == ["ups1.on_battery"]
    assert late.last("state")["room1"]["temp_c"] == {"v": 24.1, "q": "bad", "because": "stale", "t": late_time()}
    assert late.last("alarm")["text"] == "Text of on_battery"


def test_an_alarm_of_a_drill_says_so_and_says_anew_when_it_is_real(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    real = power_cut()
    state = replace(real.decision.state, drill=DrillState(alarms=frozenset({"ups1.on_battery"})))
    practised = replace(real, decision=replace(real.decision, state=state))

    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port))
        bridge.offer(practised)
        task = asyncio.create_task(bridge.run())
        await asyncio.to_thread(far.wait_for, lambda c: c.of("alarm"), what="the drill's alarm")
        assert far.last("alarm")["drill"] is True
        bridge.offer(real)
        await asyncio.to_thread(far.wait_for, lambda c: len(c.of("alarm")) > 1, what="the real one")
        await bridge.stop("test")
        await task

    run(scenario())
    assert [one.data["drill"] for one in far.of("alarm")] == [True, False]


def late_time() -> str:
    return "2026-11-21T14:30:00.000Z"


def test_the_number_of_the_connection_rises_with_each_birth(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port))
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.connected)
        mosquitto.kill()
        await eventually_async(lambda: not bridge.health.connected)
        mosquitto.start()
        far = await asyncio.to_thread(every_message_validates, mosquitto.port)
        await asyncio.to_thread(far.wait_for, lambda c: c.of("alarm"), what="everything again")
        await bridge.stop("test")
        await task
        assert far.of("status")[0].data["n"] > 1
        assert {one.kind for one in far.heard} >= {"status", "info", "state", "alarm"}

    run(scenario())


def test_a_controller_whose_supply_ends_says_why_and_comes_back_when_it_does_not(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)

    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port))
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await asyncio.to_thread(far.wait_for, lambda c: c.of("state"), what="state")
        bridge.retire("own supply ends: ups1.controller_ending")
        await asyncio.to_thread(far.wait_for, lambda c: c.last("status")["state"] == "offline", what="goodbye")
        await eventually_async(lambda: not bridge.health.connected)
        bridge.retire("own supply ends: ups1.controller_ending")
        bridge.resume()
        await asyncio.to_thread(far.wait_for, lambda c: c.last("status")["state"] == "online", what="second birth")
        await eventually_async(lambda: bridge.health.connected)
        bridge.retire("own supply ends: ups1.controller_ending")
        await eventually_async(lambda: not bridge.health.connected)
        await bridge.stop("stop")  # systemd may stop it while it is away
        await task

    run(scenario())
    said = [(one.data["state"], one.data.get("why"), one.data["n"]) for one in far.of("status")]
    gone = "own supply ends: ups1.controller_ending"
    assert said == [("online", None, 1), ("offline", gone, 1), ("online", None, 2), ("offline", gone, 2)]
