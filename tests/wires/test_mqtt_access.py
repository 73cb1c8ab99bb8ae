"""The shipped mosquitto configuration and access list: what each refuses, and that our self-test notices."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.settings import Bridge, Broker, Tls
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE, TOPIC, ListOutbox, NotedOrders, make_publisher, power_cut
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_central import DOCS
from tests.wires.mqtt_certificates import Authority

pytestmark = pytest.mark.wire
FOLDER = "/etc/mosquitto/floorguard/"
SENDERS = {"ops": frozenset({"ack"})}


class Shipped(Mosquitto):
    """docs/central/mosquitto.conf with the test's port and files in place of the machine's."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        super().__init__(folder)
        cert, key = authority.issue("broker")
        text = (
            (DOCS / "central" / "mosquitto.conf")
            .read_text()
            .replace("listener 8883", f"listener {self.port} 127.0.0.1")
        )
        files = {"ca.pem": authority.ca, "broker.pem": cert, "broker.key": key, "acl": str(folder / "acl")}
        (folder / "acl").write_text((DOCS / "central" / "acl").read_text())
        (folder / "acl").chmod(0o600)
        for name, file in files.items():
            text = text.replace(FOLDER + name, file)
        more = f"user {getpass.getuser()}\npersistence_location {folder}/\n"
        (folder / f"mosquitto-{self.port}.conf").write_text(text + more)


@contextmanager
def shipped(folder: Path) -> Iterator[tuple[Shipped, Authority]]:
    authority = Authority(folder)
    broker = Shipped(folder, authority)
    try:
        broker.start()
        yield broker, authority
    finally:
        broker.kill()


def broker_at(port: int, authority: Authority, name: str) -> Broker:
    cert, key = authority.issue(name)
    return Broker(host="127.0.0.1", port=port, tls=Tls(ca=authority.ca, cert=cert, key=key), username="")


def test_a_site_does_everything_of_the_contract_under_the_shipped_list_without_one_refusal(tmp_path: Path) -> None:
    async def scenario(port: int, authority: Authority) -> None:
        outbox = ListOutbox()
        outbox.append()
        settings = Bridge(
            site=SITE, broker=broker_at(port, authority, SITE), senders=SENDERS, discovery=True, tele_ms=50
        )
        bridge = make_publisher(settings, outbox=outbox, orders=NotedOrders())
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: outbox.ack == 1, within_s=10)
        central = await Dialler(broker_at(port, authority, "central"), "central").connect(
            Message(topic="floor/v1/x/cursor", payload=b"")
        )
        replies: list[bytes] = []
        assert await central.subscribe(f"{TOPIC}/reply", lambda heard: replies.append(heard.payload)) == ""
        assert await central.publish(Message(topic=f"{TOPIC}/cmd/ack", payload=b"{}")) == ""
        await eventually_async(lambda: replies)
        assert await central.publish(Message(topic=f"{TOPIC}/cursor", payload=b"{}", retain=True)) == ""
        assert "0x87" in await central.publish(Message(topic=f"{TOPIC}/event", payload=b"{}"))
        await central.close()
        assert bridge.health.refused == ()
        await bridge.stop("test")
        await task

    with shipped(tmp_path) as (broker, authority):
        run(scenario(broker.port, authority))


@pytest.mark.parametrize("name", ["other-site", "+", "#", "central"])
def test_a_certificate_of_another_name_writes_nothing_here_and_the_self_test_says_so(name: str, tmp_path: Path) -> None:
    """A foreign site's write, a will on a forbidden topic (our will's topic is our status), `+` and `#` as users."""
    heard: list[bytes] = []

    async def scenario(port: int, authority: Authority) -> tuple[str, ...]:
        reader = await Dialler(broker_at(port, authority, "homeassistant"), "reader").connect(
            Message(topic="homeassistant/status", payload=b"offline")
        )
        for kind in ("status", "info", "state", "event"):
            await reader.subscribe(f"{TOPIC}/{kind}", lambda message: heard.append(message.payload))
        outbox = ListOutbox()
        outbox.append()
        bridge = make_publisher(Bridge(site=SITE, broker=broker_at(port, authority, name)), outbox=outbox)
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: len(bridge.health.refused) >= 4, within_s=10)
        refused = bridge.health.refused
        task.cancel()  # without a goodbye: the broker would publish the will now
        await asyncio.wait([task])
        await asyncio.sleep(0.5)
        await reader.close()
        assert outbox.ack == 0
        return refused

    with shipped(tmp_path) as (broker, authority):
        refused = run(scenario(broker.port, authority))
    assert any(line.startswith(f"{TOPIC}/status: ") for line in refused)
    assert heard == []


def test_without_a_certificate_nobody_gets_in(tmp_path: Path) -> None:
    async def scenario(port: int, authority: Authority) -> str:
        broker = Broker(host="127.0.0.1", port=port, tls=Tls(ca=authority.ca), connect_within_ms=2_000)
        bridge = make_publisher(Bridge(site=SITE, broker=broker))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.error)
        await bridge.stop("test")
        await task
        return bridge.health.error

    with shipped(tmp_path) as (broker, authority):
        assert run(scenario(broker.port, authority))
