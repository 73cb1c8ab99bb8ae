"""The basic conversation with amqtt, a broker in pure Python for 3.1.1 only: what `make run` may fall back on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from mqtt_bridge.settings import Bridge, Broker, MqttVersion
from tests.conftest import eventually_async, find_tcp_port, require, run
from tests.mqtt_bridge.floors import SITE, TOPIC, ListOutbox, make_publisher, power_cut
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates

try:
    from amqtt.broker import Broker as Amqtt
except ImportError:
    Amqtt = None

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates"]
PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


@asynccontextmanager
async def serve_amqtt(port: int) -> AsyncIterator[None]:
    require(Amqtt, "amqtt is not installed")
    listeners = {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}}
    broker = Amqtt({"listeners": listeners, "plugins": PLUGINS})
    await broker.start()
    try:
        yield
    finally:
        await broker.shutdown()


def test_status_state_alarm_and_events_go_through_amqtt(every_message_validates: Callable[..., Collector]) -> None:
    port = find_tcp_port()
    outbox = ListOutbox()
    for _ in range(30):
        outbox.append()

    async def scenario() -> Collector:
        async with serve_amqtt(port):
            far = await asyncio.to_thread(every_message_validates, port, new=False)
            bridge = make_publisher(
                Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, version=MqttVersion.V311)), outbox=outbox
            )
            bridge.offer(power_cut())
            task = asyncio.create_task(bridge.run())
            await eventually_async(lambda: outbox.ack == 30, within_s=20)
            await bridge.stop("test")
            await task
            await asyncio.to_thread(far.wait_for, lambda c: c.last("status")["state"] == "offline", what="goodbye")
            await asyncio.to_thread(far.close)
        return far

    far = run(scenario())
    assert [one.data["seq"] for one in far.of("event")] == list(range(1, 31))
    assert far.last("state")["mode"] == "conservation"
    assert [one.topic for one in far.of("alarm")] == [f"{TOPIC}/alarm/ups1/on_battery"]
    assert [one.data["state"] for one in far.of("status")] == ["online", "offline"]


def test_a_broker_that_cannot_speak_mqtt_5_is_no_reason_to_crash() -> None:
    port = find_tcp_port()

    async def scenario() -> str:
        async with serve_amqtt(port):
            bridge = make_publisher(
                Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, connect_within_ms=1_000))
            )
            task = asyncio.create_task(bridge.run())
            await eventually_async(lambda: bridge.health.error)
            await bridge.stop("test")
            await task
            return bridge.health.error

    assert "mqtt 127.0.0.1" in run(scenario())
