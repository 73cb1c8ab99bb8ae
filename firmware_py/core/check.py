"""What a condition asks of the input image: small tests as data, with three answers.

True, False, or None when the readings it rests on do not allow an answer; composites follow Kleene's logic.
This module must not know delays or consequences.
"""

from collections.abc import Iterator
from typing import TypeAlias, assert_never

from config.valued import dataclass
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class IsWord:
    """The point's word is one of `words`."""

    point: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class IsFlag:
    """The flag has the wanted value."""

    point: str
    wanted: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Above:
    """The number is above `limit`; once the condition holds it takes `limit - deadband` to end it."""

    point: str
    limit: float
    deadband: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Below:
    """The number is below `limit`; once the condition holds it takes `limit + deadband` to end it."""

    point: str
    limit: float
    deadband: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IsBad:
    """The point's quality is BAD for one of `reasons` (empty: for any). Always has an answer.

    `doubted`: UNCERTAIN counts as well, for a source that is of no use while it is in doubt.
    """

    point: str
    reasons: frozenset[Reason] = frozenset()
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """At least one of the tests holds."""

    tests: tuple["Test", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """All of the tests hold."""

    tests: tuple["Test", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FewerThan:
    """Fewer than `minimum` of the tests hold; no answer while the unknown ones could still decide it."""

    tests: tuple["Test", ...]
    minimum: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Until:
    """Begins when `begins` holds; once the condition holds it ends only when `stays` does not: a way that was taken is
    kept for other reasons than those it was taken for."""

    begins: "Test"
    stays: "Test"


Test: TypeAlias = IsWord | IsFlag | Above | Below | IsBad | AnyOf | AllOf | FewerThan | Until


def evaluate(test: Test, image: InputImage, *, holding: bool) -> bool | None:
    """The test's answer now. `holding` is whether the condition already holds, which moves the deadbands."""
    match test:
        case IsWord() | IsFlag() | Above() | Below():
            return _compare(test, image[test.point], holding=holding)
        case IsBad():
            reading = image[test.point]
            bad = reading.quality is Quality.BAD or (test.doubted and reading.quality is Quality.UNCERTAIN)
            return bad and (not test.reasons or reading.because in test.reasons)
        case AnyOf():
            return _any_of([evaluate(part, image, holding=holding) for part in test.tests])
        case AllOf():
            return _all_of([evaluate(part, image, holding=holding) for part in test.tests])
        case FewerThan():
            answers = [evaluate(part, image, holding=holding) for part in test.tests]
            return _fewer(answers, test.minimum)
        case Until():
            return evaluate(test.stays if holding else test.begins, image, holding=holding)
        case _ as never:
            assert_never(never)


def _compare(test: IsWord | IsFlag | Above | Below, reading: Reading, *, holding: bool) -> bool | None:
    value = reading.value
    if not reading.good or value is None:
        return None
    match test:
        case IsWord():
            return value in test.words
        case IsFlag():
            return value is test.wanted
        case Above():
            assert not isinstance(value, str), test.point
            return value > (test.limit - test.deadband if holding else test.limit)
        case Below():
            assert not isinstance(value, str), test.point
            return value < (test.limit + test.deadband if holding else test.limit)
        case _ as never:
            assert_never(never)


def _any_of(answers: list[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False


def _all_of(answers: list[bool | None]) -> bool | None:
    if False in answers:
        return False
    return None if None in answers else True


def _fewer(answers: list[bool | None], minimum: int) -> bool | None:
    sure, unknown = answers.count(True), answers.count(None)
    if sure >= minimum:
        return False
    return True if sure + unknown < minimum else None


def confirms(test: Test, image: InputImage, *, since_ms: int, holding: bool) -> bool:
    """Whether a test that holds rests on a reading newer than `since_ms`. Of alternatives only those count that hold: a
    second fire panel that reads normal confirms no fire of the first."""
    if isinstance(test, AnyOf):
        true = [part for part in test.tests if evaluate(part, image, holding=holding)]
        return any(confirms(part, image, since_ms=since_ms, holding=holding) for part in true)
    return any(image[point].at_ms > since_ms for point in points_of(test))


def points_of(test: Test) -> Iterator[str]:
    """Ids of all points that the test reads."""
    match test:
        case AnyOf() | AllOf() | FewerThan():
            for part in test.tests:
                yield from points_of(part)
        case Until():
            yield from dict.fromkeys((*points_of(test.begins), *points_of(test.stays)))
        case IsWord() | IsFlag() | Above() | Below() | IsBad():
            yield test.point
        case _ as never:
            assert_never(never)


def evidence(test: Test, image: InputImage) -> str:
    """The readings behind the answer, for reasons that people read: `ups1.output_source=battery`."""
    return ", ".join(f"{point}={_shown(image[point])}" for point in points_of(test))


def _shown(reading: Reading) -> str:
    if reading.because is not None:
        return f"({reading.because.value})"
    if isinstance(reading.value, bool):
        return "yes" if reading.value else "no"
    return str(reading.value)
