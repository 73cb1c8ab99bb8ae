"""The other side as docs/central-server.md prints and ships it: subscriber, durable consumer, and the end of a site."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from firmware_py.cli import main
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.kept import TopicMemory
from mqtt_bridge.settings import Bridge, Broker
from tests.conftest import eventually, eventually_async, run
from tests.mqtt_bridge.floors import SITE, TOPIC, ListOutbox, make_publisher, power_cut, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_central import DOCS, Central, ten_lines
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]
Listen = Callable[..., Collector]


def at(port: int, **more: object) -> Bridge:
    broker = Broker(host="127.0.0.1", port=port)
    return Bridge(site=SITE, broker=broker, events_per_s=2_000, resend_ms=500, **more)  # type: ignore[arg-type]  # test options


def test_the_printed_subscriber_has_ten_lines() -> None:
    assert len(ten_lines().strip().splitlines()) == 10


def test_the_printed_subscriber_takes_all_in_order_though_it_is_killed_and_steps_over_gaps(
    tmp_path: Path, mosquitto: Mosquitto
) -> None:
    central, outbox = Central(tmp_path, mosquitto.port), ListOutbox()
    outbox.cursor_seen = True  # a server was there before
    for number in range(300):
        outbox.append("test.counted", number=number)
    outbox.records[99] |= {"type": "journal.gap", "data": {"from": 51, "to": 100}}
    del outbox.records[50:99]

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port), outbox=outbox)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        try:
            for target in (40, 150, 251):
                central.start()
                await eventually_async(lambda target=target: len(central.seen()) >= target, within_s=20)
                if target != 251:
                    central.kill()
            await eventually_async(lambda: outbox.ack == 300, within_s=20)
        finally:
            central.kill()
            await bridge.stop("test")
            await task

    run(scenario(), within_s=60)
    firsts = list(dict.fromkeys(seq for seq, _, _ in central.seen()))
    assert firsts == [*range(1, 51), *range(100, 301)]


def test_the_durable_consumer_has_each_event_once_though_it_is_killed(tmp_path: Path, mosquitto: Mosquitto) -> None:
    file, outbox = tmp_path / "events.db", ListOutbox()
    outbox.cursor_seen = True
    for number in range(400):
        outbox.append("test.counted", number=number)

    def start() -> subprocess.Popen[bytes]:
        command = [sys.executable, str(DOCS / "central" / "consumer.py"), str(file), "127.0.0.1", str(mosquitto.port)]
        return subprocess.Popen(command)

    def rows() -> list[int]:
        try:
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
                return [seq for (seq,) in db.execute("SELECT seq FROM event ORDER BY rowid")]
        except sqlite3.OperationalError:
            return []

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port), outbox=outbox)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        for target in (20, 120, 400):
            consumer = start()
            try:
                await eventually_async(lambda target=target: len(rows()) >= target, within_s=20)
                if target == 400:
                    await eventually_async(lambda: outbox.ack == 400, within_s=20)
            finally:
                consumer.kill()
                consumer.wait(10)
        await bridge.stop("test")
        await task

    run(scenario(), within_s=60)
    assert rows() == list(range(1, 401))


def test_decommission_empties_every_retained_topic_that_was_ever_written(
    tmp_path: Path, mosquitto: Mosquitto, every_message_validates: Listen, capsys: pytest.CaptureFixture[str]
) -> None:
    memory = TopicMemory(tmp_path, Disk())

    async def live(root: str) -> None:
        bridge = make_publisher(at(mosquitto.port, discovery=True, root=root), notes=memory)  # type: ignore[arg-type]  # the real one
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.connected)
        await eventually_async(lambda: any(topic.startswith(f"{root}/v1/{SITE}/alarm/") for topic in memory.recall()))
        await bridge.stop("test")
        await task

    run(live("oldfloor"))
    run(live("floor"))
    (tmp_path / "site.toml").write_text(
        f'[site]\nid = "{SITE}"\nname = "x"\nlanguage = "en"\ntimezone = "UTC"\nexit = "x"\n'
        f'[mqtt]\nhost = "127.0.0.1"\nport = {mosquitto.port}\n[storage]\ndirectory = "{tmp_path}"\n'
    )
    retained = listen_all(mosquitto.port)
    assert len(retained) == 8, retained  # two roots: status, info, state; one alarm; one device
    done: list[int] = []
    thread = threading.Thread(
        target=lambda: done.append(main(["decommission", "--config", str(tmp_path / "site.toml")]))
    )
    thread.start()
    thread.join(20)
    assert done == [0], capsys.readouterr()
    assert listen_all(mosquitto.port) == set()
    assert memory.recall() == frozenset()
    assert f"{TOPIC}/state: empty" in capsys.readouterr().out


def listen_all(port: int) -> set[str]:
    """Every retained topic at the broker."""
    return {topic for topic, retained in hear(port, "#") if retained}


def hear(port: int, topics: str, *, count: int = 0, within_s: float = 1.0) -> list[tuple[str, bool]]:
    """What comes on `topics` until there are `count`, or `within_s` is over."""
    heard: list[tuple[str, bool]] = []
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = lambda client, *_: client.subscribe(topics, qos=1)
    client.on_message = lambda client, _, message: heard.append((message.topic, message.retain))
    client.connect("127.0.0.1", port)
    client.loop_start()
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s and not (count and len(heard) >= count):
        time.sleep(0.02)
    client.disconnect()
    client.loop_stop()
    return heard


def test_home_assistants_birth_brings_the_device_again(mosquitto: Mosquitto, every_message_validates: Listen) -> None:
    far = every_message_validates(mosquitto.port)

    async def scenario() -> None:
        bridge = make_publisher(at(mosquitto.port, discovery=True))
        bridge.offer(see())
        topic = f"homeassistant/device/{SITE}/config"
        ear = asyncio.create_task(asyncio.to_thread(hear, mosquitto.port, topic, count=3, within_s=15))
        await asyncio.sleep(0.3)  # it has subscribed
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: far.of("state"))
        for _ in range(2):
            before = len(far.of("info"))
            far.publish("homeassistant/status", b"online")
            await eventually_async(lambda before=before: len(far.of("info")) > before)
        assert await ear == [(topic, False)] * 3
        await bridge.stop("test")
        await task

    run(scenario())
    eventually(lambda: far.last("status")["state"] == "offline")
