"""What was learnt about one point: a value, how far it can be trusted, and why not.

A Sample comes from a wire and carries no time; a Reading is a Sample stamped by the point table.
This module must not know where a value came from or what it means.
"""

from enum import StrEnum
from typing import TypeAlias

from config.valued import dataclass

Value: TypeAlias = bool | int | float | str


class Quality(StrEnum):
    """How far a value can be trusted (the severities of OPC UA Part 8)."""

    GOOD = "good"
    UNCERTAIN = "uncertain"
    BAD = "bad"


class Reason(StrEnum):
    """Why a value is not GOOD: a closed set, so that the far side can act on it."""

    NOT_YET = "not_yet"  # nothing was read since the start
    NO_COMMUNICATION = "no_communication"  # the device does not answer
    STALE = "stale"  # the last good reading is older than the point allows
    OUT_OF_RANGE = "out_of_range"  # outside what is physically plausible
    SENTINEL = "sentinel"  # the device's own mark for "not known"
    UNKNOWN_WORD = "unknown_word"  # an enumeration value that the table does not list
    BAD_REPLY = "bad_reply"  # an answer came, but not to what was asked
    NOT_SUPPORTED = "not_supported"  # the device says that it has no such value
    SOURCE_LOST = "source_lost"  # the gateway or card answers, the device behind it is gone
    DOUBTFUL = "doubtful"  # read since the last proof that replies belong to questions


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One decoded value as a driver hands it over; `detail` is for people (raw value, OID, register)."""

    value: Value | None
    quality: Quality = Quality.GOOD
    because: Reason | None = None
    detail: str = ""

    def __post_init__(self) -> None:
        assert (self.quality is Quality.GOOD) == (self.because is None), "a reason goes with every doubt, and only then"
        assert self.value is not None or self.quality is not Quality.GOOD, "a GOOD sample has a value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A Sample at the monotonic millisecond at which it reached the point table.

    When a point goes BAD its last good value stays in `value`, and `at_ms` stays the time of that value, so that
    people see what was last known and how old it is. `None` means that nothing was ever read.
    """

    value: Value | None
    quality: Quality
    at_ms: int
    because: Reason | None = None
    detail: str = ""

    @property
    def good(self) -> bool:
        """True when the value may change a decision."""
        return self.quality is Quality.GOOD

    def renewed(self, at_ms: int) -> "Reading":
        """The same, read again at `at_ms`. Most readings are, so this goes past the frozen class's slow way in."""
        fresh: Reading = object.__new__(Reading)
        _SET_VALUE(fresh, self.value)
        _SET_QUALITY(fresh, self.quality)
        _SET_AT_MS(fresh, at_ms)
        _SET_BECAUSE(fresh, self.because)
        _SET_DETAIL(fresh, self.detail)
        return fresh


_SET_VALUE, _SET_QUALITY, _SET_AT_MS, _SET_BECAUSE, _SET_DETAIL = (
    vars(Reading)[name].__set__ for name in ("value", "quality", "at_ms", "because", "detail")
)


def bad(because: Reason, detail: str = "") -> Sample:
    """A sample that says only why there is no value."""
    return Sample(value=None, quality=Quality.BAD, because=because, detail=detail)
