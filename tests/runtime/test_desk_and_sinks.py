"""Commands wait at the desk for the cycle; the audience is told, and its faults stop nobody."""

from __future__ import annotations

import asyncio

import pytest

from firmware_py.core.command import Command, CommandKind, CommandRefused, Reply
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.mode import Mode
from firmware_py.core.state import State
from firmware_py.runtime.desk import MAX_PER_CYCLE, MAX_WAITING, Desk
from firmware_py.runtime.sinks import Audience
from tests.shell.virtual import VirtualClock, run_virtual, spend

IMAGE = InputImage(now_ms=1)
DECISION = Decision(state=State(), outputs={}, mode=Mode.NORMAL, flags=frozenset(), because=(), stage=0)


def order(name: str) -> Command:
    return Command(id=name, kind=CommandKind.ACK, by="1000:maria")


def test_a_command_wakes_the_cycle_and_its_reply_comes_back() -> None:
    async def scenario(clock: VirtualClock) -> None:
        woken: list[int] = []
        desk = Desk(lambda: woken.append(1))
        asking = asyncio.create_task(desk.ask(order("a")))
        await spend(1)
        assert woken == [1]
        assert [command.id for command in desk.take()] == ["a"]
        assert desk.take() == ()
        desk.answer([Reply(command="b", done=True), Reply(command="a", done=False, error="not now")])
        assert await asking == Reply(command="a", done=False, error="not now")

    run_virtual(scenario)


def test_a_full_desk_refuses_at_once_and_the_cycle_takes_a_few_at_a_time() -> None:
    async def scenario(clock: VirtualClock) -> None:
        woken: list[int] = []
        desk = Desk(lambda: woken.append(1))
        asking = [asyncio.create_task(desk.ask(order(f"c{n}"))) for n in range(MAX_WAITING)]
        await spend(1)
        with pytest.raises(CommandRefused, match="too many"):
            await desk.ask(order("one more"))
        woken.clear()
        taken = [len(desk.take()) for _ in range(MAX_WAITING // MAX_PER_CYCLE)]
        assert set(taken) == {MAX_PER_CYCLE}
        assert len(woken) == len(taken) - 1  # it asks for the next cycle while there is more
        desk.answer([Reply(command=f"c{n}", done=True) for n in range(MAX_WAITING)])
        assert all(reply.done for reply in await asyncio.gather(*asking))
        waiting = asyncio.create_task(desk.ask(order("room again")))
        await spend(1)
        waiting.cancel()
        await spend(1)
        assert desk.take() == ()  # whoever went away does not order any more

    run_virtual(scenario)


def test_the_same_command_is_not_taken_twice_at_once() -> None:
    async def scenario(clock: VirtualClock) -> None:
        desk = Desk(lambda: None)
        asking = asyncio.create_task(desk.ask(order("a")))
        await spend(1)
        with pytest.raises(CommandRefused, match="is being worked on"):
            await desk.ask(order("a"))
        desk.answer([Reply(command="a", done=True)])
        await asking

    run_virtual(scenario)


def test_a_cycle_that_does_not_answer_is_told_to_the_asker() -> None:
    async def scenario(clock: VirtualClock) -> None:
        desk = Desk(lambda: None)
        with pytest.raises(CommandRefused, match="no answer within 5000 ms"):
            await desk.ask(order("a"))
        assert desk.take() == ()

    run_virtual(scenario)


class Listener:
    def __init__(self, diary: list[str], name: str) -> None:
        self.diary, self.name = diary, name
        self.broken = False

    def record(self, image: InputImage, commands: tuple[Command, ...], decision: Decision) -> None:
        self.show(image, decision)

    def show(self, image: InputImage, decision: Decision) -> None:
        if self.broken:
            raise OSError("no space left")
        self.diary.append(self.name)


def test_a_fault_of_one_sink_stops_nobody_and_is_said_when_it_begins_and_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    diary: list[str] = []
    journal, publisher, panel = (Listener(diary, name) for name in ("journal", "publisher", "panel"))
    audience = Audience(journal, [publisher, panel])
    journal.broken = publisher.broken = True
    for _ in range(5):
        audience.record(IMAGE, (), DECISION)
        audience.show(IMAGE, DECISION)
    assert diary == ["panel"] * 5
    assert len(caplog.records) == 2
    journal.broken = publisher.broken = False
    audience.record(IMAGE, (), DECISION)
    audience.show(IMAGE, DECISION)
    assert diary[5:] == ["journal", "publisher", "panel"]
    assert [record.message for record in caplog.records[2:]] == ["journal works again", "Listener[0] works again"]
