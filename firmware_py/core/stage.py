"""Load shedding in ordered steps per cause: shed as far as needed at once, give back one load at a time, last first.

What people sit at is announced before it goes.

This module must not know what a load is; a stage names outputs that are to be off.
"""

from collections.abc import Mapping, Sequence

from config.valued import dataclass, replace
from firmware_py.core.condition import ConditionState
from firmware_py.core.mode import Cause, CausePhase, CauseState, may_return


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step. Shed when its cause is active and `after_ms` has passed, or any of `conditions` holds (whose deadband
    is the separate release value). `dwell_ms`: shortest time shed before it may be restored. `announce_ms`: people are
    told so long before. `outputs`: what matters least first, given back from the end.

    `feeds`: the UPSs behind its loads, and `while_any`: their outages. A stage is shed only while one of them holds,
    and a deeper stage takes it along only where both hang on the same UPS; empty means that neither matters.

    `loads`: what it cuts, as people call it; `by_hand`: those of them that people have to cut, having no output.
    """

    id: str
    cause: str
    order: int
    outputs: tuple[str, ...]
    after_ms: int | None = None
    conditions: tuple[str, ...] = ()
    dwell_ms: int = 300_000
    announce_ms: int = 0
    feeds: frozenset[str] = frozenset()
    while_any: tuple[str, ...] = ()
    loads: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """`elapsed_ms`: how long it has been shed, counted up to its dwell. `announced_ms`: how long people have known,
    None while there is nothing to know. `returned`: how many of its outputs are back."""

    shed: bool = False
    elapsed_ms: int = 0
    because: tuple[str, ...] = ()
    announced_ms: int | None = None
    returned: int = 0


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
    aged = {name: StageState() if state.announced_ms is not None else state for name, state in aged.items()}
    last = next((stage for stage in reversed(stages) if aged[stage.id].shed), None)
    if last is None or not cause_state.sound or not _may_restore(cause, cause_state, last, aged, conditions):
        return aged, cause_state
    returned = aged[last.id].returned + 1
    rest = returned < len(last.outputs)
    aged[last.id] = replace(aged[last.id], returned=returned) if rest else StageState()
    return aged, replace(cause_state, since_return_ms=0)


def _aged(stage: Stage, state: StageState, dt_ms: int) -> StageState:
    if state.announced_ms is not None:
        return replace(state, announced_ms=min(state.announced_ms + dt_ms, stage.announce_ms))
    if not state.shed or state.elapsed_ms >= stage.dwell_ms:
        return state
    return replace(state, elapsed_ms=min(state.elapsed_ms + dt_ms, stage.dwell_ms))


def _shed(
    cause_state: CauseState,
    stages: Sequence[Stage],
    states: dict[str, StageState],
    conditions: Mapping[str, ConditionState],
) -> dict[str, StageState]:
    due = {stage.id: _triggers(stage, cause_state, conditions) for stage in stages}
    for number, stage in enumerate(stages):
        # A stage without a trigger of its own goes for the reason of the next deeper one that it can help.
        because = next((due[deeper.id] for deeper in stages[number:] if due[deeper.id] and _helps(stage, deeper)), ())
        states[stage.id] = _cut(stage, states[stage.id], because)
    return states


def _helps(stage: Stage, deeper: Stage) -> bool:
    return stage is deeper or not (stage.feeds and deeper.feeds) or bool(stage.feeds & deeper.feeds)


def _cut(stage: Stage, state: StageState, because: tuple[str, ...]) -> StageState:
    """One stage that is asked to go for these reasons: at once, or when people have known for long enough."""
    if not because:
        return StageState() if state.announced_ms is not None else state
    if state.shed and not state.returned:
        return state
    known_ms = state.announced_ms or 0
    # A load that was just given back is cut again without a word: nobody has sat down at it yet.
    if state.returned or known_ms >= stage.announce_ms:
        return StageState(shed=True, because=because)
    return replace(state, announced_ms=known_ms, because=because)


def _triggers(stage: Stage, cause: CauseState, conditions: Mapping[str, ConditionState]) -> tuple[str, ...]:
    if stage.while_any and not any(conditions[name].holds for name in stage.while_any):
        return ()
    holding = tuple(name for name in stage.conditions if conditions[name].holds)
    timed = stage.after_ms is not None and cause.active_ms >= stage.after_ms - stage.announce_ms
    return holding + (cause.because if timed else ())


def _may_restore(
    cause: Cause,
    cause_state: CauseState,
    stage: Stage,
    states: Mapping[str, StageState],
    conditions: Mapping[str, ConditionState],
) -> bool:
    stopped = any(conditions[name].holds for name in cause.stopped_by)
    released = not stopped and not any(conditions[name].holds or conditions[name].held for name in stage.conditions)
    rested = states[stage.id].elapsed_ms >= stage.dwell_ms
    return released and rested and may_return(cause, cause_state)


def due_ms(stage: Stage, state: StageState, cause: CauseState) -> int | None:
    """Milliseconds until the clock alone changes this stage (its trigger, or the end of its shortest stay)."""
    if state.announced_ms is not None:
        return stage.announce_ms - state.announced_ms
    if state.shed:
        return stage.dwell_ms - state.elapsed_ms
    if cause.phase is CausePhase.ACTIVE and stage.after_ms is not None:
        return stage.after_ms - stage.announce_ms - cause.active_ms
    return None
