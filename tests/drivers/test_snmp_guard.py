"""The look before decoding: whole replies of ours pass, everything else does not, and nothing makes it raise."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.snmp_guard import MAX_BYTES, V1, V2C, V3, reply_fits

VALUE = bytes.fromhex("300f060a2b060102012101040100020103")


def message(values: bytes, *, tag: int = 0xA2, version: int = 1, request_id: bytes = b"\x02\x01\x07") -> bytes:
    def wrap(kind: int, body: bytes) -> bytes:
        return bytes((kind, 0x82)) + len(body).to_bytes(2, "big") + body

    pdu = wrap(tag, request_id + b"\x02\x01\x00\x02\x01\x00" + wrap(0x30, values))
    return wrap(0x30, b"\x02\x01" + bytes((version,)) + b"\x04\x05floor" + pdu)


def test_a_reply_with_no_more_values_than_were_asked_passes() -> None:
    assert reply_fits(message(VALUE * 2), V2C, 2)
    assert reply_fits(message(VALUE, version=0), V1, 24)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\x30",
        message(VALUE * 3),
        message(VALUE, tag=0xA0),
        message(VALUE, version=0),
        message(VALUE, version=3),
        message(VALUE, request_id=b"\x02\x06\x01\x02\x03\x04\x05\x06"),
        message(VALUE, request_id=b"\x04\x01\x07"),
        message(VALUE)[:-1],
        message(VALUE) + b"\x00",
        message(b"\x02\x01\x00"),
        message(b"\x30\x7f\x00"),
        b"\x30\x80" + message(VALUE),
        b"\x30\x85\x00\x00\x00\x00\x01" + message(VALUE),
        message(VALUE + bytes(MAX_BYTES)),
    ],
)
def test_what_is_not_a_whole_reply_of_ours_does_not_pass(datagram: bytes) -> None:
    assert not reply_fits(datagram, V2C, 2)


def test_of_version_3_only_the_frame_is_looked_at() -> None:
    assert reply_fits(message(VALUE * 9, version=3), V3, 1)
    assert not reply_fits(message(VALUE, version=3)[:-1], V3, 1)


@given(st.binary(max_size=400), st.sampled_from([V1, V2C, V3]))
def test_no_bytes_make_it_raise(data: bytes, version: int) -> None:
    assert reply_fits(data, version, 24) in (True, False)


@given(st.integers(0, 60), st.integers(0, 255))
def test_no_single_changed_octet_makes_it_raise(place: int, octet: int) -> None:
    data = bytearray(message(VALUE * 2))
    data[min(place, len(data) - 1)] = octet
    assert reply_fits(bytes(data), V2C, 2) in (True, False)


def test_a_number_of_thousands_of_digits_and_a_nest_of_values_are_no_reply() -> None:
    def tlv(tag: int, body: bytes) -> bytes:
        return bytes((tag, 0x82)) + len(body).to_bytes(2, "big") + body

    def reply(value: bytes) -> bytes:
        one = tlv(0x30, tlv(0x06, bytes((0x2B, 6, 1))) + value)
        pdu = tlv(0xA2, tlv(2, b"\x01") + tlv(2, b"\x00") + tlv(2, b"\x00") + tlv(0x30, one))
        return tlv(0x30, bytes((2, 1, 1)) + tlv(4, b"public") + pdu)

    assert reply_fits(reply(tlv(2, b"\x7f" * 8)), V2C, 1)
    assert reply_fits(reply(tlv(0x46, b"\x00" + b"\xff" * 8)), V2C, 1)
    assert not reply_fits(reply(tlv(2, b"\x7f" * 10)), V2C, 1)
    assert not reply_fits(reply(tlv(0x46, b"\x7f" * 4_000)), V2C, 1)
    assert not reply_fits(reply(tlv(0x30, tlv(0x30, b""))), V2C, 1)
