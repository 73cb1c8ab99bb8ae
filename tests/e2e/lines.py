"""What lies between the daemon and its devices and goes wrong on demand: silence, slowness, garbage.

A TCP line that passes bytes on, and a UPS agent with the same vices. Both note when they were spoken to.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping
from enum import StrEnum

from firmware_py.demo.ups_agent import UpsAgent

SLOW_S = 3.0  # beyond the patience of every driver: what was asked is answered long after it was given up

# upsOutputSource.0 of RFC 1628 (1.3.6.1.2.1.33.1.4.1.0) as BER has it: only what asks for this can be told "battery".
OUTPUT_SOURCE = bytes.fromhex("2b06010201210104" + "0100")


class Fault(StrEnum):
    """How a device is broken."""

    NONE = "sound"
    SILENT = "silent"
    SLOW = "slow"
    GARBAGE = "garbage"


class Line:
    """A loopback port in front of another one. `spoken_s`: monotonic times of connections and of what they said."""

    def __init__(self) -> None:
        self.fault = Fault.NONE
        self.spoken_s: list[float] = []
        self.port = 0
        self._target = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, target: int) -> None:
        """Listen on a free port; pass on to `target`."""
        self._target = target
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.spoken_s.append(time.monotonic())
        far_writer: asyncio.StreamWriter | None = None
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            pumps = {
                asyncio.ensure_future(self._pump_there(reader, far_writer)),
                asyncio.ensure_future(self._pump_back(far_reader, writer)),
            }
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass  # the far end is away, or the test is over; asyncio would report a cancelled session as an error
        finally:
            self._tasks.discard(task)
            for end in (writer, far_writer):
                if end is not None:
                    end.transport.abort()

    async def _pump_there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(8192):
            self.spoken_s.append(time.monotonic())
            writer.write(data)
            await writer.drain()

    async def _pump_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(8192):
            match self.fault:
                case Fault.SILENT:
                    continue
                case Fault.SLOW:
                    await asyncio.sleep(SLOW_S)
                case Fault.GARBAGE:
                    data = os.urandom(len(data) + 3)
                case Fault.NONE:
                    pass
            writer.write(data)
            await writer.drain()


class Agent(UpsAgent):
    """The UPS's card with the same faults. `spoken_s`: when it was asked, answered or not. `tell` is called when it is
    about to answer what the UPS lives on."""

    def __init__(self, read: Callable[[], Mapping[str, int | str]], community: str, tell: Callable[[], None]) -> None:
        super().__init__(read, community)
        self._tell = tell
        self.fault = Fault.NONE
        self.spoken_s: list[float] = []

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        self.spoken_s.append(time.monotonic())
        self.garbage = self.fault is Fault.GARBAGE
        match self.fault:
            case Fault.SILENT:
                return
            case Fault.SLOW:
                asyncio.get_running_loop().call_later(SLOW_S, super().datagram_received, data, addr)
            case _:
                if OUTPUT_SOURCE in data:
                    self._tell()
                super().datagram_received(data, addr)
