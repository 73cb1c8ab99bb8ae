"""Cooling: has a unit failed, is it only off by order, does it answer, and is the room getting warm.

Fans run on failure, and never start during a fire. It must not know Modbus or registers.
"""

from dataclasses import dataclass

from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, IsBad, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.plan import Announce, Holds, Interlock, Rule, Seen
from monitors.parts import Part, Row, RowAlarm
from monitors.power import SILENT

CAUSE = "hvac"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One air-conditioning unit. `ordered_off`: its profile offers that flag, so that "off by order" is no fault."""

    id: str
    on_delay_ms: int
    off_delay_ms: int
    silent_ms: int
    running: bool = True
    ordered_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One room and its three temperature steps in degrees Celsius (defaults of the plans: 27, 32, 35)."""

    point: str
    id: str
    warn_c: float
    alarm_c: float
    critical_c: float
    deadband_c: float
    on_delay_ms: int
    off_delay_ms: int


def watch_unit(unit: Unit) -> Part:
    """Failure, unexpected standstill and silence of one unit."""
    fault, stopped, unreachable = f"{unit.id}.failed", f"{unit.id}.stopped", f"{unit.id}.unreachable"
    conditions = [
        _held(fault, IsFlag(point=f"{unit.id}.fault"), unit),
        Condition(
            id=unreachable,
            test=IsBad(point=f"{unit.id}.fault", reasons=SILENT),
            when_bad=WhenBad.CLEAR,
            on_delay_ms=unit.silent_ms,
        ),
    ]
    alarms = [
        _alarm(fault, AlarmPriority.HIGH, "hvac_failed", CAUSE),
        _alarm(unreachable, AlarmPriority.MEDIUM, "hvac_unreachable", "comms"),
    ]
    if unit.running:
        still: Test = IsFlag(point=f"{unit.id}.running", wanted=False)
        if unit.ordered_off:
            still = AllOf(tests=(still, IsFlag(point=f"{unit.id}.ordered_off", wanted=False)))
        conditions.append(_held(stopped, still, unit))
        alarms.append(_alarm(stopped, AlarmPriority.MEDIUM, "hvac_stopped", CAUSE))
    return Part(
        conditions=tuple(conditions),
        alarms=tuple(alarms),
        announcements=(
            Announce(condition=fault, begins="hvac.failed", ends="hvac.recovered", severity=Severity.WARNING),
        ),
    )


def failed(unit: str) -> str:
    """Id of the condition that is this unit's failure."""
    return f"{unit}.failed"


def watch_room(room: Room) -> Part:
    """Three steps of warmth."""
    steps = (
        ("warm", room.warn_c, AlarmPriority.LOW),
        ("hot", room.alarm_c, AlarmPriority.MEDIUM),
        ("critical", room.critical_c, AlarmPriority.HIGH),
    )
    return Part(
        conditions=tuple(
            Condition(
                id=f"{room.id}.{name}",
                test=Above(point=room.point, limit=limit_c, deadband=room.deadband_c),
                when_bad=WhenBad.HOLD,
                on_delay_ms=room.on_delay_ms,
                off_delay_ms=room.off_delay_ms,
            )
            for name, limit_c, _ in steps
        ),
        alarms=tuple(_alarm(f"{room.id}.{name}", priority, f"room_{name}", CAUSE) for name, _, priority in steps),
    )


def cool(units: tuple[str, ...], rooms: tuple[str, ...], fans: tuple[str, ...], fire_seen: str) -> Part:
    """The cause behind cooling incidents, and the fans: on when a unit fails or a room is hot, never during a fire."""
    triggers = (*(failed(unit) for unit in units), *(f"{room}.hot" for room in rooms))
    rules = tuple(
        Rule(when=Holds(condition=trigger), output=fan, value=True, owner=CAUSE) for fan in fans for trigger in triggers
    )
    interlocks = tuple(
        Interlock(id="no_fan_in_fire", output=fan, when=Seen(condition=fire_seen), value=False)
        for fan in fans
        if fire_seen
    )
    return Part(causes=(Cause(id=CAUSE, mode=Mode.NORMAL, conditions=triggers),), rules=rules, interlocks=interlocks)


def _held(condition: str, test: Test, unit: Unit) -> Condition:
    return Condition(
        id=condition,
        test=test,
        when_bad=WhenBad.HOLD,
        on_delay_ms=unit.on_delay_ms,
        off_delay_ms=unit.off_delay_ms,
        confirm=2,
    )


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str) -> RowAlarm:
    return RowAlarm(
        alarm=Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause),
        row=Row.COOLING,
    )
