"""Stages by themselves: announced before people lose them, given back load by load, each UPS's own."""

from dataclasses import replace

from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.mode import Cause, CausePhase, CauseState, Mode
from firmware_py.core.stage import Stage, StageState, advance, due_ms

MINUTE = 60_000
HOLDS = ConditionState(phase=Phase.ACTIVE, held=False)
CLEAR = ConditionState(held=False)
CAUSE = Cause(id="power", mode=Mode.CONSERVATION, conditions=("out",), spacing_ms=30_000, stopped_by=("overload",))
ACTIVE = CauseState(phase=CausePhase.ACTIVE, because=("out",))
BACK = CauseState(phase=CausePhase.RECOVERING, sound=True, since_return_ms=30_000)
DESKS = Stage(id="desks", cause="power", order=1, outputs=("a", "b", "c"), conditions=("low",), announce_ms=2 * MINUTE)


def look(
    *stages: Stage, cause: CauseState = ACTIVE, states: dict[str, StageState] | None = None, dt_ms: int = 0,
    **conditions: ConditionState,
) -> tuple[dict[str, StageState], CauseState]:  # fmt: skip
    known = {stage.id: StageState() for stage in stages} | (states or {})
    return advance(CAUSE, cause, stages, known, {"out": HOLDS, "low": CLEAR, "overload": CLEAR} | conditions, dt_ms)


def test_people_are_told_before_their_loads_go() -> None:
    states, _ = look(DESKS, low=HOLDS)
    assert states["desks"] == StageState(announced_ms=0, because=("low",))
    assert due_ms(DESKS, states["desks"], ACTIVE) == 2 * MINUTE
    states, _ = look(DESKS, states=states, low=HOLDS, dt_ms=MINUTE)
    assert states["desks"].announced_ms == MINUTE
    states, _ = look(DESKS, states=states, low=HOLDS, dt_ms=MINUTE)
    assert states["desks"] == StageState(shed=True, because=("low",))


def test_an_announcement_is_withdrawn_when_its_reason_or_the_cause_is_gone() -> None:
    told = {"desks": StageState(announced_ms=MINUTE, because=("low",))}
    assert look(DESKS, states=told)[0]["desks"] == StageState()
    assert look(DESKS, states=told, cause=BACK)[0]["desks"] == StageState()


def test_a_stage_that_goes_by_time_is_announced_in_time() -> None:
    timed = replace(DESKS, conditions=(), after_ms=10 * MINUTE)
    early = replace(ACTIVE, active_ms=7 * MINUTE)
    assert look(timed, cause=early)[0]["desks"] == StageState()
    assert due_ms(timed, StageState(), early) == MINUTE
    assert look(timed, cause=replace(early, active_ms=8 * MINUTE))[0]["desks"].announced_ms == 0


def test_loads_come_back_one_by_one_from_the_end_and_not_while_the_ups_is_overloaded() -> None:
    shed = {"desks": StageState(shed=True, elapsed_ms=DESKS.dwell_ms)}
    assert look(DESKS, states=shed, cause=BACK, overload=HOLDS)[0] == shed
    for returned in (1, 2):
        shed, cause = look(DESKS, states=shed, cause=BACK)
        assert shed["desks"].returned == returned
        assert cause.since_return_ms == 0
        assert look(DESKS, states=shed, cause=cause)[0] == shed  # the next one has to wait
    assert look(DESKS, states=shed, cause=BACK)[0]["desks"] == StageState()


def test_what_is_on_its_way_back_goes_again_at_once_on_a_relapse() -> None:
    half = {"desks": StageState(shed=True, elapsed_ms=DESKS.dwell_ms, returned=1)}
    assert look(DESKS, states=half, low=HOLDS)[0]["desks"] == StageState(shed=True, because=("low",))
    assert look(DESKS, states=half)[0] == half


def test_a_stage_that_looks_at_its_own_ups_leaves_the_others_alone() -> None:
    one = Stage(id="one", cause="power", order=1, outputs=("a",), feeds=frozenset({"ups1"}), while_any=("ups1.out",))
    two = Stage(
        id="two", cause="power", order=2, outputs=("b",), after_ms=0, feeds=frozenset({"ups2"}), while_any=("ups2.out",)
    )
    both = replace(two, id="both", order=3, feeds=frozenset({"ups1", "ups2"}))
    conditions = {"ups1.out": CLEAR, "ups2.out": HOLDS}
    states, _ = look(one, two, **conditions)
    assert (states["one"].shed, states["two"].shed) == (False, True)
    states, _ = look(one, both, **conditions)
    assert (states["one"].shed, states["both"].shed) == (True, True)  # the deeper one hangs on both
    states, _ = look(one, two, **{"ups1.out": HOLDS, "ups2.out": CLEAR})
    assert (states["one"].shed, states["two"].shed) == (False, False)
    anywhere = replace(two, id="anywhere", feeds=frozenset())
    assert look(one, anywhere, **conditions)[0]["one"].shed
