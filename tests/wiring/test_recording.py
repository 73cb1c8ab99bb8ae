"""A recording through the ear of a running endpoint: what it waits for, what it leaves out, whom it turns away."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.site import load_site
from drivers.ami import Answer, Packet
from drivers.modbus_guard import Question
from drivers.modbus_unit import Reply
from drivers.simulated import SimulatedBus, SimulatedDevice
from firmware_py.core.command import CommandRefused
from firmware_py.ports import PollGroup
from firmware_py.runtime.clock import SystemClock
from firmware_py.wiring import recording
from firmware_py.wiring.capture import Capture
from firmware_py.wiring.overhear import Ear, Overheard
from tests.conftest import PROJECT, run

SITE = load_site(PROJECT / "config" / "sites" / "example.toml")
REGISTERS = Question(unit=1, function=4, address=0, count=1)


class Line:
    """The modbus line of the example with two groups of hvac1 and one of a neighbour, and its ear."""

    def __init__(self) -> None:
        made = [("hvac1.fast", "hvac1"), ("hvac1.slow", "hvac1"), ("other.fast", "other")]
        self.groups = tuple(
            PollGroup(id=name, device=device, points=(f"{name}.p",), period_ms=1_000, deadline_ms=500)
            for name, device in made
        )
        devices = {
            device: SimulatedDevice(values={f"{name}.p": 21.5 for name, owner in made if owner == device})
            for device in ("hvac1", "other")
        }
        self.ear = Ear()
        self.hints: list[str] = []
        self.bus = Overheard(SimulatedBus("line1", self.groups, devices), self.ear)
        self.bus.listen(self.hints.append)
        self.recording = recording.Recording(lambda: SITE, lambda name: self.bus, SystemClock())

    async def read(self, *names: str) -> None:
        for group in self.groups:
            if group.id in names:
                self.ear.hear_registers(REGISTERS, Reply(cells=(225,)))
                self.ear.hear_registers(Question(unit=2, function=4, address=9, count=1), Reply(cells=(9,)))
                await self.bus.read(group)

    async def capture(self, device: str = "hvac1") -> Any:
        return await self.recording.answer("0:root", {"device": device})


def told(answer: Mapping[str, Any]) -> dict[str, Any]:
    return tomllib.loads(answer["text"])


def test_it_waits_for_every_group_of_the_device_and_takes_nothing_of_its_neighbours() -> None:
    async def scenario() -> None:
        line = Line()
        waiting = asyncio.ensure_future(line.capture())
        await asyncio.sleep(0)
        assert line.hints == ["hvac1"], "the poller is asked to hurry"
        await line.read("hvac1.fast", "other.fast")
        assert not waiting.done()
        await line.read("hvac1.slow")
        answer = await waiting
        capture = told(answer)
        assert answer["left"] == [] and set(capture["points"]) == {"hvac1.fast.p", "hvac1.slow.p"}
        assert capture["cells"] == [{"table": "input", "address": 0, "values": [225]}]
        assert (capture["device"], capture["protocol"]) == ("hvac1", "modbus")
        await line.read("hvac1.fast")
        assert not line.bus.taken, "afterwards nobody listens"

    run(scenario())


def test_what_is_not_read_in_time_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LIMIT_S", 0.2)

    async def scenario() -> None:
        line = Line()
        waiting = asyncio.ensure_future(line.capture())
        await asyncio.sleep(0)
        await line.read("hvac1.fast")
        answer = await waiting
        assert answer["left"] == ["hvac1.slow"] and set(told(answer)["points"]) == {"hvac1.fast.p"}
        with pytest.raises(CommandRefused, match="hvac1 answered nothing within 0 s; `floorguard probe hvac1`"):
            await line.capture()

    run(scenario())


def test_a_second_recording_and_a_strange_name_are_turned_away() -> None:
    async def scenario() -> None:
        line = Line()
        first = asyncio.ensure_future(line.capture())
        await asyncio.sleep(0)
        with pytest.raises(CommandRefused, match="try again in a minute"):
            await line.capture()
        with pytest.raises(CommandRefused, match='did you mean "hvac1"'):
            await line.capture("hvac11")
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        assert not line.bus.taken, "whoever goes away leaves no ear behind"
        gone = recording.Recording(lambda: SITE, lambda name: None, SystemClock())
        with pytest.raises(CommandRefused, match="has just been exchanged"):
            await gone.answer("0:root", {"device": "hvac1"})

    run(scenario())


def test_of_an_exchange_neither_callers_nor_orders_nor_events_are_kept(tmp_path: Path) -> None:
    capture = Capture()
    item = Packet(headers=(("Event", "QueueMember"), ("Queue", "sales"), ("CallerIDNum", "13800000000")))
    good = Packet(headers=(("Response", "Success"), ("ActionID", "floorguard-7"), ("EventList", "start")))
    capture.hear_answer("QueueStatus", {"Queue": "sales"}, Answer(response=good, items=(item,)))
    capture.hear_answer("Setvar", {"Variable": "x", "Value": "y"}, Answer(response=good))
    odd = Packet(headers=(("Response", "Success"), ("Variable", "A"), ("Value", 'tab\t del\x7f quote" \U0001f600')))
    capture.hear_answer("Getvar", {"Variable": "A"}, Answer(response=odd))
    text = capture.text(about={"protocol": "ami"}, taken="now", samples={})
    kept = tomllib.loads(text)["answer"]
    assert [one["action"] for one in kept] == ["QueueStatus", "Getvar"]
    assert kept[0]["items"] == [[["Event", "QueueMember"], ["Queue", "sales"]]]
    assert kept[1]["response"][-1] == ["Value", 'tab\t del\x7f quote" \U0001f600']
    assert "1380" not in text and "floorguard-7" not in text
