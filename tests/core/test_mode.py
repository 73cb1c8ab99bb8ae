"""A cause that comes back: each relapse makes the wait longer, up to a limit, and is forgotten with time."""

from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.mode import RELAPSES_MAX, Cause, CausePhase, CauseState, Mode, advance, due_ms, wait_ms

MINUTE = 60_000
CAUSE = Cause(
    id="power", mode=Mode.CONSERVATION, conditions=("out",), stable_ms=5 * MINUTE, relapse_window_ms=30 * MINUTE,
    relapse_factor=2,
)  # fmt: skip
OUT = {"out": ConditionState(phase=Phase.ACTIVE, held=False)}
FINE = {"out": ConditionState(held=False)}


def go(state: CauseState, *moves: tuple[dict[str, ConditionState], int]) -> CauseState:
    for conditions, minutes in moves:
        state = advance(CAUSE, state, conditions, shed=False, dt_ms=minutes * MINUTE)
    return state


def test_a_relapse_within_the_window_doubles_the_wait() -> None:
    state = go(CauseState(), (OUT, 0), (FINE, 0), (FINE, 1))
    assert wait_ms(CAUSE, state) == 5 * MINUTE
    state = go(state, (OUT, 1), (FINE, 0))
    assert (state.relapses, wait_ms(CAUSE, state)) == (1, 10 * MINUTE)
    assert due_ms(CAUSE, go(state, (FINE, 4))) == 6 * MINUTE
    assert go(state, (FINE, 9)).phase is CausePhase.RECOVERING
    assert go(state, (FINE, 10)).phase is CausePhase.IDLE


def test_a_relapse_counts_after_the_recovery_too() -> None:
    over = go(CauseState(), (OUT, 0), (FINE, 0), (FINE, 6))
    assert over.phase is CausePhase.IDLE
    assert go(over, (FINE, 20), (OUT, 1)).relapses == 1
    assert go(over, (FINE, 20), (FINE, 20), (OUT, 1)).relapses == 0
    assert go(over, (FINE, 20), (FINE, 20)) == CauseState()
    assert go(over, (OUT, 60)).relapses == 0  # a long darkness of our own is no proof of a quick relapse


def test_the_wait_does_not_grow_for_ever() -> None:
    state = CauseState()
    for _ in range(RELAPSES_MAX + 3):
        state = go(state, (OUT, 1), (FINE, 0))
    assert wait_ms(CAUSE, state) == 5 * MINUTE * 2**RELAPSES_MAX


def test_a_cause_at_rest_stays_the_same_object() -> None:
    rest = go(CauseState(), (FINE, 1))
    assert go(rest, (FINE, 1)) is rest
