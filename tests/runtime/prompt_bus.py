"""A simulated line that can be asked without a task, and the same line that cannot: for comparing both ways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from drivers.simulated import Behaviour, SimulatedBus
from firmware_py.core.reading import News, Sample, Source
from firmware_py.ports import PollGroup
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.runtime.line import POINTS, Line
from tests.shell.virtual import VirtualClock

QUICK = (Behaviour.SOUND, Behaviour.FROZEN)
MUTE = (Behaviour.SILENT, Behaviour.DEAF, Behaviour.HANGING)
AT_ONCE = (Behaviour.REFUSING, Behaviour.BUS_LOST, Behaviour.RAISING)


class AnsweringBus(SimulatedBus):
    """Answers as drivers do: with what has changed since its last answer."""

    sources: dict[str, Source]
    last: dict[str, dict[str, Sample]]

    def _said(self, group: PollGroup, samples: Mapping[str, Sample]) -> tuple[Source, dict[str, Sample]]:
        before = self.last.get(group.id, {})
        told = {point: one if before.get(point) != one else before[point] for point, one in samples.items()}
        self.last[group.id] = told
        return self.sources[group.id], {point: one for point, one in told.items() if before.get(point) is not one}

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        self._script(group.id)
        device = self.devices[group.device]
        device.asked += 1
        return await self.answered(group, device.behaviour, device.answer_ms)

    async def answered(self, group: PollGroup, behaviour: Behaviour, answer_ms: int) -> Mapping[str, Sample]:
        """The answer to a question that was put when the device was like that."""
        try:
            await self._behave(behaviour, answer_ms, group.deadline_ms)
        except BaseException:
            self.sources[group.id].break_off()
            raise
        if behaviour is Behaviour.GARBAGE:
            return {point: Sample(value="rubbish") for point in group.points}
        if behaviour is Behaviour.FOREIGN:
            return {f"{group.id}.foreign": Sample(value=1)}
        source, changed = self._said(group, self.samples(group, behaviour))
        return source.answer(self.last[group.id], changed)

    def samples(self, group: PollGroup, behaviour: Behaviour) -> dict[str, Sample]:
        device = self.devices[group.device]
        values = device.frozen if behaviour is Behaviour.FROZEN else device.values
        return {point: self._sample(values, point) for point in group.points}


class PromptBus(AnsweringBus):
    """The same; `shy`: how it leaves an odd answer to `read`: 0 not begun, 1 by `done(None)`, 2 without a word
    where nothing comes."""

    shy = 1
    patience_ms = 300
    begun: tuple[PollGroup, Behaviour, int, float, asyncio.TimerHandle | None] | None = None
    spent_ms = 0
    gave_up = 0
    prompt = 0
    listened = 0
    is_quick = False  # whether it has answered by the time that somebody listens
    asked_by: Callable[[News | None], None] | None = None

    def begin(self, group: PollGroup, done: Callable[[News | None], None]) -> News | int:
        assert self.begun is None and self.busy == 0, "never two questions at once"
        device, loop = self.devices[group.device], asyncio.get_running_loop()
        behaviour = device.behaviour
        if behaviour not in QUICK and self.shy == 0:
            return 0
        self._script(group.id)
        device.asked += 1
        timer: asyncio.TimerHandle | None = None
        self.asked_by = done
        if behaviour in QUICK:
            timer = loop.call_later(device.answer_ms / 1000, self._answer, group, behaviour, done)
        elif self.shy == 1 or behaviour not in MUTE:
            after_ms = 0 if behaviour in AT_ONCE else device.answer_ms
            timer = loop.call_later(after_ms / 1000, done, None)
        self.begun = group, behaviour, device.answer_ms, loop.time(), timer
        return self.patience_ms

    def _answer(self, group: PollGroup, behaviour: Behaviour, done: Callable[[News | None], None]) -> None:
        self.begun = None
        self.prompt += 1
        source, changed = self._said(group, self.samples(group, behaviour))
        done(source.news(self.last[group.id], changed))

    def hear(self) -> None:
        self.listened += 1
        if self.is_quick and self.begun is not None and self.begun[4] is not None:
            self.begun[4].cancel()
            group, behaviour, *_ = self.begun
            assert self.asked_by is not None
            self._answer(group, behaviour, self.asked_by)

    def give_up(self) -> None:
        self.gave_up += self.begun is not None
        if self.begun is not None and self.begun[4] is not None:
            self.begun[4].cancel()
        self.begun = None

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        begun = self.begun
        if begun is None:
            return await super().read(group)
        asked, behaviour, answer_ms, at_s, _ = begun
        assert asked is group, "another question is on its way"
        self.give_up()
        self.gave_up -= 1
        self.spent_ms = round((asyncio.get_running_loop().time() - at_s) * 1000)
        return await self.answered(group, behaviour, answer_ms)

    async def _wait(self, behaviour: Behaviour, answer_ms: int, deadline_ms: int) -> None:
        spent_ms, self.spent_ms = self.spent_ms, 0
        await super()._wait(behaviour, max(0, answer_ms - spent_ms), max(0, deadline_ms - spent_ms))


def exact(pause_ms: int) -> int:
    return pause_ms


class ComparedLine(Line):
    """As `Line`, on one of the two; pauses are drawn without chance."""

    kind: type[AnsweringBus] = AnsweringBus

    def make_bus(self, units: tuple[int, ...], outputs: frozenset[str]) -> SimulatedBus:
        bus = super().make_bus(units, outputs)
        made = self.kind("line", bus.groups, self.devices, outputs, self.note)
        made.sources, made.last = {group.id: Source() for group in bus.groups}, {}
        return made

    def calm(self) -> None:
        for health in self.poller.health.values():
            health._draw = exact


class PromptLine(ComparedLine):
    kind = PromptBus


def prompt_line(
    clock: VirtualClock, units: tuple[int, ...] = (1,), *, at_once: bool = False
) -> tuple[PromptLine, PromptBus]:
    line = PromptLine(clock, units, at_once=at_once)
    line.calm()
    assert isinstance(line.bus, PromptBus)
    return line, line.bus


__all__ = ["POINTS", "AnsweringBus", "ComparedLine", "Poller", "PointTable", "PromptBus", "PromptLine", "prompt_line"]
