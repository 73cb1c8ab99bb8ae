"""What a broker can do to us: die, freeze, never start, refuse a password or a topic, throw us out for a namesake."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.ports import Health
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker, MqttVersion
from tests.conftest import eventually_async, find_tcp_port, run
from tests.mqtt_bridge.floors import SITE, TOPIC, ListOutbox, Notes, make_publisher, power_cut, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]
Listen = Callable[..., Collector]

ACL = f"""
user {SITE}
topic write {TOPIC}/status
topic write {TOPIC}/info
topic write {TOPIC}/state
topic read {TOPIC}/cursor
user reader
topic read floor/#
"""


@asynccontextmanager
async def running(bridge: Publisher) -> AsyncIterator[Publisher]:
    task = asyncio.create_task(bridge.run())
    try:
        yield bridge
        await bridge.stop("test")
        await task
    finally:
        task.cancel()


def at(port: int, **options: object) -> Bridge:
    return Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, **options))  # type: ignore[arg-type]  # test options


def test_a_broker_that_is_killed_and_comes_back_empty_hears_everything_again(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    outbox, healths = ListOutbox(), list[Health]()

    async def scenario() -> Collector:
        bridge = make_publisher(at(mosquitto.port), outbox=outbox, healths=healths)
        bridge.offer(power_cut())
        async with running(bridge):
            outbox.append()
            bridge.notify()
            await eventually_async(lambda: outbox.ack == 1)
            mosquitto.kill()
            await eventually_async(lambda: not bridge.health.connected)
            outbox.append()
            bridge.notify()
            mosquitto.start()
            far = await asyncio.to_thread(every_message_validates, mosquitto.port)
            await eventually_async(lambda: outbox.ack == 2, within_s=10)
            await asyncio.to_thread(far.wait_for, lambda c: c.of("event"), what="the event")
        return far

    far = run(scenario())
    assert {one.kind for one in far.heard} == {"status", "info", "state", "alarm", "event"}
    assert [one.data["seq"] for one in far.of("event")] == [2]
    assert far.of("event")[0].data["replay"] is True
    assert [health.connected for health in healths] == [True, False, True, False] or healths[0].connected


def test_a_frozen_broker_is_noticed_by_its_silence(mosquitto: Mosquitto) -> None:
    """Keep-alive 1 s stands for 15 s: noticed after 5/3 of it and one tick, so within 26 s in the field."""

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        async with running(make_publisher(at(mosquitto.port, keep_alive_ms=1_000, connect_within_ms=300))) as bridge:
            bridge.offer(see())
            await eventually_async(lambda: bridge.health.connected)
            await asyncio.sleep(1.5)  # pings go to and fro meanwhile
            assert bridge.health.connected
            mosquitto.freeze()
            frozen_s = loop.time()
            await eventually_async(lambda: not bridge.health.connected, within_s=10)
            noticed_s = loop.time() - frozen_s
            assert "silent" in bridge.health.error
        return noticed_s

    try:
        assert run(scenario()) < 1.0 * 5 / 3 + 0.5
    finally:
        mosquitto.thaw()


def test_a_puback_that_does_not_come_ends_the_session(mosquitto: Mosquitto) -> None:
    async def scenario() -> None:
        outbox = ListOutbox()
        settings = at(mosquitto.port, puback_within_ms=500, connect_within_ms=300)
        async with running(make_publisher(settings, outbox=outbox)) as bridge:
            outbox.append()
            bridge.notify()
            await eventually_async(lambda: outbox.ack == 1, what="everything is said and taken")
            mosquitto.freeze()
            outbox.append()
            bridge.notify()
            await eventually_async(lambda: not bridge.health.connected, within_s=10)
            assert "no PUBACK" in bridge.health.error
            assert outbox.ack == 1, "the first is all that was taken"

    try:
        run(scenario())
    finally:
        mosquitto.thaw()


def test_a_goodbye_to_a_frozen_broker_takes_no_longer_than_allowed(mosquitto: Mosquitto) -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        bridge = make_publisher(Bridge(site=SITE, broker=at(mosquitto.port).broker, stop_within_ms=400))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.connected)
        mosquitto.freeze()
        begin_s = loop.time()
        await bridge.stop("update")
        await task
        return loop.time() - begin_s

    try:
        assert run(scenario()) < 1.0
    finally:
        mosquitto.thaw()


def test_without_any_broker_nothing_waits_and_nothing_grows() -> None:
    async def scenario() -> int:
        outbox = ListOutbox()
        outbox.append()
        loop = asyncio.get_running_loop()
        async with running(make_publisher(at(find_tcp_port()), outbox=outbox)) as bridge:
            await eventually_async(lambda: bridge.health.error)
            assert "refused" in bridge.health.error.lower()
            grown, longest_s = 0, 0.0
            tracemalloc.start()
            for turn in range(8_000):
                before_s = loop.time()
                bridge.offer(see(now_ms=turn, charge_pct=turn % 100))
                bridge.notify()
                longest_s = max(longest_s, loop.time() - before_s)
                if turn == 2_000:
                    gc.collect()
                    grown = -tracemalloc.get_traced_memory()[0]
                if turn % 100 == 0:
                    await asyncio.sleep(0.005)
            gc.collect()
            grown += tracemalloc.get_traced_memory()[0]
            tracemalloc.stop()
            assert longest_s < 0.2
            assert outbox.asked == [], "no session, so nobody reads the journal"
        return grown

    assert run(scenario()) < 100_000


@pytest.mark.parametrize("version", list(MqttVersion))
def test_a_wrong_password_is_said_in_clear_words_and_tried_again(version: MqttVersion, tmp_path: Path) -> None:
    healths = list[Health]()

    async def scenario(port: int) -> None:
        settings = at(port, password="wrong", version=version)
        async with running(make_publisher(settings, healths=healths)) as bridge:
            await eventually_async(lambda: bridge.health.error)
            await asyncio.sleep(0.3)  # several attempts
            assert not any(health.connected for health in healths)
            assert bridge.health.error.startswith(f"mqtt 127.0.0.1:{port}: refused: ")
            assert "wrong" not in bridge.health.error

    with Mosquitto.serve(tmp_path, users={SITE: "right"}) as broker:
        run(scenario(broker.port))
        assert broker.log.read_text().count("not authorised") >= 2
    assert "authoriz" in healths[0].error.lower()


def test_the_right_password_lets_us_in_under_the_name_of_the_site(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        async with running(make_publisher(at(port, password="right"))) as bridge:
            await eventually_async(lambda: bridge.health.connected)

    with Mosquitto.serve(tmp_path, users={SITE: "right"}) as broker:
        run(scenario(broker.port))


def test_a_topic_that_the_broker_refuses_is_a_fault_and_the_event_is_kept(
    tmp_path: Path, every_message_validates: Listen
) -> None:
    acl = tmp_path / "acl"
    acl.write_text(ACL)
    acl.chmod(0o600)
    outbox = ListOutbox()
    outbox.append()

    async def scenario(far: Collector, port: int) -> None:
        bridge = make_publisher(at(port, password="right"), outbox=outbox)
        bridge.offer(power_cut())
        async with running(bridge):
            await eventually_async(lambda: len(bridge.health.refused) == 2)
            assert bridge.health.connected, "what is allowed still goes out"
            assert bridge.health.refused == (
                f"{TOPIC}/alarm/ups1/on_battery: Not authorized (0x87)",
                f"{TOPIC}/event: Not authorized (0x87)",
            )
            await asyncio.to_thread(far.wait_for, lambda c: c.of("state"), what="state")
        assert outbox.ack == 0

    users = {SITE: "right", "reader": "too"}
    with Mosquitto.serve(tmp_path, users=users, settings=f"acl_file {acl}") as broker:
        far = every_message_validates(broker.port, username="reader", password="too")
        run(scenario(far, broker.port))


def test_a_refusal_ends_when_the_access_list_is_mended(tmp_path: Path, every_message_validates: Listen) -> None:
    acl = tmp_path / "acl"
    acl.write_text(ACL)
    acl.chmod(0o600)
    outbox = ListOutbox()
    outbox.append()

    async def scenario(far: Collector, broker: Mosquitto) -> None:
        settings = Bridge(site=SITE, broker=at(broker.port, password="right").broker, state_every_ms=300)
        bridge = make_publisher(settings, outbox=outbox)
        bridge.offer(power_cut())
        async with running(bridge):
            await eventually_async(lambda: len(bridge.health.refused) == 2)
            acl.write_text(ACL.replace(f"{TOPIC}/status", f"{TOPIC}/#"))
            broker.reload()
            await eventually_async(lambda: bridge.health.refused == () and outbox.ack == 1)
        assert len(far.of("state")) > 1, "the heartbeat repeats what has not changed"
        assert far.of("alarm") and far.last("event")["replay"] is True

    users = {SITE: "right", "reader": "too"}
    with Mosquitto.serve(tmp_path, users=users, settings=f"acl_file {acl}") as broker:
        run(scenario(every_message_validates(broker.port, username="reader", password="too"), broker))


def test_a_minute_without_a_drop_ends_the_suspicion_of_a_namesake(
    mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqtt_bridge.publisher.STABLE_S", 0.3)

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port))
        bridge._backoff.drop(0.0, taken_over=True)
        async with running(bridge):
            await eventually_async(lambda: bridge.health.duplicate_id)
            await eventually_async(lambda: bridge.health.connected and not bridge.health.duplicate_id)

    run(scenario())


def test_a_namesake_is_noticed_by_the_drops_and_slows_us_down(mosquitto: Mosquitto) -> None:
    async def scenario() -> None:
        async with running(make_publisher(at(mosquitto.port))) as bridge:
            will = Message(topic=f"{TOPIC}/status", payload=b"{}", retain=True)
            while not bridge.health.duplicate_id:
                await eventually_async(lambda: bridge.health.connected or bridge.health.duplicate_id)
                session = await Dialler(at(mosquitto.port).broker, SITE).connect(will)
                await eventually_async(lambda: not bridge.health.connected)
                session.abandon("test")

    run(scenario())


def test_a_broker_that_asks_for_few_in_flight_is_obeyed(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        outbox = ListOutbox()
        for _ in range(40):
            outbox.append()
        async with running(make_publisher(at(port), outbox=outbox)):
            await eventually_async(lambda: outbox.ack == 40)

    with Mosquitto.serve(tmp_path, settings="max_inflight_messages 2") as broker:
        run(scenario(broker.port))
        assert "exceeded" not in broker.log.read_text().lower()


def test_a_message_beyond_the_brokers_size_is_refused_here_and_not_by_a_lost_connection(tmp_path: Path) -> None:
    async def scenario(port: int) -> None:
        async with running(make_publisher(at(port))) as bridge:
            await eventually_async(lambda: bridge.health.connected)
            await eventually_async(lambda: bridge.health.refused)
            assert bridge.health.refused[0].endswith("larger than the broker's 400 bytes")

    with Mosquitto.serve(tmp_path, settings="max_packet_size 400") as broker:
        run(scenario(broker.port))


def test_a_memory_full_of_rubbish_is_not_published(mosquitto: Mosquitto, every_message_validates: Listen) -> None:
    far = every_message_validates(mosquitto.port)
    notes = Notes(frozenset({"#", "a/+", "", "\0", f"{TOPIC}/state", f"{TOPIC}/alarm/old/one"}))

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port), notes=notes)
        bridge.offer(see())
        async with running(bridge):
            await eventually_async(lambda: not notes.alarms)

    run(scenario())
    far.wait_for(lambda c: c.of("alarm"), what="the one that was real")
    assert [one.topic for one in far.heard if one.data is None] == [f"{TOPIC}/alarm/old/one"]


def test_a_store_that_hangs_does_not_keep_an_alarm_back(mosquitto: Mosquitto, every_message_validates: Listen) -> None:
    class Hanging(Notes):
        async def remember(self, topics: frozenset[str]) -> None:
            await asyncio.sleep(3600)

    far = every_message_validates(mosquitto.port)

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port), notes=Hanging())
        bridge.offer(power_cut())
        async with running(bridge):
            await asyncio.to_thread(far.wait_for, lambda c: c.of("alarm"), within_s=3, what="alarm")

    run(scenario())
