"""What can be known: the static description of every value that the controller watches.

Ids follow NUT's shape with the unit last (`ups1.battery.charge_pct`). This module must not know how a point is read.
"""

from enum import StrEnum
from typing import assert_never

from config.valued import dataclass
from firmware_py.core.reading import Value


class Kind(StrEnum):
    """What a point's value may be."""

    FLAG = "flag"
    INTEGER = "integer"
    NUMBER = "number"
    WORD = "word"  # one of a closed set
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One value that can be read.

    `stale_after_ms`: a reading older than this is BAD. `urgent`: a change wakes the cycle at once and makes the poller
    read again. `low`/`high`: the plausible range in `unit`, both ends included. `words`: the closed set of a WORD.
    """

    id: str
    kind: Kind
    stale_after_ms: int
    unit: str = ""
    urgent: bool = False
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        assert self.stale_after_ms > 0, self.id
        assert bool(self.words) == (self.kind is Kind.WORD), self.id

    def fits(self, value: Value) -> bool:
        """True when `value` has this point's type (a bool is not a number) and lies in its range or set of words."""
        kind = self.kind
        # Most are plain numbers, and this is asked for each value that has moved.
        if kind is Kind.NUMBER and (type(value) is float or type(value) is int):
            return self._in_range(value)
        match self.kind:
            case Kind.FLAG:
                return isinstance(value, bool)
            case Kind.INTEGER:
                return isinstance(value, int) and not isinstance(value, bool) and self._in_range(value)
            case Kind.NUMBER:
                return isinstance(value, int | float) and not isinstance(value, bool) and self._in_range(value)
            case Kind.WORD:
                return value in self.words
            case Kind.TEXT:
                return isinstance(value, str)
            case _ as never:
                assert_never(never)

    def _in_range(self, value: float) -> bool:
        # Written so that NaN, which compares false with everything, never fits a point that has a range.
        if value != value or value in (float("inf"), float("-inf")):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
