"""A floor that slept says the same as one that looked each second: how old an incident is when somebody answers, and
when what was stale is read again."""

from __future__ import annotations

from firmware_py.core.command import Command, CommandKind
from tests.sim.faults import MINUTE, SECOND, Fault, Kind, Order, Script
from tests.sim.run import Run, Way
from tests.sim.site import plan
from tests.sim.wires import Wires
from tests.sim.world import COOL_UC, World

CUT = Fault(kind=Kind.TRUNK_DOWN, target="main1", at_ms=2 * MINUTE, until_ms=20 * MINUTE)
ANSWER = Order(at_ms=9 * MINUTE + 7 * SECOND, command=Command(id="c1", kind=CommandKind.ACK, by="anna"))


SLOW = Fault(kind=Kind.SLOW, target="hvac1", at_ms=2 * MINUTE, until_ms=8 * MINUTE)  # its slow points turn stale


def _told(way: Way) -> list[tuple[int, str]]:
    script = Script(seed=1, length_ms=10 * MINUTE, faults=(CUT,), orders=(ANSWER,))
    run = Run(script, plan(), way=way)
    run.play()
    return [(at_ms, said) for at_ms, said in run.trace if "'trunk'" in said and said.startswith("incident.")]


def test_an_answer_tells_how_old_the_incident_is_now_and_not_when_it_was_last_looked_at() -> None:
    ticked, folded = _told(Way.TICK), _told(Way.FOLD)
    assert folded == ticked
    (opened_ms,) = [at_ms for at_ms, said in ticked if said.startswith("incident.opened")]
    (answered,) = [said for at_ms, said in ticked if said.startswith("incident.acked")]
    assert f"('age_ms', {ANSWER.at_ms - opened_ms})" in answered


def test_the_same_answer_is_news_only_where_it_was_stale_in_between() -> None:
    world = World(script=Script(seed=1, length_ms=9 * MINUTE, faults=(SLOW,), orders=()), plan=plan())
    world.temp_uc = COOL_UC
    wires = Wires(world.plan, world)
    wires.sources = [wires.of_point["hvac1.running"]]  # the quicker ones are stale all the time at this pace
    for at_ms in range(0, 9 * MINUTE, 30 * SECOND):
        world.advance(at_ms)
        wires.visit()
        # Read each 120 s while it is slow, and stale after 70 s.
        assert wires.changed is (at_ms in {0, 4 * MINUTE, 6 * MINUTE, 8 * MINUTE}), at_ms
