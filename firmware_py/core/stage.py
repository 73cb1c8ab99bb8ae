"""Load shedding in ordered steps per cause: shed as far as needed at once, give back one at a time, last shed first.

This module must not know what a load is; a stage names outputs that are to be off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from firmware_py.core.condition import ConditionState
from firmware_py.core.mode import Cause, CausePhase, CauseState, may_return


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step. Shed when its cause is active and `after_ms` has passed, or any of `conditions` holds (whose deadband
    is the separate release value). `dwell_ms`: shortest time shed before it may be restored."""

    id: str
    cause: str
    order: int
    outputs: tuple[str, ...]
    after_ms: int | None = None
    conditions: tuple[str, ...] = ()
    dwell_ms: int = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """`elapsed_ms`: how long it has been shed, counted up to its dwell."""

    shed: bool = False
    elapsed_ms: int = 0
    because: tuple[str, ...] = ()


def advance(
    cause: Cause,
    cause_state: CauseState,
    stages: Sequence[Stage],
    states: Mapping[str, StageState],
    conditions: Mapping[str, ConditionState],
    dt_ms: int,
) -> tuple[dict[str, StageState], CauseState]:
    """All stages of one cause, lowest order first. Shedding goes as deep as any trigger asks, skipping none below it;
    giving back takes the last shed stage alone, and never while the cause is active."""
    aged = {stage.id: _aged(stage, states[stage.id], dt_ms) for stage in stages}
    if cause_state.phase is CausePhase.ACTIVE:
        return _shed(cause_state, stages, aged, conditions), cause_state
    last = next((stage for stage in reversed(stages) if aged[stage.id].shed), None)
    if last is None or not cause_state.sound or not _may_restore(cause, cause_state, last, aged, conditions):
        return aged, cause_state
    aged[last.id] = StageState()
    return aged, replace(cause_state, since_return_ms=0)


def _aged(stage: Stage, state: StageState, dt_ms: int) -> StageState:
    if not state.shed or state.elapsed_ms >= stage.dwell_ms:
        return state
    return replace(state, elapsed_ms=min(state.elapsed_ms + dt_ms, stage.dwell_ms))


def _shed(
    cause_state: CauseState,
    stages: Sequence[Stage],
    states: dict[str, StageState],
    conditions: Mapping[str, ConditionState],
) -> dict[str, StageState]:
    triggers = [_triggers(stage, cause_state, conditions) for stage in stages]
    because: tuple[str, ...] = ()
    # From the deepest stage up: a stage without a trigger of its own goes for the reason of the one below it.
    for stage, own in reversed(list(zip(stages, triggers, strict=True))):
        because = own or because
        if because and not states[stage.id].shed:
            states[stage.id] = StageState(shed=True, because=because)
    return states


def _triggers(stage: Stage, cause: CauseState, conditions: Mapping[str, ConditionState]) -> tuple[str, ...]:
    holding = tuple(name for name in stage.conditions if conditions[name].holds)
    timed = stage.after_ms is not None and cause.active_ms >= stage.after_ms
    return holding + (cause.because if timed else ())


def _may_restore(
    cause: Cause,
    cause_state: CauseState,
    stage: Stage,
    states: Mapping[str, StageState],
    conditions: Mapping[str, ConditionState],
) -> bool:
    released = not any(conditions[name].holds or conditions[name].held for name in stage.conditions)
    rested = states[stage.id].elapsed_ms >= stage.dwell_ms
    return released and rested and may_return(cause, cause_state)


def due_ms(stage: Stage, state: StageState, cause: CauseState) -> int | None:
    """Milliseconds until the clock alone changes this stage (its trigger, or the end of its shortest stay)."""
    if state.shed:
        return stage.dwell_ms - state.elapsed_ms
    if cause.phase is CausePhase.ACTIVE and stage.after_ms is not None:
        return stage.after_ms - cause.active_ms
    return None
