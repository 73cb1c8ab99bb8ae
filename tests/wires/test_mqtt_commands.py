"""Commands against a real broker: none acts unless every rule allows it; each is answered and journalled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mqtt_bridge.commands import KINDS, LATER
from mqtt_bridge.settings import Bridge, Broker, MqttVersion
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import BOOT, SITE, TOPIC, ListOutbox, NotedOrders, make_publisher, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]
Listen = Callable[..., Collector]

SENDERS = {"ops@noc": frozenset({"ack", "silence", "announce", "drill"}), "wall": frozenset({"conserve", "lamp-test"})}
NAMES = [*KINDS, *LATER, "announce", "fire-confirm", "override", "config"]
MESSAGES = st.fixed_dictionaries(
    {
        "name": st.sampled_from(NAMES),
        "by": st.sampled_from(["ops@noc", "wall", "stranger", "", None, 7]),
        "boot": st.sampled_from([BOOT, BOOT, BOOT, BOOT, "0000", None]),
        "ttl_s": st.sampled_from([10, 10, 10, 600, 0, -1, "10", True, 10_000]),
        "id": st.sampled_from(["new", "new", "new", "new", "old", "", None, 5]),
        "args": st.sampled_from([{}, {}, {"alarm": "ups1.on_battery"}, [], {"alarm": 3}]),
        "stray": st.booleans(),
    }
)


def may_act(message: dict[str, Any], id_: object, used: set[object]) -> bool:
    """The contract's rules, written down a second time."""
    return (
        isinstance(id_, str)
        and id_ not in {"", *used}
        and isinstance(message["by"], str)
        and message["name"] in SENDERS.get(message["by"], ())
        and (message["name"] in KINDS or message["name"] == "announce")
        and message["boot"] == BOOT
        and type(message["ttl_s"]) is int
        and 0 < message["ttl_s"] <= 600
        and isinstance(message["args"], dict)
        and isinstance(message["args"].get("alarm", ""), str)
    )


def bridge_at(port: int, **more: Any) -> Bridge:
    return Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port), senders=SENDERS, **more)


async def converse(far: Collector, port: int, messages: list[dict[str, Any]]) -> None:
    orders, outbox, used, expected = NotedOrders(), ListOutbox(), set[object](), list[str]()
    bridge = make_publisher(bridge_at(port), orders=orders, outbox=outbox)
    bridge.offer(see())
    task = asyncio.create_task(bridge.run())
    await eventually_async(lambda: far.of("state"))
    await asyncio.sleep(0.1)  # the subscription follows
    for number, message in enumerate(messages):
        id_ = {"new": f"id-{number}", "old": "id-0"}.get(message["id"], message["id"])  # type: ignore[call-overload]  # may be of any type
        words = {key: message[key] for key in ("by", "boot", "ttl_s", "args")} | {"id": id_}
        words |= {"unknown": [1, {"deep": None}]} if message["stray"] else {}
        topic = f"{TOPIC}/cmd/{message['name']}"
        if may_act(message, id_, used):
            used.add(id_)
            expected.append(message["name"])
        far.publish(topic, words, correlation=f"c{number}".encode())
        await eventually_async(
            lambda number=number: any(r.correlation == f"c{number}".encode() for r in far.of("reply"))
        )
    acted = [order.name for order in orders.done] + [a.name for a, _ in orders.noted if a.status == "accepted"]
    assert sorted(acted) == sorted(expected)
    assert len(orders.done) + len(orders.noted) == len(far.of("reply")) == len(messages)
    await bridge.stop("test")
    await task


@pytest.mark.acceptance
def test_none_of_200_random_commands_acts_unless_every_rule_allows_it_and_each_is_answered_and_journalled(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    gathered: list[dict[str, Any]] = []

    @settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.lists(MESSAGES, min_size=200, max_size=200))
    def gather(messages: list[dict[str, Any]]) -> None:
        gathered[:] = messages

    gather()
    run(converse(far, mosquitto.port, gathered), within_s=60)
    assert len(gathered) == 200


def test_a_retained_command_is_refused_at_each_connection_and_never_acts(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    words = {"id": "1", "by": "ops@noc", "boot": BOOT, "ttl_s": 600}
    far.publish(f"{TOPIC}/cmd/ack", words, retain=True)
    orders = NotedOrders()

    async def scenario() -> None:
        for _ in range(2):
            bridge = make_publisher(bridge_at(mosquitto.port), orders=orders)
            task = asyncio.create_task(bridge.run())
            before = len(far.of("reply"))
            await eventually_async(lambda before=before: len(far.of("reply")) > before)
            await bridge.stop("test")
            await task

    run(scenario())
    assert orders.done == [] and len(orders.noted) == 2
    assert {one.data["status"] for one in far.of("reply")} == {"rejected"}


def test_an_id_that_was_seen_before_a_restart_does_not_act_again(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders()
    words = {"id": "again", "by": "ops@noc", "boot": BOOT, "ttl_s": 600}

    async def scenario() -> None:
        for count in (1, 2):
            bridge = make_publisher(bridge_at(mosquitto.port), orders=orders)
            bridge.offer(see())
            task = asyncio.create_task(bridge.run())
            await eventually_async(lambda count=count: len(far.of("state")) >= count)
            await asyncio.sleep(0.1)
            far.publish(f"{TOPIC}/cmd/ack", words)
            await eventually_async(lambda count=count: len(far.of("reply")) == count)
            await bridge.stop("test")
            await task

    run(scenario())
    assert [one.data["status"] for one in far.of("reply")] == ["done", "duplicate"]
    assert len(orders.done) == 1


def test_without_a_list_of_senders_commands_are_not_even_heard(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders()

    async def scenario() -> None:
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=mosquitto.port)), orders=orders)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state"))
        far.publish(f"{TOPIC}/cmd/ack", {"id": "1", "by": "ops@noc", "boot": BOOT, "ttl_s": 600})
        await asyncio.sleep(0.3)
        await bridge.stop("test")
        await task

    run(scenario())
    assert (orders.done, orders.noted, far.of("reply")) == ([], [], [])
    assert f"{TOPIC}/cmd" not in "".join(line for line in mosquitto.log.read_text().splitlines() if "SUBSCRIBE" in line)


def test_announce_says_everything_again_and_a_refusal_of_the_floor_comes_back_in_words(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders(refuses="nothing sounds")

    async def scenario() -> None:
        bridge = make_publisher(bridge_at(mosquitto.port, tele_ms=100, discovery=True), orders=orders)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state") and far.of("tele"))
        await asyncio.sleep(0.1)
        far.publish(f"{TOPIC}/cmd/announce", {"id": "1", "by": "ops@noc", "boot": BOOT, "ttl_s": 10})
        await eventually_async(lambda: all(len(far.of(kind)) == 2 for kind in ("status", "info", "state")))
        far.publish(f"{TOPIC}/cmd/silence", {"id": "2", "by": "ops@noc", "boot": BOOT, "ttl_s": 10})
        await eventually_async(lambda: len(far.of("reply")) == 2)
        await bridge.stop("test")
        await task

    run(scenario())
    assert [(one.data["status"], one.data["error"]) for one in far.of("reply")] == [
        ("accepted", None), ("rejected", "nothing sounds")
    ]  # fmt: skip


def test_fast_values_come_for_as_long_as_somebody_asked_for_them(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders()

    async def scenario() -> None:
        bridge = make_publisher(bridge_at(mosquitto.port), orders=orders)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state"))
        assert {"tele", "cmd"} <= set(far.last("info")["capabilities"])
        assert far.of("tele") == []
        words = {"by": "ops@noc", "boot": BOOT, "ttl_s": 10, "args": {"tele_s": 2}}
        for id_ in ("1", "2"):
            told = len(far.of("tele"))
            await asyncio.sleep(0.3)  # the first time: the subscription comes after the state
            far.publish(f"{TOPIC}/cmd/announce", {**words, "id": id_})
            await eventually_async(lambda told=told: len(far.of("tele")) >= told + 2, within_s=10)
            await asyncio.sleep(2.5)
            told = len(far.of("tele"))
            await asyncio.sleep(1.2)
            assert len(far.of("tele")) == told, "it ends by itself"
        await bridge.stop("test")
        await task

    run(scenario())


def test_a_flood_costs_a_bounded_number_of_records_and_the_next_command_still_acts(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders()

    async def scenario() -> None:
        bridge = make_publisher(bridge_at(mosquitto.port), orders=orders)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state"))
        await asyncio.sleep(0.1)
        for number in range(3_000):
            far.client.publish(f"{TOPIC}/cmd/ack", json.dumps({"id": str(number), "by": "stranger"}), qos=1)
        far.publish(f"{TOPIC}/cmd/lamp-test", {"id": "last", "by": "wall", "boot": BOOT, "ttl_s": 60})
        await eventually_async(lambda: not bridge.health.connected or orders.noted, within_s=10)

        async def order() -> bool:
            far.publish(f"{TOPIC}/cmd/lamp-test", {"id": "next", "by": "wall", "boot": BOOT, "ttl_s": 60})
            await asyncio.sleep(0.2)
            return bool(orders.done)

        await eventually_async(order, within_s=20)
        await bridge.stop("test")
        await task

    run(scenario(), within_s=60)
    assert len(orders.noted) <= 600


def test_commands_work_with_mqtt_3_1_1_too(mosquitto: Mosquitto, every_message_validates: Listen) -> None:
    far, orders = every_message_validates(mosquitto.port), NotedOrders()
    broker = Broker(host="127.0.0.1", port=mosquitto.port, version=MqttVersion.V311)

    async def scenario() -> None:
        bridge = make_publisher(Bridge(site=SITE, broker=broker, senders=SENDERS), orders=orders)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state"))
        await asyncio.sleep(0.1)
        far.publish(f"{TOPIC}/cmd/ack", {"id": "1", "by": "ops@noc", "boot": BOOT, "ttl_s": 60}, correlation=b"x")
        await eventually_async(lambda: far.of("reply"))
        await bridge.stop("test")
        await task

    run(scenario())
    assert far.last("reply")["status"] == "done"
