"""What is given up so that inbound calls go on: outbound at once, loads in stages, each cause on its own account.

Power and trunk each pause outbound and shed their own stages; people may conserve by hand. It must not know why a
cause is active, nor how a load is switched.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_py.core.check import Below
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.plan import CauseIn, Rule
from firmware_py.core.stage import Stage
from monitors.parts import Part

MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """One cause of conservation. `escalate_ms`: incident age at which each tier is told."""

    cause: str
    conditions: tuple[str, ...]
    stable_ms: int
    spacing_ms: int
    escalate_ms: tuple[int, ...]
    report_every_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A value of `point` below which a stage is shed, and the higher one above which it may come back."""

    point: str
    below: float
    release: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShedStage:
    """One stage as the site declares it."""

    cause: str
    order: int
    outputs: tuple[str, ...]
    after_ms: int | None
    thresholds: tuple[Threshold, ...]
    dwell_ms: int


def conserve(causes: Sequence[Conservation], outbound: Sequence[str]) -> Part:
    """The causes, conservation by hand among them, and the pause that each asks for until it is over."""
    declared = [
        Cause(
            id=asked.cause,
            mode=Mode.CONSERVATION,
            conditions=asked.conditions,
            stable_ms=asked.stable_ms,
            spacing_ms=asked.spacing_ms,
            escalate_ms=asked.escalate_ms,
            report_every_ms=asked.report_every_ms,
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
    return Part(
        stages=tuple(s for part in parts for s in part.stages),
        conditions=tuple(c for part in parts for c in part.conditions),
    )


def _stage(asked: ShedStage) -> Part:
    name = f"{asked.cause}.stage{asked.order}"
    conditions = tuple(
        Condition(
            id=f"{name}.{threshold.point}",
            # A stage is shed only while its cause is active, so that a battery that charges again sheds nothing; but
            # what it holds decides, with the release value, whether the load may come back.
            test=Below(point=threshold.point, limit=threshold.below, deadband=threshold.release - threshold.below),
            when_bad=WhenBad.HOLD,
            confirm=2,
        )
        for threshold in asked.thresholds
    )
    stage = Stage(
        id=name,
        cause=asked.cause,
        order=asked.order,
        outputs=asked.outputs,
        after_ms=asked.after_ms,
        conditions=tuple(condition.id for condition in conditions),
        dwell_ms=asked.dwell_ms,
    )
    return Part(stages=(stage,), conditions=conditions)
