"""Services looked at over real sockets: http.server and openssl as peers, silence, refusal, what is our own fault."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator

import pytest

from drivers.reach import ReachBus, Service
from firmware_py.core.reading import Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually, find_tcp_port, require_program, run
from tests.wires.mqtt_certificates import Authority

pytestmark = pytest.mark.wire
DAY_S = 86_400


def look(service: Service, side: str = "main", *, now_s: int | None = 0) -> dict[str, Sample]:
    bus = ReachBus(service, lambda ends_s: None if now_s is None else (ends_s - now_s) / DAY_S)
    (group,) = (one for one in bus.groups if one.id == f"{service.id}.{side}")

    async def scenario() -> dict[str, Sample]:
        try:
            return await bus.read(group)
        finally:
            await bus.close()

    return run(scenario(), within_s=20)


def takes_connections(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def serve(*command: str, port: int) -> Iterator[int]:
    peer = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.PIPE)
    try:
        eventually(lambda: takes_connections(port), within_s=30, what=command[0])
        yield port
    finally:
        peer.kill()
        peer.communicate()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder, port = tmp_path_factory.mktemp("web"), find_tcp_port()
    (folder / "index.html").write_text("alive")
    yield from serve(
        sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(folder), port=port
    )


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[int]:
    openssl = require_program("openssl")
    cert, key = authority.issue("crm", ends_days=9)
    port = find_tcp_port()
    yield from serve(
        openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key, "-www", "-quiet", port=port
    )


def test_a_service_that_takes_a_connection_is_up_and_its_time_is_told(web: int) -> None:
    seen = look(Service(id="web", check="tcp", hosts={"main": "127.0.0.1"}, port=web))
    assert seen["web.main.up"] == Sample(value=True)
    assert isinstance(seen["web.main.answer_ms"].value, int)
    assert "web.main.cert_days" not in seen


def test_an_http_status_decides(web: int) -> None:
    service = Service(id="web", check="http", hosts={"main": "127.0.0.1"}, port=web)
    assert look(service)["web.main.up"] == Sample(value=True, detail="status 200")
    gone = Service(id="web", check="http", hosts={"main": "127.0.0.1"}, port=web, path="/nothing")
    assert look(gone)["web.main.up"] == Sample(value=False, detail="status 404")


def test_each_side_is_looked_at_for_itself(web: int) -> None:
    service = Service(id="web", check="http", hosts={"main": "127.0.0.9", "standby": "127.0.0.1"}, port=web)
    assert look(service, "main")["web.main.up"].value is False
    assert look(service, "standby")["web.standby.up"].value is True


def test_a_port_that_refuses_is_down(free_tcp_port: int) -> None:
    seen = look(Service(id="s", check="tcp", hosts={"main": "127.0.0.1"}, port=free_tcp_port))
    assert seen["s.main.up"].value is False
    assert seen["s.main.answer_ms"].because is Reason.NOT_SUPPORTED


def test_a_service_that_takes_the_connection_and_says_nothing_is_down_in_time() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # the kernel takes the connection, nobody ever speaks
        port = listener.getsockname()[1]
        seen = look(Service(id="s", check="http", hosts={"main": "127.0.0.1"}, port=port, timeout_ms=200))
    assert seen["s.main.up"] == Sample(value=False, detail="no answer within 200 ms")


@pytest.mark.parametrize(
    ("said", "detail"),
    [(b"SSH-2.0-OpenSSH\r\n", "no status line of HTTP"), (b"", "no line of HTTP"), (b"x" * 9000, "no line of HTTP")],
)
def test_what_speaks_something_else_is_down(said: bytes, detail: str) -> None:
    async def scenario() -> dict[str, Sample]:
        async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(said)
            await reader.readline()
            writer.close()

        server = await asyncio.start_server(speak, "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            bus = ReachBus(Service(id="s", check="http", hosts={"main": "127.0.0.1"}, port=port), lambda _: None)
            return await bus.read(bus.groups[0])

    assert run(scenario())["s.main.up"] == Sample(value=False, detail=detail)


def test_a_certificate_is_checked_and_its_days_are_counted(secure: int, authority: Authority) -> None:
    trusted = ssl.create_default_context(cafile=authority.ca)
    service = Service(id="crm", check="https", hosts={"main": "127.0.0.1"}, port=secure, tls=trusted)
    seen = look(service, now_s=int(datetime.datetime.now(datetime.UTC).timestamp()))
    assert seen["crm.main.up"].value is True
    assert isinstance(seen["crm.main.cert_days"].value, float) and 8.5 < seen["crm.main.cert_days"].value <= 9.0
    assert look(service, now_s=None)["crm.main.cert_days"].because is Reason.DOUBTFUL
    stranger = Service(
        id="crm", check="tls", hosts={"main": "127.0.0.1"}, port=secure, tls=ssl.create_default_context()
    )
    refused = look(stranger)
    assert refused["crm.main.up"].value is False and "certificate" in refused["crm.main.up"].detail
    assert refused["crm.main.cert_days"].because is Reason.NOT_SUPPORTED
    named = Service(
        id="crm", check="tls", hosts={"main": "127.0.0.1"}, port=secure, tls=trusted, server_name="other.example.org"
    )
    assert look(named)["crm.main.up"].value is False


def test_a_name_that_nobody_knows_is_no_answer_about_the_service() -> None:
    with pytest.raises(DeviceError, match="cannot be looked at from here"):
        look(Service(id="s", check="tcp", hosts={"main": "no.such.host.invalid"}, port=9, timeout_ms=15_000))


def test_its_name_is_the_services_and_it_has_a_group_for_each_side() -> None:
    bus = ReachBus(Service(id="s", check="tcp", hosts={"main": "a", "standby": "b"}, port=9), lambda _: None)
    bus.listen(lambda _: None)
    assert (bus.name, [group.id for group in bus.groups]) == ("s", ["s.main", "s.standby"])
