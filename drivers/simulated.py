"""Devices in memory that behave: answer, are silent, slow, frozen, talk rubbish, raise or hang, as a script says.

For tests of the shell and for trying a site file without hardware. It must not be chosen unless it is named.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum

from config.valued import dataclass
from firmware_py.core.reading import Reason, Sample, Value, bad
from firmware_py.ports import DeviceError, PollGroup


class Behaviour(StrEnum):
    """What a simulated device does when it is asked."""

    SOUND = "sound"
    SILENT = "silent"  # no answer until the driver's own deadline
    DEAF = "deaf"  # no answer, and the driver forgets its deadline
    HANGING = "hanging"  # the same, and it does not let itself be cancelled
    REFUSING = "refusing"  # an error at once
    UNPROVEN = "unproven"  # answers, but not what was asked
    BUS_LOST = "bus_lost"  # an error at once that concerns all units
    GARBAGE = "garbage"  # values of the wrong kind
    FOREIGN = "foreign"  # points that nobody asked for
    FROZEN = "frozen"  # for ever the values of the moment it froze
    RAISING = "raising"  # a bug of the driver


@dataclass(slots=True, kw_only=True)
class SimulatedDevice:
    """Values by point, and how it behaves. `asked` counts the questions, `answer_ms` is its slowness."""

    values: dict[str, Value] = field(default_factory=dict)
    behaviour: Behaviour = Behaviour.SOUND
    answer_ms: int = 5
    asked: int = 0
    frozen: dict[str, Value] = field(default_factory=dict)

    def freeze(self) -> None:
        """Keep answering what it would answer now."""
        self.frozen, self.behaviour = dict(self.values), Behaviour.FROZEN


class SimulatedBus:
    """A Bus and RemotePort over simulated devices. `script` is called before each answer with group or output id."""

    def __init__(
        self, name: str, groups: tuple[PollGroup, ...], devices: Mapping[str, SimulatedDevice],
        outputs: frozenset[str] = frozenset(), script: Callable[[str], None] = lambda asked: None,
    ) -> None:  # fmt: skip
        self._name, self._groups, self._outputs, self._script = name, groups, outputs, script
        self.devices = dict(devices)
        self.hint: Callable[[str], None] = lambda device: None
        self.levels: dict[str, bool] = {}
        self.stuck: set[str] = set()
        self.writes: list[tuple[str, bool]] = []
        self.port_behaviour = Behaviour.SOUND
        self.closed = False
        self.busy = 0
        self.most_busy = 0

    @property
    def name(self) -> str:
        """The endpoint's name."""
        return self._name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """What can be read."""
        return self._groups

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs behind it."""
        return self._outputs

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Answer as the group's device behaves."""
        self._script(group.id)
        device = self.devices[group.device]
        device.asked += 1
        behaviour = device.behaviour
        await self._behave(behaviour, device.answer_ms, group.deadline_ms)
        if behaviour is Behaviour.GARBAGE:
            return {point: Sample(value="\ufffd\x00 rubbish") for point in group.points}
        if behaviour is Behaviour.FOREIGN:
            return {f"{group.id}.foreign": Sample(value=1)}
        values = device.frozen if behaviour is Behaviour.FROZEN else device.values
        return {point: self._sample(values, point) for point in group.points}

    async def write(self, output: str, on: bool) -> None:
        """Take a level, unless it is stuck."""
        self._script(output)
        self.writes.append((output, on))
        await self._behave(self.port_behaviour, 1, 1_000)
        if output not in self.stuck:
            self.levels[output] = on

    async def read_back(self, output: str) -> bool | None:
        """The level that it really has."""
        await self._behave(self.port_behaviour, 1, 1_000)
        return self.levels.get(output)

    async def close(self) -> None:
        """Nothing to give back."""
        self.closed = True

    def listen(self, hint: Callable[[str], None]) -> None:
        """Keep the function, for the script to call."""
        self.hint = hint

    @staticmethod
    def _sample(values: Mapping[str, Value], point: str) -> Sample:
        return Sample(value=values[point]) if point in values else bad(Reason.NOT_SUPPORTED)

    async def _behave(self, behaviour: Behaviour, answer_ms: int, deadline_ms: int) -> None:
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            await self._wait(behaviour, answer_ms, deadline_ms)
        finally:
            self.busy -= 1
        if behaviour is Behaviour.RAISING:
            raise ZeroDivisionError("a bug in the driver")
        if behaviour is Behaviour.SILENT:
            raise DeviceError(f"no answer within {deadline_ms} ms")
        if behaviour is Behaviour.REFUSING:
            raise DeviceError("connection refused")
        if behaviour is Behaviour.UNPROVEN:
            raise DeviceError("not proven", because=Reason.BAD_REPLY, unproven=True)
        if behaviour is Behaviour.BUS_LOST:
            raise DeviceError("the line is gone", unit_only=False)

    async def _wait(self, behaviour: Behaviour, answer_ms: int, deadline_ms: int) -> None:
        if behaviour is Behaviour.SILENT:
            await asyncio.sleep(deadline_ms / 1000)
        elif behaviour is Behaviour.DEAF:
            await asyncio.get_running_loop().create_future()
        elif behaviour is Behaviour.HANGING:
            await _sleep_whatever_happens()
        elif behaviour not in (Behaviour.REFUSING, Behaviour.BUS_LOST, Behaviour.RAISING):
            await asyncio.sleep(answer_ms / 1000)


async def _sleep_whatever_happens() -> None:
    loop = asyncio.get_running_loop()
    end_s = loop.time() + 3_600
    while loop.time() < end_s:
        try:
            await asyncio.sleep(end_s - loop.time())
        except asyncio.CancelledError:
            continue


class SimulatedPort:
    """A LocalPort that remembers. `broken` outputs raise DeviceError."""

    def __init__(self, outputs: frozenset[str], name: str = "simulated") -> None:
        self._name, self._outputs = name, outputs
        self.levels: dict[str, bool] = {}
        self.writes: list[tuple[str, bool]] = []
        self.broken: set[str] = set()
        self.closed = False

    @property
    def name(self) -> str:
        """The port's name."""
        return self._name

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs."""
        return self._outputs

    def set_level(self, output: str, on: bool) -> None:
        """Remember the level."""
        if output in self.broken:
            raise DeviceError(f"{output}: the pin is gone")
        self.writes.append((output, on))
        self.levels[output] = on

    def close(self) -> None:
        """Levels stay."""
        self.closed = True
