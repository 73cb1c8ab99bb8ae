"""A restored memory: nobody looked while the controller was off, so that no delay has run meanwhile."""

from __future__ import annotations

import pytest

from firmware_py.core.check import IsFlag
from firmware_py.core.condition import Condition, ConditionState, Phase, WhenBad, advance
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading
from firmware_py.core.state import State, resume

OFF_MS = 600_000


def look(condition: Condition, state: State, *, value: bool, at_ms: int) -> ConditionState:
    assert state.stepped_ms is not None
    image = InputImage(now_ms=at_ms, readings={"p": Reading(value=value, quality=Quality.GOOD, at_ms=at_ms)})
    known, since_ms = state.conditions["c"], state.stepped_ms
    return advance(condition, known, image, dt_ms=at_ms - since_ms, stepped_ms=since_ms)


@pytest.mark.parametrize(("phase", "value"), [(Phase.PENDING, True), (Phase.CLEARING, False)])
def test_the_time_off_within_one_boot_completes_no_delay(phase: Phase, value: bool) -> None:
    condition = Condition(
        id="c", test=IsFlag(point="p"), when_bad=WhenBad.HOLD, on_delay_ms=30_000, off_delay_ms=30_000
    )
    known = ConditionState(phase=phase, elapsed_ms=10_000, confirmed=1, held=False)
    state = resume(State(stepped_ms=1_000, conditions={"c": known}), 1_000 + OFF_MS)
    first = look(condition, state, value=value, at_ms=1_000 + OFF_MS)
    assert (first.phase, first.elapsed_ms) == (phase, 10_000), "goes on where it was"
    later = State(stepped_ms=1_000 + OFF_MS, conditions={"c": first})
    assert look(condition, later, value=value, at_ms=OFF_MS + 20_999).phase is phase
    done = look(condition, later, value=value, at_ms=OFF_MS + 21_000).phase
    assert done is (Phase.ACTIVE if value else Phase.CLEAR)


def test_a_time_of_another_boot_is_dropped_and_one_of_this_boot_stays() -> None:
    assert resume(State(stepped_ms=5_000), 4_999).stepped_ms is None
    assert resume(State(stepped_ms=5_000), 5_000).stepped_ms == 5_000
    assert resume(State(), 0).stepped_ms is None


def test_resuming_twice_is_resuming_once() -> None:
    once = resume(State(stepped_ms=1, conditions={"c": ConditionState(held=False)}), 2)
    assert resume(once, 3) == once
