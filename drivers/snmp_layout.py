"""How a signed and enciphered message of version 3 is laid out: what its next one has in common, and where it differs.

Messages between the same two, of the same length, differ in number, time, signature, salt and content alone. Pure; it
proves nothing: what the parts say is for who knows the keys.
"""

from struct import Struct

from drivers.snmp_wire import element, whole

_OCTETS, _SEQUENCE = 0x04, 0x30
_NUMBER = b"\x02\x04"
MOST_KEPT = 8


class Layout:
    """`cut`: takes a message as long apart: what is fixed and, in between, number, time, signature, salt and content.
    `fixed`: what lies before each of these five. `mac`: where the signature begins and ends; `boots`: how often the
    engine was started, `start` the same as a vector begins."""

    __slots__ = ("boots", "cut", "fixed", "mac", "start", "time_bytes")

    def __init__(self, message: bytes) -> None:
        """Of a message that was found to be one. ValueError where its number does not take four octets."""
        place, end = element(message, 0, len(message), _SEQUENCE)
        place, _ = whole(message, place, end)
        start, place = element(message, place, end, _SEQUENCE)
        if message[start : start + 2] != _NUMBER:
            raise ValueError("a number of another length")
        number = start + 2, start + 6
        start, behind = element(message, place, end, _OCTETS)
        start, stop = element(message, start, behind, _SEQUENCE)
        _, place = element(message, start, stop, _OCTETS)
        start, self.boots = whole(message, place, stop)
        place, _ = whole(message, start, stop)
        time = start + 2, place
        _, place = element(message, place, stop, _OCTETS)
        self.mac = element(message, place, stop, _OCTETS)
        salt = element(message, self.mac[1], stop, _OCTETS)
        spans = number, time, self.mac, salt, element(message, behind, end, _OCTETS)
        form, place = "", 0
        for start, stop in spans:
            form, place = f"{form}{start - place}s{stop - start}s", stop
        self.cut = Struct(form).unpack
        self.fixed: tuple[bytes, ...] = self.cut(message)[::2]
        self.time_bytes, self.start = time[1] - time[0], vector(self.boots)


def vector(*numbers: int) -> bytes:
    """What an initialization vector has of the engine's boots and time (RFC 3826 clause 3.1.2.1)."""
    return b"".join([(number & 0xFFFFFFFF).to_bytes(4, "big") for number in numbers])
