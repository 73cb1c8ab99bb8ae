"""The connection of one Modbus endpoint (TCP, RTU over TCP, serial line).

The library connects, frames and sends, except over TCP to units that are only read, which `modbus_tcp` does (then it is
not even loaded); what may be sent and what of the reply may be seen is decided here, by `modbus_guard`. Its retries,
reconnects and log are off. It must not know what a value means.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, assert_never

from drivers.modbus_connect import Client, connect
from drivers.modbus_exchange import Exchange
from drivers.modbus_guard import (
    READS,
    READS_OF_BITS,
    Framing,
    Question,
    Verdict,
    check_values,
    judge,
    may_leave,
    read_cells,
    read_frame,
)  # fmt: skip
from drivers.modbus_profile import Endpoint, ModbusUnit
from drivers.modbus_prompt import PromptRead
from drivers.modbus_request import request
from drivers.modbus_silence import LineSilence
from drivers.modbus_tcp import PlainTcp
from drivers.modbus_unit import Reply
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

if TYPE_CHECKING:
    from drivers.modbus_library import Library as _Library
    from drivers.modbus_library import ModbusPDU

# 20 failing reads make 54 lines of warnings in the library; the poller says once when a device goes.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL + 1)

_TCP_HEAD = 7  # bytes before the function code
_FUNCTION = _TCP_HEAD - 2  # where it stands in a request behind its number
_CLOSED_EARLY = "the connection was lost while an answer was awaited"


class ModbusLink:
    """The connection of one endpoint. One question at a time. `hear` gets each question with its sound reply."""

    def __init__(
        self,
        endpoint: Endpoint,
        units: Sequence[ModbusUnit],
        hear: Callable[[Question, Reply], None] | None = None,
        *,
        writes: bool = True,
    ) -> None:
        """`writes`: whether any unit may ever be written to."""
        self._hear, self._writes = hear, writes
        self.framing = endpoint.framing
        self.epoch = 0
        self.opened_at = 0.0
        self.silence = LineSilence(blind=endpoint.framing.blind)
        self._endpoint = endpoint
        self._patience_s = max([endpoint.connect_ms, *(unit.timeout_ms for unit in units)]) / 1000 + 1.0
        self._watched = frozenset(unit.unit for unit in units if unit.watched_only)
        self._zero_allowed = frozenset(unit.unit for unit in units if unit.profile.file.quirks.transaction_zero)
        self._client: Client | None = None
        self._exchange: Exchange | None = None
        self._begun_at: float | None = None
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
        try:
            await connect(client, self._endpoint)
        except BaseException:
            self.close()
            raise
        self.epoch += 1
        self.opened_at = asyncio.get_running_loop().time()
        self._mute_since, self._mute_reads = None, 0

    def close(self) -> None:
        """Give the connection back."""
        self.give_up()
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
        """One request and its guarded reply; of what `begin` has put, the reply. Raises DeviceError that says whose
        fault it is."""
        loop = asyncio.get_running_loop()
        client, exchange = self._client, self._exchange
        if exchange is None or exchange.question != question:
            self.give_up()
            if client is None or not client.connected:
                self.close()
                raise DeviceError("the connection is lost", unit_only=False)
            if (pause_s := self._last_end + spacing_s - loop.time()) > 0:
                await asyncio.sleep(pause_s)
            exchange = Exchange(question=question, asked_at=loop.time())
            exchange.plain = self.framing is Framing.TCP and question.function in READS
            self._exchange = exchange
        self._begun_at = None
        if exchange.plain:
            reply = await self._ask_plainly(client, exchange, timeout_s)
        else:
            assert client is not None, "it is connected"
            assert not isinstance(client, PlainTcp), "nothing is written to units that are only read"
            reply = await self._ask_library(client, exchange, timeout_s)
        if self._hear is not None:
            self._hear(question, reply)
        return reply

    def begin(self, read: PromptRead, spacing_s: float) -> bool:
        """Put a read over TCP without waiting. Until it has heard a reply, `ask` for the same question goes on with it.
        False where nothing was put, since it has to wait for something."""
        client = self._client
        if self._exchange is not None or client is None or not client.connected:
            return False
        now = asyncio.get_running_loop().time()
        if self._last_end + spacing_s > now:
            return False
        exchange = read.exchange
        if exchange.heard is None or exchange.fate is not None or exchange.late:
            exchange = read.renew()  # it has ended otherwise: it may still be somebody's
        self._exchange = exchange
        self._begun_at = exchange.asked_at = now
        exchange.answered = False
        # The last of the locks on a fire panel, as in `_let_out`.
        assert exchange.frame[_FUNCTION] in READS, "nothing else needs no answer"
        if isinstance(client, PlainTcp):
            client.begin(exchange)
        else:
            client.ctx.send(self._let_out(read_frame(exchange.question, client.ctx.getNextTID())))
        return True

    @property
    def begun_at(self) -> float | None:
        """When what is on its way without anybody awaiting it was put; None where nothing is."""
        return self._begun_at

    def give_up(self) -> None:
        """Nobody wants to know any more what `begin` has put."""
        exchange = self._exchange
        if self._begun_at is None or exchange is None:
            return
        self._exchange = self._begun_at = exchange.heard = None
        self._last_end = self._now()
        if not exchange.answered:
            self.silence.note_owed(exchange.question.unit, exchange.asked_at)

    def _end_promptly(self, exchange: Exchange, reply: bytes | bytearray) -> bool:
        """What is simply sound has come; False where somebody awaits it, or nobody does any more."""
        heard = exchange.heard
        if heard is None or exchange is not self._exchange or exchange.answered:
            return False
        if exchange.fate is not None or exchange.late:
            return False
        exchange.answered = True
        self._exchange = self._begun_at = self._mute_since = None
        self._mute_reads = 0
        self._last_end = now = asyncio.get_running_loop().time()
        self.silence.note_answer(exchange.question.unit, now - exchange.asked_at)
        heard(reply)
        return True

    async def _ask_plainly(self, client: "Client | None", exchange: Exchange, timeout_s: float) -> Reply:
        """A read over TCP: the library's own way costs three times as much, and the guard has seen the whole reply."""
        loop, fate, exchange.heard = asyncio.get_running_loop(), exchange.awaited(), None
        patience = loop.call_at(exchange.asked_at + timeout_s, exchange.end_unheard)
        try:
            if not exchange.sent:
                assert client is not None, "it is connected"
                client.ctx.send(self._let_out(read_frame(exchange.question, client.ctx.getNextTID())))
            heard = await fate
        finally:
            patience.cancel()
            self._exchange = None
            self._last_end = loop.time()
            if not exchange.answered:
                self.silence.note_owed(exchange.question.unit, exchange.asked_at)
        self.silence.late_replies += exchange.late
        if isinstance(heard, DeviceError):
            self.close()  # a stream that lied once cannot be read on
            raise heard
        if heard is None:
            raise self._unanswered(timeout_s)
        self._note_answer(exchange)
        cells = read_cells(exchange.question, heard)
        return Reply(exception=cells) if isinstance(cells, int) else Reply(cells=cells)

    async def _ask_library(self, client: "_Library", exchange: Exchange, timeout_s: float) -> Reply:
        loop, question = asyncio.get_running_loop(), exchange.question
        call = asyncio.ensure_future(request(client, question))
        call.add_done_callback(_look_away)
        try:
            either: set[asyncio.Future[Any]] = {call, exchange.awaited()}  # Any: one brings a reply, the other an error
            await asyncio.wait(either, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._exchange = None
            self._last_end = loop.time()
            if not call.done():
                self.silence.note_owed(question.unit, exchange.asked_at)
            call.cancel()
        return self._conclude(exchange, call, timeout_s)

    def _note_answer(self, exchange: Exchange) -> None:
        self.silence.note_answer(exchange.question.unit, self._last_end - exchange.asked_at)
        self._mute_since, self._mute_reads = None, 0

    def _conclude(self, exchange: Exchange, call: "asyncio.Future[ModbusPDU]", timeout_s: float) -> Reply:
        self.silence.late_replies += exchange.late
        if exchange.is_settled:
            fault = exchange.awaited().result()
            assert isinstance(fault, DeviceError), "only a read over TCP ends otherwise"
            if not self.framing.blind or not fault.unit_only:
                self.close()  # a stream that lied once cannot be read on; behind RTU framing silence mends it
            raise fault
        error = call.exception() if call.done() else None
        if error is not None:
            from drivers.modbus_library import is_fault

            if not is_fault(error):
                raise error  # ours
        if error is not None or not call.done():
            raise self._unanswered(timeout_s)
        pdu = call.result()
        self._note_answer(exchange)
        if pdu.isError():
            return Reply(exception=int(getattr(pdu, "exception_code", 0)))
        cells = pdu.bits if exchange.question.function in READS_OF_BITS else pdu.registers
        fault_text = check_values(exchange.question, pdu.function_code, len(cells))
        if fault_text:
            self.close()
            raise DeviceError(fault_text, because=Reason.BAD_REPLY)
        return Reply(cells=tuple(int(cell) for cell in cells[: exchange.question.count]))

    def _unanswered(self, timeout_s: float) -> DeviceError:
        now = self._now()
        if self._client is None or not self._client.connected:
            self.close()
            return DeviceError(_CLOSED_EARLY, unit_only=False)
        self._mute_since = now - timeout_s if self._mute_since is None else self._mute_since
        self._mute_reads += 1
        if self._mute_reads >= self._endpoint.mute_reads and now - self._mute_since >= self._endpoint.mute_ms / 1000:
            self.close()
            return DeviceError(f"the link is open but mute for {now - self._mute_since:.1f} s", unit_only=False)
        return DeviceError(f"no answer within {timeout_s * 1000:.0f} ms")

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _watch(self, sending: bool, data: bytes) -> bytes:
        """The library's hook on every packet: `data` is all that was heard since the last request."""
        if sending:
            return self._let_out(data)
        exchange = self._exchange
        if exchange is None or exchange.answered or not exchange.sent or exchange.is_settled:
            self.silence.note_strange(data, self._now())
            return b""
        if exchange.is_simply_sound(data):
            if not self._end_promptly(exchange, data):
                exchange.answered = True
                exchange.settle(data[_TCP_HEAD:])
            return b""
        judgement = judge(
            self.framing,
            exchange.question,
            data,
            exchange.transaction,
            zero_allowed=exchange.question.unit in self._zero_allowed,
        )
        if judgement.late > exchange.late:
            exchange.late = judgement.late
            if self.framing.blind:  # a neighbour's late answer: from now on the line is given the time that it takes
                self.silence.note_misfit(data[0], self._now())
        match judgement.verdict:
            case Verdict.INCOMPLETE:
                return b""
            case Verdict.SOUND:
                exchange.answered = True
                if exchange.plain:
                    exchange.settle(data[judgement.start + _TCP_HEAD : judgement.end])
                    return b""
                return data[judgement.start : judgement.end]
            case Verdict.MISFIT:
                exchange.answered = True
                self.silence.note_misfit(exchange.question.unit, self._now())
                exchange.settle(DeviceError(judgement.why, because=Reason.BAD_REPLY))
                return b""
            case never:
                assert_never(never)

    def _let_out(self, packet: bytes) -> bytes:
        exchange = self._exchange
        assert exchange is not None, "nothing is ever sent but by ask()"
        if self.framing is Framing.TCP:
            exchange.transaction = int.from_bytes(packet[0:2], "big")
            if exchange.plain:
                exchange.expect()
        unit, function = packet[6:8] if self.framing is Framing.TCP else packet[0:2]
        # The last of the locks on a fire panel: whatever went wrong above, no writing function reaches the wire.
        assert may_leave(function, watched_only=unit in self._watched), f"function {function} to unit {unit}"
        exchange.sent = True
        return packet

    def _note_connection(self, up: bool) -> None:
        exchange = self._exchange
        if not up and exchange is not None and not exchange.answered and not exchange.is_settled:
            exchange.answered = True
            exchange.settle(DeviceError(_CLOSED_EARLY, unit_only=False))

    def _make_client(self) -> Client:
        end = self._endpoint
        if end.framing is Framing.TCP and not self._writes:
            return PlainTcp(end.host, end.port, self._watch, self._note_connection, self._end_promptly)
        from drivers.modbus_library import client_of  # here, since most floors need none of it

        return client_of(end, self._patience_s, self._watch, self._note_connection)


def _look_away(call: "asyncio.Future[ModbusPDU]") -> None:
    """Fetch the error of a call that may have been given up, so that asyncio does not report it as forgotten."""
    if not call.cancelled():
        call.exception()
