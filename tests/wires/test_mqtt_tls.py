"""TLS with client certificates against a real mosquitto: in, kept out, and told why."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path

import pytest

from mqtt_bridge.settings import Bridge, Broker, Tls
from tests.conftest import eventually_async, find_tcp_port, run
from tests.mqtt_bridge.floors import SITE, ListOutbox, LoopClock, make_publisher, power_cut
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_certificates import Authority

pytestmark = pytest.mark.wire


def listen_with_tls(authority: Authority, **days: float) -> str:
    cert, key = authority.issue("broker", **days)
    lines = [f"cafile {authority.ca}", f"certfile {cert}", f"keyfile {key}"]
    return "\n".join([*lines, "require_certificate true", "use_identity_as_username true"])


class Now(LoopClock):
    """The machine's wall time, worth `clk`; it is `floor_days` from now at least."""

    def __init__(self, clk: str = "ntp", floor_days: float = -999) -> None:
        super().__init__(clk)
        earliest = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=floor_days)
        self.floor = f"{earliest:%Y-%m-%dT%H:%M:%S}.000Z"

    def utc(self, at_ms: int) -> str:
        return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%S}.000Z"


async def learn_error(port: int, tls: Tls | None, clk: str = "ntp", *, floor_days: float = -999) -> str:
    settings = Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls, connect_within_ms=2_000))
    bridge = make_publisher(settings, clock=Now(clk, floor_days))
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


def test_a_renewed_certificate_and_its_key_are_taken_at_the_next_connection_without_a_restart(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    used = [tmp_path / "used.pem", tmp_path / "used.key"]

    def take(files: tuple[str, str]) -> None:
        for file, found in zip(used, files, strict=True):
            file.write_bytes(Path(found).read_bytes())

    async def scenario(port: int) -> None:
        take(authority.issue(SITE, begins_days=-3, ends_days=-1))
        tls = Tls(ca=authority.ca, cert=str(used[0]), key=str(used[1]))
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls)))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.error)
        ended_ms = bridge.health.certificate_ends_ms
        take(authority.issue(SITE))
        await eventually_async(lambda: bridge.health.connected, within_s=20)
        assert ended_ms is not None and (bridge.health.certificate_ends_ms or 0) > ended_ms
        await bridge.stop("test")
        await task

    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        run(scenario(broker.port))


def test_a_broker_that_is_not_there_is_no_matter_of_certificates(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE, begins_days=-3, ends_days=-1)
    assert run(learn_error(find_tcp_port(), Tls(ca=authority.ca, cert=cert, key=key))).endswith("Connection refused")


@pytest.mark.parametrize("days", [{"begins_days": 2}, {"begins_days": -3, "ends_days": -1}], ids=["not yet", "expired"])
def test_a_certificate_whose_time_is_not_now_is_blamed_on_the_clock_unless_that_is_synchronised(
    days: dict[str, float], tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE)
    tls = Tls(ca=authority.ca, cert=cert, key=key)
    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority, **days)) as broker:
        unsure = run(learn_error(broker.port, tls, clk="none"))
        sure = run(learn_error(broker.port, tls))
    assert "the broker's certificate: certificate " in unsure and "set the clock first" in unsure
    assert "our clock is synchronised" in sure and "renew the certificate" in sure


def test_our_own_certificate_that_has_ended_is_named_though_the_broker_only_hangs_up(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE, begins_days=-3, ends_days=-1)
    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        told = run(learn_error(broker.port, Tls(ca=authority.ca, cert=cert, key=key)))
    assert "our own certificate holds from" in told and "renew the certificate" in told


@pytest.mark.parametrize("clk", ["none", "rtc"])
def test_a_clock_that_is_proven_wrong_keeps_nobody_out_whose_certificate_may_hold(clk: str, tmp_path: Path) -> None:
    """A Pi that boots in the past: by its clock the broker's certificate begins in two days. It is three days later at
    least, as the last time that was sure tells."""
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE)

    async def scenario(port: int) -> None:
        broker = Broker(host="127.0.0.1", port=port, tls=Tls(ca=authority.ca, cert=cert, key=key))
        bridge = make_publisher(Bridge(site=SITE, broker=broker), clock=Now(clk, floor_days=3))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.connected or bridge.health.error, within_s=20)
        assert bridge.health.error == ""
        await bridge.stop("test")
        await task

    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority, begins_days=2, ends_days=9)) as broker:
        run(scenario(broker.port))


def test_what_had_ended_by_the_last_time_that_was_sure_is_refused_though_a_wrong_clock_would_take_it(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE)
    tls = Tls(ca=authority.ca, cert=cert, key=key)
    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority, ends_days=1)) as broker:
        told = run(learn_error(broker.port, tls, clk="none", floor_days=3))
        assert "CONNECT" not in broker.log.read_text(), "not one byte of ours was said to it"
    assert "the broker's certificate ended at" in told and told.endswith("at least: renew it")


def test_a_sure_clock_or_one_above_the_floor_is_judged_by_alone(tmp_path: Path) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path / "stranger", "Stranger")
    cert, key = authority.issue(SITE)
    tls = Tls(ca=authority.ca, cert=cert, key=key)
    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority, begins_days=2)) as broker:
        sure = run(learn_error(broker.port, tls, floor_days=3))
        unsure = run(learn_error(broker.port, tls, clk="none", floor_days=-1))
        foreign = run(learn_error(broker.port, Tls(ca=stranger.ca, cert=cert, key=key), clk="none", floor_days=3))
    assert "not yet valid" in sure and "not yet valid" in unsure
    assert "the broker's certificate: " in foreign, "only the time is forgiven, never the authority"


def test_the_end_of_our_certificate_is_part_of_our_health(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    cert, key = authority.issue(SITE, ends_days=8)

    async def scenario(port: int) -> int:
        tls = Tls(ca=authority.ca, cert=cert, key=key)
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port, tls=tls)))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.connected)
        await bridge.stop("test")
        await task
        assert bridge.health.certificate_ends_ms is not None
        return bridge.health.certificate_ends_ms

    with Mosquitto.serve(tmp_path, settings=listen_with_tls(authority)) as broker:
        ends_ms = run(scenario(broker.port))
    left_s = ends_ms / 1000 - datetime.datetime.now(datetime.UTC).timestamp()
    assert 7.9 * 86_400 < left_s <= 8 * 86_400


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    _, key = authority.issue(SITE)
    (tmp_path / "rubbish.pem").write_text("rubbish")
    told = run(learn_error(1, Tls(ca=authority.ca, cert=str(tmp_path / "rubbish.pem"), key=key)))
    assert "rubbish.pem: not a certificate in PEM" in told
