"""Confirming reads: what changes at an urgent point is read again at once, as often as its conditions want."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from drivers.simulated import Behaviour, SimulatedBus, SimulatedDevice
from firmware_py.core.reading import Sample
from firmware_py.ports import PollGroup
from firmware_py.runtime.bell import Bell
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.runtime.line import POINTS, Line, groups_of
from tests.runtime.prompt_bus import ComparedLine, PromptLine, prompt_line
from tests.shell.virtual import VirtualClock, run_virtual, running, spend


def test_an_urgent_change_is_read_again_at_once_and_only_once() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            before, woken = len(line.times("unit1.fast")), line.woken
            line.devices["unit1"].values["unit1.alarm"] = True
            await spend(1_000)
            first, second = line.times("unit1.fast")[before:]
            assert first % 1_000 == 0
            assert second - first <= 5 + 100 + 5
            assert line.woken == woken + 2  # for the change, and for its confirmation
            await spend(3_000)
            assert len(line.times("unit1.fast")) == before + 5

    run_virtual(scenario)


def test_what_changes_in_a_confirming_read_is_confirmed_too() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            before, values = len(line.times("unit1.fast")), line.devices["unit1"].values
            values["unit1.alarm"] = True
            clock._loop.call_at((clock.now_ms() + 507) / 1000, lambda: values.update({"unit1.alarm": False}))
            await spend(1_000)
            first, _, third = line.times("unit1.fast")[before:]
            assert third - first <= 2 * (5 + 100 + 5)

    run_virtual(scenario)


def test_as_many_readings_follow_at_once_as_the_conditions_on_the_point_want() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,), looks={"unit1.alarm": 4, "unit1.state": 9})
        async with running(line.poller.run()):
            await spend(10_500)
            before, woken, values = len(line.times("unit1.fast")), line.woken, line.devices["unit1"].values
            values["unit1.alarm"] = True
            values["unit1.state"] = 2  # not urgent: nobody waits for it
            await spend(1_000)
            times = line.times("unit1.fast")[before:]
            assert len(times) == 4
            assert times[-1] - times[0] <= 3 * (5 + 100 + 5)
            assert line.woken == woken + 4
            await spend(3_000)
            assert len(line.times("unit1.fast")) == before + 4 + 3

    run_virtual(scenario)


def test_a_value_that_flutters_does_not_hold_its_line_for_ever() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1, 2), looks={"unit1.alarm": 3})
        async with running(line.poller.run()):
            await spend(10_500)
            values = line.devices["unit1"].values
            line.table.freeze(clock.now_ms())
            flip = line.bus.read

            async def flutter(group: PollGroup) -> Mapping[str, Sample]:
                values["unit1.alarm"] = not values["unit1.alarm"]
                return await flip(group)

            line.bus.read = flutter  # type: ignore[method-assign]  # the device changes at each question
            before = len(line.times("unit1.fast"))
            await spend(1_400)
            assert len(line.times("unit1.fast")) - before == 1 + 3 * 2

    run_virtual(scenario)


def test_an_answer_that_stays_away_ends_the_looks_of_this_turn() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,), looks={"unit1.alarm": 4})
        async with running(line.poller.run()):
            await spend(10_500)
            device = line.devices["unit1"]
            asked = device.asked
            device.values["unit1.alarm"] = True
            line.clock._loop.call_at(
                (clock.now_ms() + 502) / 1000, lambda: setattr(device, "behaviour", Behaviour.SILENT)
            )
            await spend(950)
            assert device.asked == asked + 2

    run_virtual(scenario)


def test_a_confirming_answer_is_asked_for_at_once_and_counts_after_a_picture_of_the_first() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,))
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before = len(line.times("unit1.fast"))
            frozen: list[int] = []
            clock._loop.call_at((clock.now_ms() + 530) / 1000, lambda: frozen.append(clock.now_ms()))
            clock._loop.call_at((clock.now_ms() + 530) / 1000, lambda: line.table.freeze(clock.now_ms()))
            await spend(520)
            first, second = line.times("unit1.fast")[before:]
            assert second - first == 5, "asked as soon as the first was heard"
            held = line.table.readings["unit1.alarm"]
            assert held.value is True and held.at_ms == first + 5, "answered, but nobody has seen the first yet"
            await spend(20)
            assert line.table.readings["unit1.alarm"].at_ms == frozen[0] + 1, "the next picture shows the second"

    run_virtual(scenario)


def test_a_line_with_outputs_is_not_asked_to_confirm_before_the_cycle_has_said_what_it_wants_there() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = Line(clock, (1,), outputs=frozenset({"fan"}))
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before = len(line.times("unit1.fast"))
            clock._loop.call_at((clock.now_ms() + 520) / 1000, lambda: line.table.freeze(clock.now_ms()))
            await spend(1_000)
            first, second = line.times("unit1.fast")[before:]
            assert second - first == 20

    run_virtual(scenario)


@pytest.mark.parametrize("prompt", [True, False])
def test_a_picture_that_was_taken_before_the_poller_looks_for_it_is_not_waited_for_again(prompt: bool) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = (PromptLine if prompt else ComparedLine)(clock, (1,))
        line.pictures = True  # by a cycle, which may well come first in its turn of the loop
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before = len(line.times("unit1.fast"))
            await spend(600)
            first, second = line.times("unit1.fast")[before:]
            assert second - first == 5
            assert line.table.readings["unit1.alarm"].at_ms <= second + 6, "not held any longer than its answer took"
            assert line.woken == 2 + 2, "at the start and now: for what has changed, and for what confirms it"

    run_virtual(scenario)


def test_a_line_with_something_urgent_is_asked_before_its_neighbours() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, asked, table = Bell(clock), list[str](), PointTable(POINTS, clock, lambda: None)

        def poller(number: int) -> Poller:
            name = f"unit{number}"
            bus = SimulatedBus(name, groups_of(number), {name: SimulatedDevice(values={})}, script=asked.append)
            return Poller(bus=bus, clock=clock, table=table, bell=bell)

        async with running(poller(2).run()), running(poller(1).run()), running(poller(3).run()):
            await spend(4_500)
            asked.clear()
            await spend(1_000)
            assert asked[0] == "unit1.fast" and sorted(asked) == ["unit1.fast", "unit2.fast", "unit3.fast"]

    run_virtual(scenario)


def test_a_change_is_seen_and_asked_for_again_before_anything_else_is_done() -> None:
    """Without the task: the question first, so that it is on its way while the cycle looks; then the picture."""

    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock, at_once=True)
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before, told = len(line.times("unit1.fast")), bus.prompt
            asked_by_then: list[int] = []
            picture = line.picture

            def noted() -> bool:
                asked_by_then.append(len(line.times("unit1.fast")) - before)
                return picture()

            line.urge.tick_now = noted
            await spend(1_400)
            first, second = line.times("unit1.fast")[before:]
            assert second - first == 5 and asked_by_then == [2, 2]
            assert line.shown[-2:] == [(second, True), (second + 5, True)]
            assert line.table.readings["unit1.alarm"].at_ms == second + 5
            assert bus.prompt == told + 2, "and the task had nothing to do"

    run_virtual(scenario)


def test_a_device_that_has_answered_by_the_time_of_the_picture_is_heard_in_the_same_turn() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock, at_once=True)
        bus.is_quick = True
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before = len(line.times("unit1.fast"))
            await spend(1_400)
            first, second = line.times("unit1.fast")[before:]
            assert second == first + 5
            assert line.shown[-2:] == [(second, True), (second + 1, True)], "two pictures of the same millisecond"
            await spend(2_000)
            assert line.times("unit1.fast")[before + 2 :] == [first + 1_000, first + 2_000]

    run_virtual(scenario)


@pytest.mark.parametrize("shy", [0, 1, 2])
@pytest.mark.parametrize("behaviour", [Behaviour.SILENT, Behaviour.REFUSING, Behaviour.RAISING, Behaviour.GARBAGE])
def test_a_confirming_answer_that_is_none_is_judged_by_the_task_and_the_picture_is_not_owed(
    behaviour: Behaviour, shy: int
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock, at_once=True)
        bus.shy = shy
        async with running(line.poller.run()):
            await spend(10_500)
            device = line.devices["unit1"]
            device.values["unit1.alarm"] = True
            clock._loop.call_at((clock.now_ms() + 502) / 1000, lambda: setattr(device, "behaviour", behaviour))
            before, shown = len(line.times("unit1.fast")), len(line.shown)
            await spend(950)
            # What is no possible value is a change too, and asked for once more.
            assert len(line.times("unit1.fast")) - before == (3 if behaviour is Behaviour.GARBAGE else 2)
            assert line.shown[shown][1] is True and len(line.shown) >= shown + 2
            assert line.poller.report()[0].failed == (behaviour is not Behaviour.GARBAGE)
            device.behaviour = Behaviour.SOUND
            await spend(3_000)
            assert line.quality("unit1.alarm")[0].value == "good"

    run_virtual(scenario)


def test_a_picture_that_must_wait_is_waited_for_by_the_task() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, _ = prompt_line(clock, at_once=True)
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            line.may_show, woken = False, line.woken
            clock._loop.call_at((clock.now_ms() + 540) / 1000, line.picture)
            before = len(line.times("unit1.fast"))
            await spend(530)
            assert line.woken == woken + 1
            first, second = line.times("unit1.fast")[before:]
            assert line.table.readings["unit1.alarm"].at_ms == second == first + 5, "its answer is held"
            await spend(100)
            assert line.table.readings["unit1.alarm"].at_ms == line.shown[-1][0] + 1

    run_virtual(scenario)


def test_a_hint_is_followed_at_once_and_one_that_comes_with_a_question_on_its_way_right_after_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock)
        async with running(line.poller.run()):
            await spend(10_500)
            before, told = len(line.times("unit1.fast")), bus.prompt
            line.bus.hint("unit1")
            assert len(line.times("unit1.fast")) == before + 1, "asked before the hint returns"
            await spend(1)
            line.bus.hint("unit1")  # its answer may be from before
            await spend(300)
            first, second = line.times("unit1.fast")[before:]
            assert 100 <= second - first <= 110
            assert bus.prompt > told

    run_virtual(scenario)


def test_a_hint_between_a_change_and_the_task_that_is_to_confirm_it_takes_nothing_from_it() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock)
        async with running(line.poller.run()):
            await spend(10_500)
            line.devices["unit1"].values["unit1.alarm"] = True
            before, wake = len(line.times("unit1.fast")), line.wake

            def hinted() -> None:
                wake()
                clock._loop.call_soon(lambda: bus.hint("unit1"))

            line.table._wake = hinted
            await spend(900)
            line.table._wake = wake
            first, second, third = line.times("unit1.fast")[before:][:3]
            assert second - first == 5, "confirmed at once"
            assert third - second >= 100, "and then the hint"

    run_virtual(scenario)
