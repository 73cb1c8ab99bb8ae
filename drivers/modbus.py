"""Modbus: one endpoint with its units, as a Bus and as the port of the outputs that the site names behind it.

All that is asked of any unit goes through here, one question at a time. It must not know frames or what a value means.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias, assert_never

from drivers.modbus_guard import Question
from drivers.modbus_link import ModbusLink
from drivers.modbus_outputs import Target, TimerKeeper, coil_target, setpoint_target
from drivers.modbus_profile import Endpoint, ModbusUnit, late_point
from drivers.modbus_schema import Pace
from drivers.modbus_unit import Reply, UnitReader
from drivers.modbus_write import CoilOutput, SetpointOutput, check_coil, check_safety, check_setpoint
from firmware_py.core.reading import News, Sample, Source
from firmware_py.ports import PollGroup

OutputPlace: TypeAlias = CoilOutput | SetpointOutput


class ModbusBus:
    """One endpoint with its units: a Bus, and a RemotePort for the coils and set points that the site names as outputs.

    Raises ValueError when units or outputs cannot work; an output on a unit of class fire never can.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        units: Sequence[ModbusUnit],
        outputs: Mapping[str, OutputPlace] | None = None,
        hear: Callable[[Question, Reply], None] | None = None,
    ) -> None:
        if len({unit.unit for unit in units}) != len(units) or len({unit.device for unit in units}) != len(units):
            raise ValueError(f"{endpoint.name}: two units share a name or a unit number")
        self._endpoint = endpoint
        written = bool(outputs) or any(unit.safety_ms for unit in units)
        self._link = ModbusLink(endpoint, units, hear, writes=written)
        slowest_ms = max((unit.timeout_ms for unit in units), default=0)
        self._readers = {
            unit.device: UnitReader(unit, self._link, endpoint.connect_ms, slowest_ms, alone=len(units) == 1)
            for unit in units
        }
        self._targets = {output: self._target(output, place) for output, place in (outputs or {}).items()}
        timers = {unit.device: check_safety(unit) for unit in units}
        self._keepers = {
            device: TimerKeeper(reader=self._readers[device], timer=timer) for device, timer in timers.items() if timer
        }
        groups = [group for reader in self._readers.values() for group in reader.groups()]
        # What is watched only, a fire panel, comes first in each round.
        self._groups = tuple(sorted(groups, key=lambda group: not self._readers[group.device].unit.watched_only))
        if endpoint.count_every_ms:
            self._groups += (_line_group(endpoint),)
        self._counters = Source()
        self._counted, self._answer = -1, dict[str, Sample]()
        self._paces = {f"{device}.{pace}": pace for device in self._readers for pace in Pace}
        self._begin = {
            id: partial(self._readers[id.removesuffix(f".{pace}")].begin, pace) for id, pace in self._paces.items()
        }

    @property
    def name(self) -> str:
        """The endpoint's name in the configuration."""
        return self._endpoint.name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """A fast and a slow group for each unit that has such points."""
        return self._groups

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs behind this endpoint."""
        return frozenset(self._targets)

    @property
    def late_replies(self) -> int:
        """Answers that came after their question was given up: many of them mean that a timeout is too short."""
        return self._link.silence.late_replies

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Read one group, connecting first where needed. Raises DeviceError."""
        if group.id == f"{self.name}.line":
            return {late_point(self.name).id: Sample(value=self.late_replies)}
        begun_at = self._link.begun_at
        until = self._until(group.deadline_ms) if begun_at is None else begun_at + group.deadline_ms / 1000
        if begun_at is None:
            await self._link.open()
        return await self._readers[group.device].read(self._paces[group.id], until)

    def begin(self, group: PollGroup, done: Callable[[News | None], None]) -> News | int:
        """Put the question of one group without waiting; see `ports.PromptBus`."""
        begin = self._begin.get(group.id)
        if begin is not None:
            return begin(done)
        count = self.late_replies  # the line's own counters
        if count == self._counted:
            return self._counters.news(self._answer, {})
        self._counted, self._answer = count, {late_point(self.name).id: Sample(value=count)}
        return self._counters.news(self._answer, self._answer)

    def hear(self) -> None:
        """Nothing: a reply may come in parts, which the loop brings together."""

    def give_up(self) -> None:
        """Nobody waits for what was begun."""
        self._link.give_up()

    async def write(self, output: str, on: bool) -> None:
        """Bring an output to a level and verify it by reading it back. Raises DeviceError."""
        target = self._targets[output]
        until = self._until(self._patience_ms(target.reader))
        await self._link.open()
        keeper = self._keepers.get(target.reader.unit.device)
        if keeper is not None:
            await keeper.keep(self._link.epoch, until)
        await target.bring(on, until)

    async def read_back(self, output: str) -> bool | None:
        """Whether the output is on, as the unit has it. Raises DeviceError."""
        target = self._targets[output]
        until = self._until(self._patience_ms(target.reader))
        await self._link.open()
        return await target.look(until)

    async def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def listen(self, hint: Callable[[str], None]) -> None:
        """Modbus units never speak unasked: there is nothing to hint at."""

    def _target(self, output: str, place: OutputPlace) -> Target:
        if place.device not in self._readers:
            raise ValueError(f"{output}: {self.name} has no unit {place.device}")
        reader = self._readers[place.device]
        match place:
            case CoilOutput():
                return coil_target(output, reader, check_coil(reader.unit, place.coil), active_low=place.active_low)
            case SetpointOutput():
                return setpoint_target(output, reader, check_setpoint(reader.unit, place))
            case never:
                assert_never(never)

    def _until(self, within_ms: int) -> float:
        return asyncio.get_running_loop().time() + within_ms / 1000

    def _patience_ms(self, reader: UnitReader) -> int:
        return max(group.deadline_ms for group in reader.groups()) + reader.unit.timeout_ms


def _line_group(endpoint: Endpoint) -> PollGroup:
    point, every_ms = late_point(endpoint.name), endpoint.count_every_ms
    return PollGroup(
        id=f"{endpoint.name}.line", device=endpoint.name, points=(point.id,), period_ms=every_ms, deadline_ms=1_000,
        local=True,
    )  # fmt: skip


__all__ = ["CoilOutput", "Endpoint", "ModbusBus", "ModbusLink", "SetpointOutput"]
