"""Dead while nothing could be written: a kill costs no memory, and after a reboot the floor is right again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware_py.core.mode import CausePhase, Mode
from tests.sim.checks import Checks
from tests.sim.faults import MINUTE, SECOND, Fault, Kind, Script, draw
from tests.sim.run import Look, Run, Way
from tests.sim.site import plan
from tests.sim.weeks import heal

DIES_MS = 15 * MINUTE
BAD = Fault(kind=Kind.STORE_BAD, target="", at_ms=10 * MINUTE, until_ms=19 * MINUTE)


def _play(kind: Kind, *cuts: tuple[int, int], also: tuple[Fault, ...] = ()) -> tuple[Run, list[Look]]:
    checks, looks = Checks(), list[Look]()

    def check(look: Look) -> None:
        looks.append(look)
        checks(look)

    script = _script(kind, *cuts)
    faults = sorted([*script.faults, *also], key=lambda fault: fault.at_ms)
    run = Run(replace(script, faults=tuple(faults)), plan(), check=check)
    run.play()
    return run, looks


def _script(kind: Kind, *cuts: tuple[int, int]) -> Script:
    faults = [Fault(kind=Kind.MAINS_CUT, target="", at_ms=a * MINUTE, until_ms=b * MINUTE) for a, b in cuts]
    death = Fault(kind=kind, target="", at_ms=DIES_MS, until_ms=DIES_MS + SECOND)
    faults = sorted([*faults, BAD, death], key=lambda fault: fault.at_ms)
    return Script(seed=1, length_ms=40 * MINUTE, faults=tuple(faults), orders=(), operator_late_ms=20 * SECOND)


@pytest.mark.parametrize("kind", [Kind.REBOOT, Kind.TORN_STORE])
def test_an_outage_that_the_store_never_heard_of_is_acted_on_again_at_once(kind: Kind) -> None:
    run, looks = _play(kind, (12, 30))
    back = next(look for look in looks if look.restored and look.now_ms > DIES_MS)
    last = next(look for look in reversed(looks) if look.now_ms <= DIES_MS)
    assert last.decision.mode is Mode.CONSERVATION
    assert back.before.causes["power"].phase is CausePhase.IDLE
    assert not last.kept
    conserving = next(look for look in looks if look.now_ms >= back.now_ms and look.decision.mode is Mode.CONSERVATION)
    assert conserving.now_ms - back.now_ms <= 20 * SECOND  # one turn of the UPS's poller, and the delay
    assert heal(run) >= 0


def test_a_kill_finds_the_outage_that_the_store_never_heard_of() -> None:
    run, looks = _play(Kind.KILL, (12, 30))
    back = next(look for look in looks if look.restored and look.now_ms > DIES_MS)
    last = next(look for look in reversed(looks) if look.now_ms <= DIES_MS)
    assert not last.kept
    assert back.before.causes["power"].phase is CausePhase.ACTIVE
    assert back.before.incidents == last.decision.state.incidents
    assert "power" in back.before.incidents
    assert back.decision.mode is Mode.CONSERVATION
    assert heal(run) >= 0


def test_a_kill_and_then_a_reboot_while_nothing_can_be_written_come_back_with_what_the_store_has() -> None:
    reboot = Fault(kind=Kind.REBOOT, target="", at_ms=DIES_MS + 2 * MINUTE, until_ms=DIES_MS + 2 * MINUTE + SECOND)
    run, looks = _play(Kind.KILL, (12, 30), also=(reboot,))
    back = [look for look in looks if look.restored and look.now_ms > DIES_MS]
    assert [look.before.causes["power"].phase for look in back] == [CausePhase.ACTIVE, CausePhase.IDLE]
    assert [look.forgot for look in back] == [False, True]
    assert heal(run) >= 0


@pytest.mark.parametrize("kind", [Kind.REBOOT, Kind.TORN_STORE])
def test_an_outage_whose_end_the_store_never_heard_of_ends_again_on_evidence(kind: Kind) -> None:
    run, looks = _play(kind, (5, 11))
    last = next(look for look in reversed(looks) if look.now_ms <= DIES_MS)
    back = next(look for look in looks if look.restored and look.now_ms > DIES_MS)
    assert last.decision.state.causes["power"].phase is not CausePhase.ACTIVE
    assert back.before.causes["power"].phase is CausePhase.ACTIVE
    assert back.decision.mode is Mode.CONSERVATION  # until the UPS has said otherwise for long enough
    assert heal(run) >= 0
    assert looks[-1].decision.mode is Mode.NORMAL


def test_ticking_and_folding_come_back_with_the_same_memory() -> None:
    runs = [Run(_script(Kind.KILL, (5, 11), (13, 14)), plan(), way=way, pace_ms=SECOND) for way in (Way.TICK, Way.FOLD)]
    for run in runs:
        run.play(18 * MINUTE)
    ticked, folded = (run.trace for run in runs)
    assert len(ticked) > 20
    assert folded == ticked


def test_the_weeks_have_deaths_while_nothing_can_be_written() -> None:
    died = [
        seed
        for seed in range(30)
        if any(
            bad.at_ms + 10 * SECOND < fault.at_ms < bad.until_ms
            for bad in draw(seed).faults
            if bad.kind is Kind.STORE_BAD
            for fault in draw(seed).faults
            if fault.kind in (Kind.KILL, Kind.REBOOT, Kind.TORN_STORE)
        )
    ]
    assert len(died) >= 3
