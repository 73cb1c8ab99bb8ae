"""Wall time for messages: what it is worth, the moment at which it becomes known, and what earlier stamps should say.

Tells one event per finding. It must not decide anything by it: whatever waits or ages does so on the monotonic clock.
"""

from collections.abc import Callable, Sequence

from firmware_py.core.event import Event, Severity
from firmware_py.runtime.clock import Clock, ClockQuality, Waker, next_turn_ms, utc_text
from firmware_py.wiring.kept import KnownTime

_LOOK_MS = 2_000


class WallTime:
    """Follows the clock's quality. `tell` gets `clock.set` when the time becomes known after it was not."""

    def __init__(self, clock: Clock, tell: Callable[[Sequence[Event]], None], known: KnownTime) -> None:
        self._clock, self._tell, self._known = clock, tell, known
        self._was = clock.quality()
        self._guess_ms = self._offset_ms()
        self._known_ms: int | None = None

    @property
    def clk(self) -> str:
        """What the time is worth now."""
        return self._clock.quality().value

    def now_ms(self) -> int:
        """Monotonic milliseconds."""
        return self._clock.now_ms()

    def utc(self, at_ms: int) -> str:
        """A monotonic time as wall time, by today's offset between the two."""
        return utc_text(self._offset_ms() + at_ms)

    def corrected(self, at_ms: int) -> str:
        """The same by the offset of the moment at which the time became known; "" as long as it has not."""
        return "" if self._known_ms is None else utc_text(self._known_ms + at_ms)

    def age_ms(self, utc_ms: int) -> int | None:
        """How long ago a wall time was; None while ours is not known."""
        return self._clock.utc_ms() - utc_ms if self._clock.quality() is ClockQuality.NTP else None

    @property
    def floor(self) -> str:
        """The earliest that it can be now, whatever our clock shows."""
        return utc_text(self._known.floor_ms)

    def look(self) -> None:
        """Notice a change of quality."""
        now = self._clock.quality()
        was, self._was = self._was, now
        if now is ClockQuality.NTP and was is not now:
            self._known_ms = self._offset_ms()
            self._tell([self._found(self._known_ms - self._guess_ms, was)])
        elif was is ClockQuality.NTP and now is not was:
            self._guess_ms = self._offset_ms()  # what is stamped from here on is measured against this

    async def run(self) -> None:
        """Look every two seconds, for ever."""
        waker = Waker(self._clock)
        while True:
            self.look()
            await waker.wait(next_turn_ms(self._clock, _LOOK_MS))

    def _found(self, offset_ms: int, was: ClockQuality) -> Event:
        return Event(
            type="clock.set",
            severity=Severity.WARNING,
            at_ms=self._clock.now_ms(),
            data={"offset_ms": offset_ms, "was": was.value},
        )

    def _offset_ms(self) -> int:
        return self._clock.utc_ms() - self._clock.now_ms()
