"""How long to wait before the next connection, and whether somebody else uses our client id.

Full jitter from 1 s up to 30 s, reset only after a session that stood for 60 s. Times and chance come as arguments.
It must not know sockets or brokers.
"""

from collections import deque
from collections.abc import Callable

STABLE_S = 60.0
DROPS = 3  # more within STABLE_S: two clients throw each other out, or the broker restarts for ever
FIRST_S = 8.0  # a fleet that loses its broker for some seconds must not spend them in failed handshakes
SHORTEST_S = 1.0
LONGEST_S = 30.0
DUPLICATE_S = (240.0, 300.0)


class Backoff:
    """`chance` draws evenly between two numbers. `duplicate`: a taken-over session, or too many drops."""

    def __init__(self, chance: Callable[[float, float], float]) -> None:
        self._chance = chance
        self._attempts = 0
        self._drops_s: deque[float] = deque(maxlen=DROPS + 1)
        self.duplicate = False

    def settle(self) -> None:
        """The session has stood for STABLE_S."""
        self._attempts = 0
        self._drops_s.clear()
        self.duplicate = False

    def fail(self) -> float:
        """No connection came about. Seconds to wait."""
        longest_s = min(LONGEST_S, FIRST_S * 2 ** min(self._attempts, 8))
        self._attempts += 1
        return self._chance(SHORTEST_S, longest_s)

    def drop(self, now_s: float, *, taken_over: bool) -> float:
        """A session that stood was lost at `now_s`. Seconds to wait."""
        self._drops_s.append(now_s)
        often = len(self._drops_s) > DROPS and now_s - self._drops_s[0] <= STABLE_S
        if taken_over or often:
            self.duplicate = True
            self._drops_s.clear()
            return self._chance(*DUPLICATE_S)
        return self.fail()
