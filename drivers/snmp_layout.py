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
    """`fixed`: what lies before and between the five parts. `mac`: where the signature begins and ends; `boots`: how
    often the engine was started, `start` the same as a vector begins."""

    __slots__ = ("_cut", "_size", "boots", "fixed", "mac", "start", "time_bytes")

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
        self._cut, self._size = Struct(form).unpack, place
        self.fixed: tuple[bytes, ...] = self._cut(message[:place])[::2]
        self.time_bytes, self.start = time[1] - time[0], vector(self.boots)

    def parts(self, message: bytes) -> tuple[bytes, ...] | None:
        """Number, time, signature, salt and content of a message that differs in these alone."""
        if len(message) != self._size:
            return None
        found = self._cut(message)
        return found[1::2] if found[::2] == self.fixed else None


def vector(*numbers: int) -> bytes:
    """What an initialization vector has of the engine's boots and time (RFC 3826 clause 3.1.2.1)."""
    return b"".join([(number & 0xFFFFFFFF).to_bytes(4, "big") for number in numbers])
