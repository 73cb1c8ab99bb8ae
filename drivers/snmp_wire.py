"""SNMP version 1 and 2c on the wire: requests to bytes, replies to an Answer. BER by hand, for speed (decision 0060);
version 3 puts the same PDUs into envelopes of its own (`snmp_usm`).

Pure, and strict: what is not exactly a reply to the question is no reply, and a value that its own type forbids is
refused by itself. It must not know sockets, credentials' meaning, or what a value stands for.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from drivers.snmp_decode import Gap, Raw
from drivers.snmp_fetch import Answer
from drivers.snmp_guard import MAX_BYTES
from drivers.snmp_told import Pair, Told

FIRST_ID, LAST_ID = 0x10000000, 0x7FFFFFFF  # request-ids that all take four octets
_INTEGER, _OCTETS, _NULL, _OID, _SEQUENCE, _RESPONSE = 0x02, 0x04, 0x05, 0x06, 0x30, 0xA2
_ADDRESS, _OPAQUE, _COUNTER64 = 0x40, 0x44, 0x46
_UNSIGNED32 = frozenset((0x41, 0x42, 0x43))  # Counter32, Gauge32, TimeTicks (RFC 2578 clause 7.1)
_EXCEPTIONS = frozenset((0x80, 0x81, 0x82))  # noSuchObject, noSuchInstance, endOfMibView (RFC 3416 clause 3)
_MOST_REPORTED = 8
_MOST_KEPT, _LONGEST_KEPT = 4096, 128


class Pdu(IntEnum):
    """The questions there are (RFC 3416 clause 3, RFC 1157 clause 4.1)."""

    GET = 0xA0
    NEXT = 0xA1
    SET = 0xA3
    BULK = 0xA5


class Malformed(Exception):
    """These bytes are no reply to what was asked."""


class Question:
    """One PDU, encoded once: asking it again only changes its number. `told`: its last reply;
    `tail`: what follows the number."""

    __slots__ = ("_head", "most", "tail", "told")

    def __init__(self, pdu: Pdu, names: Sequence[str], *, rows: int = 0, value: int | None = None) -> None:
        """`rows`: max-repetitions of a BULK; `value`: the INTEGER of a SET. ValueError for a name that is no OID."""
        content = bytes((_NULL, 0)) if value is None else number_bytes(value)
        binds = b"".join(wrapped(_SEQUENCE, wrapped(_OID, oid_bytes(name)) + content) for name in names)
        self.tail = number_bytes(0) + number_bytes(rows) + wrapped(_SEQUENCE, binds)
        whole_ = wrapped(pdu, bytes((_INTEGER, 4)) + bytes(4) + self.tail)
        self._head = whole_[: len(whole_) - len(self.tail) - 4]
        self.most = max(rows, len(names))  # values in an answer
        self.told = Told()

    def numbered(self, number: int) -> bytes:
        """The PDU with request-id `number` (FIRST_ID to LAST_ID)."""
        return self._head + number.to_bytes(4, "big") + self.tail


class Request:
    """One question of a version with communities, as a datagram."""

    __slots__ = ("_before", "_tail", "community", "most", "told", "version")

    def __init__(
        self, version: int, community: bytes, pdu: Pdu, names: Sequence[str], *, rows: int = 0, value: int | None = None
    ) -> None:
        """As of Question."""
        question = Question(pdu, names, rows=rows, value=value)
        head = number_bytes(version) + wrapped(_OCTETS, community)
        whole_ = wrapped(_SEQUENCE, head + question.numbered(FIRST_ID))
        self._tail = question.tail
        self._before = whole_[: len(whole_) - len(self._tail) - 4]
        self.version, self.community = version, community
        self.most, self.told = question.most, question.told

    def numbered(self, number: int) -> bytes:
        """The datagram with request-id `number` (FIRST_ID to LAST_ID)."""
        return self._before + number.to_bytes(4, "big") + self._tail


class Reader:
    """Reads replies; remembers which bytes say what, whoever sends them: agents repeat themselves every second."""

    def __init__(self) -> None:
        self._pairs: dict[bytes, Pair] = {}
        self._names: dict[bytes, str] = {}

    def read(self, datagram: bytes, request: Request, number: int) -> Answer:
        """The answer to `request` as numbered. Raises Malformed for anything else."""
        if len(datagram) > MAX_BYTES:
            raise Malformed("too long")
        if (known := self.alike(datagram, request.told, number.to_bytes(4, "big"))) is not None:
            return Answer(status=0, index=0, values=known)
        start, end = element(datagram, 0, len(datagram), _SEQUENCE)
        if end != len(datagram):
            raise Malformed("something follows the message")
        place, spoken = whole(datagram, start, end)
        if spoken != request.version:
            raise Malformed("another version")
        start, stop = element(datagram, place, end, _OCTETS)
        if datagram[start:stop] != request.community:
            raise Malformed("another community")
        place, end = element(datagram, stop, end, _RESPONSE)
        if end != len(datagram):
            raise Malformed("something follows the values")
        return self._read_pdu(datagram, place, number, request.most, request.told)

    def read_scoped(self, scoped: bytes, place: int, number: int, question: Question) -> Answer:
        """The answer in a scoped PDU of version 3, whose PDU's content is at `place`."""
        return self._read_pdu(scoped, place, number, question.most, question.told)

    def alike(self, datagram: bytes, told: Told, number: bytes) -> tuple[Pair, ...] | None:
        """The values where all but number and values is as in the last reply, which had no error; None leaves it to a
        closer look. What has the same bytes is the very same pair as before, while it is kept."""
        if not told.fits(datagram, number):
            return None
        if not datagram.startswith(told.binds, told.binds_at):
            parts = told.cut(datagram, told.binds_at)
            known = tuple(map(self._pairs.get, parts))
            values = known if all(known) else self._learnt(parts)
            if values is None:
                return None
            told.binds, told.values = datagram[told.binds_at :], values  # type: ignore[assignment]  # none is None
        return told.values

    def _learnt(self, parts: tuple[bytes, ...]) -> tuple[Pair, ...] | None:
        """The values that these are, if each is one and nothing else."""
        try:
            return tuple([self._pairs.get(part) or self._bind(part) for part in parts])
        except Malformed:
            return None

    def _read_pdu(self, datagram: bytes, place: int, number: int, most: int, told: Told) -> Answer:
        """The content of a Response-PDU, which begins at `place` and ends with the datagram."""
        pdu_at, end = place, len(datagram)
        place, answered = whole(datagram, place, end)
        if answered != number:
            raise Malformed("an answer to another question")
        place, status = whole(datagram, place, end)
        place, index = whole(datagram, place, end)
        place, stop = element(datagram, place, end, _SEQUENCE)
        if stop != end:
            raise Malformed("something follows the values")
        parts = _parts(datagram, place, end, most)
        values = tuple([self._pairs.get(part) or self._bind(part) for part in parts])
        if status == 0 and index == 0:
            told.note(datagram, pdu_at, parts, values)
        else:
            told.forget()
        return Answer(status=status, index=index, values=values)

    def read_values(self, datagram: bytes, place: int, end: int) -> tuple[Pair, ...]:
        """The values of any PDU, whatever its number and its status."""
        for _ in range(3):
            place, _ = whole(datagram, place, end)
        place, stop = element(datagram, place, end, _SEQUENCE)
        if stop != end:
            raise Malformed("something follows the values")
        return tuple(
            [self._pairs.get(part) or self._bind(part) for part in _parts(datagram, place, end, _MOST_REPORTED)]
        )

    def _bind(self, part: bytes) -> Pair:
        """One value with its name, which are all of these bytes. The very same for the same bytes, while it is kept."""
        start, stop = element(part, 0, len(part), _SEQUENCE)
        if stop != len(part):
            raise Malformed("something follows a value")
        begin, place = element(part, start, stop, _OID)
        name = self._name(part[begin:place])
        tag, begin, place = _any(part, place, stop)
        if place != stop:
            raise Malformed("something follows a value")
        pair = name, self._value(tag, part[begin:stop])
        if len(part) <= _LONGEST_KEPT:
            if len(self._pairs) >= _MOST_KEPT:
                self._pairs.clear()
            self._pairs[part] = pair
        return pair

    def _value(self, tag: int, content: bytes) -> Raw:
        if tag == _INTEGER:
            return _ranged(content, -(1 << 31), (1 << 31) - 1)
        if tag in (_OCTETS, _OPAQUE):
            return content
        if tag in _UNSIGNED32:
            return _ranged(content, 0, (1 << 32) - 1)
        if tag == _COUNTER64:
            return _ranged(content, 0, (1 << 64) - 1)
        if tag == _OID:
            return self._name(content)
        if tag == _ADDRESS:
            return content if len(content) == 4 else Gap.REFUSED
        if content:  # what is left is empty by its nature
            return Gap.REFUSED
        if tag == _NULL:
            return Gap.NULL
        return Gap.NO_SUCH if tag in _EXCEPTIONS else Gap.REFUSED

    def _name(self, content: bytes) -> str:
        known = self._names.get(content)
        if known is None:
            known = oid_text(content)
            if len(content) <= _LONGEST_KEPT:
                if len(self._names) >= _MOST_KEPT:
                    self._names.clear()
                self._names[content] = known
        return known


EVERYONES: Final = Reader()


def _parts(data: bytes, place: int, end: int, most: int) -> tuple[bytes, ...]:
    """A list of values, each by itself. Malformed for more than `most`."""
    found = list[bytes]()
    while place < end:
        if len(found) == most:
            raise Malformed("more values than were asked for")
        begin, (_, place) = place, element(data, place, end, _SEQUENCE)
        found.append(data[begin:place])
    return tuple(found)


def oid_bytes(name: str) -> bytes:
    """The content octets of a dotted name (X.690 clause 8.19). ValueError where it has none."""
    parts = [int(part) for part in name.split(".")]
    if len(parts) < 2 or not 0 <= parts[0] <= 2 or (parts[0] < 2 and parts[1] > 39) or min(parts) < 0:
        raise ValueError(f"{name!r} is no object identifier")
    octets = bytearray()
    for part in (40 * parts[0] + parts[1], *parts[2:]):
        groups = [part & 0x7F]
        while part := part >> 7:
            groups.append(0x80 | (part & 0x7F))
        octets += bytes(reversed(groups))
    return bytes(octets)


def oid_text(content: bytes) -> str:
    """The dotted name of content octets. Malformed when they break off, are padded, or exceed 32 bits a part."""
    parts: list[int] = []
    part, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:
            raise Malformed("a padded name")
        part, fresh = (part << 7) | (octet & 0x7F), octet < 0x80
        if part > 0xFFFFFFFF:
            raise Malformed("a name beyond 32 bits")
        if fresh:
            parts.append(part)
            part = 0
    if not parts or not fresh:
        raise Malformed("a name that breaks off")
    first = min(parts[0] // 40, 2)
    return ".".join(map(str, (first, parts[0] - 40 * first, *parts[1:])))


def _any(data: bytes, place: int, end: int) -> tuple[int, int, int]:
    """Tag, start and end of the element at `place`. Definite lengths only (RFC 3417 clause 8)."""
    if place + 2 > end:
        raise Malformed("it breaks off")
    tag, length = data[place], data[place + 1]
    place += 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or place + octets > end:
            raise Malformed("a length that cannot be")
        length = int.from_bytes(data[place : place + octets], "big")
        place += octets
    if place + length > end:
        raise Malformed("longer than what it is in")
    return tag, place, place + length


def element(data: bytes, place: int, end: int, wanted: int) -> tuple[int, int]:
    """Start and end of the element at `place`, which must have the tag `wanted`."""
    if place + 2 <= end and data[place] == wanted and (length := data[place + 1]) < 0x80 and place + 2 + length <= end:
        return place + 2, place + 2 + length  # most are short: no more need be asked
    tag, start, stop = _any(data, place, end)
    if tag != wanted:
        raise Malformed(f"0x{tag:02x} in the place of 0x{wanted:02x}")
    return start, stop


def whole(data: bytes, place: int, end: int) -> tuple[int, int]:
    """Where the next element begins, and a number of the message itself."""
    if place + 2 <= end and data[place] == _INTEGER and 1 <= (length := data[place + 1]) <= 5:
        stop = place + 2 + length
        if stop <= end:
            return stop, int.from_bytes(data[place + 2 : stop], "big", signed=True)
    start, stop = element(data, place, end, _INTEGER)
    if not 1 <= stop - start <= 5:
        raise Malformed("a number without a size")
    return stop, int.from_bytes(data[start:stop], "big", signed=True)


def _ranged(content: bytes, low: int, high: int) -> Raw:
    """A number within its type; refused outside, and when it has no octets (which some read as 0)."""
    if not 1 <= len(content) <= 9:
        return Gap.REFUSED
    number = int.from_bytes(content, "big", signed=True)
    if low == 0 and number < 0 and len(content) * 8 == high.bit_length():
        number += high + 1  # cards that leave out the leading zero; the type has no negative numbers
    return number if low <= number <= high else Gap.REFUSED


def _integer(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)


def number_bytes(number: int) -> bytes:
    """An INTEGER, whole."""
    return wrapped(_INTEGER, _integer(number))


def wrapped(tag: int, content: bytes) -> bytes:
    """An element, whole (X.690 clause 8.1)."""
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content
