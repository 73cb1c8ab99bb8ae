"""A look at a datagram on the trap port: is it a notification, which one, and what acknowledges it?

A notification is a hint to read the UPS now, never a fact, so nothing else of it is looked at. Pure; it must not know
sockets, senders or what follows.
"""

from collections.abc import Sequence

from config.valued import dataclass
from drivers.snmp_guard import MAX_BYTES, V1, V2C, V3, part

_SEQUENCE, _INTEGER, _OCTETS, _OID = 0x30, 0x02, 0x04, 0x06
_RESPONSE, _TRAP_V1, _INFORM, _TRAP_V2 = 0xA2, 0xA4, 0xA6, 0xA7
_SPECIFIC = 6  # generic-trap of RFC 1157 clause 4.1.6: the number is the enterprise's own
_LOOKED_AT = 4  # varbinds; snmpTrapOID.0 is the second (RFC 3416 clause 4.2.6)
TRAP_OID = "1.3.6.1.6.3.1.1.4.1.0"
STANDARD = "1.3.6.1.6.3.1.1.5"  # coldStart(1) warmStart(2) linkDown(3) linkUp(4) ...
RESTARTED = (f"{STANDARD}.1", f"{STANDARD}.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notification. `oid`: which one, empty where it is enciphered. `reply`: acknowledges an inform of version 2c;
    those of version 3 are for the library, which has the keys."""

    version: int
    oid: str = ""
    reply: bytes | None = None

    def concerns(self, prefixes: Sequence[str]) -> bool:
        """True when it is one of these MIBs', or says that the agent has restarted, or cannot be read."""
        return not self.oid or self.oid in RESTARTED or any(self.oid.startswith(f"{one}.") for one in prefixes)


def look(datagram: bytes) -> Notice | None:
    """The notification in a datagram; None for everything else. Never raises."""
    if len(datagram) > MAX_BYTES:
        return None
    message = part(datagram, 0, len(datagram))
    if message is None or message[0] != _SEQUENCE or message[2] != len(datagram):
        return None
    version = part(datagram, message[1], message[2])
    if version is None or version[0] != _INTEGER or version[2] - version[1] != 1:
        return None
    spoken = datagram[version[1]]
    if spoken == V3:
        return Notice(version=V3)
    community = part(datagram, version[2], message[2])
    if community is None or community[0] != _OCTETS:
        return None
    pdu = part(datagram, community[2], message[2])
    if pdu is None or pdu[2] != message[2]:
        return None
    if spoken == V1 and pdu[0] == _TRAP_V1:
        oid = _first_version(datagram, pdu[1], pdu[2])
        return None if oid is None else Notice(version=V1, oid=oid)
    if spoken == V2C and pdu[0] in (_TRAP_V2, _INFORM):
        oid = _second_version(datagram, pdu[1], pdu[2])
        if oid is None:
            return None
        at = community[2]
        reply = datagram[:at] + bytes((_RESPONSE,)) + datagram[at + 1 :] if pdu[0] == _INFORM else None
        return Notice(version=V2C, oid=oid, reply=reply)
    return None


def _first_version(data: bytes, place: int, end: int) -> str | None:
    """enterprise, agent-addr, generic-trap, specific-trap, named as RFC 3584 clause 3.1 does."""
    parts = []
    for _ in range(4):
        one = part(data, place, end)
        if one is None:
            return None
        parts.append(one)
        place = one[2]
    enterprise, _, generic, specific = parts
    if enterprise[0] != _OID or generic[0] != _INTEGER or specific[0] != _INTEGER:
        return None
    numbers = [int.from_bytes(data[one[1] : one[2]], "big") for one in (generic, specific)]
    if not all(0 < one[2] - one[1] <= 4 for one in (generic, specific)):
        return None
    name = _oid(data[enterprise[1] : enterprise[2]])
    if name is None or numbers[0] > _SPECIFIC:
        return None
    return f"{name}.0.{numbers[1]}" if numbers[0] == _SPECIFIC else f"{STANDARD}.{numbers[0] + 1}"


def _second_version(data: bytes, place: int, end: int) -> str | None:
    """request-id, error-status, error-index, then the values, of which snmpTrapOID.0 is the one."""
    for _ in range(3):
        number = part(data, place, end)
        if number is None or number[0] != _INTEGER:
            return None
        place = number[2]
    values = part(data, place, end)
    if values is None or values[0] != _SEQUENCE:
        return None
    place = values[1]
    for _ in range(_LOOKED_AT):
        pair = part(data, place, values[2])
        if pair is None or pair[0] != _SEQUENCE:
            return None
        name = part(data, pair[1], pair[2])
        value = None if name is None else part(data, name[2], pair[2])
        if name is None or value is None or name[0] != _OID:
            return None
        if _oid(data[name[1] : name[2]]) == TRAP_OID:
            return _oid(data[value[1] : value[2]]) if value[0] == _OID else None
        place = pair[2]
    return None


def _oid(octets: bytes) -> str | None:
    """The dotted form; None when it is cut short or longer than any real one."""
    if not octets or len(octets) > 128 or octets[-1] & 0x80:
        return None
    numbers, number = [], 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
        elif number >= 2**32:
            return None
    first = min(numbers[0] // 40, 2)
    return ".".join(str(number) for number in (first, numbers[0] - 40 * first, *numbers[1:]))
