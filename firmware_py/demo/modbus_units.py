"""The simulated floor's Modbus units on one loopback port: air conditioning, fire panel, relay board.

Speaks Modbus/TCP as the maps of config/profiles/{hvac_generic,fire_generic,relay_board_8}.toml say. Values come from
callables, coil writes go to a callback; what they mean is the floor's business. Units can fall silent or talk garbage.
"""

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from config.valued import dataclass

IDENTITY = (0x4647, 0x0001)  # "FG", revision 1: what the canary of the generic profiles reads
_ILLEGAL_FUNCTION, _ILLEGAL_ADDRESS, _ILLEGAL_VALUE, _NO_TARGET = 1, 2, 3, 11
_MOST_BITS, _MOST_REGISTERS, _MOST_CLIENTS = 2000, 125, 8
_ZONE_BITS = {
    "fire": 15, "prealarm": 14, "fault": 13, "supervisory": 12, "disabled": 7, "test": 6, "walk_test": 4,
}  # fmt: skip
_PANEL_BITS = {"fault": 0, "silenced": 1, "disabled": 2, "on_battery": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedUnit:
    """Cells by wire address, each asked when it is read. `write_coil`: None when nothing can be written."""

    coils: Mapping[int, Callable[[], bool]] = field(default_factory=dict)
    discrete: Mapping[int, Callable[[], bool]] = field(default_factory=dict)
    inputs: Mapping[int, Callable[[], int]] = field(default_factory=dict)
    holding: Mapping[int, Callable[[], int]] = field(default_factory=dict)
    write_coil: Callable[[int, bool], None] | None = None


def make_hvac(
    *,
    running: Callable[[], bool],
    fault: Callable[[], bool],
    ordered_off: Callable[[], bool],
    temp_c: Callable[[], float],
    setpoint_c: Callable[[], float],
    humidity_pct: Callable[[], float],
    ups_mode: Callable[[], bool],
    set_ups_mode: Callable[[bool], None],
) -> SimulatedUnit:
    """An air-conditioning unit with the map of hvac_generic."""
    return SimulatedUnit(
        discrete={0: running, 1: fault, 2: ordered_off, 3: lambda: False},
        coils={0: ups_mode},
        inputs={0: lambda: _tenths(temp_c()), 1: lambda: _tenths(setpoint_c()), 2: lambda: _tenths(humidity_pct())},
        holding=_identity(0),
        write_coil=lambda _, on: set_ups_mode(on),
    )


def make_fire_panel(
    *, zones: Sequence[Callable[[], Collection[str]]], panel: Callable[[], Collection[str]]
) -> SimulatedUnit:
    """A fire panel with the map of fire_generic; states by their names there (`fire`, `walk_test`, `silenced`)."""
    words = {100 + index: _word(states, _ZONE_BITS) for index, states in enumerate(zones)}
    return SimulatedUnit(holding={0: _word(panel, _PANEL_BITS), **words, **_identity(10)})


def make_relay_board(*, relays: Sequence[Callable[[], bool]], set_relay: Callable[[int, bool], None]) -> SimulatedUnit:
    """A relay board with the map of relay_board_8; `set_relay` gets the coil's address, from 0."""
    return SimulatedUnit(coils=dict(enumerate(relays)), write_coil=set_relay)


class ModbusUnits:
    """The server. `silent_units` do not answer, `garbage` makes every answer nonsense; both may change at any time."""

    def __init__(self, units: Mapping[int, SimulatedUnit], *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.silent_units: set[int] = set()
        self.garbage = False
        self.port = port
        self._host = host
        self._units = units
        self._chance = random.Random(7)
        self._server: asyncio.Server | None = None
        self._clients: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    async def start(self) -> None:
        """Listen; `port` is then the real one."""
        self._server = await asyncio.start_server(self._serve, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hang up on everybody and stop listening; may be started again."""
        if self._server is not None:
            self._server.close()
            self._server = None
        tasks = [task for task in self._clients.values() if task is not None]
        for writer in self._clients:
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= _MOST_CLIENTS:
            writer.close()
            return
        self._clients[writer] = asyncio.current_task()
        try:
            while True:
                header = await reader.readexactly(7)
                length = int.from_bytes(header[4:6], "big")
                if header[2:4] != b"\0\0" or not 2 <= length <= 254:
                    return
                pdu = await reader.readexactly(length - 1)
                if header[6] not in self.silent_units:
                    writer.write(self._frame(header, pdu))
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            return  # the client is gone
        finally:
            del self._clients[writer]
            writer.close()

    def _frame(self, header: bytes, pdu: bytes) -> bytes:
        if self.garbage:
            return self._chance.randbytes(self._chance.randint(1, 40))
        answer = self._answer(header[6], pdu)
        return header[:4] + (len(answer) + 1).to_bytes(2, "big") + header[6:7] + answer

    def _answer(self, number: int, pdu: bytes) -> bytes:
        unit, function = self._units.get(number), pdu[0]
        if unit is None:
            return bytes((function | 0x80, _NO_TARGET))
        if function not in (1, 2, 3, 4, 5):
            return bytes((function | 0x80, _ILLEGAL_FUNCTION))
        if len(pdu) != 5:
            return bytes((function | 0x80, _ILLEGAL_VALUE))
        address, count = int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        match function:
            case 1:
                return _read_bits(function, unit.coils, address, count)
            case 2:
                return _read_bits(function, unit.discrete, address, count)
            case 3:
                return _read_registers(function, unit.holding, address, count)
            case 4:
                return _read_registers(function, unit.inputs, address, count)
            case _:
                return _write(unit, pdu, address, count)


def _read_bits(function: int, cells: Mapping[int, Callable[[], bool]], address: int, count: int) -> bytes:
    if not 1 <= count <= _MOST_BITS:
        return bytes((function | 0x80, _ILLEGAL_VALUE))
    if any(each not in cells for each in range(address, address + count)):
        return bytes((function | 0x80, _ILLEGAL_ADDRESS))
    packed = bytearray((count + 7) // 8)
    for index in range(count):
        packed[index // 8] |= bool(cells[address + index]()) << index % 8
    return bytes((function, len(packed))) + packed


def _read_registers(function: int, cells: Mapping[int, Callable[[], int]], address: int, count: int) -> bytes:
    if not 1 <= count <= _MOST_REGISTERS:
        return bytes((function | 0x80, _ILLEGAL_VALUE))
    if any(each not in cells for each in range(address, address + count)):
        return bytes((function | 0x80, _ILLEGAL_ADDRESS))
    values = b"".join((cells[address + index]() & 0xFFFF).to_bytes(2, "big") for index in range(count))
    return bytes((function, len(values))) + values


def _write(unit: SimulatedUnit, pdu: bytes, address: int, value: int) -> bytes:
    if unit.write_coil is None:
        return bytes((pdu[0] | 0x80, _ILLEGAL_FUNCTION))
    if address not in unit.coils:
        return bytes((pdu[0] | 0x80, _ILLEGAL_ADDRESS))
    if value not in (0x0000, 0xFF00):
        return bytes((pdu[0] | 0x80, _ILLEGAL_VALUE))
    unit.write_coil(address, value == 0xFF00)
    return pdu


def _word(states: Callable[[], Collection[str]], bits: Mapping[str, int]) -> Callable[[], int]:
    return lambda: sum(1 << bits[state] for state in set(states()))


def _identity(address: int) -> Mapping[int, Callable[[], int]]:
    return {address: lambda: IDENTITY[0], address + 1: lambda: IDENTITY[1]}


def _tenths(value: float) -> int:
    return round(value * 10) & 0xFFFF
