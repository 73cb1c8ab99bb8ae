"""Power: is the mains there, can we see the UPS, how long will the battery last.

Four facts are kept apart: mains lost; UPS unreachable; the card lost the UPS; value implausible. Only the first is an
outage, and it takes two readings. It must not know SNMP, nor what is shed.
"""

from dataclasses import dataclass

from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import AllOf, Below, IsBad, IsWord
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.event import Severity
from firmware_py.core.plan import Announce, FlagRule, Holds
from firmware_py.core.reading import Reason
from monitors.parts import Part, Row, RowAlarm

SILENT = frozenset({Reason.NOT_YET, Reason.NO_COMMUNICATION, Reason.STALE, Reason.BAD_REPLY, Reason.DOUBTFUL})
IMPLAUSIBLE = frozenset({Reason.OUT_OF_RANGE, Reason.SENTINEL, Reason.UNKNOWN_WORD, Reason.NOT_SUPPORTED})
CAUSE = "power"
MANUAL_RECORDS = "manual_records"
RUNTIME_DEADBAND_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ups:
    """One UPS to watch. `manual_lead_ms`: how long before the forecast end people must go over to paper.

    `has_runtime`, `has_status`, `has_charge`: whether its profile offers those points at all.
    """

    id: str
    on_delay_ms: int
    off_delay_ms: int
    silent_ms: int
    manual_lead_ms: int
    test_limit_ms: int = 60_000
    has_runtime: bool = True
    has_status: bool = True
    has_charge: bool = True


def on_battery(ups: str) -> str:
    """Id of the condition that is this UPS's outage."""
    return f"{ups}.on_battery"


def outages(ups: str) -> tuple[str, ...]:
    """Ids of all conditions of this UPS that mean: the floor does not live on the mains."""
    return (on_battery(ups), f"{ups}.output_off", f"{ups}.test_overlong")


def watch(ups: Ups) -> Part:
    """Everything that is declared for one UPS."""
    source = f"{ups.id}.output_source"
    conditions = [
        Condition(
            id=on_battery(ups.id),
            test=IsWord(point=source, words=frozenset({"battery"})),
            when_bad=WhenBad.HOLD,
            on_delay_ms=ups.on_delay_ms,
            off_delay_ms=ups.off_delay_ms,
            confirm=2,
        ),
        Condition(
            id=f"{ups.id}.output_off",
            test=IsWord(point=source, words=frozenset({"off"})),
            when_bad=WhenBad.HOLD,
            on_delay_ms=ups.on_delay_ms,
            off_delay_ms=ups.off_delay_ms,
            confirm=2,
        ),
        # A self-test is no outage, but one that does not end is: the battery drains all the same.
        Condition(
            id=f"{ups.id}.test_overlong",
            test=IsWord(point=source, words=frozenset({"test"})),
            when_bad=WhenBad.HOLD,
            on_delay_ms=ups.test_limit_ms,
            off_delay_ms=ups.off_delay_ms,
            confirm=2,
        ),
        _blind(f"{ups.id}.unreachable", source, SILENT, ups.silent_ms),
        _blind(f"{ups.id}.card_lost", source, frozenset({Reason.SOURCE_LOST}), ups.silent_ms),
        _blind(f"{ups.id}.implausible", source, IMPLAUSIBLE, ups.silent_ms),
    ]
    alarms = [
        _alarm(on_battery(ups.id), AlarmPriority.HIGH, "on_battery", CAUSE),
        _alarm(f"{ups.id}.output_off", AlarmPriority.HIGH, "output_off", CAUSE),
        _alarm(f"{ups.id}.test_overlong", AlarmPriority.HIGH, "test_overlong", CAUSE),
        _alarm(f"{ups.id}.unreachable", AlarmPriority.MEDIUM, "ups_unreachable", "comms"),
        _alarm(f"{ups.id}.card_lost", AlarmPriority.MEDIUM, "ups_card_lost", "comms"),
        _alarm(f"{ups.id}.implausible", AlarmPriority.MEDIUM, "ups_implausible", "comms"),
    ]
    part = _battery(ups, source)
    return Part(
        conditions=(*conditions, *part.conditions),
        alarms=(*alarms, *part.alarms),
        flags=part.flags,
        announcements=(_announce(ups), *part.announcements),
    )


def _battery(ups: Ups, source: str) -> Part:
    conditions: list[Condition] = []
    alarms: list[RowAlarm] = []
    flags: list[FlagRule] = []
    announcements: list[Announce] = []
    low = f"{ups.id}.battery_low"
    if ups.has_status:
        words = frozenset({"low", "depleted"})
        conditions.append(
            Condition(
                id=low,
                test=IsWord(point=f"{ups.id}.battery.status", words=words),
                when_bad=WhenBad.HOLD,
                on_delay_ms=ups.on_delay_ms,
                off_delay_ms=ups.off_delay_ms,
                confirm=2,
            )
        )
        alarms.append(_alarm(low, AlarmPriority.HIGH, "battery_low", CAUSE))
    if ups.has_runtime:
        ending = f"{ups.id}.battery_ending"
        runtime = Below(
            point=f"{ups.id}.battery.runtime_s", limit=ups.manual_lead_ms / 1000, deadband=RUNTIME_DEADBAND_S
        )
        # Only while on battery: a flat battery under charge has little runtime and nobody needs paper for that.
        conditions.append(
            Condition(
                id=ending,
                test=AllOf(tests=(IsWord(point=source, words=frozenset({"battery"})), runtime)),
                when_bad=WhenBad.HOLD,
                off_delay_ms=ups.off_delay_ms,
                confirm=2,
            )
        )
        alarms.append(_alarm(ending, AlarmPriority.HIGH, "battery_ending", CAUSE))
        flags.append(FlagRule(flag=MANUAL_RECORDS, when=Holds(condition=ending)))
        announcements.append(
            Announce(
                condition=ending,
                begins="power.manual_records",
                ends="power.manual_records_over",
                severity=Severity.CRITICAL,
                carry=(f"{ups.id}.battery.runtime_s",),
            )
        )
    return Part(
        conditions=tuple(conditions), alarms=tuple(alarms), flags=tuple(flags), announcements=tuple(announcements)
    )


def _announce(ups: Ups) -> Announce:
    charge = (f"{ups.id}.battery.charge_pct",) if ups.has_charge else ()
    runtime = (f"{ups.id}.battery.runtime_s",) if ups.has_runtime else ()
    return Announce(
        condition=on_battery(ups.id),
        begins="power.mains_lost",
        ends="power.mains_returned",
        severity=Severity.CRITICAL,
        carry=(*charge, *runtime),
    )


def _blind(condition: str, point: str, reasons: frozenset[Reason], delay_ms: int) -> Condition:
    # IsBad always has an answer; CLEAR is declared because something must be.
    return Condition(
        id=condition, test=IsBad(point=point, reasons=reasons), when_bad=WhenBad.CLEAR, on_delay_ms=delay_ms
    )


def _alarm(condition: str, priority: AlarmPriority, text: str, cause: str) -> RowAlarm:
    return RowAlarm(
        early=cause == CAUSE,
        alarm=Alarm(id=condition, condition=condition, priority=priority, text=f"alarm.{text}", cause=cause),
        row=Row.POWER,
    )
