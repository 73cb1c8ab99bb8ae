"""What a UPS says of itself beside its power: overload, a worn battery, a failed charger, heat, a failed test.

None of it is an outage. Advisories that flicker for minutes or stick for weeks are waited for by the hour and cleared
by evidence alone. It must not know which MIB says so.
"""

from collections.abc import Collection

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import IsFlag, IsWord
from firmware_py.core.condition import Condition, WhenBad
from monitors.parts import Part, Row, RowAlarm

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that a UPS may say: the point, how long it must say so, and how long the contrary."""

    id: str
    point: str
    text: str
    priority: AlarmPriority
    on_delay_ms: int
    off_delay_ms: int
    words: frozenset[str] = frozenset()


# networkupstools/nut#3480, #3623, #2999: "replace battery" for a minute only, or until the next start.
FACTS = (
    Fact(
        id="says_overload",
        point="overload",
        text="ups_says_overload",
        priority=AlarmPriority.MEDIUM,
        on_delay_ms=5 * SECOND_MS,
        off_delay_ms=MINUTE_MS,
    ),
    Fact(
        id="replace_battery",
        point="replace_battery",
        text="ups_replace_battery",
        priority=AlarmPriority.LOW,
        on_delay_ms=4 * HOUR_MS,
        off_delay_ms=HOUR_MS,
    ),
    Fact(
        id="charger_failed",
        point="charger_failed",
        text="ups_charger_failed",
        priority=AlarmPriority.MEDIUM,
        on_delay_ms=HOUR_MS,
        off_delay_ms=10 * MINUTE_MS,
    ),
    Fact(
        id="over_temp",
        point="over_temp",
        text="ups_over_temp",
        priority=AlarmPriority.MEDIUM,
        on_delay_ms=5 * MINUTE_MS,
        off_delay_ms=10 * MINUTE_MS,
    ),
    Fact(
        id="test_failed",
        point="battery.test",
        text="ups_test_failed",
        priority=AlarmPriority.LOW,
        on_delay_ms=HOUR_MS,
        off_delay_ms=HOUR_MS,
        words=frozenset({"failed"}),
    ),
)


def watch(ups: str, points: Collection[str]) -> Part:
    """The advisories of one UPS, of those points that its profile offers. What is not known starts and ends nothing."""
    offered = [fact for fact in FACTS if f"{ups}.{fact.point}" in points]
    return Part(
        conditions=tuple(
            Condition(
                id=f"{ups}.{fact.id}",
                test=IsWord(point=f"{ups}.{fact.point}", words=fact.words)
                if fact.words
                else IsFlag(point=f"{ups}.{fact.point}"),
                when_bad=WhenBad.HOLD,
                on_delay_ms=fact.on_delay_ms,
                off_delay_ms=fact.off_delay_ms,
                confirm=2,
            )
            for fact in offered
        ),
        alarms=tuple(
            RowAlarm(
                alarm=Alarm(
                    id=f"{ups}.{fact.id}",
                    condition=f"{ups}.{fact.id}",
                    priority=fact.priority,
                    text=f"alarm.{fact.text}",
                    cause="power",
                ),
                row=Row.POWER,
                quiet=fact.priority is AlarmPriority.LOW,
            )
            for fact in offered
        ),
    )
