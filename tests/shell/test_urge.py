"""A tick in the midst of somebody's work: at once, never lost, never twice, and no fault of it hits whom it serves."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from drivers.simulated import SimulatedBus
from firmware_py.core.reading import Sample, Source
from firmware_py.runtime.clock import Urge
from firmware_py.runtime.cycle import BURST, GAP_MS
from tests.shell.floor import Floor
from tests.shell.virtual import VirtualClock, run_virtual

STORY_MS = 5_500


def test_a_tick_that_is_called_for_has_happened_when_the_call_returns() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, seen = Floor(clock), list[tuple[int, int]]()

        def call() -> None:
            before = len(floor.diary.cycles)
            assert floor.table.can_show
            floor.table.put({"ups1.output_source": Sample(value="battery")}, wakes=False)
            floor.table.show()
            seen.append((before, len(floor.diary.cycles)))

        floor.later(STORY_MS, call)
        await floor.live(7_900)
        ((before, after),) = seen
        assert after == before + 1
        times = floor.diary.cycles
        assert [t - times[before] for t in times[before : before + 2]][1] > 400, "and none more for the same call"

    run_virtual(scenario)


def test_who_asks_after_such_a_tick_gets_another_one() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, lengths = Floor(clock), list[int]()

        def call() -> None:
            floor.urge.now()
            lengths.append(len(floor.diary.cycles))
            floor.urge.wake()

        floor.later(STORY_MS, call)
        floor.later(STORY_MS + 1, lambda: lengths.append(len(floor.diary.cycles)))
        await floor.live(7_000)
        assert lengths[1] == lengths[0] + 1

    run_virtual(scenario)


def test_a_tick_that_was_asked_for_before_is_had_by_the_one_at_once() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, lengths = Floor(clock), list[int]()

        def call() -> None:
            floor.urge.wake()
            floor.urge.now()
            lengths.append(len(floor.diary.cycles))

        floor.later(STORY_MS, call)
        floor.later(STORY_MS + 20, lambda: lengths.append(len(floor.diary.cycles)))
        await floor.live(7_000)
        assert lengths[1] == lengths[0]

    run_virtual(scenario)


def test_the_end_of_a_delay_that_such_a_tick_began_is_not_slept_through() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, wakes = Floor(clock), list[int]()
        decide = floor.cycle._decide

        def soon(*given: Any) -> Any:
            decided = decide(*given)
            return Sooner(decided, clock.now_ms() + 50) if clock.now_ms() in wakes else decided

        floor.cycle._decide = soon  # a decision that wants to be looked at again in 50 ms
        floor.later(STORY_MS, lambda: (wakes.append(clock.now_ms()), floor.urge.now()))
        await floor.live(7_000)
        assert wakes[0] + 50 in floor.diary.cycles

    run_virtual(scenario)


class Sooner:
    """A decision as it is, but for when it wants another look."""

    def __init__(self, decided: Any, wake_at_ms: int) -> None:
        self.outputs, self._decided, self._wake_at_ms = decided.outputs, decided, wake_at_ms

    def conclude(self) -> Any:
        return replace(self._decided.conclude(), wake_at_ms=self._wake_at_ms)


def test_a_storm_of_calls_is_refused_beyond_the_burst_and_nothing_of_it_is_lost() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, served = Floor(clock), list[bool]()

        def storm() -> None:
            for _ in range(3 * BURST):
                served.append(floor.urge.now())
            floor.table.put({"ups1.output_source": Sample(value="battery")}, wakes=False)
            assert not floor.table.can_show
            floor.table.show()

        floor.later(STORY_MS, storm)
        before_ms = clock.now_ms() + STORY_MS
        await floor.live(7_000)
        assert served == [True] * BURST + [False] * 2 * BURST
        later = [t for t in floor.diary.cycles if t > before_ms + BURST]
        assert later[0] <= before_ms + BURST * GAP_MS + 1, "what was refused is done as soon as it may be"

    run_virtual(scenario)


def test_a_fault_of_the_tick_is_not_the_callers_and_ends_the_controller() -> None:
    async def scenario(clock: VirtualClock) -> list[bool]:
        floor, served = Floor(clock), list[bool]()

        def broken(*given: object) -> Any:
            raise ZeroDivisionError("a bug of the core")

        def call() -> None:
            floor.cycle._decide = broken
            served.append(floor.urge.now())
            served.append(floor.urge.now())

        floor.later(STORY_MS, call)
        with pytest.raises(ZeroDivisionError, match="a bug of the core"):
            await floor.live(30_000)
        assert clock.now_ms() < 1_000_000 + STORY_MS + 3_000
        assert not floor.urge.is_ready
        return served

    assert run_virtual(scenario) == [False, False]


def test_nobody_ticks_within_a_tick() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, inside = Floor(clock), list[bool]()
        decide = floor.cycle._decide

        def nested(*given: Any) -> Any:
            inside.append(floor.urge.now())
            return decide(*given)

        floor.cycle._decide = nested
        await floor.live(3_500)
        assert inside and not any(inside)

    run_virtual(scenario)


def test_without_a_cycle_that_waits_there_is_no_tick() -> None:
    async def scenario(clock: VirtualClock) -> None:
        urge = Urge(clock)
        assert not urge.is_ready and not urge.now()
        floor = Floor(clock)
        assert not floor.urge.is_ready, "it has not begun"
        await floor.live(1_500)
        assert not floor.urge.is_ready, "it has ended"

    run_virtual(scenario)


def test_what_an_exchange_or_board_is_to_do_is_told_in_the_turn_of_its_own_reading() -> None:
    """An endpoint with outputs: the picture first, then what follows from it there, then the confirming question."""

    async def scenario(clock: VirtualClock) -> None:
        floor = Floor(clock)
        bus = floor.buses["ups1"]
        assert isinstance(bus, SimulatedBus)
        floor.later(STORY_MS, floor.say("ups1", "battery"))
        await floor.live(9_000)
        (conserving_ms,) = [at_ms for at_ms, mode in floor.diary.modes if mode == "conservation"]
        confirmed = [at_ms for at_ms, text in floor.diary.lines if text == "ups1.fast" and at_ms <= conserving_ms][-1]
        assert conserving_ms - confirmed <= 6, "the answer takes 5 ms, and nothing waits after it"

    run_virtual(scenario)


def test_the_end_of_the_wait_by_the_clock_is_no_call_for_a_tick() -> None:
    async def scenario(clock: VirtualClock) -> None:
        urge = Urge(clock)
        await urge.wait(clock.now_ms() + 500)
        assert not urge.asked
        urge.rouse()
        await urge.wait(None)
        assert not urge.asked
        urge.wake()
        await urge.wait(None)
        assert urge.asked

    run_virtual(scenario)


async def outage_at_any_moment(clock: VirtualClock, *, prepares: bool) -> Floor:
    """A floor on which one UPS goes on battery and comes back, with an order between; prepared every 35 ms or never."""
    floor = Floor(clock)
    floor.later(STORY_MS, floor.say("ups1", "battery"))
    floor.later(STORY_MS + 3_333, floor.say("ups1", "normal"))
    for after_ms in range(0, 9_000, 35) if prepares else ():
        floor.later(after_ms, floor.table.prepare)
    await floor.live(45_000)
    return floor


def test_what_is_prepared_is_neither_done_nor_kept_nor_told() -> None:
    plain = run_virtual(lambda clock: outage_at_any_moment(clock, prepares=False))
    prepared = run_virtual(lambda clock: outage_at_any_moment(clock, prepares=True))
    assert [mode for _, mode in plain.diary.modes] == ["normal", "conservation", "recovery"]
    assert (prepared.diary.modes, prepared.diary.cycles) == (plain.diary.modes, plain.diary.cycles)
    assert sorted(prepared.diary.lines) == sorted(plain.diary.lines)
    assert prepared.cycle.state == plain.cycle.state
    assert prepared.table.readings == plain.table.readings


def test_what_is_prepared_is_what_the_confirming_reading_will_bring_and_not_too_often() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, found = Floor(clock), list[Any]()
        decide = floor.cycle._decide

        def watched(*given: Any) -> Any:
            found.append(decide(*given))
            return found[-1]

        def call() -> None:
            floor.table.put(Source().answer({"ups1.output_source": Sample(value="battery")}, {}), wakes=False)
            floor.table.show()
            shown, state = found[-1], floor.cycle.state
            assert shown.outputs["beacon"].value is False, "one reading is none"
            for _ in range(3):
                floor.table.prepare()
            assert found[-2] is shown, "once is enough"
            assert found[-1].outputs["beacon"].value is True
            assert floor.cycle.state is state and not floor.port.levels["beacon"]

        floor.cycle._decide = watched
        floor.later(STORY_MS, call)
        await floor.live(7_000)

    run_virtual(scenario)


def test_a_fault_of_what_is_prepared_hits_nobody() -> None:
    async def scenario(clock: VirtualClock) -> None:
        floor, tried = Floor(clock), list[int]()
        decide = floor.cycle._decide

        def broken(*given: Any) -> Any:
            if clock.now_ms() in tried:
                raise ZeroDivisionError("a bug of the core")
            return decide(*given)

        def call() -> None:
            tried.append(clock.now_ms())
            floor.table.prepare()

        floor.cycle._decide = broken
        floor.later(STORY_MS, call)
        await floor.live(8_000)
        assert tried and floor.diary.cycles[-1] > 1_000_000 + 7_000

    run_virtual(scenario)
