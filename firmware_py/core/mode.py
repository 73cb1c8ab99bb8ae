"""The mode people see, derived from the causes that are active; and a cause's way from active over recovery to idle.

Effects bind to causes, never to the mode word: a fire during an outage keeps outbound paused and the stages shed.
This module must not know devices or outputs.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import assert_never

from config.valued import dataclass, replace
from firmware_py.core.condition import ConditionState, Phase


class Mode(IntEnum):
    """One word for people; the highest that any cause asks for."""

    NORMAL = 0
    RECOVERY = 1
    CONSERVATION = 2
    EVACUATION = 3

    @property
    def word(self) -> str:
        """As it appears in messages: `conservation`."""
        return self.name.lower()


class CausePhase(StrEnum):
    """Where a cause is."""

    IDLE = "idle"
    ACTIVE = "active"
    RECOVERING = "recovering"  # ended; stability is awaited and loads come back in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why the floor leaves NORMAL. Any of `conditions` starts it; `commandable` lets people start it by hand, where
    `confirms` names the condition that must have been seen first (a person confirms a fire, he does not invent one).

    `stable_ms`: how long the evidence must stay good before the first load returns; `spacing_ms`: between two returns.
    `incident_class`: `technical` or `major` (the two classes of the emergency plans).
    `relapse_window_ms`: the cause coming back within this time of its end makes the next `stable_ms` longer by
    `relapse_factor`. `stopped_by`: conditions during which no load returns. `repeat_ms`: a notice that nobody has
    acknowledged is given again; `carry`: points whose values go with notices; `guidance`: a sentence for all who read
    of it (exit and meeting point).
    """

    id: str
    mode: Mode
    conditions: tuple[str, ...] = ()
    stable_ms: int = 0
    spacing_ms: int = 0
    commandable: bool = False
    confirms: str = ""
    incident_class: str = "technical"
    escalate_ms: tuple[int, ...] = ()  # incident age at which tier 1, 2, 3 is told
    report_every_ms: int = 0  # situation report while the incident is open; 0 = none
    relapse_window_ms: int = 0
    relapse_factor: int = 1
    stopped_by: tuple[str, ...] = ()
    repeat_ms: int = 0
    carry: tuple[str, ...] = ()
    guidance: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseState:
    """`active_ms` is the controller's own outage clock: it runs on when the devices are dark, and on a relapse before
    the recovery is complete it goes on from where it was, for the battery has not been filled in between."""

    phase: CausePhase = CausePhase.IDLE
    active_ms: int = 0
    stable_ms: int = 0  # sound evidence of the end, in a row
    sound: bool = False  # the last look was sound
    since_return_ms: int = 0  # since the last load came back
    because: tuple[str, ...] = ()
    commanded_by: str = ""  # set while people hold it by hand
    window_ms: int = 0  # what is left of the time in which a new start is a relapse
    relapses: int = 0


_IDLE = CauseState()
RELAPSES_MAX = 3  # eight times the wait at a factor of two


def advance(
    cause: Cause, state: CauseState, conditions: Mapping[str, ConditionState], *, shed: bool, dt_ms: int
) -> CauseState:
    """One look at a cause. `shed`: some stage of it is still shed, so that it cannot be over yet."""
    holding = tuple(name for name in cause.conditions if conditions[name].holds)
    if cause.confirms and state.commanded_by and _ended(conditions[cause.confirms]):
        state = replace(state, commanded_by="")
    if state.window_ms:
        state = replace(state, window_ms=max(0, state.window_ms - dt_ms))
    if holding or state.commanded_by:
        return _active(state, holding, dt_ms)
    if state.phase is CausePhase.IDLE:
        return state if state.window_ms or state == _IDLE else _IDLE
    sound = all(_ended(conditions[name]) for name in cause.conditions)
    if state.phase is CausePhase.ACTIVE:
        state = replace(
            state, phase=CausePhase.RECOVERING, stable_ms=0, since_return_ms=cause.spacing_ms,
            window_ms=cause.relapse_window_ms,
        )  # fmt: skip
    elif sound and state.sound:
        state = replace(state, stable_ms=state.stable_ms + dt_ms, since_return_ms=state.since_return_ms + dt_ms)
    elif not sound:
        state = replace(state, stable_ms=0)
    if sound and not shed and may_return(cause, state):
        return CauseState(window_ms=state.window_ms, relapses=state.relapses) if state.window_ms else _IDLE
    return replace(state, sound=sound)


def may_return(cause: Cause, state: CauseState) -> bool:
    """True when the next thing of this cause (a stage, in the end the cause itself) may come back now."""
    return state.stable_ms >= wait_ms(cause, state) and state.since_return_ms >= cause.spacing_ms


def wait_ms(cause: Cause, state: CauseState) -> int:
    """How long the evidence must stay good this time: longer after each relapse, up to a limit."""
    longer: int = cause.relapse_factor ** min(state.relapses, RELAPSES_MAX)
    return cause.stable_ms * longer


def _active(state: CauseState, holding: tuple[str, ...], dt_ms: int) -> CauseState:
    because = holding + ((f"by {state.commanded_by}",) if state.commanded_by else ())
    active_ms = state.active_ms + dt_ms if state.phase is CausePhase.ACTIVE else state.active_ms
    relapses = state.relapses
    if state.phase is not CausePhase.ACTIVE:
        relapses = state.relapses + 1 if state.window_ms else 0
    return CauseState(
        phase=CausePhase.ACTIVE, active_ms=active_ms, because=because, commanded_by=state.commanded_by,
        relapses=relapses,
    )  # fmt: skip


def _ended(condition: ConditionState) -> bool:
    return condition.phase is Phase.CLEAR and not condition.held


def due_ms(cause: Cause, state: CauseState) -> int | None:
    """Milliseconds until this cause may give something back; None when it is not on its way."""
    if state.phase is not CausePhase.RECOVERING or not state.sound:
        return None
    return max(wait_ms(cause, state) - state.stable_ms, cause.spacing_ms - state.since_return_ms)


def derive(causes: Mapping[str, Cause], states: Mapping[str, CauseState]) -> tuple[Mode, tuple[str, ...]]:
    """The floor's mode and the reasons for it, over all causes."""
    asked = [(_asked(cause, states[name]), states[name].because) for name, cause in causes.items()]
    mode = max((mode for mode, _ in asked), default=Mode.NORMAL)
    if mode is Mode.NORMAL:
        return mode, ()
    reasons = [reason for wanted, because in asked if wanted is mode for reason in because]
    return mode, tuple(dict.fromkeys(reasons))


def _asked(cause: Cause, state: CauseState) -> Mode:
    match state.phase:
        case CausePhase.ACTIVE:
            return cause.mode
        case CausePhase.RECOVERING:
            return min(cause.mode, Mode.RECOVERY)
        case CausePhase.IDLE:
            return Mode.NORMAL
        case _ as never:
            assert_never(never)
