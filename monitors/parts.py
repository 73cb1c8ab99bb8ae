"""What every monitor hands over: declared conditions, alarms, causes and rules; and how the parts become one plan.

A monitor is only data. This module must not know what any of it means.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TypeVar

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmRules
from firmware_py.core.checklist import Checklist
from firmware_py.core.compressor import Compressor
from firmware_py.core.condition import Condition
from firmware_py.core.dangling import faults
from firmware_py.core.drill import Drill
from firmware_py.core.escalation import Escalation
from firmware_py.core.generator import Generator
from firmware_py.core.lines import Line
from firmware_py.core.mode import Cause
from firmware_py.core.output import Output
from firmware_py.core.plan import Announce, FlagRule, Interlock, Plan, Rule
from firmware_py.core.planned import NOTICE_S, Cut
from firmware_py.core.point import Point
from firmware_py.core.shedplan import Battery
from firmware_py.core.stage import Stage
from firmware_py.core.trend import Trend
from firmware_py.core.volume import Volume

T = TypeVar("T")


class Row(StrEnum):
    """The rows of the lamp panel, in the order in which they hang on the wall."""

    POWER = "power"
    PHONES = "phones"
    COOLING = "cooling"
    FIRE = "fire"
    LINK = "link"
    CONTROLLER = "controller"
    SERVICE = "service"  # the blue one, where there is one: shelved, out of service, drill


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAlarm:
    """An alarm and the lamp row that shows it. `early`: the lamp lights at the first reading, before the delay.
    `quiet`: never for the sounder."""

    alarm: Alarm
    row: Row
    early: bool = False
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One monitor's declarations."""

    conditions: tuple[Condition, ...] = ()
    alarms: tuple[RowAlarm, ...] = ()
    causes: tuple[Cause, ...] = ()
    stages: tuple[Stage, ...] = ()
    batteries: tuple[Battery, ...] = ()
    cuts: tuple[Cut, ...] = ()
    notice_s: tuple[int, ...] = ()  # one at most
    generators: tuple[Generator, ...] = ()  # one at most
    trends: tuple[Trend, ...] = ()
    compressors: tuple[Compressor, ...] = ()
    lines: tuple[Line, ...] = ()
    volumes: tuple[Volume, ...] = ()
    rules: tuple[Rule, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    flags: tuple[FlagRule, ...] = ()
    announcements: tuple[Announce, ...] = ()
    checklists: tuple[Checklist, ...] = ()


def join(parts: Iterable[Part]) -> Part:
    """Several parts as one, in their order."""
    listed = list(parts)
    return Part(
        conditions=tuple(c for part in listed for c in part.conditions),
        alarms=tuple(a for part in listed for a in part.alarms),
        causes=tuple(c for part in listed for c in part.causes),
        stages=tuple(s for part in listed for s in part.stages),
        batteries=tuple(b for part in listed for b in part.batteries),
        cuts=tuple(c for part in listed for c in part.cuts),
        notice_s=tuple(n for part in listed for n in part.notice_s),
        generators=tuple(g for part in listed for g in part.generators),
        trends=tuple(t for part in listed for t in part.trends),
        compressors=tuple(c for part in listed for c in part.compressors),
        lines=tuple(line for part in listed for line in part.lines),
        volumes=tuple(v for part in listed for v in part.volumes),
        rules=tuple(r for part in listed for r in part.rules),
        interlocks=tuple(i for part in listed for i in part.interlocks),
        flags=tuple(f for part in listed for f in part.flags),
        announcements=tuple(a for part in listed for a in part.announcements),
        checklists=tuple(c for part in listed for c in part.checklists),
    )


def assemble(
    points: Iterable[Point],
    outputs: Iterable[Output],
    part: Part,
    *,
    outbound: tuple[str, ...] = (),
    escalation: Escalation | None = None,
    course: tuple[str, ...] = (),
    alarm_rules: AlarmRules | None = None,
    drills: Mapping[str, Drill] | None = None,
) -> Plan:
    """The plan of the whole floor. Two declarations with one id, or a reference that leads nowhere, are our bug."""
    assert len(part.generators) <= 1, "a floor has one generator"
    plan = Plan(
        points=_by_id((point.id, point) for point in points),
        outputs=_by_id((output.id, output) for output in outputs),
        conditions=_by_id((condition.id, condition) for condition in part.conditions),
        alarms=_by_id((listed.alarm.id, listed.alarm) for listed in part.alarms),
        causes=_by_id((cause.id, cause) for cause in part.causes),
        stages=_by_id((stage.id, stage) for stage in part.stages),
        batteries=_by_id((battery.id, battery) for battery in part.batteries),
        cuts=part.cuts,
        notice_s=next(iter(part.notice_s), NOTICE_S),
        generator=next(iter(part.generators), None),
        trends=_by_id((trend.point, trend) for trend in part.trends),
        lines=_by_id((line.name, line) for line in part.lines),
        volumes=_by_id((volume.id, volume) for volume in part.volumes),
        compressors=_by_id((compressor.output, compressor) for compressor in part.compressors),
        rules=part.rules,
        interlocks=part.interlocks,
        flags=part.flags,
        announcements=part.announcements,
        checklists=_by_id((one.id, one) for one in part.checklists),
        escalation=escalation or Escalation(),
        course=course,
        outbound=outbound,
        alarm_rules=alarm_rules or AlarmRules(),
        drills=drills or {},
    )
    found = faults(plan)
    assert not found, "; ".join(found)
    return plan


def _by_id(pairs: Iterable[tuple[str, T]]) -> Mapping[str, T]:
    found: dict[str, T] = {}
    for name, item in pairs:
        assert name not in found, f"declared twice: {name}"
        found[name] = item
    return found
