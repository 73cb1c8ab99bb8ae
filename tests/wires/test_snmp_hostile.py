"""Agents that send rubbish: every read ends in time, in samples or a DeviceError, and the event loop is never held."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

import pytest

from drivers.snmp_bus import SnmpBus
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.demo.ups_agent import Gauge32, UpsAgent
from firmware_py.ports import DeviceError
from tests.conftest import run
from tests.drivers.snmp_profiles import UPS
from tests.wires.snmp_peers import HOST, make_bus, read

pytestmark = pytest.mark.wire
VALUES = {f"{UPS}.4.1.0": 3, f"{UPS}.2.1.0": 2, f"{UPS}.6.1.0": Gauge32(0), f"{UPS}.2.4.0": 100}
MOST_HELD_MS = 50.0


def wrap(tag: int, body: bytes) -> bytes:
    return bytes((tag, 0x82)) + len(body).to_bytes(2, "big") + body


def nested(size: int) -> bytes:
    data = b""
    while len(data) < size:
        data = wrap(0x30, data)
    return data


# Made beforehand, so that only the driver's work is measured.
NESTED = nested(7000)
FAT = wrap(0x30, wrap(0x06, b"\x2b" * 800) + b"\x05\x00") * 9
LONG = os.urandom(65_000)


class Rubbish(asyncio.DatagramProtocol):
    """Answers each datagram with `count` datagrams of whatever `make` gives for it."""

    def __init__(self, make: Callable[[bytes], bytes], count: int = 1) -> None:
        self._make, self._count = make, count

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for _ in range(self._count):
            self.transport.sendto(self._make(data), addr)

    async def start(self) -> int:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(HOST, 0))
        return int(self.transport.get_extra_info("sockname")[1])


class Held:
    """How much processor time the loop's thread spent between two of its turns, at worst.

    A busy machine does not count, nor does collecting the garbage of the tests before.
    """

    async def __aenter__(self) -> Held:
        gc.collect()
        gc.freeze()
        self.worst_ms = 0.0
        self._task = asyncio.create_task(self._watch())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})
        gc.unfreeze()
        print(f"event loop held at most {self.worst_ms:.1f} ms")  # noqa: T201 - the figure is part of the evidence

    async def _watch(self) -> None:
        while True:
            before = time.thread_time()
            await asyncio.sleep(0.001)
            self.worst_ms = max(self.worst_ms, (time.thread_time() - before) * 1000)


async def warmed(bus: SnmpBus) -> None:
    """The engine exists afterwards; what it costs to build is not measured here."""
    while bus._session is None:
        with suppress(DeviceError):
            await read(bus)


@pytest.mark.parametrize(
    ("what", "make", "count"),
    [
        ("random bytes", lambda _: os.urandom(300), 20),
        ("64 KiB", lambda _: LONG, 20),
        ("64 KiB that begin like a reply", lambda data: data[:2] + LONG[2:], 20),
        ("the request itself", lambda data: data, 20),
        ("nothing", lambda _: b"", 20),
        ("deep nesting", lambda _: b"\x30\x80" * 2000, 20),
        ("honest nesting", lambda _: NESTED, 20),
        ("a thousand values", lambda data: crowd(data, b"\x30\x06\x06\x01\x2b\x02\x01\x00" * 1000), 20),
        ("few and fat values", lambda data: crowd(data, FAT), 20),
        ("a nested value", lambda data: crowd(data, wrap(0x30, NESTED)), 20),
        ("an endless number", lambda data: crowd(data, wrap(0x30, b"\x06\x01\x2b" + wrap(0x02, b"\x7f" * 7000))), 20),
        ("version 3", lambda _: wrap(0x30, b"\x02\x01\x03" + NESTED), 20),
    ],
)
def test_rubbish_is_a_device_error_in_time_and_holds_nothing(
    what: str, make: Callable[[bytes], bytes], count: int
) -> None:
    async def scenario() -> None:
        peer = Rubbish(make, count)
        bus = make_bus(await peer.start(), fast_deadline_ms=200)
        try:
            await warmed(bus)
            async with Held() as held:
                for _ in range(2):
                    started = asyncio.get_running_loop().time()
                    try:
                        samples = await read(bus)
                    except DeviceError:
                        pass
                    else:  # an answer, but to nothing that was asked
                        assert {sample.quality for sample in samples.values()} == {Quality.BAD}
                    assert asyncio.get_running_loop().time() - started < 0.6
            assert held.worst_ms < MOST_HELD_MS, what
        finally:
            await bus.close()
            peer.transport.close()

    run(scenario())


def crowd(request: bytes, values: bytes) -> bytes:
    """A reply to `request` that is right in all but its values."""
    community = request.index(b"floor")
    pdu = community + 5
    start = pdu + 2 if request[pdu + 1] < 0x80 else pdu + 2 + (request[pdu + 1] & 0x7F)
    request_id = request[start : start + 2 + request[start + 1]]
    answer = wrap(0xA2, request_id + b"\x02\x01\x00\x02\x01\x00" + wrap(0x30, values))
    return wrap(0x30, b"\x02\x01\x01\x04\x05floor" + answer)


def test_a_flood_from_a_stranger_changes_nothing() -> None:
    async def scenario() -> None:
        agent = UpsAgent(lambda: VALUES, "floor")
        bus = make_bus(await agent.start(HOST))
        stranger = Rubbish(lambda _: b"")
        await stranger.start()
        try:
            await read(bus)
            assert bus._session is not None
            ours = bus._session._port._sock.getsockname()[1]
            async with Held() as held:
                for _ in range(20):
                    for _ in range(50):
                        stranger.transport.sendto(os.urandom(1000), (HOST, ours))
                    assert (await read(bus))["output_source"].value == "mains"
            assert held.worst_ms < MOST_HELD_MS
        finally:
            await bus.close()
            await agent.close()
            stranger.transport.close()

    run(scenario())


class Liar(UpsAgent):
    """An agent whose whole replies are changed by `twist` before they are sent."""

    def __init__(self, twist: Callable[[bytes], bytes]) -> None:
        super().__init__(lambda: VALUES, "floor")
        self._twist = twist

    def _reply(self, data: bytes) -> bytes | None:
        reply = super()._reply(data)
        return None if reply is None else self._twist(reply)


async def lied_to(
    twist: Callable[[bytes], bytes], reads: int, **settings: int
) -> list[dict[str, Sample] | DeviceError]:
    agent = Liar(twist)
    bus = make_bus(await agent.start(HOST), profile_name="ups_rfc1628", **settings)
    troubles: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: troubles.append(context))
    results: list[dict[str, Sample] | DeviceError] = []
    try:
        while len(results) < reads:
            try:
                results.append(dict(await read(bus)))
            except DeviceError as error:
                results.append(error)
        assert not troubles, troubles
    finally:
        await bus.close()
        await agent.close()
    return results


def test_replies_with_flipped_bits_never_raise_anything_else_and_never_give_an_impossible_value() -> None:
    chance = random.Random(1628)

    def flip(reply: bytes) -> bytes:
        bits = bytearray(reply)
        for _ in range(chance.randint(1, 4)):
            bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(8)
        return bytes(bits)

    words = {"mains", "battery", "bypass", "off", "test"}
    for result in run(lied_to(flip, 100, fast_deadline_ms=50), within_s=60):
        if isinstance(result, dict) and result["output_source"].quality is Quality.GOOD:
            assert result["output_source"].value in words


def swap(old: str, new: str) -> Callable[[bytes], bytes]:
    return lambda reply: reply.replace(bytes.fromhex(old), bytes.fromhex(new))


@pytest.mark.parametrize(
    ("twist", "reason"),
    [
        # Another object's name: an answer to what nobody asked.
        (swap("2b060102012101040100", "2b060102012101040900"), Reason.BAD_REPLY),
        # INTEGER 3 becomes an OCTET STRING of the same length, then 9, which no table has.
        (swap("040100020103", "040100040103"), Reason.BAD_REPLY),
        (swap("040100020103", "040100020109"), Reason.UNKNOWN_WORD),
    ],
)
def test_a_wrong_object_type_or_word_spoils_that_point_only(twist: Callable[[bytes], bytes], reason: Reason) -> None:
    for result in run(lied_to(twist, 2)):
        assert isinstance(result, dict), result
        assert result["output_source"].because is reason
        assert result["battery.status"].value == "normal"


def test_another_request_id_is_no_answer() -> None:
    def late(reply: bytes) -> bytes:
        place = reply.index(b"floor") + 5
        start = place + 2 if reply[place + 1] < 0x80 else place + 2 + (reply[place + 1] & 0x7F)
        last = start + 1 + reply[start + 1]
        return reply[:last] + bytes((reply[last] ^ 0x20,)) + reply[last + 1 :]

    for result in run(lied_to(late, 2, fast_deadline_ms=300)):
        assert isinstance(result, DeviceError)


@pytest.mark.parametrize("status", [1, 5])
def test_an_agent_that_takes_no_large_request_is_read_object_by_object(status: int) -> None:
    def refuse(reply: bytes) -> bytes:
        """tooBig(1) or genErr(5) for each answer with more than one value."""
        if reply.count(b"\x06\x0a\x2b") + reply.count(b"\x06\x0b\x2b") < 2:
            return reply
        place = reply.index(b"floor") + 5
        start = place + 2 if reply[place + 1] < 0x80 else place + 2 + (reply[place + 1] & 0x7F)
        error = start + 2 + reply[start + 1] + 2
        return reply[:error] + bytes((status,)) + reply[error + 1 :]

    for result in run(lied_to(refuse, 2, fast_deadline_ms=3000)):
        assert isinstance(result, dict), result
        assert (result["output_source"].value, result["battery.status"].value) == ("mains", "normal")
