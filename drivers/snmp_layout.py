"""How a signed and enciphered message of version 3 is laid out: what its next one has in common, and where it differs.

Messages between the same two, of the same length, differ in number, time, signature, salt and content alone. Pure; it
proves nothing: what the parts say is for who knows the keys.
"""

from collections.abc import Iterator

from drivers.snmp_wire import element, whole

_OCTETS, _SEQUENCE = 0x04, 0x30
_NUMBER = b"\x02\x04"
MOST_KEPT = 8


class Layout:
    """`fixed`: what lies before, between the five parts, each with its place. A part is where it begins and ends."""

    __slots__ = ("body", "boots", "fixed", "mac", "number", "salt", "size", "time")

    def __init__(self, message: bytes) -> None:
        """Of a message that was found to be one. ValueError where its number does not take four octets."""
        place, end = element(message, 0, len(message), _SEQUENCE)
        place, _ = whole(message, place, end)
        start, place = element(message, place, end, _SEQUENCE)
        if message[start : start + 2] != _NUMBER:
            raise ValueError("a number of another length")
        self.number = start + 2, start + 6
        start, behind = element(message, place, end, _OCTETS)
        start, stop = element(message, start, behind, _SEQUENCE)
        _, place = element(message, start, stop, _OCTETS)
        start, self.boots = whole(message, place, stop)
        place, _ = whole(message, start, stop)
        self.time = start + 2, place
        _, place = element(message, place, stop, _OCTETS)
        self.mac = element(message, place, stop, _OCTETS)
        self.salt = element(message, self.mac[1], stop, _OCTETS)
        self.body = element(message, behind, end, _OCTETS)
        self.size = len(message)
        self.fixed = tuple(self._fixed(message))

    def _fixed(self, message: bytes) -> Iterator[tuple[int, bytes]]:
        place = 0
        for start, stop in (self.number, self.time, self.mac, self.salt, self.body):
            yield place, message[place:start]
            place = stop

    def fits(self, message: bytes) -> bool:
        """Whether a message differs in these parts alone."""
        if len(message) != self.size:
            return False
        for place, octets in self.fixed:  # noqa: SIM110 - called for each message; a generator costs as much again
            if not message.startswith(octets, place):
                return False
        return True

    def joined(self, number: bytes, time: bytes, mac: bytes, salt: bytes, body: bytes) -> bytes:
        """A message of these parts, each as long as it was."""
        (_, a), (_, b), (_, c), (_, d), (_, e) = self.fixed
        return b"".join((a, number, b, time, c, mac, d, salt, e, body))
