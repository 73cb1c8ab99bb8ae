"""The frozen picture of all inputs that one cycle decides on (a PLC's process image).

Freezing applies each point's age limit, so that nothing below can mistake an old value for a live one.
This module must not know which points exist or what they mean.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field

from config.valued import dataclass
from firmware_py.core.point import Point
from firmware_py.core.reading import Quality, Reading, Reason

_NOTHING_READ = Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.NOT_YET)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """Readings by point id as of `now_ms`. `stale_at_ms`: when the first of them will turn stale, None if none can."""

    now_ms: int
    readings: Mapping[str, Reading] = field(default_factory=dict)
    stale_at_ms: int | None = None

    def joined(self, derived: Mapping[str, Reading]) -> "InputImage":
        """The same picture with what was worked out from it."""
        if not derived:
            return self
        return InputImage(now_ms=self.now_ms, readings={**self.readings, **derived}, stale_at_ms=self.stale_at_ms)

    def __getitem__(self, point: str) -> Reading:
        return self.readings.get(point, _NOTHING_READ)


def freeze(points: Iterable[Point], readings: Mapping[str, Reading], now_ms: int) -> InputImage:
    """Take the picture at `now_ms`: a reading older than its point allows is BAD and STALE, its last value kept."""
    frozen: dict[str, Reading] = {}
    stale_at_ms: int | None = None
    for point in points:
        reading = readings.get(point.id, _NOTHING_READ)
        if reading.quality is not Quality.BAD:
            limit_ms = reading.at_ms + point.stale_after_ms
            if now_ms > limit_ms:
                reading = _stale(reading)
            elif stale_at_ms is None or limit_ms + 1 < stale_at_ms:
                stale_at_ms = limit_ms + 1
        frozen[point.id] = reading
    return InputImage(now_ms=now_ms, readings=frozen, stale_at_ms=stale_at_ms)


def _stale(reading: Reading) -> Reading:
    return Reading(value=reading.value, quality=Quality.BAD, at_ms=reading.at_ms, because=Reason.STALE)
