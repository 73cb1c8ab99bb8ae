"""What the monitors declared, built once from the configuration: the whole program of the floor as data.

Rules say "when X, I want output Y at value V". This module must not know devices, wires or files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from firmware_py.core import annunciation, drill
from firmware_py.core.alarm import Alarm, AlarmRules, Display
from firmware_py.core.check import points_of
from firmware_py.core.checklist import Checklist, Opens
from firmware_py.core.compressor import Compressor
from firmware_py.core.condition import Condition
from firmware_py.core.derived import declare
from firmware_py.core.drill import Drill
from firmware_py.core.escalation import Escalation
from firmware_py.core.event import Severity
from firmware_py.core.generator import Generator
from firmware_py.core.lines import Line
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.output import Output, OutputValue, Priority
from firmware_py.core.planned import NOTICE_S, Cut
from firmware_py.core.point import Point
from firmware_py.core.shedplan import Battery
from firmware_py.core.stage import Stage
from firmware_py.core.trend import Trend
from firmware_py.core.volume import WEEK_POINT, Volume
from firmware_py.core.volume import declare as declare_volume


@dataclass(frozen=True, slots=True, kw_only=True)
class Holds:
    """The condition is active, or not yet proven to have ended."""

    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The condition was seen at least once by a sound reading, delays aside."""

    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The condition was seen and is not yet active: its delay or confirmation is running."""

    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shows:
    """The alarm is in one of these display states."""

    alarm: str
    displays: frozenset[Display]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sounds:
    """The alarm asks for the sounder: active, not acknowledged, not silenced."""

    alarm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stands:
    """The alarm is active or still wants a person, whether it is shown or set aside."""

    alarm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstOut:
    """The alarm came first among several of its cause, and is in one of these display states."""

    alarm: str
    displays: frozenset[Display]


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseIn:
    """The cause is in one of these phases."""

    cause: str
    phases: frozenset[CausePhase]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageShed:
    """The stage is shed."""

    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """People have been told that the stage will be shed."""

    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeIn:
    """The floor is in one of these modes."""

    modes: frozenset[Mode]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagUp:
    """The flag stands beside the mode."""

    flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LampTest:
    """A lamp test is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Always:
    """Always (the alive lamp)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Every:
    """All parts hold."""

    parts: tuple["When", ...]


When: TypeAlias = (
    Holds
    | Seen
    | Pending
    | Shows
    | Sounds
    | Stands
    | FirstOut
    | CauseIn
    | StageShed
    | Announced
    | ModeIn
    | FlagUp
    | LampTest
    | Always
    | Every
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A standing request. `owner`: the cause or person on whose behalf. `rank` orders equal priorities, lower first."""

    when: When
    output: str
    value: OutputValue
    owner: str
    priority: Priority = Priority.PROGRAM
    rank: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Interlock:
    """Forces an output whatever was requested, people included: fans never start during a fire."""

    id: str
    output: str
    when: When
    value: OutputValue


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagRule:
    """A flag beside the mode (`manual_records`)."""

    flag: str
    when: When


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce:
    """The event types that a condition's begin and end are recorded as, and the points whose values go with them.

    `order`: what people are to do one after the other, told as it stands.
    """

    condition: str
    begins: str
    ends: str
    severity: Severity
    carry: tuple[str, ...] = ()
    order: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All declarations by id. `outbound`: the outputs that pause outbound dialling while on."""

    points: Mapping[str, Point] = field(default_factory=dict)
    outputs: Mapping[str, Output] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    alarm_rules: AlarmRules = field(default_factory=AlarmRules)
    causes: Mapping[str, Cause] = field(default_factory=dict)
    stages: Mapping[str, Stage] = field(default_factory=dict)
    batteries: Mapping[str, Battery] = field(default_factory=dict)
    cuts: tuple[Cut, ...] = ()
    notice_s: int = NOTICE_S  # before a cut that people tell of
    generator: Generator | None = None
    trends: Mapping[str, Trend] = field(default_factory=dict)  # by the point that is followed
    compressors: Mapping[str, Compressor] = field(default_factory=dict)  # by their output
    drills: Mapping[str, Drill] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)  # trunks by name
    volumes: Mapping[str, Volume] = field(default_factory=dict)  # by their exchange
    rules: tuple[Rule, ...] = ()
    interlocks: tuple[Interlock, ...] = ()
    flags: tuple[FlagRule, ...] = ()
    announcements: tuple[Announce, ...] = ()
    outbound: tuple[str, ...] = ()
    checklists: Mapping[str, Checklist] = field(default_factory=dict)
    escalation: Escalation = field(default_factory=Escalation)
    course: tuple[str, ...] = ()  # points that the picture of an incident shows
    manual_cause: str = "manual"
    fire_cause: str = "fire"

    def stages_of(self, cause: str) -> tuple[Stage, ...]:
        """The cause's stages, first to be shed first."""
        return tuple(sorted((s for s in self.stages.values() if s.cause == cause), key=lambda s: (s.order, s.id)))


def faults(plan: Plan) -> list[str]:
    """References that lead nowhere: a bug in a monitor, or in what compiled the configuration."""
    found = [
        f"{c.id}: no point {p}" for c in plan.conditions.values() for p in points_of(c.test) if p not in plan.points
    ]
    found += [
        f"alarm {a.id}: no condition {a.condition}" for a in plan.alarms.values() if a.condition not in plan.conditions
    ]
    found += [
        f"alarm {a.id}: no cause {a.cause}" for a in plan.alarms.values() if a.cause and a.cause not in plan.causes
    ]
    because = [(a.id, name) for a in plan.alarms.values() for name in a.suppressed_by]
    found += [f"alarm {alarm}: no condition {name}" for alarm, name in because if name not in plan.conditions]
    for cause in plan.causes.values():
        named = cause.conditions + cause.stopped_by + ((cause.confirms,) if cause.confirms else ())
        found += [f"cause {cause.id}: no condition {name}" for name in named if name not in plan.conditions]
    for stage in plan.stages.values():
        found += [f"stage {stage.id}: no cause {stage.cause}"] * (stage.cause not in plan.causes)
        asked = stage.conditions + stage.while_any
        found += [f"stage {stage.id}: no condition {name}" for name in asked if name not in plan.conditions]
        found += [f"stage {stage.id}: no output {name}" for name in stage.outputs if name not in plan.outputs]
    for battery in plan.batteries.values():
        named = (battery.source, battery.charge, battery.runtime, battery.load, battery.power)
        named += tuple(point.id for point in declare(battery.id))
        found += [f"battery {battery.id}: no point {name}" for name in named if name and name not in plan.points]
        found += [f"battery {battery.id}: no condition {battery.overlong}"] * (
            bool(battery.overlong) and battery.overlong not in plan.conditions
        )
    found += _cooling_faults(plan)
    found += [f"drill {d.id}: no point {p}" for d in plan.drills.values() for p in d.readings if p not in plan.points]
    found += _volume_faults(plan)
    sensed = [line.sensed for line in plan.lines.values() if line.sensed]
    found += [f"line: no point {p}" for p in (*sensed, *(x.point for x in plan.lines.values())) if p not in plan.points]
    if plan.generator is not None:
        asked = plan.generator.reasons + plan.generator.gates
        found += [f"generator: no condition {name}" for name in asked if name not in plan.conditions]
        found += [f"generator: no point {plan.generator.running}"] * (plan.generator.running not in plan.points)
    wanted = [rule.output for rule in plan.rules] + [interlock.output for interlock in plan.interlocks]
    found += [f"rule: no output {output}" for output in wanted if output not in plan.outputs]
    whens = [r.when for r in plan.rules] + [i.when for i in plan.interlocks] + [f.when for f in plan.flags]
    found += [f"rule: nothing called {name}" for when in whens for name in _dangling(plan, when)]
    found += [f"announce: no condition {a.condition}" for a in plan.announcements if a.condition not in plan.conditions]
    found += [f"announce: no point {p}" for a in plan.announcements for p in a.carry if p not in plan.points]
    found += [f"no output {output}" for output in plan.outbound if output not in plan.outputs]
    return found + _record_faults(plan)


def _record_faults(plan: Plan) -> list[str]:
    named = [*plan.course, *(point for cause in plan.causes.values() for point in cause.carry)]
    found = [f"course: no point {name}" for name in named if name not in plan.points]
    for one in plan.checklists.values():
        known = plan.conditions if one.opens is Opens.CONDITION_BEGINS else plan.causes
        found += [f"checklist {one.id}: nothing called {one.of}"] * (one.of not in known)
    return found


def _cooling_faults(plan: Plan) -> list[str]:
    named = [name for t in plan.trends.values() for name in (t.point, t.rise)]
    named += [name for c in plan.compressors.values() for name in c.points_on + c.points_off + c.points_between]
    found = [f"cooling: no point {name}" for name in named if name not in plan.points]
    found += [f"compressor: no output {name}" for name in plan.compressors if name not in plan.outputs]
    barred = [name for c in plan.compressors.values() for name in c.barred]
    return found + [f"compressor: no condition {name}" for name in barred if name not in plan.conditions]


def _volume_faults(plan: Plan) -> list[str]:
    named = [WEEK_POINT] if plan.volumes else []
    for volume in plan.volumes.values():
        named += [volume.offered, volume.abandoned, *volume.lines, *(point.id for point in declare_volume(volume.id))]
    return [f"volume: no point {name}" for name in named if name not in plan.points]


def _dangling(plan: Plan, when: When) -> list[str]:
    match when:
        case Holds() | Seen() | Pending():
            return [] if when.condition in plan.conditions else [when.condition]
        case Shows() | Sounds() | Stands() | FirstOut():
            return [] if when.alarm in plan.alarms else [when.alarm]
        case CauseIn():
            return [] if when.cause in plan.causes else [when.cause]
        case StageShed() | Announced():
            return [] if when.stage in plan.stages else [when.stage]
        case Every():
            return [name for part in when.parts for name in _dangling(plan, part)]
        case FlagUp():
            own = when.flag in annunciation.FLAGS | {drill.FLAG}
            return [] if own or any(rule.flag == when.flag for rule in plan.flags) else [when.flag]
        case ModeIn() | LampTest() | Always():
            return []
        case _ as never:
            assert_never(never)
