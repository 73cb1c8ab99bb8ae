"""What the monitors declared, built once from the configuration: the whole program of the floor as data.

Rules say "when X, I want output Y at value V". This module must not know devices, wires or files.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TypeAlias, TypeVar, assert_never

from config.valued import dataclass
from firmware_py.core.alarm import Alarm, AlarmRules, Display
from firmware_py.core.check import points_of
from firmware_py.core.checklist import Checklist
from firmware_py.core.compressor import Compressor
from firmware_py.core.condition import Condition
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
from firmware_py.core.volume import Volume

K = TypeVar("K")
Fact: TypeAlias = tuple[str, str]  # what kind of thing a rule looks at, and which: ("alarm", "ups1_on_battery")


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


Lamps: TypeAlias = Mapping[str | None, list[tuple[int, Rule]]]  # of one output, see `Readers`


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
class Readers:
    """The rules by what they move and by what they look at, so that a cycle asks only those whose facts have changed.
    `rules_of`: all of an output; `lamps_of`: the same apart, those that cannot hold while an alarm is normal, by that
    alarm, and the others by none, each with its place. `outputs_of`: the outputs behind each fact. `conditions_of`:
    those that look at a point. `alarms_of`: those that follow a condition or are suppressed by it. `places`: of the
    alarms, in the plan's order."""

    rules_of: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    lamps_of: Mapping[str, Lamps] = field(default_factory=dict)
    interlocks_of: Mapping[str, tuple[Interlock, ...]] = field(default_factory=dict)
    outputs_of: Mapping[Fact, frozenset[str]] = field(default_factory=dict)
    conditions_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    alarms_of: Mapping[str, frozenset[str]] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)


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
    readers: Readers = field(init=False, repr=False, compare=False)
    causes_stages: Mapping[str, tuple[Stage, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        ordered = sorted(self.stages.values(), key=lambda stage: (stage.order, stage.id))
        object.__setattr__(self, "causes_stages", {c: tuple(s for s in ordered if s.cause == c) for c in self.causes})
        object.__setattr__(self, "readers", _readers(self))

    def stages_of(self, cause: str) -> tuple[Stage, ...]:
        """The cause's stages, first to be shed first."""
        return self.causes_stages[cause]


def facts_of(when: When) -> Iterator[Fact]:
    """What an answer of `when` rests on."""
    match when:
        case Holds() | Seen() | Pending():
            yield "condition", when.condition
        case Shows() | Sounds() | Stands() | FirstOut():
            yield "alarm", when.alarm
        case CauseIn():
            yield "cause", when.cause
        case StageShed() | Announced():
            yield "stage", when.stage
        case FlagUp():
            yield "flag", when.flag
        case ModeIn():
            yield "mode", ""
        case LampTest():
            yield "lamp_test", ""
        case Every():
            for part in when.parts:
                yield from facts_of(part)
        case Always():
            pass
        case _ as never:
            assert_never(never)


def _readers(plan: Plan) -> Readers:
    rules_of, interlocks_of = dict[str, list[Rule]](), dict[str, list[Interlock]]()
    for rule in plan.rules:
        rules_of.setdefault(rule.output, []).append(rule)
    for interlock in plan.interlocks:
        interlocks_of.setdefault(interlock.output, []).append(interlock)
    whens = [(rule.output, rule.when) for rule in plan.rules] + [(lock.output, lock.when) for lock in plan.interlocks]
    conditions = plan.conditions.items()
    heard = [(alarm.id, (alarm.condition, *alarm.suppressed_by)) for alarm in plan.alarms.values()]
    return Readers(
        rules_of={name: tuple(found) for name, found in rules_of.items()},
        lamps_of={name: _lamps(found) for name, found in rules_of.items()},
        interlocks_of={name: tuple(found) for name, found in interlocks_of.items()},
        outputs_of=_grouped((fact, output) for output, when in whens for fact in facts_of(when)),
        conditions_of=_grouped((point, name) for name, condition in conditions for point in points_of(condition.test)),
        alarms_of=_grouped((name, alarm) for alarm, names in heard for name in names),
        places={name: place for place, name in enumerate(plan.alarms)},
    )


def _lamps(rules: Iterable[Rule]) -> Lamps:
    found: dict[str | None, list[tuple[int, Rule]]] = {}
    for place, rule in enumerate(rules):
        when, alarm = rule.when, None
        if isinstance(when, Shows | FirstOut) and Display.NORMAL not in when.displays:
            alarm = when.alarm
        found.setdefault(alarm, []).append((place, rule))
    return found


def _grouped(pairs: Iterable[tuple[K, str]]) -> dict[K, frozenset[str]]:
    found: dict[K, set[str]] = {}
    for key, name in pairs:
        found.setdefault(key, set()).add(name)
    return {key: frozenset(names) for key, names in found.items()}
