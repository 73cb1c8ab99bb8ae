"""Whether replies of one unit behind RTU framing belong to questions: doubt, how long to be silent, and proof.

Pure: times are seconds given by the caller. It must not know requests' meaning or sockets.
"""

from config.valued import dataclass
from drivers.modbus_guard import Question

SILENCE_MOST_S = 10.0


@dataclass(slots=True, kw_only=True)
class Trust:
    """Whether replies of this unit belong to questions. Only asked behind RTU framing; times in seconds of the loop."""

    epoch: int = -1
    doubt: bool = True
    pending: Question | None = None
    asked_at: float = 0.0
    quiet_at: float = 0.0
    at: float = 0.0  # when it was last proven
    strange: int = 0
    attempts: int = 0
    failures: int = 0
    refusals: int = 0

    def asked(self, question: Question, now: float) -> None:
        """A question leaves."""
        self.pending, self.asked_at = question, now

    def answered(self) -> None:
        """Its answer came and fits."""
        self.pending = None

    def shake(self, now: float, timeout_s: float, worst_s: float) -> None:
        """Something went wrong: stay silent so long that a late answer is heard as what it is, longer each time."""
        self.pending, self.doubt = None, True
        patience_s = max(3.2 * timeout_s * 2.0 ** min(self.failures, 5), 2.0 * worst_s)
        self.failures += 1
        self.quiet_at = max(self.quiet_at, min(self.asked_at + patience_s, now + SILENCE_MOST_S))

    def restore(self, now: float) -> None:
        """Proven again."""
        self.doubt, self.failures, self.at = False, 0, now
