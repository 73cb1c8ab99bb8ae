"""The last reply to one question: how it was laid out, and where each value lay in it.

Replies to the same question mostly differ in their number and in some values, of the same length. Pure; it must not
know what bytes mean: what is not laid out just so is left to who reads replies.
"""

from struct import Struct
from typing import TypeAlias

from drivers.snmp_decode import Raw

Pair: TypeAlias = tuple[str, Raw]  # the name of an object, and what it holds

_NUMBER = b"\x02\x04"  # the head of a request-id of ours, which all take four octets


class Told:
    """How long each value was, and what lay around them; of a reply without an error only. `binds` are the bytes of all
    `values`, which are kept by who reads them; they lie at `binds_at`."""

    __slots__ = ("_after", "_before", "_size", "binds", "binds_at", "cut", "values")

    def __init__(self) -> None:
        self.binds, self.values = b"", tuple[Pair, ...]()
        self.cut = Struct("").unpack_from
        self._before = self._after = b""
        self._size = self.binds_at = 0

    def forget(self) -> None:
        """Nothing is known."""
        self._size = 0

    def note(self, datagram: bytes, place: int, parts: tuple[bytes, ...], values: tuple[Pair, ...]) -> None:
        """The whole of a reply: its PDU's content is at `place`, the bytes of its values are the end of it."""
        binds_at = len(datagram) - sum(map(len, parts))
        if datagram.startswith(_NUMBER, place):
            self.cut = Struct("".join([f"{len(part)}s" for part in parts])).unpack_from
            self._before, self._after = datagram[: place + 2], datagram[place + 6 : binds_at]
            self._size, self.binds_at = len(datagram), binds_at
            self.binds, self.values = datagram[binds_at:], values

    def fits(self, datagram: bytes, number: bytes) -> bool:
        """Whether all but the number and the values is the very same, and the number this."""
        return len(datagram) == self._size and datagram.startswith(self._before + number + self._after)
