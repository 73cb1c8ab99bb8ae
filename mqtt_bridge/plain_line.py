"""QoS 1 by hand on a line without TLS: one write for a PUBLISH, one look and one read for the PUBACKs that are there.

paho keeps everything else on the same socket, and never sees either of the two. It must not know topics, payloads or
who waits for an answer.
"""

import socket
import ssl
from collections.abc import Callable, Container, Sequence

from config.valued import dataclass

_PUBLISH_QOS1, _RETAIN, _PUBACK = 0x32, 0x01, 0x40  # MQTT 5, table 2-1, 3.3.1 and 3.4.1
_REASON_STRING, _USER_PROPERTY = 0x1F, 0x26  # MQTT 5, table 2-4
_FIRST_ID, _LAST_ID = 0x100, 0xFFFF  # below it are the few that paho takes for subscriptions
_LOOK_BYTES = 1024
_LONGEST_PUBACK = 128 * 1024  # with all that a broker may add to it: what we said in CONNECT


@dataclass(frozen=True, slots=True, kw_only=True)
class PubAck:
    """`properties` as they came, with their length before them."""

    id: int
    reason: int = 0
    properties: bytes = b""


class PlainLine:
    """`mid_packet`: whether somebody else has read a part of a packet. Raises OSError where the line is lost, and
    ValueError for what is no PUBACK."""

    def __init__(self, sock: socket.socket, mid_packet: Callable[[], bool], *, has_properties: bool) -> None:
        self._sock, self._mid_packet, self._has_properties = sock, mid_packet, has_properties
        self._id = _FIRST_ID - 1
        self._rest = b""  # what the socket has not taken yet
        self.is_begun = False  # its first packet is written in part
        self._begun = b""  # a PUBACK of which the end is missing

    @property
    def is_full(self) -> bool:
        """Something has still to be written."""
        return bool(self._rest)

    def next_id(self, used: Container[int]) -> int:
        """A packet identifier that is not in use."""
        while True:
            self._id = self._id + 1 if self._id < _LAST_ID else _FIRST_ID
            if self._id not in used:
                return self._id

    def add(self, id_: int, topic: str, payload: bytes, *, retain: bool, properties: bytes = b"\x00") -> None:
        """A PUBLISH, for `flush` to write."""
        where = topic.encode()
        about = properties if self._has_properties else b""
        size = 2 + len(where) + 2 + len(about) + len(payload)
        head = bytes((_PUBLISH_QOS1 | _RETAIN if retain else _PUBLISH_QOS1,)) + _length(size)
        self._rest += b"".join((head, len(where).to_bytes(2), where, id_.to_bytes(2), about, payload))

    def end(self) -> None:
        """Nothing is written any more."""
        self._rest, self.is_begun = b"", False

    def flush(self) -> None:
        """Write what the socket takes."""
        if not self._rest:
            return
        try:
            count = self._sock.send(self._rest)
        except BlockingIOError:
            return
        self.is_begun = count < len(self._rest)
        self._rest = self._rest[count:] if self.is_begun else b""

    def hear(self) -> Sequence[PubAck] | None:
        """The PUBACKs that are there; None where something else, or the end, is there to be read by somebody else."""
        if self._begun:
            return self._go_on()
        if self._mid_packet():
            return None
        try:
            seen = self._sock.recv(_LOOK_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            return ()
        if not seen or seen[0] != _PUBACK:
            return None
        found, at = [], 0
        while at < len(seen) and seen[at] == _PUBACK and (end := _end(seen, at)) is not None and end <= len(seen):
            found.append(_read(seen, at, end))
            at = end
        if not found:  # the first is not all there: it is kept here, or we would be called again at once
            at = len(seen)
            self._begun = seen
        self._sock.recv(at)
        return found

    def _go_on(self) -> Sequence[PubAck]:
        end = _end(self._begun, 0)
        try:
            more = self._sock.recv(1 if end is None else end - len(self._begun))
        except BlockingIOError:
            return ()
        if not more:
            raise ConnectionResetError("connection lost in the middle of a PUBACK")
        self._begun += more
        if _end(self._begun, 0) != len(self._begun):
            return ()
        whole, self._begun = self._begun, b""
        return (_read(whole, 0, len(whole)),)


def reason_string(properties: bytes) -> str:
    """A broker's own words among the properties of a PUBACK (MQTT 5, 3.4.2.2), "" without. ValueError for nonsense."""
    found = _number(properties, 0)
    if not properties or found is None or sum(found) != len(properties):
        return ""
    words, at = "", found[1]
    while at < len(properties):
        texts = {_REASON_STRING: 1, _USER_PROPERTY: 2}.get(properties[at])
        if texts is None:
            raise ValueError(f"a PUBACK with the property {properties[at]:#04x}")
        kind, at = properties[at], at + 1
        for _ in range(texts):
            end = at + 2 + int.from_bytes(properties[at : at + 2])
            if end > len(properties):
                raise ValueError("a PUBACK with a text that does not end")
            text, at = properties[at + 2 : end].decode(), end
            words = text if kind == _REASON_STRING else words
    return words


def line_on(sock: object, mid_packet: Callable[[], bool], *, has_properties: bool) -> PlainLine | None:
    """None on a socket of another kind, or with TLS: there nobody can look at what is there before reading it."""
    if not isinstance(sock, socket.socket) or isinstance(sock, ssl.SSLSocket):
        return None
    return PlainLine(sock, mid_packet, has_properties=has_properties)


def _length(size: int) -> bytes:
    """A variable byte integer (MQTT 5, 1.5.5)."""
    digits = []
    while size > 0x7F:
        digits.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes((*digits, size))


def _number(raw: bytes, at: int) -> tuple[int, int] | None:
    """A variable byte integer and where it ends; None while it is not all there."""
    value, shift = 0, 0
    for place in range(at, len(raw)):
        value |= (raw[place] & 0x7F) << shift
        if raw[place] < 0x80:
            return value, place + 1
        shift += 7
        if shift > 21:
            raise ValueError("a length that does not end")
    return None


def _end(raw: bytes, at: int) -> int | None:
    """Where the packet that begins here ends; None while its length is not all there."""
    found = _number(raw, at + 1)
    if found is None:
        return None
    if not 2 <= found[0] <= _LONGEST_PUBACK:
        raise ValueError(f"a PUBACK of {found[0]} bytes")
    return sum(found)


def _read(raw: bytes, at: int, end: int) -> PubAck:
    if end - at == 4:
        return PubAck(id=raw[at + 2] << 8 | raw[at + 3])
    place = at + 2
    while raw[place - 1] >= 0x80:
        place += 1
    body = raw[place:end]
    reason = body[2] if len(body) > 2 else 0
    return PubAck(id=body[0] << 8 | body[1], reason=reason, properties=body[3:])
