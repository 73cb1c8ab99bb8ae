"""Modbus: one endpoint (TCP, RTU over TCP, serial line) with its units. The only file that knows pymodbus.

The library connects, frames and sends; what it may send and what of the reply it may see is decided here, by
`modbus_guard`. Its retries, reconnects and log are off. It must not know what a value means.
"""

import asyncio
import logging
import termios
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from pymodbus import FramerType, ModbusException
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.pdu import ModbusPDU

from drivers.modbus_alive import keep_alive
from drivers.modbus_guard import READS_OF_BITS, Framing, Question, Verdict, check_values, judge, may_leave
from drivers.modbus_profile import CoilOutput, Endpoint, ModbusUnit, check_coil, late_point
from drivers.modbus_rate import ChangeRate
from drivers.modbus_schema import Pace
from drivers.modbus_silence import LineSilence
from drivers.modbus_unit import Reply, UnitReader
from firmware_py.core.reading import Reason, Sample
from firmware_py.ports import DeviceError, PollGroup

# 20 failing reads make 54 lines of warnings in the library; the poller says once when a device goes.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_NEVER = 10**9  # silent requests after which the library would hang up: ours to decide
_MOST_UNREAD = 4_096
_CLOSED_EARLY = "the connection was lost while an answer was awaited"


@dataclass(slots=True, kw_only=True)
class _Exchange:
    """One question on its way. `fate` is set by what is heard: None for sound, else what is wrong and whose fault."""

    question: Question
    asked_at: float
    fate: "asyncio.Future[DeviceError]"
    transaction: int = 0
    late: int = 0
    sent: bool = False
    answered: bool = False


class ModbusLink:
    """The connection of one endpoint. One question at a time."""

    def __init__(self, endpoint: Endpoint, units: Sequence[ModbusUnit]) -> None:
        self.framing = endpoint.framing
        self.epoch = 0
        self.opened_at = 0.0
        self.silence = LineSilence(blind=endpoint.framing.blind)
        self._endpoint = endpoint
        self._patience_s = max([endpoint.connect_ms, *(unit.timeout_ms for unit in units)]) / 1000 + 1.0
        self._watched = frozenset(unit.unit for unit in units if unit.watched_only)
        self._zero_allowed = frozenset(unit.unit for unit in units if unit.profile.file.quirks.transaction_zero)
        self._client: AsyncModbusTcpClient | AsyncModbusSerialClient | None = None
        self._exchange: _Exchange | None = None
        self._last_end = 0.0
        self._mute_since: float | None = None
        self._mute_reads = 0

    @property
    def is_open(self) -> bool:
        """True while there is a connection."""
        return self._client is not None and self._client.connected

    async def open(self) -> None:
        """Connect unless connected; one attempt, the old connection closed first. Raises DeviceError."""
        if self.is_open:
            return
        self.close()
        self._client = client = self._make_client()
        client.set_max_no_responses(_NEVER)  # only counts when set before connecting
        client.ctx.max_buffer_size = _MOST_UNREAD  # 264 would drop a good reply that shares its segment with a late one
        try:
            async with asyncio.timeout(self._endpoint.connect_ms / 1000):
                connected = await client.connect()
        except (TimeoutError, OSError, ValueError, termios.error) as error:  # termios.error is no OSError
            self.close()
            raise DeviceError(f"{self._endpoint.name} cannot be opened: {error}", unit_only=False) from error
        except BaseException:
            self.close()
            raise
        if not connected:
            self.close()
            raise DeviceError(f"{self._endpoint.name} does not accept a connection", unit_only=False)
        self.epoch += 1
        self.opened_at = asyncio.get_running_loop().time()
        self._mute_since, self._mute_reads = None, 0
        keep_alive(client.ctx.transport.get_extra_info("socket"))

    def close(self) -> None:
        """Give the connection back."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    async def hush(self, quiet_at: float, until: float) -> None:
        """Keep silent until `quiet_at` and until late answers have passed. DeviceError when that is after `until`."""
        loop = asyncio.get_running_loop()
        while (ready := max(quiet_at, self.silence.quiet_at)) > loop.time():
            if ready > until:
                raise DeviceError("the line is kept silent until late answers have passed", because=Reason.DOUBTFUL)
            await asyncio.sleep(ready - loop.time())

    async def ask(self, question: Question, timeout_s: float, spacing_s: float) -> Reply:
        """One request and its guarded reply. Raises DeviceError that says whose fault it is."""
        loop = asyncio.get_running_loop()
        client = self._client
        if client is None or not client.connected:
            self.close()
            raise DeviceError("the connection is lost", unit_only=False)
        await asyncio.sleep(max(0.0, self._last_end + spacing_s - loop.time()))
        exchange = _Exchange(question=question, asked_at=loop.time(), fate=loop.create_future())
        self._exchange = exchange
        call = asyncio.ensure_future(_request(client, question))
        call.add_done_callback(_look_away)
        try:
            either: set[asyncio.Future[Any]] = {call, exchange.fate}  # Any: one brings a reply, the other an error
            await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._exchange = None
            self._last_end = loop.time()
            if not call.done():
                self.silence.note_owed(question.unit, exchange.asked_at, self._last_end, timeout_s)
            call.cancel()
        return self._conclude(exchange, call, timeout_s)

    def _conclude(self, exchange: _Exchange, call: "asyncio.Future[ModbusPDU]", timeout_s: float) -> Reply:
        self.silence.late_replies += exchange.late
        if exchange.fate.done():
            fault = exchange.fate.result()
            if not self.framing.blind or not fault.unit_only:
                self.close()  # a stream that lied once cannot be read on; behind RTU framing silence mends it
            raise fault
        error = call.exception() if call.done() else None
        if error is not None and not isinstance(error, ModbusException):
            raise error  # ours
        if error is not None or not call.done():
            raise self._unanswered(timeout_s)
        pdu = call.result()
        self.silence.note_answer(exchange.question.unit, self._last_end - exchange.asked_at)
        self._mute_since, self._mute_reads = None, 0
        if pdu.isError():
            return Reply(exception=int(getattr(pdu, "exception_code", 0)))
        cells = pdu.bits if exchange.question.function in READS_OF_BITS else pdu.registers
        fault_text = check_values(exchange.question, pdu.function_code, len(cells))
        if fault_text:
            self.close()
            raise DeviceError(fault_text, because=Reason.BAD_REPLY)
        return Reply(cells=tuple(int(cell) for cell in cells[: exchange.question.count]))

    def _unanswered(self, timeout_s: float) -> DeviceError:
        now = asyncio.get_running_loop().time()
        if self._client is None or not self._client.connected:
            self.close()
            return DeviceError(_CLOSED_EARLY, unit_only=False)
        self._mute_since = now - timeout_s if self._mute_since is None else self._mute_since
        self._mute_reads += 1
        if self._mute_reads >= self._endpoint.mute_reads and now - self._mute_since >= self._endpoint.mute_ms / 1000:
            self.close()
            return DeviceError(f"the link is open but mute for {now - self._mute_since:.1f} s", unit_only=False)
        return DeviceError(f"no answer within {timeout_s * 1000:.0f} ms")

    def _watch(self, sending: bool, data: bytes) -> bytes:
        """The library's hook on every packet: `data` is all that was heard since the last request."""
        if sending:
            return self._let_out(data)
        exchange = self._exchange
        if exchange is None or exchange.answered or not exchange.sent:
            self.silence.note_strange(data, asyncio.get_running_loop().time())
            return b""
        judgement = judge(
            self.framing,
            exchange.question,
            data,
            exchange.transaction,
            zero_allowed=exchange.question.unit in self._zero_allowed,
        )
        exchange.late = max(exchange.late, judgement.late)
        match judgement.verdict:
            case Verdict.INCOMPLETE:
                return b""
            case Verdict.SOUND:
                exchange.answered = True
                return data[judgement.start : judgement.end]
            case Verdict.MISFIT:
                exchange.answered = True
                self.silence.note_misfit(exchange.question.unit, asyncio.get_running_loop().time())
                exchange.fate.set_result(DeviceError(judgement.why, because=Reason.BAD_REPLY))
                return b""
            case never:
                assert_never(never)

    def _let_out(self, packet: bytes) -> bytes:
        exchange = self._exchange
        assert exchange is not None, "nothing is ever sent but by ask()"
        if self.framing is Framing.TCP:
            exchange.transaction = int.from_bytes(packet[0:2], "big")
        unit, function = packet[6:8] if self.framing is Framing.TCP else packet[0:2]
        # The last of the locks on a fire panel: whatever went wrong above, no writing function reaches the wire.
        assert may_leave(function, watched_only=unit in self._watched), f"function {function} to unit {unit}"
        exchange.sent = True
        return packet

    def _note_connection(self, up: bool) -> None:
        exchange = self._exchange
        if not up and exchange is not None and not exchange.answered:
            exchange.answered = True
            exchange.fate.set_result(DeviceError(_CLOSED_EARLY, unit_only=False))

    def _make_client(self) -> AsyncModbusTcpClient | AsyncModbusSerialClient:
        end = self._endpoint
        if end.framing is Framing.RTU:
            return AsyncModbusSerialClient(
                end.serial, framer=FramerType.RTU, baudrate=end.baud, parity=end.parity, stopbits=end.stop_bits,
                name=end.name, reconnect_delay=0, timeout=self._patience_s, retries=0,
                trace_packet=self._watch, trace_connect=self._note_connection,
            )  # fmt: skip
        framer = FramerType.SOCKET if end.framing is Framing.TCP else FramerType.RTU
        return AsyncModbusTcpClient(
            end.host, port=end.port, framer=framer, name=end.name, reconnect_delay=0, timeout=self._patience_s,
            retries=0, trace_packet=self._watch, trace_connect=self._note_connection,
        )  # fmt: skip


class ModbusBus:
    """One endpoint with its units: a Bus, and a RemotePort for the coils that the site names as outputs.

    Raises ValueError when units or outputs cannot work; an output on a unit of class fire never can.
    """

    def __init__(
        self, endpoint: Endpoint, units: Sequence[ModbusUnit], outputs: Mapping[str, CoilOutput] | None = None
    ) -> None:
        if len({unit.unit for unit in units}) != len(units) or len({unit.device for unit in units}) != len(units):
            raise ValueError(f"{endpoint.name}: two units share a name or a unit number")
        self._endpoint = endpoint
        self._link = ModbusLink(endpoint, units)
        slowest_ms = max((unit.timeout_ms for unit in units), default=0)
        self._readers = {
            unit.device: UnitReader(unit, self._link, endpoint.connect_ms, slowest_ms, alone=len(units) == 1)
            for unit in units
        }
        self._coils: dict[str, tuple[UnitReader, int, bool]] = {}
        for output, coil in (outputs or {}).items():
            if coil.device not in self._readers:
                raise ValueError(f"{output}: {endpoint.name} has no unit {coil.device}")
            reader = self._readers[coil.device]
            self._coils[output] = reader, check_coil(reader.unit, coil.coil), coil.active_low
        self._rate = ChangeRate()
        self._groups = tuple(group for reader in self._readers.values() for group in reader.groups())
        if endpoint.count_every_ms:
            self._groups += (_line_group(endpoint),)
        self._paces = {f"{device}.{pace}": pace for device in self._readers for pace in Pace}

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
        return frozenset(self._coils)

    @property
    def late_replies(self) -> int:
        """Answers that came after their question was given up: many of them mean that a timeout is too short."""
        return self._link.silence.late_replies

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Read one group, connecting first where needed. Raises DeviceError."""
        if group.id == f"{self.name}.line":
            return {late_point(self.name).id: Sample(value=self.late_replies)}
        until = self._until(group.deadline_ms)
        await self._link.open()
        return await self._readers[group.device].read(self._paces[group.id], until)

    async def write(self, output: str, on: bool) -> None:
        """Write a coil and verify it by reading it back. Raises DeviceError."""
        reader, coil, active_low = self._coils[output]
        until = self._until(self._patience_ms(reader))
        await self._link.open()
        now = asyncio.get_running_loop().time()
        if not self._rate.allows(output, on, now):
            raise DeviceError(f"{output} changes too often to be written", because=Reason.DOUBTFUL)
        self._rate.note(output, on, now)
        await reader.write_coil(coil, on is not active_low, until)

    async def read_back(self, output: str) -> bool | None:
        """Whether the output is on, by the coil as the unit has it. Raises DeviceError."""
        reader, coil, active_low = self._coils[output]
        until = self._until(self._patience_ms(reader))
        await self._link.open()
        return await reader.read_coil(coil, until) is not active_low

    async def close(self) -> None:
        """Close the connection."""
        self._link.close()

    def listen(self, hint: Callable[[str], None]) -> None:
        """Modbus units never speak unasked: there is nothing to hint at."""

    def _until(self, within_ms: int) -> float:
        return asyncio.get_running_loop().time() + within_ms / 1000

    def _patience_ms(self, reader: UnitReader) -> int:
        return max(group.deadline_ms for group in reader.groups()) + reader.unit.timeout_ms


async def _request(client: AsyncModbusTcpClient | AsyncModbusSerialClient, question: Question) -> ModbusPDU:
    address, count, unit = question.address, question.count, question.unit
    match question.function:
        case 1:
            return await client.read_coils(address, count=count, device_id=unit)
        case 2:
            return await client.read_discrete_inputs(address, count=count, device_id=unit)
        case 3:
            return await client.read_holding_registers(address, count=count, device_id=unit)
        case 4:
            return await client.read_input_registers(address, count=count, device_id=unit)
        case _:
            return await client.write_coil(address, question.value, device_id=unit)


def _line_group(endpoint: Endpoint) -> PollGroup:
    point, every_ms = late_point(endpoint.name), endpoint.count_every_ms
    return PollGroup(
        id=f"{endpoint.name}.line", device=endpoint.name, points=(point.id,), period_ms=every_ms, deadline_ms=1_000,
        local=True,
    )  # fmt: skip


def _look_away(call: "asyncio.Future[ModbusPDU]") -> None:
    """Fetch the error of a call that may have been given up, so that asyncio does not report it as forgotten."""
    if not call.cancelled():
        call.exception()
