"""TLS with client certificates against a real mosquitto: in, kept out, and told why."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mqtt_bridge.settings import Bridge, Broker, Tls
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE, ListOutbox, make_publisher, power_cut
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_certificates import Authority

pytestmark = pytest.mark.wire


def listen_with_tls(authority: Authority) -> str:
    cert, key = authority.issue("broker")
    lines = [f"cafile {authority.ca}", f"certfile {cert}", f"keyfile {key}"]
    return "\n".join([*lines, "require_certificate true", "use_identity_as_username true"])


async def learn_error(port: int, tls: Tls | None) -> str:
    bridge = make_publisher(
        Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls, connect_within_ms=2_000))
    )
    task = asyncio.create_task(bridge.run())
    await eventually_async(lambda: bridge.health.error)
    error = bridge.health.error
    assert not bridge.health.connected
    await bridge.stop("test")
    await task
    return error


def test_a_certificate_with_the_name_of_the_site_lets_us_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE)
    outbox = ListOutbox()
    for number in range(60):
        outbox.append(text="x" * 100, number=number)

    async def scenario(port: int) -> None:
        tls = Tls(ca=authority.ca, cert=cert, key=key)
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls)), outbox=outbox)
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: outbox.ack == 60, within_s=20)
        await bridge.stop("test")
        await task

    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        run(scenario(broker.port))
        assert f"u'{SITE}'" in broker.log.read_text()


def test_each_fault_of_a_certificate_is_told_by_its_name(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path / "stranger", "Stranger")
    cert, key = authority.issue(SITE)
    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        distrusted = run(learn_error(broker.port, Tls(ca=stranger.ca, cert=cert, key=key)))
        missing = run(learn_error(broker.port, Tls(ca=authority.ca, cert=cert, key=str(tmp_path / "gone.key"))))
        plain = run(learn_error(broker.port, None))
        without = run(learn_error(broker.port, Tls(ca=authority.ca)))
    assert "the broker's certificate: " in distrusted
    assert missing.endswith(f"{tmp_path / 'gone.key'}: No such file or directory")
    assert plain and without


def test_files_are_read_again_at_each_attempt(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path / "stranger", "Stranger")
    cert, key = authority.issue(SITE)
    used = tmp_path / "used.pem"
    used.write_text(Path(stranger.ca).read_text())

    async def scenario(port: int) -> None:
        tls = Tls(ca=str(used), cert=cert, key=key)
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls)))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: "certificate" in bridge.health.error)
        used.write_text(Path(authority.ca).read_text())
        await eventually_async(lambda: bridge.health.connected)
        await bridge.stop("test")
        await task

    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        run(scenario(broker.port))
