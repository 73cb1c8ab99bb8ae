"""How often a coil may change: a relay that is told on and off without end wears out and fills the line.

Pure: times are seconds given by the caller. It must not know coils, requests or sockets.
"""

from collections import defaultdict, deque

MOST_CHANGES = 10
WITHIN_S = 10.0


class ChangeRate:
    """Counts the changes of each output; the same level again is no change."""

    def __init__(self) -> None:
        self._levels: dict[str, bool] = {}
        self._changes: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=MOST_CHANGES))

    def allows(self, output: str, on: bool, now: float) -> bool:
        """Whether this level may be written now."""
        changes = self._changes[output]
        return self._levels.get(output) is on or len(changes) < MOST_CHANGES or now - changes[0] >= WITHIN_S

    def note(self, output: str, on: bool, now: float) -> None:
        """It is being written."""
        if self._levels.get(output) is not on:
            self._changes[output].append(now)
        self._levels[output] = on
