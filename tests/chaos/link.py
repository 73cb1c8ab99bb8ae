"""A TCP line that can be cut, or fall silent with both ends still open."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

from tests.conftest import find_tcp_port


class Link:
    """Listens on `port`, speaks to `target`; a loop in a thread of its own."""

    def __init__(self, target: int) -> None:
        self.port, self._target = find_tcp_port(), target
        self._silent = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def cut(self) -> None:
        """All connections end at once."""
        self._loop.call_soon_threadsafe(self._close_all)

    def silence(self) -> None:
        """Half-open: nothing gets through any more, nobody is told; new connections are taken and stay silent."""
        self._silent = True

    def heal(self) -> None:
        """What was silent ends; new connections work."""
        self._silent = False
        self.cut()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._join, "127.0.0.1", self.port))
        self._ready.set()
        self._loop.run_forever()
        server.close()
        self._close_all()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _close_all(self) -> None:
        for end in self._ends:
            end.transport.abort()
        self._ends.clear()

    async def _join(self, near_in: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        self._ends.add(near_out)
        try:
            far_in, far_out = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            near_out.transport.abort()
            return
        self._ends.add(far_out)
        await asyncio.gather(self._pump(near_in, far_out), self._pump(far_in, near_out), return_exceptions=True)
        for end in (near_out, far_out):
            end.transport.abort()
            self._ends.discard(end)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                while self._silent:  # noqa: ASYNC110 - set from another thread
                    await asyncio.sleep(0.05)
                sink.write(data)
                await sink.drain()
        sink.transport.abort()
