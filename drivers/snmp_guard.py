"""A cheap look at a datagram before the library decodes it: is it a reply, whole, and no longer than what was asked?

Decoding costs milliseconds per kilobyte, this look microseconds, so that a flood of rubbish cannot hold the loop.
Pure; it must not know sockets or what the values mean.
"""

MAX_BYTES = 8192  # ten times a full answer of ours
_SEQUENCE, _INTEGER, _OCTETS, _RESPONSE = 0x30, 0x02, 0x04, 0xA2
_NAME, _CONSTRUCTED = 0x06, 0x20
_NUMBERS = frozenset({_INTEGER, 0x41, 0x42, 0x43, 0x46, 0x47})  # RFC 2578 clause 7.1: no number is wider than 64 bits
_NUMBER_BYTES = 9
V1, V2C, V3 = 0, 1, 3  # msgVersion, RFC 3412 clause 6


def reply_fits(datagram: bytes, version: int, most_varbinds: int) -> bool:
    """True when `datagram` may be an SNMP reply of `version` with at most `most_varbinds` values (RFC 3416 clause 3).

    Of version 3 only the frame is looked at: the library checks the signature before it decodes the rest.
    """
    if len(datagram) > MAX_BYTES:
        return False
    message = part(datagram, 0, len(datagram))
    if message is None or message[0] != _SEQUENCE or message[2] != len(datagram):
        return False
    spoken = part(datagram, message[1], message[2])
    if spoken is None or spoken[0] != _INTEGER or datagram[spoken[1] : spoken[2]] != bytes((version,)):
        return False
    if version == V3:
        return True
    community = part(datagram, spoken[2], message[2])
    if community is None or community[0] != _OCTETS:
        return False
    pdu = part(datagram, community[2], message[2])
    return pdu is not None and pdu[0] == _RESPONSE and _pdu_fits(datagram, pdu[1], pdu[2], most_varbinds)


def _pdu_fits(datagram: bytes, place: int, end: int, most_varbinds: int) -> bool:
    """request-id, error-status, error-index, then a list of no more values than were asked."""
    for _ in range(3):
        number = part(datagram, place, end)
        if number is None or number[0] != _INTEGER or number[2] - number[1] > 5:
            return False
        place = number[2]
    values = part(datagram, place, end)
    if values is None or values[0] != _SEQUENCE or values[2] != end:
        return False
    place, count = values[1], 0
    while place < end and count <= most_varbinds:
        value = part(datagram, place, end)
        if value is None or value[0] != _SEQUENCE or not _value_fits(datagram, value[1], value[2]):
            return False
        place, count = value[2], count + 1
    return place == end and count <= most_varbinds


def _value_fits(datagram: bytes, place: int, end: int) -> bool:
    """A name, then one plain value: a number of thousands of digits or a nest of values costs the library 50 ms."""
    name = part(datagram, place, end)
    value = None if name is None or name[0] != _NAME else part(datagram, name[2], end)
    if value is None or value[2] != end or value[0] & _CONSTRUCTED:
        return False
    return value[0] not in _NUMBERS or value[2] - value[1] <= _NUMBER_BYTES


def part(data: bytes, place: int, end: int) -> tuple[int, int, int] | None:
    """Tag, start and end of the element at `place`; None when it does not lie within `end`. Definite lengths only."""
    if place + 2 > end:
        return None
    tag, length, start = data[place], data[place + 1], place + 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or start + octets > end:
            return None
        length = int.from_bytes(data[start : start + octets], "big")
        start += octets
    return (tag, start, start + length) if start + length <= end else None
