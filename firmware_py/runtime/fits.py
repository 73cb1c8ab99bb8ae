"""Which numbers a point can take, and what has been made of those that came before.

What is measured goes to and fro between few values, and drivers hand over the very same Sample for the same one: of it
the check and the text for people are known already. It must not know points by name, nor times: a reading from here is
as new as its group.
"""

import sys
from collections.abc import Callable, Mapping
from typing import Final

from config.redact import lessons, redact
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Sample, stamped

_MAX_DETAIL = 200
_LARGEST = sys.float_info.max
_NUMBERS: Mapping[Kind, tuple[type, ...]] = {Kind.NUMBER: (float, int), Kind.INTEGER: (int,)}
_MOST = 1_024  # samples of one range that are known

Known = dict[int, Reading]  # by the identity of a sample that is held
of_known: Final[Callable[[Known, int], Reading | None]] = dict.get


class Fit:
    """All points of one kind and range, of no urgency. `known`: readings by `id` of the sample, which cannot become
    another one's as long as it stands here; their times are anything."""

    __slots__ = ("_held", "_high", "_low", "_types", "known")

    def __init__(self, types: tuple[type, ...], low: float, high: float) -> None:
        self._types, self._low, self._high = types, low, high
        self.known: Known = {}
        self._held: list[Sample] = []

    def admit(self, sample: Sample, at_ms: int) -> Reading | None:
        """The reading of a sample that is not known yet; None where it is not simply a good number of this range."""
        value = sample.value
        if sample.quality is not Quality.GOOD or type(value) not in self._types:
            return None
        if not self._low <= value <= self._high:  # type: ignore[operator]  # it is a number
            return None
        if len(self._held) >= _MOST:
            self.forget()
        self._held.append(sample)
        reading = self.known[id(sample)] = stamped(sample, at_ms, cut(sample.detail))
        return reading

    def forget(self) -> None:
        """Everything is looked at anew."""
        self.known.clear()
        self._held.clear()


class Fits:
    """Of all plain numbers among these points, by name. `known`: what each one's fit knows. `lessons`: what of
    secrets had been learnt then."""

    def __init__(self, points: Mapping[str, Point]) -> None:
        plain = {name: _bounds(point) for name, point in points.items() if point.kind in _NUMBERS and not point.urgent}
        made = {bounds: Fit(*bounds) for bounds in plain.values()}
        self._all = tuple(made.values())
        self.by_name = {name: made[bounds] for name, bounds in plain.items()}
        self.known = {name: fit.known for name, fit in self.by_name.items()}
        self.lessons = lessons()

    def catch_up(self) -> None:
        """A secret that was learnt meanwhile stands in no text that is handed out from now on."""
        if self.lessons != lessons():
            self.lessons = lessons()
            for fit in self._all:
                fit.forget()


def _bounds(point: Point) -> tuple[tuple[type, ...], float, float]:
    """A value of these types that lies between these fits; neither NaN nor infinity does."""
    low = -_LARGEST if point.low is None else max(point.low, -_LARGEST)
    return _NUMBERS[point.kind], low, _LARGEST if point.high is None else min(point.high, _LARGEST)


def cut(detail: str) -> str:
    """What people may read of a detail; most have none."""
    return redact(detail)[:_MAX_DETAIL] if detail else ""
