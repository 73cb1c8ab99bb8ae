"""Whether a device is alive, and when a dead one is asked again.

Two levels after wb-mqtt-serial: one lost poll only lets readings age; a device is dead after a number of failures AND
a time without success. Knows no points and no wires.
"""

import random
from collections.abc import Callable

from config.valued import dataclass

DEAD_FAILURES = 2
DEAD_AFTER_MS = 3_000
FIRST_PAUSE_MS = 500
LONGEST_PAUSE_MS = 10_000
_LONGEST_ERROR = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """How one device fares, for people. `age_ms` since the last answer, None if there never was one."""

    device: str
    endpoint: str
    alive: bool
    ok: int
    failed: int
    late: int
    latency_ms: int
    longest_ms: int
    age_ms: int | None
    error: str


def draw_pause_ms(pause_ms: int) -> int:
    """The pause with a fifth of jitter either way, so that many devices do not come back in step."""
    return int(pause_ms * random.uniform(0.8, 1.2))  # noqa: S311 - spreads load, guards nothing


class Health:
    """Counters and state of one device. `deadline_ms`: the longest of its groups, or of one question of it."""

    __slots__ = (
        "_answered_ms", "_asked_ms", "_dead_after_ms", "_draw", "_error", "_failed", "_failed_ms", "_in_a_row",
        "_latency_ms", "_longest_ms", "_ok", "_pause_ms", "bus_fault", "dead", "device", "late", "probe_ms",
        "silent_ms",
    )  # fmt: skip

    def __init__(self, device: str, deadline_ms: int, draw: Callable[[int], int] = draw_pause_ms) -> None:
        self.device = device
        self.dead = False
        self.bus_fault = False
        self.probe_ms = 0
        self.late = 0
        self.silent_ms = -1  # when a question of it was last left without an answer
        self._dead_after_ms = max(DEAD_AFTER_MS, 3 * deadline_ms)
        self._draw = draw
        self._in_a_row = 0
        self._asked_ms: int | None = None  # the first question that failed while there was no answer
        self._answered_ms: int | None = None
        self._failed_ms = 0
        self._pause_ms = FIRST_PAUSE_MS
        self._ok = self._failed = self._latency_ms = self._longest_ms = 0
        self._error = ""

    def succeed(self, started_ms: int, now_ms: int) -> int | None:
        """An answer came; milliseconds of silence when the device is back from the dead, else None."""
        gone_ms = None
        if self._in_a_row:  # else there is nothing to mend
            if self.dead:
                gone_ms = now_ms - (self._since_ms or 0)
            self._in_a_row, self._pause_ms, self._error = 0, FIRST_PAUSE_MS, ""
            self.dead = self.bus_fault = False
        self._ok += 1
        self._answered_ms = now_ms
        self._latency_ms = latency_ms = now_ms - started_ms
        if latency_ms > self._longest_ms:
            self._longest_ms = latency_ms
        return gone_ms

    @property
    def _since_ms(self) -> int | None:
        return self._asked_ms if self._answered_ms is None else self._answered_ms

    def fail(self, started_ms: int, now_ms: int, error: str, *, at_once: bool = False) -> bool:
        """No usable answer; True when the device has died of it just now. `at_once`: no second chance."""
        if (since_ms := self._since_ms) is None:
            since_ms = self._asked_ms = started_ms
        self._failed += 1
        self._failed_ms = now_ms
        self._in_a_row += 1
        self._error = error[:_LONGEST_ERROR]
        if self.dead:
            self._pause_ms = min(2 * self._pause_ms, LONGEST_PAUSE_MS)
        elif at_once or (self._in_a_row >= DEAD_FAILURES and now_ms - since_ms >= self._dead_after_ms):
            self.dead = True
            self.probe_ms = now_ms + self._draw(self._pause_ms)
            return True
        self.probe_ms = now_ms + self._draw(self._pause_ms)
        return False

    def silent_since(self, began_ms: int) -> bool:
        """Whether it left a question without an answer since then."""
        return self.silent_ms >= began_ms

    def hurry(self, now_ms: int) -> None:
        """There is a sign of life: ask again soon, though not more often than the first pause allows."""
        self.probe_ms = min(self.probe_ms, max(now_ms, self._failed_ms + FIRST_PAUSE_MS))

    def report(self, endpoint: str, now_ms: int) -> DeviceReport:
        """The counters as of now."""
        return DeviceReport(
            device=self.device, endpoint=endpoint, alive=not self.dead, ok=self._ok, failed=self._failed,
            late=self.late, latency_ms=self._latency_ms, longest_ms=self._longest_ms,
            age_ms=None if self._answered_ms is None else now_ms - self._answered_ms, error=self._error,
        )  # fmt: skip
