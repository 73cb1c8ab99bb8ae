"""How often an output may be written: a relay told on and off without end wears out and fills the line, and a set point
mostly lies in a memory that bears a hundred thousand writes.

Pure: times are seconds given by the caller. It must not know coils, registers, requests or sockets.
"""

from collections import deque

MOST_CHANGES = 10
WITHIN_S = 10.0
MOST_SETTINGS = 6
SETTINGS_WITHIN_S = 3_600.0


class WriteRate:
    """Counts the writes of one output."""

    def __init__(self, most: int, within_s: float) -> None:
        self._within_s = within_s
        self._writes: deque[float] = deque(maxlen=most)

    def allows(self, now: float) -> bool:
        """Whether one more may be made now."""
        most = self._writes.maxlen
        return most is None or len(self._writes) < most or now - self._writes[0] >= self._within_s

    def note(self, now: float) -> None:
        """One is being made."""
        self._writes.append(now)
