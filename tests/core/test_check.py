"""Tests of the input image: three answers, and which readings they rest on."""

import pytest

from firmware_py.core.check import (
    Above,
    AllOf,
    AnyOf,
    Below,
    FewerThan,
    IsBad,
    IsFlag,
    IsWord,
    Test,
    evaluate,
    evidence,
    points_of,
)
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason, Value


def image(**values: Value | Reason) -> InputImage:
    """Readings by name; a Reason stands for a BAD reading."""
    readings = {}
    for name, value in values.items():
        if isinstance(value, Reason):
            readings[name] = Reading(value=1, quality=Quality.BAD, at_ms=0, because=value)
        else:
            readings[name] = Reading(value=value, quality=Quality.GOOD, at_ms=0)
    return InputImage(now_ms=0, readings=readings)


YES, NO, DARK = IsFlag(point="yes"), IsFlag(point="no"), IsFlag(point="dark")
SEEN = image(yes=True, no=False, dark=Reason.STALE)


@pytest.mark.parametrize(
    ("test", "answer"),
    [
        (YES, True),
        (NO, False),
        (DARK, None),
        (IsFlag(point="no", wanted=False), True),
        (IsFlag(point="absent"), None),
        (AnyOf(tests=(DARK, YES)), True),
        (AnyOf(tests=(DARK, NO)), None),
        (AnyOf(tests=(NO, NO)), False),
        (AllOf(tests=(DARK, NO)), False),
        (AllOf(tests=(DARK, YES)), None),
        (AllOf(tests=(YES, YES)), True),
        (FewerThan(tests=(YES, NO, DARK), minimum=1), False),
        (FewerThan(tests=(YES, NO, DARK), minimum=2), None),
        (FewerThan(tests=(YES, NO, DARK), minimum=3), True),
        (IsBad(point="dark"), True),
        (IsBad(point="dark", reasons=frozenset({Reason.STALE})), True),
        (IsBad(point="dark", reasons=frozenset({Reason.SENTINEL})), False),
        (IsBad(point="yes"), False),
        (IsBad(point="absent", reasons=frozenset({Reason.NOT_YET})), True),
    ],
)
def test_each_test_has_its_three_answers(test: Test, answer: bool | None) -> None:
    assert evaluate(test, SEEN, holding=False) is answer


@pytest.mark.parametrize("value", [True, False])
def test_an_uncertain_reading_answers_nothing(value: bool) -> None:
    doubtful = Reading(value=value, quality=Quality.UNCERTAIN, at_ms=0, because=Reason.DOUBTFUL)
    seen = InputImage(now_ms=0, readings={"yes": doubtful})
    assert evaluate(YES, seen, holding=False) is None
    assert evaluate(IsBad(point="yes"), seen, holding=False) is False


def test_words_are_compared_as_a_set() -> None:
    test = IsWord(point="source", words=frozenset({"battery", "off"}))
    assert evaluate(test, image(source="off"), holding=False) is True
    assert evaluate(test, image(source="mains"), holding=False) is False


@pytest.mark.parametrize(
    ("value", "holding", "above", "below"),
    [(21.0, False, True, False), (20.0, False, False, False), (19.5, True, True, True), (18.9, True, False, True)],
)
def test_a_deadband_moves_the_limit_once_the_condition_holds(
    value: float, holding: bool, above: bool, below: bool
) -> None:
    seen = image(temp=value)
    assert evaluate(Above(point="temp", limit=20.0, deadband=1.0), seen, holding=holding) is above
    assert evaluate(Below(point="temp", limit=19.0, deadband=1.0), seen, holding=holding) is below


def test_evidence_names_every_reading_behind_the_answer() -> None:
    test = AllOf(
        tests=(YES, AnyOf(tests=(NO, DARK)), FewerThan(tests=(IsWord(point="w", words=frozenset()),), minimum=1))
    )
    assert list(points_of(test)) == ["yes", "no", "dark", "w"]
    assert evidence(AllOf(tests=(YES, NO, DARK)), SEEN) == "yes=yes, no=no, dark=(stale)"
    assert evidence(IsWord(point="w", words=frozenset({"a"})), image(w="battery")) == "w=battery"
