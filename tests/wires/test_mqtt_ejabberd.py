"""The contract against ejabberd, a second MQTT 5 broker: another language, another reading of the specification."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import Health
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker, MqttVersion, Tls
from tests.conftest import eventually_async, require_program, run
from tests.mqtt_bridge.floors import BOOT, SITE, TOPIC, ListOutbox, NotedOrders, Notes, make_publisher, power_cut, see
from tests.wires.ejabberd import STRANGER, Ejabberd
from tests.wires.mqtt_central import DOCS, Central
from tests.wires.mqtt_certificates import Authority
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
__all__ = ["every_message_validates"]
Listen = Callable[..., Collector]
SENDERS = {"ops": frozenset({"conserve"})}


@contextmanager
def serve(folder: Path) -> Iterator[Ejabberd]:
    cert, key = (Path(name) for name in Authority(folder).issue("broker"))
    both = folder / "both.pem"
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    with Ejabberd.serve(folder, SITE, str(both)) as broker:
        yield broker


@pytest.fixture(scope="module")
def ejabberd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ejabberd]:
    with serve(tmp_path_factory.mktemp("ejabberd")) as broker:
        yield broker


def at(broker: Ejabberd, name: str = SITE, version: MqttVersion = MqttVersion.V5) -> Broker:
    """With TLS, as the site that `name` is."""
    tls = Tls(ca=str(broker.log.parent / "ca.pem"))
    return Broker(host="127.0.0.1", port=broker.tls_port, tls=tls, username=name, password="any", version=version)


@asynccontextmanager
async def running(bridge: Publisher) -> AsyncIterator[Publisher]:
    bridge.offer(power_cut())
    task = asyncio.create_task(bridge.run())
    try:
        yield bridge
        await bridge.stop("test")
        await task
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.mark.parametrize("version", list(MqttVersion))
def test_all_of_the_contract_goes_through_another_broker(
    version: MqttVersion, ejabberd: Ejabberd, every_message_validates: Listen
) -> None:
    far = every_message_validates(ejabberd.port, username="wall", password="any")
    outbox, orders = ListOutbox(log=f"{version.value[0]}000"), NotedOrders()
    for _ in range(100):
        outbox.append(charge_pct=96)

    async def scenario() -> None:
        settings = Bridge(site=SITE, broker=at(ejabberd, version=version), events_per_s=1_000, senders=SENDERS)
        async with running(make_publisher(settings, outbox=outbox, orders=orders)) as bridge:
            await eventually_async(lambda: outbox.ack == 100, within_s=20)  # by PUBACK
            far.publish(f"{TOPIC}/cursor", {"log": outbox.log, "seq": 90}, retain=True)
            await eventually_async(lambda: outbox.cursor_seen and outbox.ack == 90)
            far.publish(f"{TOPIC}/cursor", {"log": outbox.log, "seq": 100}, retain=True)
            await eventually_async(lambda: outbox.ack == 100)
            order = {"id": f"1-{version}", "by": "ops", "boot": BOOT, "ttl_s": 10}
            far.publish(f"{TOPIC}/cmd/conserve", order, correlation=b"c1")
            await asyncio.to_thread(far.wait_for, lambda c: c.last("reply"), what="reply")
            bridge.offer(see(now_ms=2_000))
            await asyncio.to_thread(far.wait_for, lambda c: any(a.data is None for a in c.of("alarm")), what="gone")

    run(scenario(), within_s=60)
    far.wait_for(lambda c: c.last("status")["state"] == "offline", what="goodbye")
    assert [one.data["state"] for one in far.of("status") if not one.retained] == ["online", "offline"]
    numbers = [one.data["seq"] for one in far.of("event")]
    assert numbers[:101] == [*range(1, 101), 91], "in order, and again from the cursor on"
    assert [order.name for order in orders.done] == ["conserve"]
    (reply,) = far.of("reply")
    assert reply.data["status"] == "done"
    assert reply.correlation == (b"c1" if version is MqttVersion.V5 else b"")


def test_a_session_that_another_client_took_over_is_told_by_the_broker_and_reported(ejabberd: Ejabberd) -> None:
    """Mosquitto 2.0 cuts the line without a word; this one sends reason 0x8E."""
    waits: list[tuple[float, float]] = []
    healths: list[Health] = []

    def chance(low_s: float, high_s: float) -> float:
        waits.append((low_s, high_s))
        return 30.0

    async def scenario() -> None:
        settings = Bridge(site=SITE, broker=at(ejabberd))
        async with running(make_publisher(settings, healths=healths, chance=chance)) as bridge:
            await eventually_async(lambda: bridge.health.connected, within_s=20)
            will = Message(topic=f"{TOPIC}/status", payload=b"", retain=True)
            twin = await Dialler(at(ejabberd), SITE).connect(will)
            await eventually_async(lambda: bridge.health.duplicate_id, within_s=20)
            await twin.close()

    run(scenario(), within_s=60)
    assert waits[-1] == (240.0, 300.0)
    assert "taken over" in healths[-1].error.lower()


def test_a_will_that_the_broker_forbids_is_told_in_its_own_words(ejabberd: Ejabberd) -> None:
    """Mosquitto takes such a will and drops it in silence; this one refuses the connection."""

    async def scenario() -> str:
        async with running(make_publisher(Bridge(site=SITE, broker=at(ejabberd, STRANGER)))) as bridge:
            await eventually_async(lambda: bridge.health.error, within_s=20)
            return bridge.health.error

    assert "refused" in (error := run(scenario(), within_s=60)) and "will topic is forbidden" in error


def test_a_topic_that_the_broker_forbids_costs_a_refusal_and_no_session(ejabberd: Ejabberd) -> None:
    async def scenario() -> str:
        session = await Dialler(at(ejabberd), SITE).connect(Message(topic=f"{TOPIC}/status", payload=b"", retain=True))
        refused = await session.publish(Message(topic="floor/v1/other-site/event", payload=b"{}"))
        assert await session.publish(Message(topic=f"{TOPIC}/event", payload=b"{}")) == ""
        await session.close()
        return refused

    assert "(0x90): Publishing to this topic is forbidden" in run(scenario(), within_s=60)


def test_the_shipped_list_for_emqx_is_at_least_erlang(tmp_path: Path) -> None:
    """EMQX itself cannot be had here: that it reads the file as terms of two to four parts is all that is known."""
    program = require_program("erl", "ejabberd")
    sound, broken = DOCS / "central" / "emqx-acl.conf", tmp_path / "broken"
    broken.write_text(sound.read_text().replace("}.", "}", 1))

    def read(file: Path) -> str:
        told = '{ok, T} -> io:format("~p", [[tuple_size(X) || X <- T]]); _ -> io:format("no") end, halt().'
        words = f'case file:consult("{file}") of {told}'
        return subprocess.run([program, "-noinput", "-eval", words], capture_output=True, timeout=60).stdout.decode()

    assert read(sound) == "[4,4,4,4,4,4,2]"
    assert read(broken) == "no"


def test_a_killed_broker_that_comes_back_empty_hears_all_again_and_the_ten_lines_lose_nothing(
    tmp_path: Path, every_message_validates: Listen
) -> None:
    outbox = ListOutbox(log="9999")

    def told(bridge: Publisher, count: int) -> bool:
        for _ in range(count):
            outbox.append()
        bridge.notify()
        return True

    async def scenario(ejabberd: Ejabberd, far: Collector) -> None:
        settings = Bridge(site=SITE, broker=at(ejabberd), events_per_s=1_000, resend_ms=1_000)
        async with running(make_publisher(settings, outbox=outbox, notes=Notes())) as bridge:
            await eventually_async(lambda: told(bridge, 1) and outbox.cursor_seen, within_s=30, every_s=0.2)
            told(bridge, 30)
            await asyncio.to_thread(ejabberd.kill)
            told(bridge, 30)
            await eventually_async(lambda: not bridge.health.connected, within_s=20)
            heard = len(far.heard)
            await asyncio.to_thread(ejabberd.start)
            await eventually_async(lambda: outbox.ack == outbox.last, within_s=60)
            kinds = {one.kind for one in far.heard[heard:]}
            assert {"status", "info", "state", "alarm"} <= kinds
            await bridge.stop("test")

    with serve(tmp_path) as broker:
        central = Central(tmp_path, broker.port, name="central")
        central.start()
        try:
            far = every_message_validates(broker.port, username="wall", password="any")
            run(scenario(broker, far), within_s=150)
        finally:
            central.kill()
    seen = list(dict.fromkeys(seq for seq, _, _ in central.seen()))
    # What went out before anybody listened was done with its PUBACK: the rule until a first cursor is written.
    assert seen == list(range(seen[0], outbox.last + 1)) and len(seen) > 60
