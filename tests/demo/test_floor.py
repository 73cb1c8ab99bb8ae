"""The floor's machinery: the site of a run, the peers on their wires, the listener, the broker, children that end."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
from pathlib import Path

import pytest

from config.secrets import read_secret
from config.site import load_site
from firmware_py.demo.broker import BrokerFailed, Embedded, Mosquitto, find_port, start_broker
from firmware_py.demo.floor import make_world
from firmware_py.demo.folder import FASTER, SECRET, SHIPPED, Endpoints, RunFolder
from firmware_py.demo.listener import Listener, ListenerLost, find_judge
from firmware_py.demo.peers import Peers, Ports
from firmware_py.demo.process import Child
from firmware_py.demo.world import OUTBOUND_GATE
from firmware_py.wiring.building import build_floor
from tests.conftest import eventually_async, require, require_program, run

ENDPOINTS = Endpoints(
    peers=Ports(ups=20_001, cooling=20_002, fire=20_003, relays=20_004, exchange=20_005), broker=20_006, old_mqtt=False
)


# ------------------------------------------------------------------------------------------------- the site of a run
@pytest.fixture
def folder() -> RunFolder:
    made = RunFolder()
    yield made
    made.remove()
    assert not made.path.exists()


@pytest.mark.parametrize("fast", [False, True])
def test_the_site_of_a_run_is_the_shipped_one_on_its_own_ports(folder: RunFolder, fast: bool) -> None:
    shipped, site = load_site(SHIPPED), folder.write(ENDPOINTS, fast=fast)
    assert [one.port for one in (*site.ups, *site.modbus, *site.exchange)] == [20_001, 20_002, 20_003, 20_004, 20_005]
    assert site.mqtt is not None
    assert (site.mqtt.port, site.mqtt.version) == (20_006, "5")
    assert read_secret(site.exchange[0].secret_file, {}).reveal() == SECRET
    assert str(folder.path) in str(site.storage.directory)
    assert str(folder.socket) == site.control.socket
    same = ("site", "person", "outbound", "trunk_group", "gpio", "output", "lamp", "load", "annunciator", "fire")
    assert all(getattr(site, name) == getattr(shipped, name) for name in same)
    assert (site.recovery == shipped.recovery) is not fast
    assert build_floor(folder.site_file)[0].site == site


def test_a_hasty_day_has_its_own_times_shorter_and_is_polled_more_often(folder: RunFolder) -> None:
    shipped, site = load_site(SHIPPED), folder.write(ENDPOINTS, fast=True)
    assert site.recovery.stable_ms * FASTER == shipped.recovery.stable_ms
    assert [(one.after_ms or 0) * FASTER for one in site.stage] == [one.after_ms for one in shipped.stage]
    assert site.ups[0].fast_ms < shipped.ups[0].fast_ms
    assert site.fire == shipped.fire  # the fire panel waits for nobody, so nothing is hastened


def test_a_broker_without_mqtt_5_is_spoken_to_in_the_older_version(folder: RunFolder) -> None:
    old = Endpoints(peers=ENDPOINTS.peers, broker=ENDPOINTS.broker, old_mqtt=True)
    site = folder.write(old, fast=False)
    assert site.mqtt is not None
    assert site.mqtt.version == "3.1.1"


def test_nobody_else_can_look_into_the_folder_of_a_run(folder: RunFolder) -> None:
    folder.write(ENDPOINTS, fast=False)
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder.path / "pbx1.secret").stat().st_mode) == 0o600


def test_a_temporary_folder_too_deep_for_a_socket_is_avoided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("deep" * 25)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    made = RunFolder()
    made.remove()
    assert len(str(made.socket)) <= 107
    assert list(deep.iterdir()) == []


def test_every_shortened_time_of_the_demo_says_what_it_really_is() -> None:
    lines = SHIPPED.read_text().splitlines()
    marked = [line for line in lines if "# real: " in line]
    assert len(marked) >= 15
    hastened = ("off_delay", "stable", "restore_spacing", "stage_dwell", "relapse_window", "tier", "situation")
    for line in lines:
        if line.startswith(hastened) and " = " in line and '"' in line:
            assert "# real: " in line, line


# --------------------------------------------------------------------------------------------------------- the peers
def test_what_is_told_to_the_exchange_reaches_the_world_and_a_dead_trunk_the_exchange() -> None:
    async def scenario() -> None:
        world = make_world(load_site(SHIPPED), haste=60)
        peers = Peers(world, user="floorguard", secret=SECRET)
        ports = await peers.start()
        try:
            assert len({ports.ups, ports.cooling, ports.fire, ports.relays, ports.exchange}) == 5
            peers.exchange.set_variable("DEVICE_STATE(Custom:outbound-gate)", "INUSE")
            assert world.gates[OUTBOUND_GATE] is True
            world.trunks["main2"].up = False
            peers.show()
            assert peers.exchange.get_variable("DEVICE_STATE(PJSIP/trunk-main2)") == "UNAVAILABLE"
            assert peers.exchange.get_variable("GROUP_COUNT(in-main1@trunks)") == "5"
            assert peers.exchange.get_variable("GROUP_COUNT(out-main1@trunks)") == "0"
        finally:
            await peers.close()

    run(scenario())


# ------------------------------------------------------------------------------------------- the broker, the listener
def publish(port: int, topic: str, payload: bytes, *, retain: bool = True) -> None:
    """One message by paho, from outside."""
    import paho.mqtt.publish

    paho.mqtt.publish.single(topic, payload, qos=1, retain=retain, hostname="127.0.0.1", port=port)


async def hears_everything(broker: Mosquitto | Embedded) -> None:
    ready = asyncio.Event()
    listener = Listener(broker.port, "floor/v1/demo")
    await asyncio.to_thread(publish, broker.port, "floor/v1/demo/status", json.dumps({"v": 1}).encode())
    task = asyncio.create_task(listener.run(ready))
    await eventually_async(lambda: listener.messages.get("status") == {"v": 1})
    assert ready.is_set()
    big = {"v": 1, "text": "x" * 40_000}
    await asyncio.to_thread(publish, broker.port, "floor/v1/demo/alarm/a/b", json.dumps(big).encode())
    await eventually_async(lambda: listener.messages.get("alarm/a/b") == big)
    await asyncio.to_thread(publish, broker.port, "floor/v1/demo/alarm/a/b", b"")
    await eventually_async(lambda: listener.messages["alarm/a/b"] is None)
    await asyncio.to_thread(publish, broker.port, "floor/v1/demo/nonsense", b"{")
    await eventually_async(lambda: listener.heard == 4)
    assert any("nonsense" in fault for fault in listener.faults)
    assert any("status" in fault for fault in listener.faults) is listener.validates
    task.cancel()
    await asyncio.wait([task])


@pytest.mark.wire
def test_the_listener_hears_all_that_mosquitto_has(tmp_path: Path) -> None:
    program = require_program("mosquitto")

    async def scenario() -> None:
        broker = await Mosquitto.start(program, tmp_path)
        try:
            await hears_everything(broker)
        finally:
            await broker.stop()

    run(scenario())


@pytest.mark.wire
def test_the_listener_hears_all_that_amqtt_has() -> None:
    pytest.importorskip("amqtt", reason="amqtt is not installed")

    async def scenario() -> None:
        broker = await Embedded.start()
        try:
            await hears_everything(broker)
        finally:
            await broker.stop()

    run(scenario())


def test_a_message_that_breaks_the_contract_is_found() -> None:
    judge = find_judge()
    require(judge, "jsonschema is not installed")
    assert judge is not None
    assert judge("status", {"v": 1, "state": "lost", "boot": "b41c", "n": 17}) == []
    assert judge("status", {"v": 2}) != []
    assert judge("gossip", {}) == ["gossip: no schema for such a topic"]


@pytest.mark.parametrize("greeting", [b"\x20\x02\x00\x05", b"HTTP/1.1 400\r\n", b"\x30\xff\xff\xff\xff\xff", b""])
def test_a_broker_that_speaks_something_else_is_named(greeting: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(greeting)
        await writer.drain()
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        listener = Listener(server.sockets[0].getsockname()[1], "floor")
        with pytest.raises((ListenerLost, asyncio.IncompleteReadError)):
            await listener.run(asyncio.Event())
        server.close()
        await server.wait_closed()

    run(scenario())


def test_without_any_broker_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(BrokerFailed, match="install mosquitto, or amqtt"):
        run(start_broker(tmp_path))


def test_a_mosquitto_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    program = tmp_path / "mosquitto"
    program.write_text("#!/bin/sh\necho no such luck\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(BrokerFailed, match="no such luck"):
        run(Mosquitto.start(str(program), tmp_path))


# ---------------------------------------------------------------------------------------------------------- children
def test_a_child_that_ignores_the_end_is_ended_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("firmware_py.demo.process.STOP_S", 0.3)
    stubborn = (
        "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(60)"
    )

    async def scenario() -> None:
        child = await Child.start([sys.executable, "-c", stubborn], tmp_path / "log")
        await eventually_async(lambda: "here" in child.last_words())
        assert child.exit_code is None
        assert await child.stop() == -9
        assert await child.stop() == -9

    run(scenario())


def test_a_found_port_is_free() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", find_port()))
