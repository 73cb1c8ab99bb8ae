"""The outage in the mind: it is a real one, it moves nothing, and whatever goes wrong in it costs nobody anything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.cycles import LARGE, Course, begin
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, freeze
from firmware_py.core.mode import Mode
from firmware_py.core.step import step
from firmware_py.wiring import rehearsal
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.rehearsal import outage, rehearse_soon


def at_rest() -> tuple[Course, InputImage, Decision]:
    course = begin("site", build_floor(LARGE)[0])
    for _ in range(3):
        course.turn()
    course.now_ms += 1_000
    image = course.table.freeze(course.now_ms)
    decision = step(course.floor.plan, course.state, image, (), course.now_ms, course.looked)
    return course, image.joined(decision.derived), decision


def test_each_step_is_one_of_a_real_outage_and_of_its_end() -> None:
    course, image, decision = at_rest()
    modes, told = [], set[str]()
    for thought in outage(course.floor.plan, image, decision):
        modes.append(thought.mode)
        told |= {event.type for event in thought.events}
    assert modes[0] is decision.mode
    assert Mode.CONSERVATION in modes
    assert {"incident.opened", "alarm.raised", "cause.active", "mode.changed"} <= told


def test_what_was_thought_changes_neither_the_memory_nor_what_the_next_cycle_decides() -> None:
    course, image, decision = at_rest()
    plan, now_ms = course.floor.plan, course.now_ms + 1_000
    before, picture = decision.state, course.table.freeze(now_ms)
    expected = step(plan, before, picture, (), now_ms)
    for _ in outage(plan, image, decision):
        pass
    assert decision.state is before
    assert step(plan, before, picture, (), now_ms, decision.looked) == expected


def test_a_picture_of_another_kind_is_not_thought_about() -> None:
    course, image, decision = at_rest()
    plain = freeze(course.floor.plan.points.values(), dict(image.readings), image.now_ms)
    assert list(outage(course.floor.plan, plain, decision)) == []


def test_it_begins_in_a_while_and_takes_one_step_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "BEGIN_S", 0.0)
    monkeypatch.setattr(rehearsal, "PAUSE_S", 0.0)
    course, image, decision = at_rest()
    turns, done = list[int](), asyncio.Event()

    def steps() -> Iterator[Decision]:
        for number, thought in enumerate(outage(course.floor.plan, image, decision)):
            turns.append(number)
            yield thought
        done.set()

    async def scenario() -> None:
        rehearse_soon(steps)
        assert not turns
        async with asyncio.timeout(10):
            await done.wait()

    asyncio.run(scenario())
    assert turns == [0, 1, 2, 3, 4]


def test_a_fault_in_it_is_told_and_ends_it(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(rehearsal, "BEGIN_S", 0.0)
    tried = asyncio.Event()

    def broken() -> Iterator[Decision]:
        tried.set()
        raise ZeroDivisionError("a bug in the core")
        yield

    async def scenario() -> None:
        rehearse_soon(broken)
        async with asyncio.timeout(10):
            await tried.wait()
            await asyncio.sleep(0)

    asyncio.run(scenario())
    assert "a bug in the core" in caplog.text
