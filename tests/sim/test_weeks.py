"""Seeded weeks of faults against every invariant; the three ways through time; and a failure that explains itself."""

from __future__ import annotations

import sys
import time
from dataclasses import replace

import pytest

from tests.sim.checks import INVARIANTS, Checks
from tests.sim.faults import DAY, HOUR, MINUTE, SECOND, Kind, Script, draw
from tests.sim.run import Look, Run, Way
from tests.sim.site import plan
from tests.sim.table import Outcome, show
from tests.sim.weeks import kept_seeds, play, play_many, play_seed, shrink

WEEKS = 30
NIGHT = 2_000


def _judge(outcomes: list[Outcome], begun_s: float, capsys: pytest.CaptureFixture[str]) -> None:
    told = show(outcomes, time.monotonic() - begun_s)
    with capsys.disabled():
        sys.stdout.write(f"\n{told.splitlines()[-1]}\n")
    assert not any(outcome.broken for outcome in outcomes), told


@pytest.mark.acceptance
def test_thirty_weeks_of_seeded_faults_break_no_invariant_and_heal(capsys: pytest.CaptureFixture[str]) -> None:
    begun_s = time.monotonic()
    _judge(play_many(sorted({*range(WEEKS), *kept_seeds()})), begun_s, capsys)


@pytest.mark.proof
def test_two_thousand_weeks_of_seeded_faults_break_no_invariant_and_heal(capsys: pytest.CaptureFixture[str]) -> None:
    begun_s = time.monotonic()
    _judge(play_many(range(NIGHT)), begun_s, capsys)


def test_a_few_hours_of_seeded_faults_breaks_no_invariant_and_heals() -> None:
    outcomes = [play(draw(seed, 2 * HOUR)) for seed in (0,)]
    assert [outcome.broken for outcome in outcomes] == [""]
    assert sum(outcome.restarts for outcome in outcomes) > 0


def _traces(seed: int, length_ms: int, ways: tuple[Way, ...]) -> list[list[tuple[int, str]]]:
    runs = [Run(draw(seed, length_ms), plan(), way=way, pace_ms=SECOND) for way in ways]
    for run in runs:
        run.play()
    return [run.trace for run in runs]


@pytest.mark.acceptance
@pytest.mark.parametrize(("seed", "length_ms"), [(4, HOUR), (8, 40 * MINUTE)])  # each once found something
def test_ticking_jumping_and_folding_leave_the_same_trace(seed: int, length_ms: int) -> None:
    ticked, jumped, folded = _traces(seed, length_ms, (Way.TICK, Way.JUMP, Way.FOLD))
    assert len(ticked) > 20
    assert jumped == ticked
    assert folded == ticked


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(100, 120))
def test_ticking_jumping_and_folding_leave_the_same_trace_over_a_quarter_of_a_day(seed: int) -> None:
    ticked, jumped, folded = _traces(seed, 6 * HOUR, (Way.TICK, Way.JUMP, Way.FOLD))
    assert jumped == ticked
    assert folded == ticked


def test_the_same_seed_is_the_same_week() -> None:
    first, again = _traces(5, 3 * HOUR, (Way.FOLD, Way.FOLD))
    assert first == again
    assert draw(5, DAY) == draw(5, DAY)


def test_the_seeds_have_every_kind_of_fault_and_none_has_all() -> None:
    scripts = [draw(seed) for seed in range(WEEKS)]
    seen = [{fault.kind for fault in script.faults if fault.until_ms > fault.at_ms} for script in scripts]
    assert set.union(*seen) == set(Kind)
    assert all(kinds != set(Kind) for kinds in seen)


def test_the_weeks_have_small_and_large_batteries_generators_late_operators_and_people_at_switches() -> None:
    scripts = [draw(seed) for seed in range(WEEKS)]
    assert {script.capacity_wh < 3_000 for script in scripts} == {True, False}
    assert {script.generator for script in scripts} == {True, False}
    assert {script.operator_late_ms for script in scripts} >= {0, 20 * SECOND, HOUR}
    assert any(order.command.id.startswith("h") for script in scripts for order in script.orders)


def test_at_least_twelve_invariants_are_looked_at_after_every_step() -> None:
    assert len(INVARIANTS) >= 12
    seen: list[int] = []

    class Counted(Checks):
        def __call__(self, look: Look) -> None:
            seen.append(look.now_ms)
            super().__call__(look)

    run = Run(draw(0, HOUR), plan(), check=Counted())
    run.play()
    assert len(seen) == run.steps > 10


def test_a_wall_clock_that_steps_changes_nothing_but_stamps() -> None:
    script = draw(2, 2 * HOUR)
    kinds = (Kind.CLOCK_STEP, Kind.CLOCK_UNKNOWN)
    sound = replace(script, faults=tuple(f for f in script.faults if f.kind not in kinds))
    wrong = [
        replace(
            sound.faults[0], kind=Kind.CLOCK_STEP, target=target, at_ms=at * HOUR // 4, until_ms=(at + 1) * HOUR // 4
        )
        for at, target in ((1, "past"), (3, "hour"))
    ]
    stepped = replace(sound, faults=tuple(sorted((*sound.faults, *wrong), key=lambda fault: fault.at_ms)))
    runs = [Run(one, plan(cut=False)) for one in (sound, stepped)]
    for run in runs:
        run.play()
    # A leap of years would rightly make a drill overdue; the year itself stands in an incident's number.
    first, second = ([(at, said) for at, said in run.trace if "incident" not in said] for run in runs)
    assert first == second


def test_a_failing_week_names_its_faults_the_invariant_and_the_command_and_is_made_small() -> None:
    script = draw(0, 6 * HOUR)

    def no_fire(look: Look) -> None:
        assert not look.decision.state.alarms["fire1.zone1.burning"].active, "there is a fire"

    run = Run(script, plan(), check=no_fire)
    with pytest.raises(AssertionError, match="there is a fire"):
        run.play()
    assert run.last, "the last decisions are kept"


def test_a_broken_script_shrinks_to_what_breaks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    script = draw(0, 6 * HOUR)

    def play_only_for_fire(script: Script, **_: object) -> Outcome:
        has_fire = any(fault.kind is Kind.FIRE for fault in script.faults)
        return Outcome(seed=0, steps=1, restarts=0, events=0, healed_ms=0, broken="fire" if has_fire else "")

    monkeypatch.setattr("tests.sim.weeks.play", play_only_for_fire)
    small = shrink(script)
    assert [fault.kind for fault in small.faults] == [Kind.FIRE]
    assert small.orders == ()
    told = play_seed(0, 6 * HOUR).story
    assert "fire" in told
    assert "make sim SEED=0" in told
