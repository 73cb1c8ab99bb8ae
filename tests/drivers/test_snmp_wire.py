"""Our own SNMP codec, judged by the library's: what both read they read alike, and what only one reads is named."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error
from pysnmp.proto import api, rfc1902, rfc1905
from pysnmp.proto.error import ProtocolError

from drivers.snmp import _raw
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_fetch import Answer
from drivers.snmp_guard import MAX_BYTES
from drivers.snmp_wire import FIRST_ID, LAST_ID, Malformed, Pdu, Reader, Request, oid_bytes, oid_text

V1, V2C = 0, 1
NAME = "1.3.6.1.2.1.33.1.2.4.0"
NUMBER = 0x12345678
COMMUNITY = b"floor"

names = st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=12).map(
    lambda parts: ".".join(map(str, (1, 3, *parts)))
)
values = st.one_of(
    st.integers(-(1 << 31), (1 << 31) - 1).map(rfc1902.Integer32),
    st.binary(max_size=300).map(rfc1902.OctetString),
    names.map(rfc1902.ObjectIdentifier),
    st.integers(0, (1 << 32) - 1).map(rfc1902.Counter32),
    st.integers(0, (1 << 32) - 1).map(rfc1902.Gauge32),
    st.integers(0, (1 << 32) - 1).map(rfc1902.TimeTicks),
    st.integers(0, (1 << 64) - 1).map(rfc1902.Counter64),
    st.binary(min_size=4, max_size=4).map(rfc1902.IpAddress),
    st.binary(max_size=20).map(rfc1902.Opaque),
    st.sampled_from([rfc1905.noSuchObject, rfc1905.noSuchInstance, rfc1905.endOfMibView]),
    st.just(rfc1905.unSpecified),
)


def reply(pairs: Sequence[tuple[str, object]], number: int = NUMBER, status: int = 0, index: int = 0) -> bytes:
    """A response of version 2c as the library spells it."""
    proto = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    pdu = proto.GetResponsePDU()
    proto.apiPDU.set_defaults(pdu)
    proto.apiPDU.set_request_id(pdu, number)
    proto.apiPDU.set_error_status(pdu, status)
    proto.apiPDU.set_error_index(pdu, index)
    proto.apiPDU.set_varbinds(pdu, list(pairs))
    message = proto.Message()
    proto.apiMessage.set_defaults(message)
    proto.apiMessage.set_community(message, COMMUNITY)
    proto.apiMessage.set_pdu(message, pdu)
    return bytes(encoder.encode(message))


def by_the_library(datagram: bytes) -> Answer | None:
    """What pysnmp reads, None where it reads nothing."""
    proto = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    try:
        message, rest = decoder.decode(datagram, asn1Spec=proto.Message())
        if rest or int(message[0]) != V2C or bytes(message[1]) != COMMUNITY:
            return None
        pdu = proto.apiMessage.get_pdu(message)
        if type(pdu) is not type(proto.GetResponsePDU()) or int(proto.apiPDU.get_request_id(pdu)) != NUMBER:
            return None
        pairs = tuple((str(name), _raw(value)) for name, value in proto.apiPDU.get_varbinds(pdu))
        return Answer(status=int(pdu[1]), index=int(pdu[2]), values=pairs)
    except (PyAsn1Error, ProtocolError, LookupError, TypeError, ValueError, AssertionError, AttributeError):
        return None


def by_us(datagram: bytes, most: int = 64) -> Answer | None:
    request = Request(V2C, COMMUNITY, Pdu.BULK, [NAME], rows=most)
    try:
        return Reader().read(datagram, request, NUMBER)
    except Malformed:
        return None


def assert_no_better(ours: Answer | None, theirs: Answer | None) -> None:
    """Whatever we read as a value the library reads as the same value; where it reads nothing, we say why below."""
    if ours is None:
        return
    if theirs is None:
        # It throws the whole reply away for one impossible value; we refuse that value and keep its neighbours.
        assert any(raw is Gap.REFUSED or is_bare_unsigned(raw) for _, raw in ours.values) or is_odd(ours)
        return
    assert (ours.status, ours.index) == (theirs.status, theirs.index)
    assert [name for name, _ in ours.values] == [name for name, _ in theirs.values]
    for (_, mine), (_, other) in zip(ours.values, theirs.values, strict=True):
        assert mine == other or mine is Gap.REFUSED


def is_bare_unsigned(raw: Raw) -> bool:
    return isinstance(raw, int) and raw >= 1 << 31


def is_odd(answer: Answer) -> bool:
    """Status and index beyond what the library's constraints allow; both readers' callers treat them as an error."""
    return answer.status not in range(19) or answer.index < 0


@given(st.lists(st.tuples(names, values), max_size=24), st.integers(0, 18), st.integers(0, 24))
def test_every_reply_that_the_library_can_write_is_read_as_the_library_reads_it(
    pairs: list[tuple[str, object]], status: int, index: int
) -> None:
    datagram = reply(pairs, status=status, index=index)
    assert by_us(datagram) == by_the_library(datagram)
    assert by_us(datagram) is not None


@given(st.integers(0, 1 << 32))
@settings(max_examples=300)
@example(0)
@example(2638)  # an exception of one byte
def test_damaged_replies_give_no_value_that_the_library_would_not_give(seed: int) -> None:
    chance = random.Random(seed)
    pairs = [(f"1.3.6.1.2.1.33.1.2.{n}.0", rfc1902.Integer32(n * 1000)) for n in range(chance.randint(1, 8))]
    pairs.append(("1.3.6.1.2.1.33.1.1.1.0", rfc1902.OctetString(b"maker")))
    pairs.append(("1.3.6.1.2.1.33.1.2.2.0", rfc1902.Gauge32(chance.randint(0, (1 << 32) - 1))))
    damaged = bytearray(reply(pairs))
    for _ in range(chance.randint(1, 3)):
        match chance.randint(0, 3):
            case 0:
                damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
            case 1:
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
            case 2:
                del damaged[chance.randrange(len(damaged)) :]
            case _:
                damaged.insert(chance.randrange(len(damaged) + 1), chance.randrange(256))
        if not damaged:
            break
    assert_no_better(by_us(bytes(damaged)), by_the_library(bytes(damaged)))


@settings(deadline=None)
@given(st.integers(0, 1 << 32))
def test_replies_one_after_the_other_are_read_as_if_each_were_the_first(seed: int) -> None:
    chance = random.Random(seed)
    oids = [f"1.3.6.1.{number}" for number in range(1, 6)]
    reader, request = Reader(), Request(V2C, COMMUNITY, Pdu.GET, oids)
    held = {oid: chance.choice([rfc1902.Integer32(7), rfc1902.OctetString("abc"), rfc1902.Gauge32(5)]) for oid in oids}
    for _ in range(12):
        for oid in chance.sample(oids, chance.randrange(3)):
            held[oid] = chance.choice(
                [rfc1902.Integer32(chance.randrange(200)), rfc1902.OctetString("abd"), rfc1905.noSuchObject]
            )
        datagram = bytearray(reply([(oid, held[oid]) for oid in chance.choice([oids, oids, oids[1:], oids[::-1]])]))
        if chance.random() < 0.4:
            datagram[chance.randrange(len(datagram))] = chance.randrange(256)
        kept, fresh = list[Answer | str](), list[Answer | str]()
        for told, by, about in ((kept, reader, request), (fresh, Reader(), Request(V2C, COMMUNITY, Pdu.GET, oids))):
            try:
                told.append(by.read(bytes(datagram), about, NUMBER))
            except Malformed as error:
                told.append(str(error))
        assert kept == fresh


@given(st.binary(max_size=200))
def test_rubbish_is_malformed_and_nothing_else(rubbish: bytes) -> None:
    assert by_us(rubbish) is None
    prefix = reply([(NAME, rfc1902.Integer32(7))])[:20]
    by_us(prefix + rubbish)


@given(names, st.integers(FIRST_ID, LAST_ID), st.sampled_from([V1, V2C]))
def test_the_library_reads_our_questions(name: str, number: int, version: int) -> None:
    proto = api.PROTOCOL_MODULES[version]
    for pdu, kind in ((Pdu.GET, proto.GetRequestPDU), (Pdu.NEXT, proto.GetNextRequestPDU)):
        datagram = Request(version, COMMUNITY, pdu, [name, NAME]).numbered(number)
        message, rest = decoder.decode(datagram, asn1Spec=proto.Message())
        asked = proto.apiMessage.get_pdu(message)
        assert (bytes(rest), int(message[0]), bytes(message[1])) == (b"", version, COMMUNITY)
        assert isinstance(asked, kind)
        assert int(proto.apiPDU.get_request_id(asked)) == number
        assert [str(oid) for oid, _ in proto.apiPDU.get_varbinds(asked)] == [name, NAME]
        assert datagram == encoder.encode(message), "the same bytes"


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_the_library_reads_what_we_would_set_and_how_many_rows_we_want(value: int) -> None:
    proto = api.PROTOCOL_MODULES[api.SNMP_VERSION_2C]
    written, _ = decoder.decode(
        Request(V2C, COMMUNITY, Pdu.SET, [NAME], value=value).numbered(NUMBER), asn1Spec=proto.Message()
    )
    ((name, told),) = proto.apiPDU.get_varbinds(proto.apiMessage.get_pdu(written))
    assert (str(name), int(told)) == (NAME, value)
    bulk, _ = decoder.decode(
        Request(V2C, COMMUNITY, Pdu.BULK, [NAME], rows=16).numbered(NUMBER), asn1Spec=proto.Message()
    )
    asked = proto.apiMessage.get_pdu(bulk)
    assert (int(asked[1]), int(asked[2])) == (0, 16)


@given(names)
def test_names_come_back_as_they_went(name: str) -> None:
    assert oid_text(oid_bytes(name)) == name


@pytest.mark.parametrize("name", ["1", "3.1", "1.40", "1.-3", "x.y", ""])
def test_what_is_no_name_is_a_bug_of_ours(name: str) -> None:
    with pytest.raises(ValueError, match=r"no object identifier|invalid literal"):
        oid_bytes(name)


@pytest.mark.parametrize("content", [b"", b"\x2b\x86", b"\x2b\x80\x01", b"\x2b" + b"\xff" * 5 + b"\x7f"])
def test_a_name_that_cannot_be_is_malformed(content: bytes) -> None:
    with pytest.raises(Malformed):
        oid_text(content)


def one(tag: int, content: bytes) -> Raw:
    """One value of a kind that no library writes, in a reply."""
    sound = reply([(NAME, rfc1902.Integer32(7))])
    assert sound.endswith(bytes((2, 1, 7)))
    grown = len(content) - 1
    raised = bytearray(sound[:-3]) + bytes((tag, len(content))) + content
    name_end = sound.index(oid_bytes(NAME)) - 2
    for place in (1, sound.index(b"\xa2") + 1, name_end - 3, name_end - 1):
        raised[place] += grown
    found = by_us(bytes(raised))
    assert found is not None
    return found.values[0][1]


@pytest.mark.parametrize(
    ("tag", "content", "raw"),
    [
        (0x02, b"", Gap.REFUSED),  # some readers take it for 0
        (0x02, b"\x00\x00\x00\x00\x07", 7),
        (0x02, b"\x00\x80\x00\x00\x00", Gap.REFUSED),  # beyond Integer32
        (0x02, bytes(10), Gap.REFUSED),
        (0x42, b"\xff\xff\xff\xfe", 0xFFFFFFFE),  # a Gauge32 without its leading zero
        (0x42, b"\xff", Gap.REFUSED),  # a negative one is no such card
        (0x43, b"\x01\x00\x00\x00\x00", Gap.REFUSED),
        (0x46, b"\xff" * 8, (1 << 64) - 1),
        (0x40, b"\x7f\x00\x00", Gap.REFUSED),
        (0x24, b"\x04\x01a", Gap.REFUSED),  # an octet string in pieces
        (0x78, b"\x00", Gap.REFUSED),
        (0x81, b"", Gap.NO_SUCH),
        (0x05, b"", Gap.NULL),
    ],
)
def test_a_value_that_its_type_forbids_is_refused_by_itself(tag: int, content: bytes, raw: Raw) -> None:
    assert one(tag, content) == raw


@pytest.mark.parametrize(
    ("twist", "why"),
    [
        (lambda data: data + b"\0", "follows the message"),
        (lambda data: bytes(MAX_BYTES + 1), "too long"),
        (lambda data: data.replace(COMMUNITY, b"flour"), "another community"),
        (lambda data: data.replace(bytes((2, 1, V2C)), bytes((2, 1, V1)), 1), "another version"),
        (lambda data: data.replace(NUMBER.to_bytes(4, "big"), (NUMBER - 1).to_bytes(4, "big")), "another question"),
        (lambda data: data.replace(b"\xa2", b"\xa0", 1), "0xa0 in the place of 0xa2"),
        (lambda data: data[:5], "longer than what it is in|breaks off"),
    ],
)
def test_what_is_no_answer_to_the_question_is_said_to_be_so(twist: object, why: str) -> None:
    assert callable(twist)
    with pytest.raises(Malformed, match=why):
        Reader().read(twist(reply([(NAME, rfc1902.Integer32(7))])), Request(V2C, COMMUNITY, Pdu.GET, [NAME]), NUMBER)


def test_more_values_than_were_asked_for_are_no_answer() -> None:
    two = reply([(NAME, rfc1902.Integer32(7)), (NAME, rfc1902.Integer32(8))])
    with pytest.raises(Malformed, match="more values"):
        Reader().read(two, Request(V2C, COMMUNITY, Pdu.GET, [NAME]), NUMBER)


def test_a_reader_forgets_names_rather_than_grow() -> None:
    reader, request = Reader(), Request(V2C, COMMUNITY, Pdu.BULK, [NAME], rows=500)
    for turn in range(10):
        pairs = [(f"1.3.6.1.4.{turn}.{n}", rfc1902.Integer32(1)) for n in range(450)]
        reader.read(reply(pairs), request, NUMBER)
    assert 400 < len(reader._names) <= 4096 and 400 < len(reader._pairs) <= 4096


def test_a_reader_keeps_nothing_that_is_long() -> None:
    reader, request = Reader(), Request(V2C, COMMUNITY, Pdu.GET, [NAME])
    long = "1.3.6.1.4." + ".".join("4294967295" for _ in range(100))
    for pair in ((long, rfc1902.Integer32(1)), (NAME, rfc1902.OctetString(b"x" * 1000))):
        assert reader.read(reply([pair]), request, NUMBER).values[0][0] == pair[0]
    assert list(reader._names.values()) == [NAME] and not reader._pairs
