"""The last reply to one question: how it was laid out, where each value lay in it, and what it said.

Replies to the same question mostly differ in their number and in some values, of the same length. Pure; it must not
know what bytes mean: what is not laid out just so is left to who reads replies.
"""

from collections.abc import Iterable
from itertools import compress, count
from operator import ne
from struct import Struct
from typing import TypeAlias

from drivers.snmp_decode import Raw

Pair: TypeAlias = tuple[str, Raw]  # the name of an object, and what it holds

_NUMBER = b"\x02\x04"  # the head of a request-id of ours, which all take four octets


class Told:
    """`parts`: the bytes of each value, `values`: what they say. What lay around them is kept of a reply without an
    error only."""

    __slots__ = ("_after", "_before", "_binds_at", "_cut", "_size", "parts", "values")

    def __init__(self) -> None:
        self.parts: tuple[bytes, ...] = ()
        self.values: tuple[Pair, ...] = ()
        self._cut = Struct("").unpack_from
        self._before = self._after = b""
        self._size = self._binds_at = 0

    def keep(self, parts: tuple[bytes, ...], values: tuple[Pair, ...]) -> None:
        """These are the values, one part after the other; nothing is known of what lies around them."""
        self._cut = Struct("".join([f"{len(part)}s" for part in parts])).unpack_from
        self.parts, self.values, self._size = parts, values, 0

    def note(self, datagram: bytes, place: int) -> None:
        """The whole of the reply that had them: its PDU's content is at `place`, the values are its end."""
        binds_at = len(datagram) - sum(map(len, self.parts))
        if datagram.startswith(_NUMBER, place):
            self._before, self._after = datagram[: place + 2], datagram[place + 6 : binds_at]
            self._size, self._binds_at = len(datagram), binds_at

    def cut(self, datagram: bytes, number: bytes) -> tuple[bytes, ...] | None:
        """The values' bytes, where all but them and the number is the very same; None where it is not."""
        if len(datagram) != self._size or not datagram.startswith(self._before + number + self._after):
            return None
        return self._cut(datagram, self._binds_at)

    def moved(self, parts: tuple[bytes, ...]) -> Iterable[int]:
        """Which of these are others than in the last one."""
        return compress(count(), map(ne, parts, self.parts))
