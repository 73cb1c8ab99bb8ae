"""What is given up so that inbound calls go on: outbound at once, loads in stages, each cause on its own account.

Power and trunk each pause outbound and shed their own stages; people may conserve by hand. It must not know why a
cause is active, nor how a load is switched.
"""

from collections.abc import Sequence

from config.valued import dataclass
from firmware_py.core.check import Above, AllOf, Below, Test
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.plan import Announced, CauseIn, FlagRule, Rule
from firmware_py.core.stage import Stage
from monitors.parts import Part, join

MANUAL = "manual"
ANNOUNCED = "cut_announced"  # the flag beside the mode while people have been told that their loads will go
PLAN_HOLD_MS = 10_000  # a plan is not acted on for the sake of one reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """One cause of conservation, as `core.mode.Cause` has it."""

    cause: str
    conditions: tuple[str, ...]
    stable_ms: int
    spacing_ms: int
    relapse_window_ms: int = 0
    relapse_factor: int = 1
    stopped_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A value of `point` beyond which a stage is shed, and the one behind which it may come back: a release above the
    limit makes it a lower bound, one below it an upper bound. `only_while`: what must be so as well, where a value may
    stay beyond its limit for ever."""

    point: str
    limit: float
    release: float
    only_while: Test | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShedStage:
    """One stage as the site declares it. `hold_ms`: how long a threshold must be passed. `announce_ms`: how long before
    people are told, 0 where nobody sits at its loads. `targets`: UPSs for whose endurance it is shed, by the point that
    says how deep. `feeds`, `while_any`, `loads`, `by_hand`: as `core.stage.Stage` has them."""

    cause: str
    order: int
    outputs: tuple[str, ...]
    after_ms: int | None
    thresholds: tuple[Threshold, ...]
    dwell_ms: int
    hold_ms: int = 0
    announce_ms: int = 0
    targets: tuple[str, ...] = ()
    feeds: frozenset[str] = frozenset()
    while_any: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


def conserve(causes: Sequence[Conservation], outbound: Sequence[str]) -> Part:
    """The causes, conservation by hand among them, and the pause that each asks for until it is over."""
    declared = [
        Cause(
            id=asked.cause,
            mode=Mode.CONSERVATION,
            conditions=asked.conditions,
            stable_ms=asked.stable_ms,
            spacing_ms=asked.spacing_ms,
            relapse_window_ms=asked.relapse_window_ms,
            relapse_factor=asked.relapse_factor,
            stopped_by=asked.stopped_by,
        )
        for asked in causes
    ]
    declared.append(Cause(id=MANUAL, mode=Mode.CONSERVATION, commandable=True))
    under_way = frozenset({CausePhase.ACTIVE, CausePhase.RECOVERING})
    rules = tuple(
        Rule(when=CauseIn(cause=cause.id, phases=under_way), output=output, value=True, owner=cause.id)
        for cause in declared
        for output in outbound
    )
    return Part(causes=tuple(declared), rules=rules)


def shed(stages: Sequence[ShedStage]) -> Part:
    """The stages and the conditions of their thresholds."""
    parts = [_stage(stage) for stage in stages]
    return join(parts)


def _stage(asked: ShedStage) -> Part:
    name = f"{asked.cause}.stage{asked.order}"
    conditions = tuple(
        Condition(
            id=f"{name}.{threshold.point}",
            # A stage is shed only while its cause is active, so that a battery that charges again sheds nothing; but
            # what it holds decides, with the release value, whether the load may come back.
            test=_beyond(threshold),
            when_bad=WhenBad.HOLD,
            on_delay_ms=asked.hold_ms,
            confirm=2,
        )
        for threshold in asked.thresholds
    )
    conditions += tuple(
        Condition(
            id=f"{name}.{point}",
            test=Above(point=point, limit=asked.order - 0.5),
            when_bad=WhenBad.HOLD,
            on_delay_ms=max(asked.hold_ms, PLAN_HOLD_MS),
            confirm=2,
        )
        for point in asked.targets
    )
    stage = Stage(
        id=name,
        cause=asked.cause,
        order=asked.order,
        outputs=asked.outputs,
        after_ms=asked.after_ms,
        conditions=tuple(condition.id for condition in conditions),
        dwell_ms=asked.dwell_ms,
        announce_ms=asked.announce_ms,
        feeds=asked.feeds,
        while_any=asked.while_any,
        loads=asked.loads,
        by_hand=asked.by_hand,
    )
    told = (FlagRule(flag=ANNOUNCED, when=Announced(stage=name)),) if asked.announce_ms else ()
    return Part(stages=(stage,), conditions=conditions, flags=told)


def _beyond(threshold: Threshold) -> Test:
    deadband = abs(threshold.release - threshold.limit)
    kind = Below if threshold.release > threshold.limit else Above
    beyond = kind(point=threshold.point, limit=threshold.limit, deadband=deadband)
    return beyond if threshold.only_while is None else AllOf(tests=(beyond, threshold.only_while))
