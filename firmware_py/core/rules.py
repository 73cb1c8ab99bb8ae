"""Rules become requests: who wants which output at which value, and the chain of reasons behind it.

This module must not decide between requests.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import assert_never

from config.valued import dataclass
from firmware_py.core.alarm import AlarmState, Display
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.mode import CauseState, Mode
from firmware_py.core.output import OutputValue, Priority
from firmware_py.core.plan import (
    Always,
    Announced,
    CauseIn,
    Every,
    FirstOut,
    FlagUp,
    Holds,
    Lamps,
    LampTest,
    ModeIn,
    Pending,
    Plan,
    Rule,
    Seen,
    Shows,
    Sounds,
    StageShed,
    Stands,
    When,
)
from firmware_py.core.stage import StageState
from firmware_py.core.state import Override


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """ "I want output X at value V, priority P, because C", on behalf of an owner."""

    output: str
    value: OutputValue
    priority: Priority
    owner: str
    because: tuple[str, ...]
    rank: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the rules look at: everything of this cycle that is already decided."""

    conditions: Mapping[str, ConditionState]
    alarms: Mapping[str, AlarmState]
    causes: Mapping[str, CauseState]
    stages: Mapping[str, StageState]
    mode: Mode
    because: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    firsts: frozenset[str] = frozenset()
    lamp_test_by: str = ""


def reasons(when: When, now: Situation) -> tuple[str, ...] | None:
    """The reasons for which `when` holds now, None when it does not."""
    match when:
        case Holds():
            return (when.condition,) if now.conditions[when.condition].holds else None
        case Seen():
            return (when.condition,) if now.conditions[when.condition].seen else None
        case Pending():
            return (when.condition,) if now.conditions[when.condition].phase is Phase.PENDING else None
        case Shows():
            return (when.alarm,) if now.alarms[when.alarm].display in when.displays else None
        case Sounds():
            return (when.alarm,) if now.alarms[when.alarm].sounds else None
        case Stands():
            return (when.alarm,) if now.alarms[when.alarm].stands else None
        case FirstOut():
            first = when.alarm in now.firsts and now.alarms[when.alarm].display in when.displays
            return (when.alarm,) if first else None
        case CauseIn():
            cause = now.causes[when.cause]
            return (cause.because or (when.cause,)) if cause.phase in when.phases else None
        case StageShed():
            stage = now.stages[when.stage]
            return (*stage.because, when.stage) if stage.shed else None
        case Announced():
            announced = now.stages[when.stage]
            return (*announced.because, when.stage) if announced.announced_ms is not None else None
        case ModeIn():
            return (now.because or (now.mode.word,)) if now.mode in when.modes else None
        case FlagUp():
            return (when.flag,) if when.flag in now.flags else None
        case LampTest():
            return (now.lamp_test_by,) if now.lamp_test_by else None
        case Always():
            return ("always",)
        case Every():
            return _every(when, now)
        case _ as never:
            assert_never(never)


def _every(when: Every, now: Situation) -> tuple[str, ...] | None:
    found: list[str] = []
    for part in when.parts:
        why = reasons(part, now)
        if why is None:
            return None
        found.extend(why)
    return tuple(dict.fromkeys(found))


def _asking(lamps: Lamps, lit: Collection[str]) -> Iterable[Rule]:
    """Rules of one output in their order, without those of alarms that are not `lit`: most are such."""
    found = list(lamps.get(None, ()))
    for alarm in lit:
        if alarm in lamps:
            found += lamps[alarm]
    found.sort(key=_PLACE)
    return map(_RULE, found)


_PLACE, _RULE = itemgetter(0), itemgetter(1)


def collect(
    plan: Plan, now: Situation, overrides: Mapping[str, Override], paused_by: str, only: Collection[str],
    among: Iterable[str] | None = None,
) -> Iterator[Request]:  # fmt: skip
    """All requests of this cycle to the outputs `only`: standing rules, shed stages, people's hands. `among`: at least
    all alarms that are not normal, where that is known."""
    if not only:
        return
    chosen = now.alarms if among is None else among
    lit = [name for name in chosen if now.alarms[name].display is not Display.NORMAL]
    lamps = plan.readers.lamps_of
    for rule in (rule for name in only if name in lamps for rule in _asking(lamps[name], lit)):
        why = reasons(rule.when, now)
        if why is not None:
            yield Request(
                output=rule.output,
                value=rule.value,
                priority=rule.priority,
                owner=rule.owner,
                because=why,
                rank=rule.rank,
            )
    for name, stage in now.stages.items():
        outputs = plan.stages[name].outputs
        for output in outputs[: len(outputs) - stage.returned] if stage.shed else ():
            if output in only:
                yield Request(
                    output=output,
                    value=not plan.outputs[output].normal,
                    priority=Priority.PROGRAM,
                    owner=plan.stages[name].cause,
                    because=(*stage.because, name),
                )
    for output in (name for name in overrides if name in only):
        override = overrides[output]
        yield Request(
            output=output,
            value=override.value,
            priority=Priority.MANUAL_OPERATOR,
            owner=f"by {override.by}",
            because=(f"override by {override.by}",),
        )
    for output in (name for name in plan.outbound if paused_by and name in only):
        yield Request(
            output=output,
            value=True,
            priority=Priority.PROGRAM,
            owner=f"by {paused_by}",
            because=(f"paused by {paused_by}",),
        )
