"""Cooling: has a unit failed, is it only off by order, does it answer, and is the room getting warm, dry or damp.

Fans run on failure, and never start during a fire. In conservation units are asked for less before any compressor
is stopped. It must not know Modbus or registers.
"""

from collections.abc import Sequence

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import Above, AllOf, Below, IsBad, IsFlag, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.plan import Announce, CauseIn, Holds, Interlock, Rule, Seen
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Reason
from firmware_py.core.trend import Trend
from monitors.parts import Part, Row, RowAlarm
from monitors.power import IMPLAUSIBLE, SILENT

CAUSE = "hvac"
RISE_WINDOW_MS = 300_000
_RISE_STALE_MS = 60_000  # made anew in each cycle; the limit only has to be longer than that


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
    """One room and its three temperature steps in degrees Celsius (defaults of the plans: 27, 32, 35).

    `rise_c`: within five minutes, on three sound samples, before any level is reached; `jump_c`: between two samples,
    which is a fault of the sensor and not heat. 0: not watched.
    """

    point: str
    id: str
    warn_c: float
    alarm_c: float
    critical_c: float
    deadband_c: float
    on_delay_ms: int
    off_delay_ms: int
    rise_c: float = 0.0
    jump_c: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Air:
    """The humidity of one room, in percent."""

    point: str
    id: str
    dry_pct: float
    humid_pct: float
    deadband_pct: float
    on_delay_ms: int
    off_delay_ms: int


def watch_unit(unit: Unit) -> Part:
    """Failure, unexpected standstill and silence of one unit."""
    fault, stopped, unreachable = f"{unit.id}.failed", f"{unit.id}.stopped", f"{unit.id}.unreachable"
    conditions = [
        _held(fault, IsFlag(point=f"{unit.id}.fault"), unit),
        Condition(
            id=unreachable,
            # A gateway that answers for a unit that does not is as blind.
            test=IsBad(point=f"{unit.id}.fault", reasons=SILENT | {Reason.SOURCE_LOST}, doubted=True),
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


def rise_point(room: str) -> Point:
    """By how much the room has warmed within five minutes."""
    return Point(id=f"{room}.rise_c", kind=Kind.NUMBER, unit="C", stale_after_ms=_RISE_STALE_MS, low=0)


def rising(room: str) -> str:
    """Id of the condition that is the room's rate of rise."""
    return f"{room}.rising"


def watch_rise(room: Room) -> Part:
    """The rate of rise, on three sound samples; and the sensor that jumps or says what cannot be."""
    rise, sensor = rising(room.id), f"{room.id}.sensor_fault"
    return Part(
        trends=(
            Trend(point=room.point, rise=rise_point(room.id).id, jump_limit=room.jump_c, window_ms=RISE_WINDOW_MS),
        ),
        conditions=(
            Condition(
                id=rise,
                # Sensors count in tenths: two degrees are reached at 2.0.
                test=Above(point=rise_point(room.id).id, limit=room.rise_c - 0.05, deadband=room.rise_c / 4),
                when_bad=WhenBad.HOLD,
                off_delay_ms=room.off_delay_ms,
                confirm=3,
            ),
            Condition(
                id=sensor,
                test=IsBad(point=room.point, reasons=IMPLAUSIBLE),
                when_bad=WhenBad.CLEAR,
                off_delay_ms=room.off_delay_ms,
            ),
        ),
        alarms=(
            _alarm(rise, AlarmPriority.HIGH, "room_rising", CAUSE),
            _alarm(sensor, AlarmPriority.MEDIUM, "room_sensor", CAUSE),
        ),
        announcements=(
            Announce(
                condition=rise,
                begins="room.rising",
                ends="room.rising_over",
                severity=Severity.WARNING,
                carry=(room.point, rise_point(room.id).id),
            ),
        ),
    )


def watch_air(air: Air) -> Part:
    """Too dry (static discharge) and too damp (condensation)."""
    tests: tuple[tuple[str, Test], ...] = (
        ("dry", Below(point=air.point, limit=air.dry_pct, deadband=air.deadband_pct)),
        ("humid", Above(point=air.point, limit=air.humid_pct, deadband=air.deadband_pct)),
    )
    return Part(
        conditions=tuple(
            Condition(
                id=f"{air.id}.{name}",
                test=test,
                when_bad=WhenBad.HOLD,
                on_delay_ms=air.on_delay_ms,
                off_delay_ms=air.off_delay_ms,
            )
            for name, test in tests
        ),
        alarms=tuple(_alarm(f"{air.id}.{name}", AlarmPriority.LOW, f"room_{name}", CAUSE) for name, _ in tests),
    )


def ease(outputs: Sequence[str], causes: Sequence[str]) -> Part:
    """Ask for less while one of `causes` is under way: UPS modes or raised set points, at once and until it is over.
    Compressors are loads of the last stages, so they follow later if at all."""
    under_way = frozenset({CausePhase.ACTIVE, CausePhase.RECOVERING})
    return Part(
        rules=tuple(
            Rule(when=CauseIn(cause=cause, phases=under_way), output=output, value=True, owner=cause)
            for cause in causes
            for output in outputs
        )
    )


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


def cool(
    units: tuple[str, ...], rooms: tuple[str, ...], fans: tuple[str, ...], fire_seen: str, *, rises: bool = False
) -> Part:
    """The cause behind cooling incidents, and the fans: on when a unit fails or a room is hot (or, with `rises`, warms
    too fast), never during a fire."""
    triggers = (*(failed(unit) for unit in units), *(f"{room}.hot" for room in rooms))
    triggers += tuple(rising(room) for room in rooms if rises)
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
