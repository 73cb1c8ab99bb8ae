"""Turns without a task: never another reading, report, question or time than by the task, whatever devices do."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.simulated import Behaviour
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import PollGroup
from tests.runtime.line import warnings
from tests.runtime.prompt_bus import AnsweringBus, ComparedLine, PromptBus, PromptLine, prompt_line
from tests.shell.virtual import VirtualClock, run_virtual, running, spend

UNITS = (1, 2)
ODD = [one for one in Behaviour if one not in (Behaviour.SOUND, Behaviour.HANGING)]
step = st.tuples(
    st.sampled_from(UNITS),
    st.sampled_from([Behaviour.SOUND] * 8 + ODD),
    st.integers(0, 11),  # some beyond the point's range
    st.booleans(),
    st.sampled_from([7, 7, 7, 90, 290, 310, 390]),
    st.sampled_from(["", "", "", "hint", "want", "freeze", "fail"]),
    st.sampled_from([110, 450, 1_000, 1_000, 1_500, 4_000]),
)
Step = tuple[int, Behaviour, int, bool, int, str, int]


async def follow(
    clock: VirtualClock, kind: type[ComparedLine], course: list[Step], shy: int, outputs: frozenset[str], pictures: bool
) -> list[object]:
    """All that can be seen of a course, after each step. `pictures`: they are taken, by the prompt way at once."""
    line = kind(clock, UNITS, outputs, at_once=pictures and kind is PromptLine)
    line.calm()
    line.pictures = pictures
    if isinstance(line.bus, PromptBus):
        line.bus.shy = shy
    seen: list[object] = []
    async with running(line.poller.run()):
        await spend(3)
        for number, (unit, behaviour, value, alarm, answer_ms, action, pause_ms) in enumerate(course):
            device = line.devices[f"unit{unit}"]
            if behaviour is Behaviour.FROZEN:
                device.freeze()
            device.behaviour, device.answer_ms = behaviour, answer_ms
            device.values |= {f"unit{unit}.state": value, f"unit{unit}.alarm": alarm}
            if action == "hint":
                line.bus.hint(f"unit{unit}")
            elif action == "want" and outputs:
                line.poller.want("fan", on=number % 2 == 0, lease_ms=60_000)
            elif action == "fail":
                line.table.fail([f"unit{unit}.state"], Reason.STALE, "somebody says so")
            await spend(pause_ms)
            if action == "freeze":
                line.picture()
            seen += [dict(line.table.readings), line.poller.report(), list(line.diary), list(line.bus.writes)]
            seen += [line.bus.levels.copy(), {name: one.asked for name, one in line.devices.items()}]
            if not pictures:  # what was shown at once need not be woken for
                seen.append(line.woken)
    return seen


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(step, min_size=1, max_size=8), st.sampled_from([0, 1, 2]), st.booleans(), st.booleans())
def test_any_course_is_served_as_by_the_task(course: list[Step], shy: int, has_outputs: bool, pictures: bool) -> None:
    ways, outputs = [], frozenset({"fan"} if has_outputs else ())
    for kind in (ComparedLine, PromptLine):
        random.seed(1)
        ways.append(run_virtual(partial(follow, kind=kind, course=course, shy=shy, outputs=outputs, pictures=pictures)))
    for long, prompt in zip(*ways, strict=True):
        assert prompt == long


def test_sound_devices_are_served_without_the_task() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock, (1, 2))
        async with running(line.poller.run()):
            await spend(20_500)
        assert line.bus.devices["unit1"].asked >= 21
        assert bus.prompt >= 40
        assert line.quality("unit1.state") == (Quality.GOOD, None)

    run_virtual(scenario)


def test_a_driver_that_says_nothing_any_more_is_cut_off_in_time_and_only_its_own_rhythm_suffers() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock)
        neighbour, _ = prompt_line(clock, (2,))
        async with running(line.poller.run(), neighbour.poller.run()):
            await spend(5_500)
            bus.shy, line.devices["unit1"].behaviour = 2, Behaviour.DEAF
            await spend(1_200)  # a deadline of 400 ms and its slack of 250 from the question on
            assert [report.failed for report in line.poller.report()] == [1]
            assert line.poller.report()[0].error == "no answer within 400 ms"
            await spend(20_000)
        assert [at % 1_000 for at in neighbour.times("unit2.fast")[1:]] == [0] * len(neighbour.times("unit2.fast")[1:])
        assert line.quality("unit1.state")[0] is Quality.BAD

    run_virtual(scenario)


class Broken(PromptBus):
    wrong = False

    def begin(self, group: PollGroup, done: object) -> int:
        if self.wrong:
            raise ZeroDivisionError("a bug in the driver")
        return 0


class BrokenLine(PromptLine):
    kind = Broken


def test_a_driver_that_raises_at_the_question_is_blamed_and_its_neighbours_are_asked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = BrokenLine(clock, (1,))
        neighbour, _ = prompt_line(clock, (2,))
        neighbour.poller._bell = line.poller._bell
        async with running(line.poller.run(), neighbour.poller.run()):
            await spend(2_500)
            assert isinstance(line.bus, Broken)
            line.bus.wrong = True
            await spend(1_000)
        assert line.poller.report()[0].failed == 1
        assert line.poller.report()[0].error == "ZeroDivisionError: a bug in the driver"
        assert neighbour.poller.report()[0].failed == 0

    run_virtual(scenario)
    assert any("in a way it should not" in text for text in (record.message for record in caplog.records))
    assert warnings(caplog)


def test_what_was_begun_is_given_up_when_the_poller_ends() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line, bus = prompt_line(clock)
        line.devices["unit1"].answer_ms = 200
        async with running(line.poller.run()):
            await spend(3_000 - clock.now_ms() % 1_000 + 50)
            assert bus.begun is not None
            before = dict(line.table.readings)
        assert bus.gave_up == 1 and bus.begun is None
        await spend(5_000)
        assert dict(line.table.readings) == before

    run_virtual(scenario)


def test_an_output_wanted_while_a_question_is_on_its_way_is_told_right_after_its_answer() -> None:
    async def scenario(clock: VirtualClock) -> None:
        line = PromptLine(clock, (1,), frozenset({"fan"}))
        line.devices["unit1"].answer_ms = 200
        async with running(line.poller.run()):
            await spend(3_000 - clock.now_ms() % 1_000 + 50)
            line.poller.want("fan", on=True, lease_ms=60_000)
            await spend(140)
            assert line.bus.writes == []
            await spend(30)
            assert line.bus.writes == [("fan", True)]
        assert line.bus.most_busy == 1

    run_virtual(scenario)


def test_both_ways_are_tried_by_the_comparison() -> None:
    assert hasattr(PromptBus, "begin") and not hasattr(AnsweringBus, "begin")
    assert asyncio.iscoroutinefunction(PromptBus.read)


@pytest.mark.parametrize(("picture_ms", "prepared_for"), [(0, [(4, 1), (12, 1), (40, 1)]), (10, [(40, 1)])])
def test_what_may_be_confirmed_is_prepared_while_a_slow_device_is_asked_again_and_never_in_a_quick_ones_way(
    picture_ms: int, prepared_for: list[tuple[int, int]]
) -> None:
    """`picture_ms`: what a look takes, ten times as long on a small board. What is prepared takes half of it."""

    async def scenario(clock: VirtualClock) -> list[tuple[int, int]]:
        line, prepared = prompt_line(clock, at_once=True)[0], list[int]()

        def picture() -> bool:
            clock._loop.ms += picture_ms
            return line.picture()

        line.urge.prepare = lambda: prepared.append(line.devices["unit1"].answer_ms)
        line.urge.tick_now = picture
        line.pictures, alarm = True, False
        line.calm()
        async with running(line.poller.run()):
            for answer_ms in (0, 1, 3, 4, 12, 40):
                line.devices["unit1"].answer_ms, alarm = answer_ms, not alarm
                await spend(1_500)
                line.devices["unit1"].values["unit1.alarm"] = alarm
                await spend(2_500)
        return [(ms, prepared.count(ms)) for ms in sorted({*prepared})]

    assert run_virtual(scenario) == prepared_for
