"""What was learnt about one point: a value, how far it can be trusted, and why not.

A Sample comes from a wire and carries no time; a Reading is a Sample stamped by the point table.
This module must not know where a value came from or what it means.
"""

from collections.abc import Mapping
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


class Answer(dict[str, Sample]):
    """What one source said of its points. `changed`: all that differs from its answer before, which had the number
    before this one; None where that is not known. All else is the very same."""

    __slots__ = ("changed", "number", "source")

    def __init__(
        self, samples: Mapping[str, Sample], source: "Source", number: int, changed: Mapping[str, Sample] | None
    ) -> None:
        super().__init__(samples)
        self.source, self.number, self.changed = source, number, changed


class News:
    """An Answer without a copy of all samples, and itself not a new one each time: it tells this only until its source
    is asked anew."""

    __slots__ = ("changed", "number", "source", "whole")

    def __init__(
        self, whole: Mapping[str, Sample], source: "Source", number: int, changed: Mapping[str, Sample] | None
    ) -> None:
        self.whole, self.source, self.number, self.changed = whole, source, number, changed


class Source:
    """Who answers for the same points again and again, and numbers the answers."""

    __slots__ = ("_news", "_number", "_whole")

    def __init__(self) -> None:
        self._number, self._whole = 0, True
        self._news = News({}, self, 0, None)

    def answer(self, samples: Mapping[str, Sample], changed: Mapping[str, Sample]) -> Answer:
        """All samples of now, and those of them that are others than in the answer before."""
        self._number += 1
        whole, self._whole = self._whole, False
        return Answer(samples, self, self._number, None if whole else changed)

    def news(self, whole: Mapping[str, Sample], changed: Mapping[str, Sample]) -> News:
        """The same as `answer`, without a copy."""
        news = self._news
        news.whole = whole
        news.number = self._number = self._number + 1
        news.changed = None if self._whole else changed
        self._whole = False
        return news

    def break_off(self) -> None:
        """Something was read that no answer told of: the next one is to be taken in as a whole."""
        self._whole = True


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


def good(value: Value, detail: str = "") -> Sample:
    """A GOOD sample; most are, so this goes past the frozen class's slow way in."""
    fresh: Sample = object.__new__(Sample)
    _SAY_VALUE(fresh, value)
    _SAY_QUALITY(fresh, Quality.GOOD)
    _SAY_BECAUSE(fresh, None)
    _SAY_DETAIL(fresh, detail)
    return fresh


def stamped(sample: Sample, at_ms: int, detail: str) -> Reading:
    """The Reading of a sample that has a value, with what people may read of its detail; on the same short way."""
    fresh: Reading = object.__new__(Reading)
    _SET_VALUE(fresh, sample.value)
    _SET_QUALITY(fresh, sample.quality)
    _SET_AT_MS(fresh, at_ms)
    _SET_BECAUSE(fresh, sample.because)
    _SET_DETAIL(fresh, detail)
    return fresh


_SAY_VALUE, _SAY_QUALITY, _SAY_BECAUSE, _SAY_DETAIL = (
    vars(Sample)[name].__set__ for name in ("value", "quality", "because", "detail")
)
_SET_VALUE, _SET_QUALITY, _SET_AT_MS, _SET_BECAUSE, _SET_DETAIL = (
    vars(Reading)[name].__set__ for name in ("value", "quality", "at_ms", "because", "detail")
)


def bad(because: Reason, detail: str = "") -> Sample:
    """A sample that says only why there is no value."""
    return Sample(value=None, quality=Quality.BAD, because=because, detail=detail)
