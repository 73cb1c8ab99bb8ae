"""A small floor for the shell ring: two UPSs and some other devices, a beacon on a pin, an exchange behind a wire.

Everything is the real shell and the real core; only the far ends and the clock are simulated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from drivers.simulated import SimulatedBus, SimulatedDevice, SimulatedPort
from firmware_py.core.alarm import Alarm, AlarmPriority
from firmware_py.core.check import IsWord
from firmware_py.core.command import Command
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.core.looks import looks
from firmware_py.core.mode import Cause, CausePhase, Mode
from firmware_py.core.output import Output, Pattern, StopValue
from firmware_py.core.plan import CauseIn, Plan, Rule, Seen
from firmware_py.core.point import Kind, Point
from firmware_py.core.state import State
from firmware_py.core.step import CLOCK_POINT, decide
from firmware_py.ports import PollGroup
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import Urge
from firmware_py.runtime.cycle import Cycle
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.sinks import Audience
from firmware_py.runtime.supervisor import Closing, Supervisor
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats
from firmware_py.runtime.writer import Writer
from tests.shell.virtual import VirtualClock

DEVICES = ("ups1", "ups2", "hvac1", "panel1", "meter1")
WORDS = ("normal", "battery")


def plan() -> Plan:
    points = {
        f"{device}.output_source": Point(
            id=f"{device}.output_source", kind=Kind.WORD, words=WORDS, stale_after_ms=5_000, urgent=device == "ups1"
        )
        for device in DEVICES
    }
    for extra in ("out.beacon.follows", "out.outbound_paused.follows"):
        points[extra] = Point(id=extra, kind=Kind.FLAG, stale_after_ms=300_000)
    points[CLOCK_POINT] = Point(id=CLOCK_POINT, kind=Kind.INTEGER, unit="s", stale_after_ms=5_000)
    return Plan(
        points=points,
        outputs={
            "beacon": Output(id="beacon", on_stop=StopValue.OFF, on_fault=StopValue.ON),
            "lamp.power": Output(id="lamp.power", on_stop=StopValue.OFF, on_fault=StopValue.ON),
            "outbound_paused": Output(id="outbound_paused", on_stop=StopValue.HOLD, on_fault=StopValue.HOLD),
        },
        conditions={
            "ups1.on_battery": Condition(
                id="ups1.on_battery",
                test=IsWord(point="ups1.output_source", words=frozenset({"battery"})),
                when_bad=WhenBad.HOLD,
                off_delay_ms=30_000,
                confirm=2,
            )
        },
        alarms={
            "ups1.on_battery": Alarm(
                id="ups1.on_battery", condition="ups1.on_battery", priority=AlarmPriority.HIGH, text="on_battery"
            )
        },
        causes={"power": Cause(id="power", mode=Mode.CONSERVATION, conditions=("ups1.on_battery",), stable_ms=60_000)},
        rules=(
            Rule(when=Seen(condition="ups1.on_battery"), output="lamp.power", value=Pattern.FLASH, owner="power"),
            *(
                Rule(
                    when=CauseIn(cause="power", phases=frozenset({CausePhase.ACTIVE, CausePhase.RECOVERING})),
                    output=output,
                    value=True,
                    owner="power",
                )
                for output in ("beacon", "outbound_paused")
            ),
        ),
        outbound=("outbound_paused",),
    )


@dataclass
class Diary:
    """What the recorder and the sinks of the cycle saw, and everything else in the order it happened."""

    lines: list[tuple[int, str]] = field(default_factory=list)
    modes: list[tuple[int, str]] = field(default_factory=list)
    cycles: list[int] = field(default_factory=list)
    now_ms: Callable[[], int] = lambda: 0

    def note(self, text: str) -> None:
        self.lines.append((self.now_ms(), text))

    def record(self, image: InputImage, commands: tuple[Command, ...], decision: Decision) -> None:
        self.cycles.append(image.now_ms)
        for event in decision.events:
            self.note(f"journal {event.type}")

    def show(self, image: InputImage, decision: Decision) -> None:
        if not self.modes or self.modes[-1][1] != decision.mode.word:
            self.modes.append((image.now_ms, decision.mode.word))
            self.note(f"mode {decision.mode.word}")


class NotingPort(SimulatedPort):
    def __init__(self, outputs: frozenset[str], note: Callable[[str], None]) -> None:
        super().__init__(outputs)
        self.note = note

    def set_level(self, output: str, on: bool) -> None:
        super().set_level(output, on)
        self.note(f"pin {output} {on}")


class Floor:
    """All of the shell. `state` is what was restored."""

    def __init__(self, clock: VirtualClock, state: State | None = None) -> None:
        self.clock, self.plan = clock, plan()
        self.diary = Diary(now_ms=clock.now_ms)
        self.beats = Beats(clock)
        urge = self.urge = Urge(clock)
        self.table = PointTable(self.plan.points, clock, urge.wake, looks(self.plan), urge)
        self.devices = {name: SimulatedDevice(values={f"{name}.output_source": "normal"}) for name in DEVICES}
        self.buses = {name: self._make_bus(name, frozenset()) for name in DEVICES}
        self.exchange = SimulatedBus("exchange", (), {}, frozenset({"outbound_paused"}), self.diary.note)
        self.pollers = {name: Poller(bus=bus, clock=clock, table=self.table) for name, bus in self.buses.items()}
        self.pollers["exchange"] = Poller(bus=self.exchange, port=self.exchange, clock=clock, table=self.table)
        self.port = NotingPort(frozenset({"beacon", "lamp.power"}), self.diary.note)
        self.writer = Writer(
            self.plan.outputs, clock=clock, table=self.table, beats=self.beats,
            local=[self.port], remote=[self.pollers["exchange"]],
        )  # fmt: skip
        self.desk = Desk(urge.wake)
        self.board = Board(
            self.plan, clock, run="b41c", outputs=self.writer.report, storage=lambda: {"journal": "sound"},
            devices=lambda: tuple(report for poller in self.pollers.values() for report in poller.report()),
        )  # fmt: skip
        self.cycle = Cycle(
            plan=self.plan, state=state or State(), decide=decide, clock=clock, urge=urge, table=self.table,
            desk=self.desk, writer=self.writer, audience=Audience(self.diary, [self.diary, self.board]),
            beat=self.beats.beat,
        )  # fmt: skip
        self.supervisor = Supervisor(clock, self.beats, lambda fault: self.writer.stop(fault=fault))
        self.supervisor.core("cycle", self.cycle.run)
        self.supervisor.core("writer", self.writer.flasher.run)
        for name, poller in self.pollers.items():
            self.supervisor.supervise(name, poller.run, group="pollers")

    def _make_bus(self, name: str, outputs: frozenset[str]) -> SimulatedBus:
        group = PollGroup(
            id=f"{name}.fast", device=name, points=(f"{name}.output_source",), period_ms=1_000, deadline_ms=400
        )
        return SimulatedBus(name, (group,), self.devices, outputs, self.diary.note)

    async def live(self, ms: int) -> None:
        """Run the whole shell for so long, then stop it in order."""
        asyncio.get_running_loop().call_later(ms / 1000, self.supervisor.stop)
        await self.supervisor.run(self.closing())

    def closing(self) -> tuple[Closing, ...]:
        async def last_writes() -> None:
            for poller in self.pollers.values():
                poller.stop_reading()
            await asyncio.gather(*(poller.flush(1_000) for poller in self.pollers.values()))

        async def close_ports() -> None:
            await asyncio.gather(*(poller.close() for poller in self.pollers.values()))
            self.port.close()

        return (
            Closing(name="pollers", limit_ms=2_000, call=last_writes, cancels=("pollers",)),
            Closing(name="ports", limit_ms=2_000, call=close_ports),
        )

    def later(self, ms: int, action: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_later(ms / 1000, action)

    def say(self, device: str, word: str) -> Callable[[], None]:
        return lambda: self.devices[device].values.update({f"{device}.output_source": word})

    def times(self, text: str) -> list[int]:
        return [at_ms for at_ms, line in self.diary.lines if line == text]
