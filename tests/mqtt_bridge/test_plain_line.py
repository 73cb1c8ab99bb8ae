"""PUBLISH and PUBACK by hand: as paho writes and reads them, whatever pieces the line takes and gives."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from mqtt_bridge.plain_line import PlainLine, PubAck, line_on, reason_string
from mqtt_bridge.writing import Writing

PINGRESP = b"\xd0\x00"


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    for one in (ours, theirs):
        one.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


def line(sock: socket.socket, *, is_new: bool = True, mid_packet: bool = False) -> PlainLine:
    return PlainLine(sock, lambda: mid_packet, has_properties=is_new)


def as_paho_writes(topic: str, payload: bytes, *, is_new: bool, retain: bool, about: Properties | None) -> bytes:
    version = MQTTProtocolVersion.MQTTv5 if is_new else MQTTProtocolVersion.MQTTv311
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        client._sock = ours
        client._send_publish(0x100, topic.encode(), payload, 1, retain, False, None, about)
        client.loop_write()
        client._sock = None
        theirs.settimeout(5)
        return theirs.recv(1 << 20)


@given(
    topic=st.text(st.characters(min_codepoint=33, exclude_characters="+#", exclude_categories=["Cs"]), min_size=1),
    payload=st.one_of(st.binary(max_size=300), st.sampled_from([b"x" * 16_370, b"x" * 16_400, b""])),
    is_new=st.booleans(), retain=st.booleans(), correlation=st.binary(max_size=20),
)  # fmt: skip
def test_a_message_is_written_as_paho_writes_it(
    topic: str, payload: bytes, is_new: bool, retain: bool, correlation: bytes
) -> None:
    about, words = None, b"\x00"
    if is_new and correlation:
        about = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho annotates the rest only
        about.CorrelationData = correlation
        words = about.pack()  # type: ignore[no-untyped-call]  # paho annotates the rest only
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.settimeout(5)
        mine = line(ours, is_new=is_new)
        assert mine.next_id(()) == 0x100
        mine.add(0x100, topic, payload, retain=retain, properties=words)
        mine.flush()
        assert not mine.is_full
        written = theirs.recv(1 << 20)
    assert written == as_paho_writes(topic, payload, is_new=is_new, retain=retain, about=about)


def test_an_identifier_in_use_is_not_taken_and_after_the_last_comes_the_first(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    mine = line(pair[0])
    assert [mine.next_id({0x101, 0x102}) for _ in range(2)] == [0x100, 0x103]
    taken = [mine.next_id(()) for _ in range(0x10000)]
    assert min(taken) == 0x100 and max(taken) == 0xFFFF


def puback(answer: PubAck, *, is_long: bool) -> bytes:
    body = answer.id.to_bytes(2)
    if answer.reason or answer.properties or is_long:
        body += bytes([answer.reason])
    if answer.properties:
        body += answer.properties
    size = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    return b"\x40" + size + body


ANSWERS = st.builds(
    PubAck, id=st.integers(0, 0xFFFF), reason=st.sampled_from([0, 0, 0, 0x10, 0x87]),
    properties=st.sampled_from([b"", b"", b"\x05\x1f\x00\x02no", bytes([0xFF, 3]) + b"x" * 511]),
)  # fmt: skip


@given(
    answers=st.lists(st.tuples(ANSWERS, st.booleans()), min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 700), min_size=1, max_size=12), behind=st.booleans(),
)  # fmt: skip
def test_answers_in_whatever_pieces_are_all_heard_and_what_is_behind_them_is_left(
    answers: Sequence[tuple[PubAck, bool]], sizes: Sequence[int], behind: bool
) -> None:
    stream = b"".join(puback(answer, is_long=is_long) for answer, is_long in answers)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        mine, heard, at = line(ours), list[PubAck](), 0
        for number in range(len(stream)):
            piece = stream[at : at + sizes[number % len(sizes)]]
            at += len(piece)
            theirs.sendall(piece + (PINGRESP if behind and piece and at == len(stream) else b""))
            for _ in range(len(piece) + 2):  # what was begun is read on by what is missing
                heard += mine.hear() or ()
            if at == len(stream):
                break
        assert heard == [answer for answer, _ in answers]
        if behind:
            assert mine.hear() is None and ours.recv(10) == PINGRESP


def test_what_is_no_puback_is_left_to_the_other_and_so_is_all_while_it_is_within_a_packet(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    ours, theirs = pair
    assert line(ours).hear() == ()
    theirs.send(PINGRESP + puback(PubAck(id=7), is_long=False))
    assert line(ours).hear() is None
    assert ours.recv(2) == PINGRESP
    assert line(ours, mid_packet=True).hear() is None
    assert line(ours).hear() == [PubAck(id=7)]
    theirs.close()
    assert line(ours).hear() is None, "the end is the other's to tell"


@pytest.mark.parametrize("raw", [b"\x40\x00", b"\x40\x01", b"\x40\xff\xff\xff\xff", b"\x40\xff\xff\x7f\x00"])
def test_a_length_that_no_answer_has_is_no_answer(raw: bytes, pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].send(raw)
    with pytest.raises(ValueError, match=r"PUBACK|length"):
        line(pair[0]).hear()


def test_an_end_within_an_answer_is_a_lost_connection(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = pair
    theirs.send(b"\x40")
    mine = line(ours)
    assert mine.hear() == [] and mine.hear() == ()
    theirs.close()
    with pytest.raises(ConnectionError):
        mine.hear()


def test_there_is_none_on_what_is_no_plain_socket() -> None:
    assert line_on(object(), lambda: False, has_properties=True) is None


@dataclass
class Narrow:
    """A socket's sender that takes a few bytes at a time; `wire` is what came through."""

    takes: list[int]
    wire: bytearray = field(default_factory=bytearray)

    def send(self, raw: bytes) -> int:
        most = self.takes.pop(0) if self.takes else 1 << 20
        if not most:
            raise BlockingIOError
        self.wire += raw[:most]
        return min(most, len(raw))


@dataclass
class Paho:
    """Who writes packets of its own on the same socket."""

    sock: Narrow
    left: bytearray = field(default_factory=bytearray)

    def want_write(self) -> bool:
        return bool(self.left)

    def loop_write(self) -> None:
        with suppress(BlockingIOError):
            del self.left[: self.sock.send(bytes(self.left))]


@given(
    takes=st.lists(st.integers(0, 9), max_size=40),
    words=st.lists(st.tuples(st.booleans(), st.integers(0, 30)), min_size=1, max_size=8),
)
def test_nobody_writes_into_the_middle_of_the_others_packet(takes: list[int], words: list[tuple[bool, int]]) -> None:
    async def scenario() -> None:
        ours, theirs = socket.socketpair()
        narrow, lost = Narrow(list(takes)), list[str]()
        with ours, theirs:
            mine, other = PlainLine(narrow, lambda: False, has_properties=True), Paho(narrow)  # type: ignore[arg-type]  # all that is asked of it
            writing = Writing(ours.fileno(), other, mine, lost.append)
            for number, (is_ours, size) in enumerate(words):
                if is_ours:
                    mine.add(mine.next_id(()), "t", bytes([number]) * size, retain=False)
                    writing.flush()
                else:
                    other.left += b"\x30" + bytes([size + 3, 0, 1, 0x74]) + bytes([number]) * size
                    writing.flush_soon()
            async with asyncio.timeout(10):
                while writing.is_waiting:  # noqa: ASYNC110 - the loop's own turns are what is played
                    await asyncio.sleep(0)
            writing.close()
        assert not lost
        found, at, wire = [], 0, bytes(narrow.wire)
        while at < len(wire):
            assert wire[at] in (0x30, 0x32)
            end = at + 2 + wire[at + 1]
            found.append((wire[at] == 0x32, wire[at:end]))
            at = end
        assert at == len(wire)
        for is_ours in (True, False):
            sent = [(number, size) for number, (own, size) in enumerate(words) if own is is_ours]
            told = [raw for own, raw in found if own is is_ours]
            assert [raw.endswith(bytes([number]) * size) for raw, (number, size) in zip(told, sent, strict=True)] == [
                True
            ] * len(sent)

    asyncio.run(scenario())


def test_a_line_that_is_lost_is_told_and_nothing_more_is_written(pair: tuple[socket.socket, socket.socket]) -> None:
    async def scenario() -> None:
        ours, theirs = pair
        theirs.close()
        lost = list[str]()
        mine = line(ours)
        writing = Writing(ours.fileno(), Paho(Narrow([])), mine, lost.append)
        mine.add(1, "t", b"x", retain=False)
        writing.flush()
        assert len(lost) == 1 and lost[0].startswith("cannot send: ")
        writing.close()
        writing.flush()
        assert len(lost) == 1 and not writing.is_waiting

    asyncio.run(scenario())


@given(
    words=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=200),
    pairs=st.lists(st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=90)), max_size=3),
    is_first=st.booleans(),
)  # fmt: skip
def test_a_brokers_own_words_are_read_as_paho_reads_them(
    words: str, pairs: list[tuple[str, str]], is_first: bool
) -> None:
    told = b"\x1f" + len(words.encode()).to_bytes(2) + words.encode()
    more = b"".join(b"\x26" + b"".join(len(part).to_bytes(2) + part.encode() for part in pair) for pair in pairs)
    body = told + more if is_first else more + told
    size = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    theirs = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]  # paho annotates the rest only
    theirs.unpack(size + body)  # type: ignore[no-untyped-call]  # the same
    assert reason_string(size + body) == theirs.ReasonString == words


@given(raw=st.binary(max_size=12))
def test_whatever_a_broker_says_of_a_reason_is_words_or_nonsense(raw: bytes) -> None:
    with suppress(ValueError):
        assert isinstance(reason_string(raw), str)
