"""A named yes or no about the floor, with deadband, delays and a declared answer to "what if we cannot see".

On- and off-delay are the TON and TOF timers of IEC 61131-3. Three-valued: a test that rests on a value that is not
GOOD has no answer, and `when_bad` says what then. This module must not know what a condition leads to.
"""

from enum import StrEnum
from typing import assert_never

from config.valued import dataclass, replace
from firmware_py.core.check import Test, confirms, evaluate, evidence
from firmware_py.core.image import InputImage


class WhenBad(StrEnum):
    """What a condition does while its test has no answer. There is no default: the author must decide."""

    TRIP = "trip"  # as if it were true
    HOLD = "hold"  # stay: enter on evidence, leave only on fresh evidence
    CLEAR = "clear"  # as if it were false


class Phase(StrEnum):
    """Where a condition is between no and yes."""

    CLEAR = "clear"
    PENDING = "pending"  # seen, on-delay or confirmation still running
    ACTIVE = "active"
    CLEARING = "clearing"  # seen to have ended, off-delay running


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Declared once by a monitor.

    `confirm`: how many readings, each newer than the last cycle, must agree before it may become active; with 2 a
    single bad poll can never trip it.
    """

    id: str
    test: Test
    when_bad: WhenBad
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    confirm: int = 1

    def __post_init__(self) -> None:
        assert self.on_delay_ms >= 0 and self.off_delay_ms >= 0 and self.confirm >= 1, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionState:
    """`elapsed_ms`: time in PENDING or CLEARING on sound evidence, 0 at rest, so that a condition at rest is the same.
    `held`: the last look had no answer."""

    phase: Phase = Phase.CLEAR
    elapsed_ms: int = 0
    confirmed: int = 0
    held: bool = True
    evidence: str = ""

    @property
    def holds(self) -> bool:
        """Active, and not yet proven to have ended for long enough."""
        return self.phase in (Phase.ACTIVE, Phase.CLEARING)

    @property
    def seen(self) -> bool:
        """True from the first sound reading on, before any delay: good for a lamp, not for an action that costs."""
        return self.phase is not Phase.CLEAR


def advance(
    condition: Condition, state: ConditionState, image: InputImage, *, dt_ms: int, stepped_ms: int | None
) -> ConditionState:
    """One look: `dt_ms` since the last one, which was at `stepped_ms` (None after a restore).

    Time counts only between two looks that both had an answer, so that darkness never completes a delay.
    """
    truth = evaluate(condition.test, image, holding=state.holds)
    confirmed = _newly_confirmed(condition, state, image, stepped_ms) if truth else 0
    if truth is None:
        match condition.when_bad:
            case WhenBad.TRIP:
                truth, confirmed = True, condition.confirm
            case WhenBad.CLEAR:
                truth = False
            case WhenBad.HOLD:
                return _hold(state)
            case _ as never:
                assert_never(never)
    ran_ms = 0 if state.held else dt_ms
    if truth:
        return _on_true(condition, state, image, ran_ms=ran_ms, confirmed=confirmed)
    return _on_false(condition, state, ran_ms=ran_ms)


def _newly_confirmed(condition: Condition, state: ConditionState, image: InputImage, stepped_ms: int | None) -> int:
    if stepped_ms is None:
        return 1
    return int(confirms(condition.test, image, since_ms=stepped_ms, holding=state.holds))


def _hold(state: ConditionState) -> ConditionState:
    # Evidence of the end that breaks off is no evidence: the off-delay starts anew.
    if state.phase is Phase.CLEARING:
        return replace(state, phase=Phase.ACTIVE, elapsed_ms=0, held=True)
    return state if state.held else replace(state, held=True)


def _sound(state: ConditionState) -> ConditionState:
    return replace(state, held=False) if state.held else state


def _on_true(
    condition: Condition, state: ConditionState, image: InputImage, *, ran_ms: int, confirmed: int
) -> ConditionState:
    match state.phase:
        case Phase.ACTIVE:
            return _sound(state)
        case Phase.CLEARING:
            return replace(state, phase=Phase.ACTIVE, elapsed_ms=0, held=False)
        case Phase.CLEAR:
            state = ConditionState(phase=Phase.PENDING, held=False, evidence=evidence(condition.test, image))
            ran_ms = 0
            confirmed = max(confirmed, 1)
        case Phase.PENDING:
            pass
        case _ as never:
            assert_never(never)
    pending = replace(
        state,
        elapsed_ms=state.elapsed_ms + ran_ms,
        confirmed=min(state.confirmed + confirmed, condition.confirm),
        held=False,
    )
    if pending.elapsed_ms >= condition.on_delay_ms and pending.confirmed >= condition.confirm:
        return replace(pending, phase=Phase.ACTIVE, elapsed_ms=0)
    return pending


def _on_false(condition: Condition, state: ConditionState, *, ran_ms: int) -> ConditionState:
    if state.phase is Phase.CLEAR:
        return _sound(state)
    if state.phase is Phase.PENDING:
        return ConditionState(held=False)
    elapsed_ms = state.elapsed_ms + ran_ms if state.phase is Phase.CLEARING else 0
    if elapsed_ms >= condition.off_delay_ms:
        return ConditionState(held=False)
    return replace(state, phase=Phase.CLEARING, elapsed_ms=elapsed_ms, held=False)


def due_ms(condition: Condition, state: ConditionState) -> int | None:
    """Milliseconds until this condition changes with unchanged inputs; None when only a new reading can change it."""
    if state.held:
        return None
    if state.phase is Phase.PENDING and state.confirmed >= condition.confirm:
        return condition.on_delay_ms - state.elapsed_ms
    if state.phase is Phase.CLEARING:
        return condition.off_delay_ms - state.elapsed_ms
    return None
