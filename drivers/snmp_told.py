"""The last reply to one question: how it was laid out, where each value lay in it, and what it said.

Replies to the same question mostly differ in their number and in some values, of the same length. Pure; it must not
know what bytes mean: what is not laid out just so is left to who reads replies.
"""

from collections.abc import Iterable
from itertools import compress, count
from operator import ne
from struct import Struct

from drivers.snmp_decode import Raw
from drivers.snmp_fetch import Answer

_NUMBER = b"\x02\x04"  # the head of a request-id of ours, which all take four octets


class Told:
    """`binds`: the list of values, `spans` and `parts` where each lies in it and its bytes, `values` what they say.
    `number_at`, `binds_at`: where in the datagram the request-id and the list of values begin."""

    __slots__ = (
        "_after", "_before", "_form", "_size", "binds", "binds_at", "index", "number_at", "parts", "spans", "status",
        "values",
    )  # fmt: skip

    def __init__(self) -> None:
        self.binds = b""
        self.spans: tuple[tuple[int, int], ...] = ()
        self.parts: tuple[bytes, ...] = ()
        self.values: tuple[tuple[str, Raw], ...] = ()
        self._form = Struct("")
        self._before = self._after = b""
        self._size = self.number_at = self.binds_at = self.status = self.index = 0

    def keep(self, binds: bytes, spans: tuple[tuple[int, int], ...], values: tuple[tuple[str, Raw], ...]) -> None:
        """These are the values; `spans` follow on each other through all of `binds`."""
        self._form = Struct("".join(f"{stop - start}s" for start, stop in spans))
        self.binds, self.spans, self.values, self.parts = binds, spans, values, self._form.unpack(binds)

    def note(self, datagram: bytes, place: int, answer: Answer) -> None:
        """The whole of the reply that had them: its PDU's content is at `place`, the list of values ends with it."""
        self._size = 0
        self.number_at, self.binds_at = place + 2, len(datagram) - len(self.binds)
        if answer.values is self.values and datagram.startswith(_NUMBER, place):
            self._before, self._after = datagram[: place + 2], datagram[place + 6 : self.binds_at]
            self._size, self.status, self.index = len(datagram), answer.status, answer.index

    def fits(self, datagram: bytes) -> bool:
        """Whether all but the number and the values is the very same."""
        return (
            len(datagram) == self._size
            and datagram.startswith(self._before)
            and datagram.startswith(self._after, self.number_at + 4)
        )

    def cut(self, binds: bytes) -> tuple[bytes, ...]:
        """A list of the same length, cut as the last one was."""
        return self._form.unpack(binds)

    def moved(self, parts: tuple[bytes, ...]) -> Iterable[int]:
        """Which of these are others than in the last one."""
        return compress(count(), map(ne, parts, self.parts))
