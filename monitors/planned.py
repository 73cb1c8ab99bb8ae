"""Announced power cuts: notice ahead, is the floor ready, is this outage the announced one, does it last too long.

It must not know the clock, nor where the announcements come from.
"""

from collections.abc import Sequence

from firmware_py.core import planned
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, AnyOf, Below, IsFlag, IsWord, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, FlagRule, Holds
from monitors.parts import Part, Row, RowAlarm

FLAG = "planned"
READY_PCT = 90.0
TRIED_D = 180  # a battery that gave no power for longer is a guess
AHEAD, RUNNING, NOT_READY, OVERRUN = "planned.ahead", "planned.running", "planned.not_ready", "planned.overrun"


def watch(
    upses: Sequence[str],
    charges: Sequence[str],
    flags: Sequence[str] = (),
    untried: Sequence[str] = (),
    *,
    cause: str,
    off_delay_ms: int,
) -> Part:
    """All that is declared where cuts are announced. `upses`: output sources; `charges`: points of battery charge;
    `flags`: points that are always known, and true while something else is amiss, like a generator that failed;
    `untried`: points with the days since a battery last gave power, in a test or an outage."""
    dark = AnyOf(tests=tuple(IsWord(point=point, words=frozenset({"battery", "off"})) for point in upses))
    conditions = [
        _condition(AHEAD, _in("noticed", "soon", "running")),
        _condition(RUNNING, _in("running")),
        # The mains has to be back by the promised end: that it is not is news, whatever the battery says.
        _condition(OVERRUN, AllOf(tests=(_in("overrun"), dark)), off_delay_ms=off_delay_ms),
    ]
    alarms = [_alarm(OVERRUN, AlarmPriority.HIGH, "planned_overrun", cause)]
    amiss: list[Test] = [Below(point=point, limit=READY_PCT) for point in charges]
    amiss += [IsFlag(point=point) for point in flags]
    amiss += [Above(point=point, limit=TRIED_D) for point in untried]
    if amiss:
        test = AllOf(tests=(_in("soon"), AnyOf(tests=tuple(amiss))))
        conditions.append(_condition(NOT_READY, test, off_delay_ms=off_delay_ms))
        alarms.append(_alarm(NOT_READY, AlarmPriority.MEDIUM, "planned_not_ready", None))
    return Part(
        conditions=tuple(conditions),
        alarms=tuple(alarms),
        flags=(FlagRule(flag=FLAG, when=Holds(condition=RUNNING)),),
        announcements=(
            _announce(AHEAD, "planned.notice", "planned.past"),
            _announce(RUNNING, "planned.begins", "planned.ends"),
        ),
    )


def _in(*words: str) -> Test:
    return IsWord(point=planned.PHASE, words=frozenset(words))


def _condition(name: str, test: Test, *, off_delay_ms: int = 0) -> Condition:
    return Condition(id=name, test=test, when_bad=WhenBad.HOLD, off_delay_ms=off_delay_ms)


def _announce(condition: str, begins: str, ends: str) -> Announce:
    carry = (planned.STARTS_IN, planned.NOTE)
    return Announce(condition=condition, begins=begins, ends=ends, severity=Severity.WARNING, carry=carry)


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str | None) -> RowAlarm:
    alarm = Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause)
    return RowAlarm(alarm=alarm, row=Row.POWER)
