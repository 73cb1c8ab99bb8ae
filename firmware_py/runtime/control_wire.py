"""The client of the control socket for whoever has an event loop: questions, and streams of answers without end.

The language is `control_line`'s. It must not know what a verb does.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_line import MAX_ANSWER_BYTES, RESTART, decode, encode, explain, patience_s, unwrap

__all__ = ["ControlClient", "MAX_REQUEST_BYTES", "LONGEST_PATH_BYTES", "decode", "encode"]

MAX_REQUEST_BYTES: Final = 1024 * 1024  # a whole configuration, at worst twice as long in JSON
LONGEST_PATH_BYTES: Final = 107  # sun_path of unix(7), less its final zero


class ControlClient:
    """`async with ControlClient(path) as client`. Everything raises CommandRefused with a sentence for people."""

    def __init__(self, path: Path, limit_ms: int = 10_000) -> None:
        self._path = path
        self._limit_s = limit_ms / 1000
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def __aenter__(self) -> "ControlClient":
        try:
            async with asyncio.timeout(self._limit_s):
                self._streams = await asyncio.open_unix_connection(self._path, limit=MAX_ANSWER_BYTES)
        except (OSError, ValueError) as error:
            raise explain(self._path, error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def ask(self, verb: str, **fields: object) -> object:
        """One question, one answer: its `data`."""
        await self._send({"verb": verb, **fields})
        return await self._receive(patience_s(verb, self._limit_s))

    async def stream(self, verb: str, **fields: object) -> AsyncIterator[object]:
        """One question, answers without end; at most 30 s apart, else the controller is taken for dead."""
        await self._send({"verb": verb, **fields})
        while True:
            yield await self._receive(30)

    async def _send(self, message: Mapping[str, object]) -> None:
        assert self._streams is not None, "use it with `async with`"
        try:
            async with asyncio.timeout(self._limit_s):
                self._streams[1].write(encode(message))
                await self._streams[1].drain()
        except (OSError, TimeoutError) as error:
            raise CommandRefused(f"the controller has closed the connection; {RESTART}") from error

    async def _receive(self, limit_s: float) -> object:
        assert self._streams is not None, "use it with `async with`"
        try:
            async with asyncio.timeout(limit_s):
                line = await self._streams[0].readline()
        except TimeoutError as error:
            raise CommandRefused(f"no answer within {limit_s:.0f} s; {RESTART}") from error
        except (OSError, ValueError) as error:
            raise CommandRefused(f"the answer cannot be used: {error}; {RESTART}") from error
        return unwrap(line)
