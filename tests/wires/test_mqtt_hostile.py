"""Peers that are no brokers: silent ones, ones that talk nonsense, ones that hang up."""

from __future__ import annotations

import asyncio
import random
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from firmware_py.ports import DeviceError
from mqtt_bridge.client import Session
from mqtt_bridge.dialler import Dialler
from mqtt_bridge.messages import Message
from mqtt_bridge.settings import Bridge, Broker
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE, ListOutbox, make_publisher, see

pytestmark = pytest.mark.wire
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
WILL = Message(topic="floor/v1/a/status", payload=b"{}", retain=True)
WELCOME = bytes([0x20, 3, 0, 0, 0])


@asynccontextmanager
async def peer(serve: Serve) -> AsyncIterator[Broker]:
    open_writers: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.append(writer)
        with suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield Broker(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            connect_within_ms=500,
            puback_within_ms=500,
            keep_alive_ms=1_000,
        )
    finally:
        for writer in open_writers:
            writer.close()
        server.close()
        await asyncio.sleep(0.02)


async def keep_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1_000):
        pass


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def speak_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def announce_much(length: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"\x30" + length)
        await keep_silent(reader, writer)

    return serve


@pytest.mark.parametrize(
    "serve",
    [keep_silent, hang_up, speak_http, announce_much(b"\xff\xff\xff\x7f"), announce_much(b"\xff\xff\xff\xff\xff")],
    ids=["silent", "hangs up", "http", "endless", "no length"],
)
def test_a_peer_that_is_no_broker_is_an_error_in_bounded_time(serve: Serve) -> None:
    async def scenario() -> None:
        async with peer(serve) as broker:
            with pytest.raises(DeviceError, match=r"mqtt 127\.0\.0\.1:"):
                await Dialler(broker, "a").connect(WILL)

    run(scenario(), within_s=5)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (b"ask the administrator", ": ask the administrator"),
        (b"", ""),
        (b"two\nlines: mqtt: all is well", ""),
        (b"x" * 10_000, ": " + "x" * 200),
    ],
    ids=["some", "none", "lines", "many"],
)
def test_a_brokers_own_words_are_told_within_bounds(words: bytes, told: str) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        about = b"\x1f" + len(words).to_bytes(2, "big") + words  # property 31: Reason String
        body = b"\x00\x87" + _count(len(about)) + about
        writer.write(b"\x20" + _count(len(body)) + body)
        await keep_silent(reader, writer)

    async def scenario() -> None:
        async with peer(refuse) as broker:
            with pytest.raises(DeviceError) as caught:
                await Dialler(broker, "a").connect(WILL)
        assert str(caught.value).endswith(f"refused: Not authorized{told}")

    run(scenario(), within_s=10)


@pytest.mark.parametrize("wanted_s", [0, 1, 300])
def test_whatever_keep_alive_a_broker_wants_the_line_is_asked_for_life_in_time(wanted_s: int) -> None:
    """A broker that wants 300 s must not make us take its silence for a dead line, nor a dead line for silence."""
    pings = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal pings
        await reader.read(200)
        about = b"\x13" + wanted_s.to_bytes(2, "big")  # property 19: Server Keep Alive
        writer.write(b"\x20\x06\x00\x00" + _count(len(about)) + about)
        while await reader.read(2) == b"\xc0\x00":
            pings += 1
            writer.write(b"\xd0\x00")

    async def scenario() -> None:
        async with peer(answer) as broker:
            session = await Dialler(broker, "a").connect(WILL)
            await eventually_async(lambda: pings >= 2 or session.ended.done(), within_s=20)
            assert not session.ended.done(), session.ended.result()
            session.abandon("test")

    run(scenario(), within_s=30)


def _count(length: int) -> bytes:
    """A variable byte integer (MQTT 5, 1.5.5) below 2^14."""
    return bytes([length]) if length < 128 else bytes([length % 128 | 128, length // 128])


def test_nonsense_after_the_welcome_ends_the_session_and_nothing_else() -> None:
    chance = random.Random(11)
    troubles: list[dict[str, Any]] = []

    async def talk_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(WELCOME)
        for _ in range(4):
            body = chance.randbytes(chance.randrange(12))
            kind = chance.choice([0x20, 0x30, 0x32, 0x34, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xD0, 0xE0, 0xF0])
            writer.write(bytes([kind, len(body)]) + body)
        await writer.drain()

    async def use(session: Session) -> None:
        work = asyncio.gather(
            session.publish(Message(topic="a", payload=b"x")),
            session.subscribe("c", lambda raw: None),
            return_exceptions=True,
        )
        await asyncio.wait_for(session.ended, 5)
        assert all(isinstance(answer, DeviceError | str) for answer in await work)

    async def scenario() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        async with peer(talk_nonsense) as broker:
            dialler = Dialler(broker, "a")
            for _ in range(300):
                try:
                    session = await dialler.connect(WILL)
                except DeviceError:
                    continue
                await use(session)

    run(scenario(), within_s=60)
    assert troubles == []


def test_stop_does_not_wait_for_a_connection_that_is_being_made() -> None:
    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        async with peer(keep_silent) as broker:
            slow = Broker(host=broker.host, port=broker.port, connect_within_ms=20_000)
            bridge = make_publisher(Bridge(site=SITE, broker=slow))
            task = asyncio.create_task(bridge.run())
            await asyncio.sleep(0.1)
            begin_s = loop.time()
            await bridge.stop("update")
            await task
            return loop.time() - begin_s

    assert run(scenario()) < 0.5


def test_a_name_that_has_no_address_is_an_error_and_no_crash() -> None:
    async def scenario(host: str) -> str:
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host=host, port=1, connect_within_ms=3_000)))
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: bridge.health.error)
        error = bridge.health.error
        await bridge.stop("test")
        await task
        return error

    for host in ("no-such-host.invalid", "a" * 70 + ".example"):
        assert host in run(scenario(host))


def test_a_resolver_that_hangs_costs_one_thread_and_is_waited_for_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The address comes after we have given up: the connection made then is cut, and the next attempt works."""
    release, resolve = threading.Event(), socket.getaddrinfo

    def hang(host: Any, *rest: Any, **more: Any) -> Any:
        if host != "slow.example":
            return resolve(host, *rest, **more)
        release.wait(10)
        return resolve("127.0.0.1", *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    ended = asyncio.Event()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(WELCOME)
        try:
            await keep_silent(reader, writer)
        finally:
            ended.set()

    async def scenario() -> None:
        async with peer(welcome) as broker:
            dialler = Dialler(replace(broker, host="slow.example"), "a")
            with pytest.raises(DeviceError, match="no connection within 500 ms"):
                await dialler.connect(WILL)
            with pytest.raises(DeviceError, match="the last attempt still waits"):
                await dialler.connect(WILL)
            assert sum(thread.name == "mqtt-connect" for thread in threading.enumerate()) == 1
            release.set()
            await asyncio.wait_for(ended.wait(), 5)
            session = await dialler.connect(WILL)
            session.abandon("test")

    run(scenario(), within_s=15)


def test_stop_before_run_and_twice_is_no_trouble() -> None:
    async def scenario() -> None:
        bridge = make_publisher(Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=1)), outbox=ListOutbox())
        bridge.offer(see())
        bridge.notify()
        await bridge.stop("test")
        await bridge.stop("test")
        await bridge.run()

    run(scenario(), within_s=3)


def test_a_cancelled_task_leaves_no_socket_and_no_task_behind() -> None:
    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(200)
        writer.write(WELCOME)
        await keep_silent(reader, writer)

    async def scenario() -> None:
        async with peer(welcome) as broker:
            bridge = make_publisher(Bridge(site=SITE, broker=broker))
            task = asyncio.create_task(bridge.run())
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert not bridge.health.connected

    run(scenario(), within_s=5)
