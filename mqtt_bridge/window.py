"""Which numbered events are on their way: a go-back-N window, in order, trimmed by PUBACK or by the server's cursor.

Pure. A PUBACK alone is no durability (a killed broker forgets what it acknowledged), so the first cursor that is ever
seen takes over for good. It must not know messages or time.
"""

from collections import deque
from enum import Enum, auto


class Step(Enum):
    """What a cursor did."""

    NONE = auto()
    FORWARD = auto()
    BACK = auto()  # the server wants some again
    AHEAD = auto()  # beyond what the journal has: not ours, ignored


class Window:
    """`acked`: all up to here is done. `sent`: all up to here is done or on its way. Numbers may have gaps."""

    def __init__(self, *, acked: int, size: int, by_cursor: bool) -> None:
        assert size > 0
        self.acked = acked
        self.sent = acked
        self.size = size
        self.by_cursor = by_cursor
        self._flight: deque[int] = deque()
        self._taken: set[int] = set()

    @property
    def room(self) -> int:
        """How many more may be sent now."""
        return self.size - len(self._flight)

    @property
    def waiting(self) -> bool:
        """True while something sent is not done."""
        return bool(self._flight)

    def send(self, seq: int) -> None:
        """`seq` is on its way."""
        assert seq > self.sent and self.room > 0
        self._flight.append(seq)
        self.sent = seq

    def take(self, seq: int) -> bool:
        """The broker acknowledged `seq`. True when that moved `acked`, which it never does once there is a cursor."""
        if self.by_cursor or seq not in self._flight:
            return False
        self._taken.add(seq)
        before = self.acked
        while self._flight and self._flight[0] in self._taken:
            self.acked = self._flight.popleft()
            self._taken.discard(self.acked)
        return self.acked != before

    def follow(self, cursor: int, *, last: int) -> Step:
        """The server has processed all up to `cursor`; `last` is the highest number in the journal."""
        if cursor > last:
            return Step.AHEAD
        self.by_cursor = True
        self._taken.clear()
        if cursor < self.acked:
            self.acked = cursor
            self.rewind()
            return Step.BACK
        moved = cursor > self.acked
        while self._flight and self._flight[0] <= cursor:
            self._flight.popleft()
        self.acked = cursor
        self.sent = max(self.sent, cursor)
        return Step.FORWARD if moved else Step.NONE

    def rewind(self) -> None:
        """Send again from the lowest that is not done."""
        self._flight.clear()
        self._taken.clear()
        self.sent = self.acked
