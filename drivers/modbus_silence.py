"""When a line must be kept silent: what was heard unasked, whose answers are still to come, how slow the worst one was.

Behind RTU framing silence is the only thing that separates a late answer from a fresh one (pymodbus pull request 2636
says so too). Pure: times are seconds given by the caller. It must not know requests or sockets.
"""

from collections import Counter

from drivers.modbus_guard import whole_rtu_reply

WORST_S = 3.0  # latencies above this are an outage, not a latency
_FORGET = 0.99  # of the worst latency, with each sound reply: one hiccup must not slow the line for ever


class LineSilence:
    """One line's memory of what it still owes. `blind`: replies carry no transaction id."""

    __slots__ = ("_blind", "_owed", "_strange", "late_replies", "quiet_at", "worst_s")

    def __init__(self, *, blind: bool) -> None:
        self.quiet_at = 0.0
        self.worst_s = 0.0
        self.late_replies = 0
        self._blind = blind
        self._owed: dict[int, float] = {}
        self._strange: Counter[int | None] = Counter()

    def strange(self, unit: int) -> int:
        """How often bytes came unasked that were this unit's, or nobody's for certain."""
        return self._strange[unit] + self._strange[None]

    def note_answer(self, unit: int, took_s: float) -> None:
        """A sound reply after `took_s`."""
        worst_s = self.worst_s * _FORGET
        self.worst_s = took_s if took_s > worst_s else worst_s
        if self._owed:
            self._owed.pop(unit, None)

    def note_owed(self, unit: int, asked_at: float) -> None:
        """A question was given up: an answer may still come, and until it should have passed nobody speaks.

        The time-out was part of that silence. It is all of it for a unit that never was slow: a late answer of its
        carries its own number and passes for nobody else's, and its own next question waits longer (`Trust.shake`).
        """
        self._owed.setdefault(unit, asked_at)
        if self._blind:
            self.quiet_at = max(self.quiet_at, asked_at + 2 * self.worst_s)

    def note_misfit(self, unit: int, now: float) -> None:
        """An answer that does not fit came: most likely the one that was owed."""
        asked_at = self._owed.pop(unit, None)
        if asked_at is not None:
            self.worst_s = max(self.worst_s, min(now - asked_at, WORST_S))

    def note_strange(self, heard: bytes, now: float) -> None:
        """Bytes came while nothing was asked."""
        self.late_replies += 1
        unit = whole_rtu_reply(heard) if self._blind else None
        self._strange[unit] += 1
        if unit is not None:
            self.note_misfit(unit, now)
        if self._blind:
            self.quiet_at = max(self.quiet_at, now + self.worst_s)
