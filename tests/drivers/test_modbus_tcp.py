"""A connection whose socket we read ourselves: never another word heard, nor another end, than by the loop's own way.

Real sockets in virtual time. The loop's own way is the protocol below, as asyncio drives it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.modbus_exchange import Exchange
from drivers.modbus_tcp import PlainTcp
from tests.shell.virtual import VirtualClock, run_virtual, spend

Watch = Callable[[bool, bytes], bytes]
Note = Callable[[bool], None]
MOST = 300


class LoopsOwn(asyncio.Protocol):
    """What PlainTcp does, with the transport of asyncio."""

    def __init__(self, port: int, watch: Watch, note: Note) -> None:
        self._port, self._watch, self._note, self._heard = port, watch, note, b""
        self.transport: asyncio.Transport | None = None
        self.max_buffer_size = MOST

    @property
    def connected(self) -> bool:
        return self.transport is not None and not self.transport.is_closing()

    async def connect(self) -> bool:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        except OSError:
            return False
        return self.connected

    def close(self) -> None:
        transport, self.transport, self._heard = self.transport, None, b""
        if transport is not None:
            transport.close()

    def send(self, packet: bytes) -> None:
        self._heard = b""
        if self.transport is not None:
            self.transport.write(packet)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._note(True)

    def connection_lost(self, _: Exception | None) -> None:
        if self.transport is not None:
            self.transport, self._heard = None, b""
            self._note(False)

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) > self.max_buffer_size:
            self._heard = b""
        else:
            self._watch(False, self._heard)


class FarEnd:
    """Takes connections, and does with the newest what it is told."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            while data := await reader.read(999):
                self.heard += data
        except ConnectionError:
            pass

    def do(self, what: str, data: bytes) -> None:
        writer = self.writers[-1] if self.writers else None
        if writer is None or writer.is_closing():
            return
        if what == "say":
            writer.write(data)
        elif what == "end":
            writer.close()
        elif what == "say and end":
            writer.write(data)
            writer.close()
        elif what == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


@asynccontextmanager
async def far_end() -> AsyncIterator[tuple[FarEnd, int]]:
    far = FarEnd()
    server = await asyncio.start_server(far.serve, "127.0.0.1", 0)
    try:
        yield far, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in far.writers:
            writer.close()
        await spend(5)


def never(_: Exchange, __: bytearray) -> bool:
    raise AssertionError("nothing was begun")


def plain(port: int, watch: Watch, note: Note) -> PlainTcp:
    made = PlainTcp("127.0.0.1", port, watch, note, never)
    made.max_buffer_size = MOST
    return made


steps = st.lists(
    st.tuples(
        st.sampled_from(["say", "say", "say", "send", "send", "end", "say and end", "reset", "close", "open"]),
        st.binary(min_size=1, max_size=160),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


Make = Callable[[int, Watch, Note], PlainTcp | LoopsOwn]


async def follow(course: list[tuple[str, bytes]], make: Make) -> list[object]:
    seen: list[object] = []

    def watch(_: bool, data: bytes) -> bytes:
        seen.append(bytes(data))
        return b""

    async with far_end() as (far, port):
        client = make(port, watch, seen.append)
        assert await client.connect()
        for what, data in course:
            if what == "send":
                client.send(data)
            elif what == "close":
                client.close()
            elif what == "open":
                client.close()
                client = make(port, watch, seen.append)
                seen.append(await client.connect())
            else:
                far.do(what, data)
            await spend(2)
            seen += [client.connected, bytes(far.heard)]
        client.close()
    return seen


MAKERS: tuple[Make, Make] = (plain, LoopsOwn)


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(steps)
def test_any_course_is_heard_as_by_the_loops_own_way(course: list[tuple[str, bytes]]) -> None:
    ours, own = (run_virtual(lambda _, make=make: follow(course, make)) for make in MAKERS)
    assert ours == own


def test_where_nobody_listens_there_is_no_connection() -> None:
    async def scenario(_: VirtualClock) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = plain(taken.getsockname()[1], lambda _, data: data, lambda _: None)
            assert not await client.connect()
            assert not client.connected and client.sock is None

    run_virtual(scenario)


def test_what_the_far_end_does_not_take_at_once_is_sent_when_it_does() -> None:
    async def scenario(_: VirtualClock) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            client = plain(server.getsockname()[1], lambda _, data: data, lambda _: None)
            assert await client.connect() and client.sock is not None
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
            far, _ = server.accept()
            sent, heard = b"", b""
            with far:
                for number in range(400):
                    packet = number.to_bytes(2, "big") * 500
                    client.send(packet)
                    sent += packet
                assert client._unsent, "the far end has not read yet"
                far.setblocking(False)
                while len(heard) < len(sent):
                    try:
                        heard += far.recv(65_536)
                    except BlockingIOError:
                        await spend(1)
                assert heard == sent and not client._unsent
            client.close()

    run_virtual(scenario)


def test_a_bug_of_who_listens_costs_the_connection_and_is_told() -> None:
    async def scenario(_: VirtualClock) -> list[object]:
        notes: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: notes.append(str(context["exception"])))

        def watch(_: bool, __: bytes) -> bytes:
            raise ZeroDivisionError("a bug")

        async with far_end() as (far, port):
            client = plain(port, watch, notes.append)
            await client.connect()
            far.do("say", b"x")
            await spend(5)
            assert not client.connected
        return notes

    notes = run_virtual(scenario)
    assert sorted(map(str, notes)) == ["False", "True", "a bug"]


def test_where_descriptors_run_out_the_connection_is_given_back_and_not_forgotten() -> None:
    async def scenario(_: VirtualClock) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context["exception"]))
        with socket.create_server(("127.0.0.1", 0)) as server:
            client = plain(server.getsockname()[1], lambda _, data: data, lambda _: None)
            before = descriptors()
            limits, spare = resource.getrlimit(resource.RLIMIT_NOFILE), [os.open(os.devnull, os.O_RDONLY)]
            while spare[-1] < max(before):
                spare.append(os.open(os.devnull, os.O_RDONLY))
            resource.setrlimit(resource.RLIMIT_NOFILE, (spare[-1] + 1, limits[1]))
            try:
                os.close(spare.pop())  # room for the connection, and for no second hold of it
                assert not await client.connect()
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
                for each in spare:
                    os.close(each)
            await spend(1)
            assert descriptors() == before
            assert await client.connect(), "and the next attempt is like any other"
            client.close()

    complaints: list[Exception] = []
    run_virtual(scenario)
    assert [type(error) for error in complaints] == [OSError]


def descriptors() -> set[int]:
    return {int(entry.name) for entry in Path("/proc/self/fd").iterdir() if entry.exists()}
