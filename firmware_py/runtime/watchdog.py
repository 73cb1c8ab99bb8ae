"""Heartbeats of the parts that the floor cannot do without, and the dog that is petted only while all are young.

A hung poller alone does not count: the supervisor restarts it. It must not know what the parts do.
"""

import logging
from collections.abc import Callable, Mapping

from firmware_py.runtime.clock import Clock, Waker, next_turn_ms
from firmware_py.runtime.notify import Notifier

log = logging.getLogger(__name__)

# The oldest that a heartbeat may be, in ms. `storage` may wait for a slow card longer than the rest for anything.
LIMITS_MS: Mapping[str, int] = {
    "loop": 5_000,
    "cycle": 5_000,
    "writer": 5_000,
    "supervisor": 5_000,
    "storage": 15_000,
}
_LONGEST_PERIOD_MS = 5_000
_IDLE_PERIOD_MS = 2_000


class Beats:
    """The latest heartbeat of each part; `beat` may be called from any thread."""

    def __init__(self, clock: Clock, limits_ms: Mapping[str, int] = LIMITS_MS) -> None:
        self._clock = clock
        self._limits_ms = limits_ms
        self._latest_ms = dict.fromkeys(limits_ms, clock.now_ms())

    def beat(self, name: str) -> None:
        """This part has moved."""
        assert name in self._limits_ms, name
        self._latest_ms[name] = self._clock.now_ms()

    def ages_ms(self) -> dict[str, int]:
        """How long ago each part moved."""
        now_ms = self._clock.now_ms()
        return {name: now_ms - latest_ms for name, latest_ms in self._latest_ms.items()}

    def late(self) -> tuple[str, ...]:
        """Parts that have not moved for too long."""
        return tuple(name for name, age_ms in self.ages_ms().items() if age_ms > self._limits_ms[name])


class Watchdog:
    """Pets the service manager's watchdog; without one it still says in the log what stands still."""

    def __init__(self, beats: Beats, notifier: Notifier, clock: Clock, status: Callable[[], str]) -> None:
        self._beats, self._notifier, self._clock, self._status = beats, notifier, clock, status
        self._waker = Waker(clock)
        self._late: tuple[str, ...] = ()
        self._told = ""

    @property
    def period_ms(self) -> int:
        """A quarter of what the service manager allows: three pets may be missed."""
        allowed_ms = self._notifier.watchdog_ms
        return max(50, min(allowed_ms // 4, _LONGEST_PERIOD_MS)) if allowed_ms else _IDLE_PERIOD_MS

    async def run(self) -> None:
        """For ever."""
        while True:
            # In this loop the beat says that the loop turns; a blocked loop pets nobody.
            self._beats.beat("loop")
            self.look()
            await self._waker.wait(next_turn_ms(self._clock, self.period_ms))

    def look(self) -> None:
        """One look at the heartbeats: pet, or say what is late."""
        late = self._beats.late()
        if late != self._late:
            self._late = late
            ages_ms = self._beats.ages_ms()
            shown = ", ".join(f"{name} for {ages_ms[name]} ms" for name in late)
            log.error("standing still: %s", shown) if late else log.warning("everything moves again")
        if not late:
            self._notifier.pet()
        status = f"standing still: {', '.join(late)}" if late else self._status()
        if status != self._told:
            self._told = status
            self._notifier.status(status)
