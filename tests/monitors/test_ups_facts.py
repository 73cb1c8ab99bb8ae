"""Advisories of a UPS: waited for by the hour, cleared by evidence, untouched by silence."""

import pytest

from firmware_py.core.alarm import AlarmPriority
from firmware_py.core.condition import Condition, ConditionState, Phase, advance
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason
from monitors import ups_facts
from monitors.ups_facts import FACTS, HOUR_MS, MINUTE_MS

POINTS = frozenset(f"ups1.{fact.point}" for fact in FACTS)


def condition(name: str) -> Condition:
    (found,) = [one for one in ups_facts.watch("ups1", POINTS).conditions if one.id == f"ups1.{name}"]
    return found


class Told:
    """One condition under a series of readings, looked at every minute."""

    def __init__(self, name: str, point: str) -> None:
        self.condition, self.point = condition(name), f"ups1.{point}"
        self.state, self.now_ms = ConditionState(), 0

    def hears(self, value: object, minutes: int) -> Phase:
        for _ in range(minutes):
            before_ms, self.now_ms = self.now_ms, self.now_ms + MINUTE_MS
            known = value is not None
            reading = Reading(
                value=value,  # type: ignore[arg-type] # a table of values
                quality=Quality.GOOD if known else Quality.BAD,
                at_ms=self.now_ms,
                because=None if known else Reason.NO_COMMUNICATION,
            )
            image = InputImage(now_ms=self.now_ms, readings={self.point: reading})
            self.state = advance(self.condition, self.state, image, dt_ms=MINUTE_MS, stepped_ms=before_ms)
        return self.state.phase


def test_only_what_the_profile_offers_is_watched() -> None:
    part = ups_facts.watch("ups1", {"ups1.overload"})
    assert [one.id for one in part.conditions] == [one.alarm.id for one in part.alarms] == ["ups1.says_overload"]
    assert ups_facts.watch("ups2", POINTS) == ups_facts.watch("ups1", ())


def test_replace_battery_for_some_minutes_alarms_nobody() -> None:
    told = Told("replace_battery", "replace_battery")
    for _ in range(10):
        assert told.hears(True, 30) is not Phase.ACTIVE
        assert told.hears(False, 5) is Phase.CLEAR


def test_replace_battery_for_hours_does_and_ends_with_evidence_alone() -> None:
    told = Told("replace_battery", "replace_battery")
    assert told.hears(True, 4 * 60 + 2) is Phase.ACTIVE
    assert told.hears(None, 24 * 60) is Phase.ACTIVE
    assert told.hears(False, 30) is not Phase.CLEAR
    assert told.hears(False, 32) is Phase.CLEAR


def test_a_failed_test_is_told_and_a_passed_one_ends_it() -> None:
    told = Told("test_failed", "battery.test")
    assert told.hears("warning", 120) is Phase.CLEAR
    assert told.hears("failed", 62) is Phase.ACTIVE
    assert told.hears("passed", 62) is Phase.CLEAR


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.id)
def test_nothing_of_it_is_loud_or_fast(fact: ups_facts.Fact) -> None:
    assert fact.priority is not AlarmPriority.HIGH
    assert fact.on_delay_ms >= HOUR_MS or fact.priority is AlarmPriority.MEDIUM
