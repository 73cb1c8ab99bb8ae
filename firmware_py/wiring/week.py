"""The local minute of the week as an input: what callers usually do depends on it, not on UTC.

Feeds one point. It must not decide anything.
"""

import logging
from typing import TYPE_CHECKING

from firmware_py.core.reading import Sample
from firmware_py.core.volume import WEEK_POINT
from firmware_py.runtime.clock import SELDOM_MS, Clock, ClockQuality, Waker, next_turn_ms, week_sample
from firmware_py.runtime.table import PointTable

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)


class LocalWeek:
    """Feeds the point every few seconds, where the plan has it."""

    def __init__(self, table: PointTable, clock: Clock, zone: str) -> None:
        self._table, self._clock, self._name = table, clock, zone
        self._zone: ZoneInfo | None = None
        self._made_of: tuple[int, ClockQuality] | None = None
        self._made: Sample | None = None

    def _sample(self) -> Sample:
        """Worked out once a minute, and when the clock is worth more or less than before."""
        key = self._clock.utc_ms() // 60_000, self._clock.quality()
        if key != self._made_of:
            self._zone = self._zone or _zone(self._name)
            self._made_of, self._made = key, week_sample(self._clock, self._zone)
        assert self._made is not None
        return self._made

    async def run(self) -> None:
        """For ever."""
        waker = Waker(self._clock)
        while True:
            if self._table.knows(WEEK_POINT):
                self._table.offer({WEEK_POINT: self._sample()})
            await waker.wait(next_turn_ms(self._clock, SELDOM_MS))


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo  # only where a floor has a usual week

    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # a board without time zone data
        log.warning("the time zone %s is not known here; a usual week is learnt by UTC", name)
        return ZoneInfo("UTC")
