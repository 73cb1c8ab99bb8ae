"""What an output behind a Modbus line is: a coil, or a set point of two values; each is read back after it is set.

Set points are written only where they differ, and given back only where they still hold what we wrote: what somebody
set at the unit meanwhile stays then. It must not know who wants an output, nor frames.
"""

import asyncio
from typing import Protocol

from config.valued import dataclass
from drivers.modbus_decode import decode
from drivers.modbus_plan import Span, Table
from drivers.modbus_rate import MOST_CHANGES, MOST_SETTINGS, SETTINGS_WITHIN_S, WITHIN_S, WriteRate
from drivers.modbus_unit import UnitReader
from drivers.modbus_write import SafetyTimer, Setpoint
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import DeviceError


class Target(Protocol):
    """One output of one unit. Times are seconds of the event loop."""

    reader: UnitReader

    async def bring(self, on: bool, until: float) -> None:
        """Make it so and see that it is so. Raises DeviceError."""

    async def look(self, until: float) -> bool:
        """Whether it is on, as the unit has it. Raises DeviceError."""


@dataclass(slots=True, kw_only=True)
class CoilTarget:
    """A coil; written at each lease, for a board may have forgotten it and be asked nothing else."""

    name: str
    reader: UnitReader
    coil: int
    active_low: bool
    rate: WriteRate
    told: bool | None = None

    async def bring(self, on: bool, until: float) -> None:
        """Write and read back; the same level again is no change that counts against the rate."""
        now = asyncio.get_running_loop().time()
        if self.told is not on:
            _allow(self.rate, self.name, now)
        self.told = on
        await self.reader.write_coil(self.coil, on is not self.active_low, until)

    async def look(self, until: float) -> bool:
        """The coil as it is."""
        return await self.reader.read_coil(self.coil, until) is not self.active_low


@dataclass(slots=True, kw_only=True)
class SetpointTarget:
    """On: the raised value; off: anything else. Off writes the usual value only over our own raised one."""

    name: str
    reader: UnitReader
    setpoint: Setpoint
    rate: WriteRate

    async def bring(self, on: bool, until: float) -> None:
        """Read; write what differs; read back. Nothing is written over a value that cannot be a set point."""
        found = await self._read(until)
        if on is (found == self.setpoint.raised):
            return
        sample = decode(self.setpoint.encoding, found)
        if sample.quality is not Quality.GOOD:
            raise DeviceError(f"{self.name} holds {found}, which is no set point", because=Reason.DOUBTFUL)
        _allow(self.rate, self.name, asyncio.get_running_loop().time())
        wanted = self.setpoint.raised if on else self.setpoint.usual
        await self.reader.write_words(self.setpoint.span, wanted, self.setpoint.function, until)

    async def look(self, until: float) -> bool:
        """Whether the raised value stands."""
        return await self._read(until) == self.setpoint.raised

    async def _read(self, until: float) -> tuple[int, ...]:
        return await self.reader.read_words(self.setpoint.span, until)


@dataclass(slots=True, kw_only=True)
class TimerKeeper:
    """Sees that a board's own safety timer is set before any of its relays is told, after each new connection anew."""

    reader: UnitReader
    timer: SafetyTimer
    epoch: int = -1

    async def keep(self, epoch: int, until: float) -> None:
        """Set it unless it is known to be set on this connection. Raises DeviceError."""
        if epoch == self.epoch:
            return
        span = Span(Table.HOLDING, self.timer.address, 1)
        if await self.reader.read_words(span, until) != (self.timer.count,):
            await self.reader.write_words(span, (self.timer.count,), self.timer.function, until)
        self.epoch = epoch


def coil_target(name: str, reader: UnitReader, coil: int, *, active_low: bool) -> CoilTarget:
    """A coil as an output."""
    rate = WriteRate(MOST_CHANGES, WITHIN_S)
    return CoilTarget(name=name, reader=reader, coil=coil, active_low=active_low, rate=rate)


def setpoint_target(name: str, reader: UnitReader, setpoint: Setpoint) -> SetpointTarget:
    """A set point as an output."""
    rate = WriteRate(MOST_SETTINGS, SETTINGS_WITHIN_S)
    return SetpointTarget(name=name, reader=reader, setpoint=setpoint, rate=rate)


def _allow(rate: WriteRate, name: str, now: float) -> None:
    if not rate.allows(now):
        raise DeviceError(f"{name} changes too often to be written", because=Reason.DOUBTFUL)
    rate.note(now)
