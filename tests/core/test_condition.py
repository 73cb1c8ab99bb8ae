"""Conditions over time: delays, confirmation, and what they do when they cannot see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.check import IsFlag
from firmware_py.core.condition import Condition, ConditionState, Phase, WhenBad, advance, due_ms
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason

POINT = "p"


def condition(
    when_bad: WhenBad = WhenBad.HOLD, *, on_delay_ms: int = 0, off_delay_ms: int = 0, confirm: int = 1
) -> Condition:
    return Condition(
        id="c",
        test=IsFlag(point=POINT),
        when_bad=when_bad,
        on_delay_ms=on_delay_ms,
        off_delay_ms=off_delay_ms,
        confirm=confirm,
    )


class Run:
    """A condition under a hand-moved clock. `None` as a value is a reading that is BAD; the same reading stays until
    another is given."""

    def __init__(self, declared: Condition, state: ConditionState | None = None) -> None:
        self.declared = declared
        self.state = state or ConditionState()
        self.now_ms = 1_000
        self.stepped_ms: int | None = None
        self.reading = Reading(value=False, quality=Quality.GOOD, at_ms=0)

    def see(self, value: bool | None, after_ms: int = 0) -> Phase:
        self.now_ms += after_ms
        if value is None:
            self.reading = Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.STALE)
        else:
            self.reading = Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)
        return self.look(0)

    def look(self, after_ms: int) -> Phase:
        self.now_ms += after_ms
        seen = InputImage(now_ms=self.now_ms, readings={POINT: self.reading})
        dt_ms = 0 if self.stepped_ms is None else self.now_ms - self.stepped_ms
        self.state = advance(self.declared, self.state, seen, dt_ms=dt_ms, stepped_ms=self.stepped_ms)
        self.stepped_ms = self.now_ms
        return self.state.phase


def test_without_delays_it_follows_at_once() -> None:
    run = Run(condition())
    assert run.see(True) is Phase.ACTIVE
    assert run.see(False, 1) is Phase.CLEAR


def test_the_on_delay_counts_from_the_first_sound_reading() -> None:
    run = Run(condition(on_delay_ms=2_000))
    assert run.see(True) is Phase.PENDING
    assert due_ms(run.declared, run.state) == 2_000
    assert run.look(1_999) is Phase.PENDING
    assert run.look(1) is Phase.ACTIVE
    assert due_ms(run.declared, run.state) is None


def test_an_end_within_the_on_delay_leaves_nothing() -> None:
    run = Run(condition(on_delay_ms=2_000))
    run.see(True)
    assert run.see(False, 500) is Phase.CLEAR
    run.see(True, 500)
    assert run.look(1_999) is Phase.PENDING


def test_the_off_delay_starts_anew_when_the_evidence_of_the_end_breaks_off() -> None:
    run = Run(condition(off_delay_ms=3_000))
    run.see(True)
    assert run.see(False, 100) is Phase.CLEARING
    assert due_ms(run.declared, run.state) == 3_000
    run.look(2_000)
    assert run.see(None, 10) is Phase.ACTIVE
    assert run.see(False, 10) is Phase.CLEARING
    assert run.look(2_999) is Phase.CLEARING
    assert run.look(1) is Phase.CLEAR


def test_a_new_yes_within_the_off_delay_makes_it_active_again() -> None:
    run = Run(condition(off_delay_ms=3_000))
    run.see(True)
    run.see(False, 100)
    assert run.see(True, 100) is Phase.ACTIVE
    assert run.look(5_000) is Phase.ACTIVE


def test_confirmation_takes_that_many_new_readings() -> None:
    run = Run(condition(confirm=2))
    assert run.see(True) is Phase.PENDING
    assert run.look(10_000) is Phase.PENDING
    assert due_ms(run.declared, run.state) is None
    assert run.see(True, 1) is Phase.ACTIVE


def test_held_darkness_keeps_every_phase_and_completes_no_delay() -> None:
    run = Run(condition(on_delay_ms=2_000))
    assert run.see(None) is Phase.CLEAR
    run.see(True, 1)
    assert run.see(None, 1_000) is Phase.PENDING
    assert run.look(60_000) is Phase.PENDING
    assert due_ms(run.declared, run.state) is None
    assert run.see(True, 1) is Phase.PENDING
    assert run.look(2_000) is Phase.ACTIVE
    assert run.see(None, 1) is Phase.ACTIVE
    assert run.look(10**9) is Phase.ACTIVE


def test_darkness_trips_or_clears_where_that_was_declared() -> None:
    trip = Run(condition(WhenBad.TRIP, on_delay_ms=1_000, confirm=3))
    assert trip.see(None) is Phase.PENDING
    assert trip.look(1_000) is Phase.ACTIVE
    clear = Run(condition(WhenBad.CLEAR))
    clear.see(True)
    assert clear.see(None, 1) is Phase.CLEAR


def test_after_a_restore_an_active_condition_waits_for_fresh_evidence() -> None:
    before = Run(condition(off_delay_ms=1_000))
    before.see(True)
    after = Run(before.declared, before.state)
    assert after.see(None) is Phase.ACTIVE
    assert after.state.holds and after.state.seen
    assert after.see(False, 10) is Phase.CLEARING


def test_at_rest_the_state_is_the_same_object() -> None:
    run = Run(condition())
    run.see(False)
    before = run.state
    run.see(False, 1_000)
    assert run.state is before


def test_evidence_tells_why_it_began() -> None:
    run = Run(condition(on_delay_ms=10))
    run.see(True)
    run.look(10)
    assert run.state.evidence == "p=yes"


moves = st.lists(st.tuples(st.sampled_from([True, False, None]), st.integers(0, 5_000)), max_size=30)


@given(moves=moves, on_delay_ms=st.integers(0, 3_000), off_delay_ms=st.integers(0, 3_000), confirm=st.integers(1, 3))
def test_it_is_never_entered_without_evidence_nor_left_without_fresh_evidence(
    moves: list[tuple[bool | None, int]], on_delay_ms: int, off_delay_ms: int, confirm: int
) -> None:
    run = Run(condition(on_delay_ms=on_delay_ms, off_delay_ms=off_delay_ms, confirm=confirm))
    for value, after_ms in moves:
        held_before = run.state.holds
        run.see(value, after_ms)
        if run.state.holds and not held_before:
            assert value is True
        if held_before and not run.state.holds:
            assert value is False
        due = due_ms(run.declared, run.state)
        assert due is None or due > 0 or run.state.phase is Phase.PENDING


@pytest.mark.parametrize("wrong", [{"on_delay_ms": -1}, {"off_delay_ms": -1}, {"confirm": 0}])
def test_impossible_delays_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        condition(**wrong)
