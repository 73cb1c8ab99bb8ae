"""Raw bounds in Python: nothing but sockets and hand-encoded packets, all devices in one tick, a message a device.

`python -m bench.raw BROKER modbus|snmp PORT...`; no guard, no rule, no store: what a poller in CPython costs at least.
"""

from __future__ import annotations

import asyncio
import struct
import sys
import time

OIDS = (
    "2.1.0", "2.2.0", "2.3.0", "2.4.0", "2.5.0", "2.6.0", "2.7.0", "3.3.1.2.1", "3.3.1.3.1", "4.1.0", "4.2.0",
    "4.4.1.2.1", "4.4.1.4.1", "4.4.1.4.2", "4.4.1.4.3", "4.4.1.5.1", "4.4.1.5.2", "4.4.1.5.3", "6.1.0", "7.3.0",
)  # fmt: skip
ROOT = "1.3.6.1.2.1.33.1"
_SOURCE = OIDS.index("4.1.0")


class Bus:
    """Where values go: QoS 0, written by hand."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def publish(self, topic: str, text: str) -> None:
        body = struct.pack(">H", len(topic)) + topic.encode() + text.encode()
        length, left = b"", len(body)
        while True:
            left, digit = left >> 7, left & 0x7F
            length += bytes((digit | (0x80 if left else 0),))
            if not left:
                break
        self._writer.write(b"\x30" + length + body)


async def connect(port: int) -> Bus:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"\x10\x11\x00\x04MQTT\x04\x02\x00\x00\x00\x05bench")
    await reader.readexactly(4)
    return Bus(writer)


class Unit(asyncio.Protocol):
    """One Modbus unit."""

    def __init__(self, bus: Bus, number: int) -> None:
        self._bus, self._topic, self._heard = bus, f"raw/unit{number}", b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self) -> None:
        self._transport.write(b"\x00\x01\x00\x00\x00\x06\x01\x03\x00\x00\x00\x7d")

    def data_received(self, data: bytes) -> None:
        self._heard += data
        if len(self._heard) >= 259:
            values = struct.unpack(">125H", self._heard[9:259])
            self._heard = b""
            self._bus.publish(self._topic, str(values))


class Agent(asyncio.DatagramProtocol):
    """One SNMP agent. Another upsOutputSource than before is told on stdout, with nothing in between."""

    source = 0

    def __init__(self, bus: Bus, number: int) -> None:
        self._bus, self._topic = bus, f"raw/agent{number}"
        binds = b"".join(_wrap(0x30, _wrap(6, _name(f"{ROOT}.{oid}")) + b"\x05\x00") for oid in OIDS)
        pdu = _wrap(0xA0, b"\x02\x04\x10\x00\x00\x00\x02\x01\x00\x02\x01\x00" + _wrap(0x30, binds))
        self._question = _wrap(0x30, b"\x02\x01\x01" + _wrap(4, b"public") + pdu)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.DatagramTransport = transport  # type: ignore[assignment]  # asyncio's own promise

    def ask(self) -> None:
        self._transport.sendto(self._question)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        values = _integers(data)
        if self.source not in (0, values[_SOURCE]):
            print(f"seen {values[_SOURCE]} {time.monotonic_ns()}", flush=True)
        self.source = values[_SOURCE]
        self._bus.publish(self._topic, str(values))


def _wrap(tag: int, content: bytes) -> bytes:
    length = len(content)
    head = bytes((tag, length)) if length < 128 else bytes((tag, 0x82)) + length.to_bytes(2, "big")
    return head + content


def _name(oid: str) -> bytes:
    parts = [int(part) for part in oid.split(".")]
    assert max(parts) < 128
    return bytes((parts[0] * 40 + parts[1], *parts[2:]))


def _integers(data: bytes) -> list[int]:
    """The values of a reply, nothing checked but lengths."""
    place = 0
    for tag in (0x30, 0x02, 0x04, 0xA2, 0x02, 0x02, 0x02, 0x30):
        assert data[place] == tag
        length, place = data[place + 1], place + 2
        if length & 0x80:
            length, place = int.from_bytes(data[place : place + (length & 0x7F)], "big"), place + (length & 0x7F)
        if tag not in (0x30, 0xA2):
            place += length
    values = []
    while place < len(data):
        place += 3 + data[place + 3] + 1
        length = data[place + 1]
        values.append(int.from_bytes(data[place + 2 : place + 2 + length], "big", signed=True))
        place += 2 + length
    return values


async def run(broker: int, kind: str, ports: list[int]) -> None:
    """For ever, once a second."""
    loop, bus = asyncio.get_running_loop(), await connect(broker)
    asked: list[Unit | Agent] = []
    for number, port in enumerate(ports):
        if kind == "modbus":
            asked.append((await loop.create_connection(lambda n=number: Unit(bus, n), "127.0.0.1", port))[1])  # type: ignore[misc]  # a lambda's default has no type
        else:
            made = loop.create_datagram_endpoint(lambda n=number: Agent(bus, n), remote_addr=("127.0.0.1", port))  # type: ignore[misc]  # a lambda's default has no type
            asked.append((await made)[1])
    due_s = loop.time()
    while True:
        for one in asked:
            one.ask()
        due_s += 1.0
        await asyncio.sleep(due_s - loop.time())


if __name__ == "__main__":
    asyncio.run(run(int(sys.argv[1]), sys.argv[2], [int(word) for word in sys.argv[3:]]))
