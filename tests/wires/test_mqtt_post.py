"""A message that is written in the turn in which it is posted, over a real broker: one at a time, beside all others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware_py.ports import DeviceError
from mqtt_bridge.client import Session
from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.settings import Broker, MqttVersion
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import mosquitto

pytestmark = pytest.mark.wire
__all__ = ["mosquitto"]
WILL = Message(topic=f"post/v1/{SITE}/will", payload=b"")
VERSIONS = pytest.mark.parametrize("version", list(MqttVersion))


async def dial(mosquitto: Mosquitto, host: str = "127.0.0.1", **options: object) -> Session:
    broker = Broker(host=host, port=mosquitto.port, **options)  # type: ignore[arg-type]  # test options
    return await Dialler(broker, SITE).connect(WILL)


def said(number: int) -> Message:
    return Message(topic=f"post/v1/{SITE}/said", payload=b"%d" % number)


@VERSIONS
def test_what_is_posted_and_what_is_sent_arrive_in_the_order_of_the_calls(
    mosquitto: Mosquitto, version: MqttVersion
) -> None:
    far = Collector(mosquitto.port, root="post")
    heard: list[str] = []

    async def scenario() -> None:
        session = await dial(mosquitto, version=version)
        try:
            for number in range(0, 60, 3):
                receipts = [await session.send(said(number))]
                assert not session.may_post, "what was said before is to be written first"
                await asyncio.sleep(0)
                assert session.post(said(number + 1), heard.append)
                receipts.append(await session.send(said(number + 2)))
                assert not session.may_post and not session.post(said(999), heard.append), "one at a time"
                assert await asyncio.gather(*receipts) == ["", ""]
                await eventually_async(lambda: session.may_post)
        finally:
            await session.close()
        assert not session.may_post and not session.post(said(999), heard.append), "it has ended"

    run(scenario())
    far.wait_for(lambda c: len(c.of("said")) >= 60, what="all of it")
    assert [one.data for one in far.of("said")] == list(range(60))
    assert heard == [""] * 20, "each answer once"
    far.close()


def test_what_is_too_large_for_the_broker_is_said_to_be_so(tmp_path: Path) -> None:
    async def scenario(broker: Mosquitto) -> None:
        session, heard = await dial(broker), list[str]()
        assert session.post(Message(topic=f"post/v1/{SITE}/said", payload=bytes(500)), heard.append)
        assert heard == ["larger than the broker's 400 bytes"] and session.may_post
        assert session.post(said(1), heard.append)
        await eventually_async(lambda: heard[1:] == [""])
        await session.close()

    with Mosquitto.serve(tmp_path, settings="max_packet_size 400") as broker:
        run(scenario(broker))


def test_a_post_that_nobody_answers_ends_the_session_in_time(mosquitto: Mosquitto) -> None:
    async def scenario() -> None:
        session = await dial(mosquitto, puback_within_ms=600)
        mosquitto.freeze()
        try:
            assert session.post(said(1), lambda why: pytest.fail("nobody has answered"))
            loss = await asyncio.wait_for(session.ended, 10)
            assert "no PUBACK within 600 ms" in loss.why
        finally:
            mosquitto.thaw()

    run(scenario())


def test_while_the_socket_takes_no_more_nothing_is_posted_and_nothing_is_lost(mosquitto: Mosquitto) -> None:
    async def scenario() -> None:
        session = await dial(mosquitto)
        mosquitto.freeze()
        thawed = False
        try:
            receipts = [
                await session.send(Message(topic=f"post/v1/{SITE}/big", payload=bytes(1_000_000))) for _ in range(8)
            ]
            await asyncio.sleep(0)
            assert not session.may_post and not session.post(said(1), lambda why: None)
            mosquitto.thaw()
            thawed = True
            assert set(await asyncio.gather(*receipts)) == {""}
            await eventually_async(lambda: session.may_post)
            assert session.post(said(2), lambda why: None)
        finally:
            if not thawed:
                mosquitto.thaw()
            await session.close()

    run(scenario())


@VERSIONS
def test_a_broker_is_found_by_its_name_as_by_its_address(mosquitto: Mosquitto, version: MqttVersion) -> None:
    async def scenario() -> None:
        for host in ("127.0.0.1", "localhost"):
            session = await dial(mosquitto, host, version=version)
            assert await session.publish(said(1)) == "", host
            await session.close()
        for host in ("no-such-host.invalid", "a" * 64 + ".example"):
            with pytest.raises(DeviceError, match=host):
                await dial(mosquitto, host, version=version)

    run(scenario())
