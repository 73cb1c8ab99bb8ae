"""The last words to the far side: after what was told has been delivered, bounded, and taken back when the mains is."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.state import State
from firmware_py.wiring.farewell import AWAY_MS, DELIVER_MS, Farewell
from tests.shell.virtual import VirtualClock, run_virtual, spend

ENDING = "ups1.controller_ending"
SAID = f"own supply ends: {ENDING}"


@dataclass
class Bridge:
    """A bridge that notes what is asked of it."""

    asked: list[str] = field(default_factory=list)

    def retire(self, why: str) -> None:
        self.asked.append(why)

    def resume(self) -> None:
        self.asked.append("back")


def cycle(farewell: Farewell, clock: VirtualClock, *, ends: bool) -> None:
    phase = Phase.ACTIVE if ends else Phase.CLEAR
    state = State(conditions={ENDING: ConditionState(phase=phase)})
    decision = Decision(state=state, outputs={}, mode=Mode.NORMAL, flags=frozenset(), because=(), stage=0)
    farewell.show(InputImage(now_ms=clock.now_ms()), decision)


def test_it_leaves_when_all_is_delivered_and_comes_back_with_the_mains() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bridge, waiting = Bridge(), [True]
        farewell = Farewell(bridge, clock, [ENDING], lambda: not waiting)
        cycle(farewell, clock, ends=False)
        cycle(farewell, clock, ends=True)
        await spend(1_000)
        assert bridge.asked == []
        waiting.clear()
        await spend(200)
        assert bridge.asked == [SAID]
        cycle(farewell, clock, ends=True)
        cycle(farewell, clock, ends=False)
        assert bridge.asked == [SAID, "back"]
        cycle(farewell, clock, ends=False)
        await spend(2 * AWAY_MS)
        assert bridge.asked == [SAID, "back"]

    run_virtual(scenario)


def test_a_server_that_takes_nothing_delays_it_for_seconds_only() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bridge = Bridge()
        farewell = Farewell(bridge, clock, [ENDING], lambda: False)
        cycle(farewell, clock, ends=True)
        await spend(DELIVER_MS + 200)
        assert bridge.asked == [SAID]
        cycle(farewell, clock, ends=False)

    run_virtual(scenario)


def test_a_controller_that_lives_on_is_away_for_a_while_and_then_stays() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bridge = Bridge()
        farewell = Farewell(bridge, clock, [ENDING], lambda: True)
        cycle(farewell, clock, ends=True)
        await spend(AWAY_MS + 1_000)
        assert bridge.asked == [SAID, "back"]
        cycle(farewell, clock, ends=True)
        await spend(AWAY_MS)
        assert bridge.asked == [SAID, "back"]

    run_virtual(scenario)
