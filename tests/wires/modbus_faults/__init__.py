"""A Modbus server that lies on purpose: every wire fault of the matrix as one entry of a table, on every framing.

Use `FaultServer` against any Modbus client: register `a` always holds 1000 + a, input register `a` 3000 + a, coil and
discrete input `a` is set when a is a multiple of three, so that a value betrays the address it came from. Requests are
answered first in, first out, as a transparent gateway does. Standard library only, knows nothing of this project.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import tty
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

TCP, RTU, SERIAL = "tcp", "rtu-tcp", "serial"
STREAMS = (TCP, RTU)  # what can hang up


@dataclass(frozen=True)
class Request:
    """One request as it came: `number` counts from 0 over the life of the server. Of a write of one cell `count` is the
    value; of several, `data` holds them."""

    number: int
    transaction: int
    unit: int
    function: int
    address: int
    count: int
    data: bytes = b""


@dataclass(frozen=True)
class Close:
    """Hang up; `reset` sends RST instead of FIN."""

    reset: bool = False


Step = bytes | float | Close  # send, wait so many seconds, hang up
Answer = Callable[["FaultServer", Request], Sequence[Step]]


@dataclass(frozen=True)
class Fault:
    """One case. `harmless`: a client may well get the right values in spite of it; it must never get wrong ones.
    `link`: the connection is at fault and not the unit, which a client that serves several has to tell apart."""

    name: str
    answer: Answer
    framings: tuple[str, ...] = (TCP, RTU, SERIAL)
    harmless: bool = False
    link: bool = False


def register_value(address: int) -> int:
    return (1000 + address) & 0xFFFF


def input_value(address: int) -> int:
    return (3000 + address) & 0xFFFF


def bit_value(address: int) -> bool:
    return address % 3 == 0


def sound_pdu(request: Request, *, shift: int = 0, extra: int = 0, function: int | None = None) -> bytes:
    """The right answer; or of other addresses (`shift`), of more or fewer registers (`extra`), of another function."""
    code = function or request.function
    start, count = request.address + shift, request.count + extra
    if code in (1, 2):
        bits = [bit_value(start + i) for i in range(count)]
        data = bytes(sum(bits[i + b] << b for b in range(8) if i + b < count) for i in range(0, count, 8))
    elif code in (3, 4):
        value = register_value if code == 3 else input_value
        data = b"".join(struct.pack(">H", value(start + i)) for i in range(count))
    else:
        return struct.pack(">BHH", code, request.address, request.count)
    return bytes((code, len(data))) + data


def crc(frame: bytes) -> bytes:
    value = 0xFFFF
    for byte in frame:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return struct.pack("<H", value)


class _Line:
    """Our end of the pseudo terminal. What nobody reads is lost, as on a wire."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: bytes) -> None:
        with contextlib.suppress(BlockingIOError):
            while data:
                data = data[os.write(self._fd, data) :]


@dataclass
class FaultServer:
    """Serves one framing on a free port of the loopback, or on a pseudo terminal whose name is then `serial`. `answer`
    may be exchanged at any time; None is sound."""

    framing: str = TCP
    answer: Answer | None = None
    port: int = 0
    serial: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    _server: asyncio.Server | None = None
    _line: asyncio.Task[None] | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def address(self) -> int | str:
        """Port or name of the serial line."""
        return self.serial or self.port

    async def __aenter__(self) -> FaultServer:
        if self.framing == SERIAL:
            master, slave = os.openpty()
            self.serial, self.connections = os.ttyname(slave), 1
            self._line = asyncio.create_task(self._serve_line(master, slave))
            return self
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._line is not None:
            self._line.cancel()
            await asyncio.gather(self._line, return_exceptions=True)
            return
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def frame(self, request: Request, pdu: bytes, *, unit: int | None = None, transaction: int | None = None,
              protocol: int = 0, length: int | None = None) -> bytes:  # fmt: skip
        """Wrap a PDU for this server's framing; whatever is given replaces what would be right."""
        body = bytes((request.unit if unit is None else unit,)) + pdu
        if self.framing != TCP:
            return body + crc(body)
        number = request.transaction if transaction is None else transaction & 0xFFFF
        return struct.pack(">HHH", number, protocol, len(body) if length is None else length) + body

    def sound(self, request: Request) -> bytes:
        return self.frame(request, sound_pdu(request))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        waiting: asyncio.Queue[Request] = asyncio.Queue()
        worker = asyncio.create_task(self._work(waiting, writer))
        self._writers.add(writer)
        try:
            while request := await self._next(reader):
                self.requests.append(request)
                waiting.put_nowait(request)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client hung up, which is its right
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            writer.close()
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _serve_line(self, master: int, slave: int) -> None:
        """A serial line without hardware: the client opens the other end of a pseudo terminal."""
        for end in (master, slave):
            tty.setraw(end)
        os.set_blocking(master, False)
        loop, reader, waiting = asyncio.get_running_loop(), asyncio.StreamReader(), asyncio.Queue[Request]()
        loop.add_reader(master, lambda: reader.feed_data(os.read(master, 4096)))
        worker = asyncio.create_task(self._work(waiting, _Line(master)))
        try:
            while True:
                request = await self._next(reader)
                self.requests.append(request)
                waiting.put_nowait(request)
        finally:
            worker.cancel()
            await asyncio.gather(worker, return_exceptions=True)
            loop.remove_reader(master)
            os.close(slave)
            os.close(master)

    async def _next(self, reader: asyncio.StreamReader) -> Request:
        if self.framing != TCP:
            unit, function, address, count = struct.unpack(">BBHH", await reader.readexactly(6))
            data = await self._data(reader, function)
            await reader.readexactly(2)  # the checksum
            return Request(len(self.requests), 0, unit, function, address, count, data)
        transaction, _, _, unit = struct.unpack(">HHHB", await reader.readexactly(7))
        function, address, count = struct.unpack(">BHH", await reader.readexactly(5))
        data = await self._data(reader, function)
        return Request(len(self.requests), transaction, unit, function, address, count, data)

    async def _data(self, reader: asyncio.StreamReader, function: int) -> bytes:
        return await reader.readexactly((await reader.readexactly(1))[0]) if function in (15, 16) else b""

    async def _work(self, waiting: asyncio.Queue[Request], writer: asyncio.StreamWriter | _Line) -> None:
        while True:
            request = await waiting.get()
            steps: Sequence[Step] = self.answer(self, request) if self.answer else [self.sound(request)]
            for step in steps:
                match step:
                    case bytes():
                        writer.write(step)
                    case float():
                        await asyncio.sleep(step)
                    case Close(reset=True):
                        assert isinstance(writer, asyncio.StreamWriter), "a serial line cannot hang up"
                        writer.transport.abort()
                        return
                    case Close():
                        assert isinstance(writer, asyncio.StreamWriter), "a serial line cannot hang up"
                        writer.close()
                        return


def exception(code: int) -> Answer:
    return lambda server, request: [server.frame(request, bytes((request.function | 0x80, code)))]


def _silent(server: FaultServer, request: Request) -> Sequence[Step]:
    return []


def _piece_by_piece(server: FaultServer, request: Request) -> Sequence[Step]:
    steps: list[Step] = []
    frame = server.sound(request)
    for start in range(0, len(frame), 5):
        steps += [frame[start : start + 5], 0.001]
    return steps


def _bad_checksum(server: FaultServer, request: Request) -> Sequence[Step]:
    frame = server.sound(request)
    return [frame[:-1] + bytes((frame[-1] ^ 0x55,))]


def _pdu(**wrong: int) -> Answer:
    return lambda server, request: [server.frame(request, sound_pdu(request, **wrong))]


def _byte_count(count: int, keep: int | None = None) -> Answer:
    def answer(server: FaultServer, request: Request) -> Sequence[Step]:
        pdu = sound_pdu(request)
        return [server.frame(request, pdu[:1] + bytes((count,)) + pdu[2:keep])]

    return answer


def _other_function(server: FaultServer, request: Request) -> Sequence[Step]:
    return _pdu(function={1: 2, 2: 1, 3: 4, 4: 3}.get(request.function, 3))(server, request)


def _late(delay_s: float, *, shift: int = 0) -> Answer:
    return lambda server, request: [delay_s, server.frame(request, sound_pdu(request, shift=shift))]


def _other_transaction(by: int) -> Answer:
    return lambda server, request: [
        server.frame(request, sound_pdu(request, shift=5), transaction=request.transaction + by)
    ]


def _reset_in_the_middle(server: FaultServer, request: Request) -> Sequence[Step]:
    return [server.sound(request)[:6], 0.01, Close(reset=True)]


def _neighbour_first(server: FaultServer, request: Request) -> Sequence[Step]:
    return [server.frame(request, sound_pdu(request, shift=5), unit=9), server.sound(request)]


def _late_and_good_together(server: FaultServer, request: Request) -> Sequence[Step]:
    late = server.frame(request, sound_pdu(request, shift=7), transaction=request.transaction - 1)
    return [late + server.sound(request)]


def _earlier_transaction(server: FaultServer, request: Request) -> Sequence[Step]:
    return [server.frame(request, sound_pdu(request, shift=7), transaction=max(request.transaction - 1, 1) or 1)]


# The wrong values in these answers are always of other addresses, so that a client that accepts them is caught.
FAULTS: tuple[Fault, ...] = (
    Fault("transaction id + 1", _other_transaction(1), (TCP,)),
    Fault("transaction id 0", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), transaction=0)], (TCP,)),
    Fault("reply from unit id + 1", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), unit=r.unit + 1)]),
    Fault("reply from unit 77", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), unit=77)]),
    Fault("reply of a neighbouring function", _other_function),
    Fault("a write echo for a read", _pdu(function=6)),
    Fault("one register fewer", _pdu(shift=5, extra=-1)),
    Fault("five registers more", _pdu(shift=5, extra=5)),
    Fault("zero registers", lambda s, r: [s.frame(r, bytes((r.function, 0)))]),
    Fault("odd byte count", _byte_count(5)),
    Fault("byte count 200 with 4 bytes of data", _byte_count(200, 6)),
    Fault("byte count 0 with data", _byte_count(0)),
    Fault("unknown function 0x63", lambda s, r: [s.frame(r, b"\x63\x02\x00\x00")]),
    Fault("exception without a code byte", lambda s, r: [s.frame(r, bytes((r.function | 0x80,)))]),
    Fault("exception of another function", lambda s, r: [s.frame(r, b"\x90\x02")]),
    *(Fault(f"exception {code}", exception(code)) for code in (1, 2, 3, 4, 5, 6, 10, 11, 99)),
    Fault("protocol id 5", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), protocol=5)], (TCP,)),
    Fault("header length 65535", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), length=65535)], (TCP,)),
    Fault("header length 1", lambda s, r: [s.frame(r, sound_pdu(r, shift=5), length=1)], (TCP,)),
    Fault("split into pieces", _piece_by_piece, harmless=True),
    Fault("three bytes of garbage before", lambda s, r: [b"\xff\x00\xff" + s.sound(r)]),
    Fault("three bytes of garbage after", lambda s, r: [s.sound(r) + b"\xff\x00\xff"]),
    Fault("the reply twice", lambda s, r: [s.sound(r) + s.sound(r)]),
    Fault("late reply and good reply in one segment", _late_and_good_together, (TCP,), harmless=True),
    Fault("the reply of the transaction before", _earlier_transaction, (TCP,)),
    Fault("always slower than the time-out", _late(0.15)),
    Fault("silent", _silent),
    Fault("hangs up instead of a reply", lambda s, r: [Close()], STREAMS, link=True),
    Fault("resets instead of a reply", lambda s, r: [Close(reset=True)], STREAMS, link=True),
    Fault("resets in the middle of a reply", _reset_in_the_middle, STREAMS, link=True),
    Fault("hangs up in the middle of a reply", lambda s, r: [s.sound(r)[:6], Close()], STREAMS, link=True),
    Fault("half a reply, then nothing", lambda s, r: [s.sound(r)[:-3]]),
    Fault("bad checksum", _bad_checksum, (RTU, SERIAL)),
    Fault("late reply from another unit", _neighbour_first, (RTU, SERIAL), True),
    Fault("random garbage", lambda s, r: [bytes((r.number * 37 + i * 91) & 0xFF for i in range(23))]),
    Fault("an endless stream", lambda s, r: [b"\x01\x03\x55\xaa" * 1500]),
)  # fmt: skip
