"""A UPS's network card for the simulated floor: an SNMP v2c agent on loopback that serves whatever `read` returns.

Hand-written BER, so that the demo is not proved by the library that the driver uses. It must not know what the
object ids mean; who builds the floor does.
"""

import asyncio
import os
from bisect import bisect_right
from collections.abc import Callable, Mapping

MOST_BYTES = 4096
MOST_ROWS = 64
_GET, _NEXT, _BULK, _RESPONSE = 0xA0, 0xA1, 0xA5, 0xA2
_INTEGER, _OCTETS, _OID, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
_NO_SUCH_OBJECT, _END_OF_VIEW = b"\x80\x00", b"\x82\x00"


class Gauge32(int):
    """Sent as Gauge32 instead of INTEGER."""


class Counter32(int):
    """Sent as Counter32."""


class TimeTicks(int):
    """Sent as TimeTicks, hundredths of a second."""


class Oid(str):
    """Sent as OBJECT IDENTIFIER; dotted, without a leading dot."""

    __slots__ = ()


_TAGS = {Gauge32: 0x42, Counter32: 0x41, TimeTicks: 0x43}


class UpsAgent(asyncio.DatagramProtocol):
    """GET, GETNEXT and GETBULK of a flat table. A plain int is an INTEGER, a plain str an OCTET STRING."""

    def __init__(self, read: Callable[[], Mapping[str, int | str]], community: str = "public") -> None:
        self._read = read
        self._community = community.encode()
        self._transport: asyncio.DatagramTransport | None = None
        self.silent = False  # drops every request
        self.garbage = False  # answers random bytes
        self.answered = 0  # requests answered so far

    async def start(self, host: str, port: int = 0) -> int:
        """Listen; returns the port that was bound (a free one for 0). OSError when it is taken."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(host, port))
        return int(self._transport.get_extra_info("sockname")[1])

    async def close(self) -> None:
        """Stop listening; may be called twice."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        await asyncio.sleep(0)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one request; what is not a request of our community is ignored, as a real card does."""
        if self.silent or self._transport is None or len(data) > MOST_BYTES:
            return
        reply = os.urandom(200) if self.garbage else self._reply(data)
        if reply is not None:
            self.answered += 1
            self._transport.sendto(reply, addr)

    def _reply(self, data: bytes) -> bytes | None:
        try:
            message = _children(_one(data, _SEQUENCE))
            version, community, (kind, pdu) = message[0][1], message[1][1], message[2]
            first, second, third, (_, binds) = _children(pdu)
            asked = [_oid_of(_children(bind)[0][1]) for _, bind in _children(binds)]
        except (ValueError, IndexError):
            return None
        if version != b"\x01" or community != self._community or kind not in (_GET, _NEXT, _BULK):
            return None
        rows = self._rows(kind, asked, _int_of(second[1]), _int_of(third[1]))
        body = b"".join(_tlv(_SEQUENCE, _oid(oid) + value) for oid, value in rows)
        head = _tlv(first[0], first[1]) + _integer(0) + _integer(0)
        answer = _tlv(_RESPONSE, head + _tlv(_SEQUENCE, body))
        return _tlv(_SEQUENCE, _tlv(_INTEGER, version) + _tlv(_OCTETS, community) + answer)

    def _rows(
        self, kind: int, asked: list[tuple[int, ...]], plain: int, times: int
    ) -> list[tuple[tuple[int, ...], bytes]]:
        table = {tuple(int(part) for part in oid.split(".")): value for oid, value in self._read().items()}
        if kind == _GET:
            return [(oid, _value(table[oid]) if oid in table else _NO_SUCH_OBJECT) for oid in asked]
        order = sorted(table)

        def behind(oid: tuple[int, ...]) -> tuple[tuple[int, ...], bytes]:
            place = bisect_right(order, oid)
            return (order[place], _value(table[order[place]])) if place < len(order) else (oid, _END_OF_VIEW)

        if kind == _NEXT:
            return [behind(oid) for oid in asked]
        rows = [behind(oid) for oid in asked[:plain]]
        at = asked[plain:]
        for _ in range(min(times, MOST_ROWS)):
            found = [behind(oid) for oid in at]
            rows += found
            at = [oid for oid, _ in found]
            if len(rows) >= MOST_ROWS or all(value == _END_OF_VIEW for _, value in found):
                break
        return rows


# ------------------------------------------------------------------------------------------------------- BER (X.690)


def _tlv(tag: int, body: bytes) -> bytes:
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    return bytes((tag, 0x82)) + len(body).to_bytes(2, "big") + body


def _integer(number: int, tag: int = _INTEGER) -> bytes:
    # One bit more than the number needs, since the first bit is the sign.
    return _tlv(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))


def _oid(oid: tuple[int, ...]) -> bytes:
    parts = (40 * oid[0] + oid[1], *oid[2:])
    return _tlv(_OID, b"".join(_sevens(part) for part in parts))


def _sevens(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _value(value: int | str) -> bytes:
    if isinstance(value, int):
        return _integer(int(value), _TAGS.get(type(value), _INTEGER))
    if isinstance(value, Oid):
        return _oid(tuple(int(part) for part in value.split(".")))
    return _tlv(_OCTETS, value.encode())


def _one(data: bytes, tag: int) -> bytes:
    ((found, body),) = _children(data)
    if found != tag:
        raise ValueError("another element was expected")
    return body


def _children(data: bytes) -> list[tuple[int, bytes]]:
    """The elements of a constructed value. ValueError when they do not fill it exactly."""
    found, place = [], 0
    while place < len(data):
        tag, length, start = data[place], data[place + 1], place + 2
        if length & 0x80:
            octets = length & 0x7F
            length, start = int.from_bytes(data[start : start + octets], "big"), start + octets
        if start + length > len(data):
            raise ValueError("an element is longer than what holds it")
        found.append((tag, data[start : start + length]))
        place = start + length
    return found


def _int_of(body: bytes) -> int:
    return int.from_bytes(body, "big", signed=True)


def _oid_of(body: bytes) -> tuple[int, ...]:
    parts, number = [], 0
    for octet in body:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            parts.append(number)
            number = 0
    first = min(parts[0] // 40, 2)
    return (first, parts[0] - 40 * first, *parts[1:])
