"""The largest datagram, AMI line, MQTT payload and control request, made hostile: each costs less than 50 ms of CPU.

CPU time of the best of three, so that a busy machine does not count; the guards refuse by size or shape before anything
is decoded, and what they let through is decoded by the real library here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type.univ import OctetString
from pysnmp.proto import api

from drivers.ami import LINE_LIMIT, PACKET_LIMIT, Decoder
from drivers.snmp_guard import MAX_BYTES, V2C, reply_fits
from drivers.snmp_notice import look
from firmware_py.core.command import CommandRefused
from firmware_py.ports import DeviceError
from firmware_py.runtime.control_wire import MAX_REQUEST_BYTES, decode
from firmware_py.runtime.lines import MAX_LINE_BYTES, parse_lines
from mqtt_bridge.commands import read_order
from mqtt_bridge.messages import Heard

LIMIT_S = 0.050
LARGEST = 65_507  # what UDP carries
SPEC = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]


def cost_s(call: Callable[[], object]) -> float:
    best = float("inf")
    tracing = sys.gettrace()
    sys.settrace(None)  # what coverage costs is no cost of the product
    try:
        for _ in range(3):
            begun_s = time.process_time()
            with suppress(DeviceError, CommandRefused, PyAsn1Error, RecursionError):
                call()
            best = min(best, time.process_time() - begun_s)
    finally:
        sys.settrace(tracing)
    return best


def tlv(tag: int, body: bytes) -> bytes:
    size = len(body)
    length = bytes((size,)) if size < 128 else b"\x82" + size.to_bytes(2, "big")
    return bytes((tag,)) + length + body


def reply(values: bytes) -> bytes:
    """A reply of version 2c that the guard takes for one, around any list of values."""
    number = tlv(2, b"\x01")
    pdu = tlv(0xA2, number + tlv(2, b"\x00") + tlv(2, b"\x00") + tlv(0x30, values))
    return tlv(0x30, tlv(2, b"\x01") + tlv(4, b"public") + pdu)


def nested(size: int) -> bytes:
    """Sequences within sequences, as deep as the size allows."""
    body = b""
    while len(body) < size:
        body = tlv(0x30, body)
    return body


OID = bytes((6, 8, 0x2B, 6, 1, 2, 1, 1, 1, 0))
DATAGRAMS = {
    "zeros": bytes(LARGEST),
    "sequences of no length": b"\x30\x80" * (LARGEST // 2),
    "lengths that promise too much": b"\x30\x84\xff\xff\xff\xff" * (LARGEST // 6),
    "nesting as deep as it goes": nested(LARGEST),
    "a value of 64 KiB": reply(tlv(0x30, OID + tlv(4, b"x" * 60_000))),
}
WORST_TAKEN = {
    "one long text": reply(tlv(0x30, OID + tlv(4, b"x" * 8_000))),
    "a long object identifier": reply(tlv(0x30, tlv(6, b"\x81\x01" * 3_900) + tlv(5, b""))),
    "a huge number": reply(tlv(0x30, OID + tlv(2, b"\x7f" * 8_000))),
    "nesting in the value": reply(tlv(0x30, OID + nested(7_900))),
    "twenty values": reply(tlv(0x30, OID + tlv(4, b"x" * 300)) * 20),
}


@pytest.mark.parametrize("kind", DATAGRAMS)
def test_the_largest_datagram_is_refused_before_it_costs(kind: str) -> None:
    datagram = DATAGRAMS[kind]
    assert len(datagram) > MAX_BYTES
    assert not reply_fits(datagram, V2C, 20)
    assert look(datagram) is None
    assert cost_s(lambda: (reply_fits(datagram, V2C, 20), look(datagram))) < LIMIT_S


@pytest.mark.parametrize("kind", WORST_TAKEN)
def test_what_the_guard_lets_through_costs_the_library_less_than_the_limit(kind: str) -> None:
    datagram = WORST_TAKEN[kind]
    assert len(datagram) <= MAX_BYTES
    if not reply_fits(datagram, V2C, 20):
        return
    taken_s = cost_s(lambda: decoder.decode(datagram, asn1Spec=SPEC.Message()))
    assert taken_s < LIMIT_S, f"{taken_s * 1000:.1f} ms"


def test_the_shape_that_is_taken_is_a_real_reply() -> None:
    datagram = reply(tlv(0x30, OID + tlv(4, b"hello")))
    message, rest = decoder.decode(datagram, asn1Spec=SPEC.Message())
    assert rest == b""
    pdu = SPEC.apiMessage.get_pdu(message)
    assert [str(value) for _, value in SPEC.apiPDU.get_varbinds(pdu)] == ["hello"]
    assert encoder.encode(OctetString(b"x"))


LINES = {
    "a line without an end": b"x" * (1 << 20),
    "colons": b":" * LINE_LIMIT + b"\r\n",
    "a packet without an end": b"a: b\r\n" * (PACKET_LIMIT // 3),
    "empty packets": b"\r\n" * (PACKET_LIMIT // 2),
    "many headers": b"".join(b"k%d: %s\r\n" % (n, b"v" * 40) for n in range(1_000)) + b"\r\n",
}


@pytest.mark.parametrize("kind", LINES)
def test_the_largest_ami_line_and_packet_cost_less_than_the_limit(kind: str) -> None:
    def feed() -> object:
        return list(Decoder(banner=False).feed(LINES[kind]))

    assert cost_s(feed) < LIMIT_S


PAYLOADS = {
    "brackets": b"[" * 200_000,
    "objects": b'{"a":' * 50_000,
    "a number of many digits": b'{"id": ' + b"9" * 200_000 + b"}",
    "many keys": b"{" + b",".join(b'"%d":1' % n for n in range(50_000)) + b"}",
    "no text": b"\xff" * (1 << 20),
}


@pytest.mark.parametrize("kind", PAYLOADS)
def test_the_largest_mqtt_payload_and_control_line_cost_less_than_the_limit(kind: str) -> None:
    heard = Heard(topic="floor/v1/x/cmd/ack", payload=PAYLOADS[kind], retain=False)
    assert cost_s(lambda: read_order(heard)) < LIMIT_S
    line = PAYLOADS[kind][:MAX_REQUEST_BYTES]  # the stream reader hands over no longer ones
    assert cost_s(lambda: decode(line)) < LIMIT_S


def test_a_line_of_the_store_that_is_all_beginnings_costs_less_than_the_limit() -> None:
    data = b"00000000 {" * (MAX_LINE_BYTES // 10)
    assert cost_s(lambda: list(parse_lines(data))) < LIMIT_S


def test_the_measure_itself_finds_what_is_slow() -> None:
    assert cost_s(lambda: sum(range(3_000_000))) > 0.001
    sys.stdout.flush()
