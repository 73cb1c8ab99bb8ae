"""The control socket's language, and the client that the command line uses: one JSON object a line, version 1.

Request {"v":1,"verb":...,...}; answer {"v":1,"ok":true,"data":...} or {"v":1,"ok":false,"error":"..."}; a stream is
such answers without end. It must not know what a verb does.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, cast

from firmware_py.core.command import CommandRefused

VERSION: Final = 1
MAX_REQUEST_BYTES: Final = 1024 * 1024  # a whole configuration, at worst twice as long in JSON
MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
LONGEST_PATH_BYTES: Final = 107  # sun_path of unix(7), less its final zero


def encode(message: Mapping[str, object]) -> bytes:
    """One line. The values are ours, so NaN and other surprises are bugs."""
    return json.dumps({"v": VERSION, **message}, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> dict[str, object]:
    """One message. CommandRefused for what is no JSON object of this version."""
    try:
        message: object = json.loads(line.decode())
    except (ValueError, RecursionError) as error:
        raise CommandRefused("not a line of JSON") from error
    if not isinstance(message, dict):
        raise CommandRefused("not a JSON object")
    if message.get("v") != VERSION:
        raise CommandRefused(f"version {message.get('v')!r:.20} of the control protocol, this is version {VERSION}")
    return cast(dict[str, object], message)


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
        except TimeoutError as error:
            raise CommandRefused(f"the controller at {self._path} does not answer") from error
        except PermissionError as error:
            raise CommandRefused(f"no permission for {self._path}: you are not in its group") from error
        except (OSError, ValueError) as error:
            raise CommandRefused(f"no controller is running at {self._path}: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def ask(self, verb: str, **fields: object) -> object:
        """One question, one answer: its `data`."""
        await self._send({"verb": verb, **fields})
        return await self._receive(self._limit_s)

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
            raise CommandRefused("the controller has closed the connection") from error

    async def _receive(self, limit_s: float) -> object:
        assert self._streams is not None, "use it with `async with`"
        try:
            async with asyncio.timeout(limit_s):
                line = await self._streams[0].readline()
        except TimeoutError as error:
            raise CommandRefused(f"no answer within {limit_s:.0f} s") from error
        except (OSError, ValueError) as error:
            raise CommandRefused(f"the answer cannot be used: {error}") from error
        if not line.endswith(b"\n"):
            raise CommandRefused("the controller has closed the connection")
        answer = decode(line)
        if answer.get("ok") is not True:
            raise CommandRefused(str(answer.get("error", "refused without a reason")))
        return answer.get("data")
