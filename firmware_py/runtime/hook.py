"""A site's own program that carries notices (a modem, a mail relay): started without a shell, bounded in everything.

One run at a time, each with a deadline, little memory, an empty environment and no way to more rights; it dies with the
controller. A program that hangs or fails costs its own notice and nothing else. Must not know what a notice says.
"""

import asyncio
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from pathlib import Path

from config.valued import dataclass
from firmware_py.runtime import confine

log = logging.getLogger(__name__)

MAX_WAITING = 16
MAX_NOTICE_BYTES = 16 * 1024
_LOGGED_BYTES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What is started, and how long it may take in ms."""

    path: str
    arguments: Sequence[str] = field(default=())
    timeout_ms: int = 30_000


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of the notices. `dropped`: the oldest of too many."""

    done: int = 0
    failed: int = 0
    dropped: int = 0
    error: str = ""


class Hook:
    """`offer` takes a notice and returns at once; `run` carries them one by one, for ever."""

    def __init__(self, program: Program) -> None:
        self.tally = Tally()
        self._program = program
        self._waiting: deque[bytes] = deque()
        self._wake = asyncio.Event()

    def offer(self, notice: bytes) -> None:
        """One line for the program's stdin; when too many wait the oldest goes, for the newest knows the most."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.tally.dropped += 1
        self._waiting.append(notice[:MAX_NOTICE_BYTES])
        self._wake.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._carry(self._waiting.popleft())

    async def _carry(self, notice: bytes) -> None:
        program = self._program
        confined = [sys.executable, "-I", "-S", str(Path(confine.__file__)), program.path, *program.arguments]
        try:
            process = await asyncio.create_subprocess_exec(
                *confined, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, cwd="/", env={}, start_new_session=True, close_fds=True,
            )  # fmt: skip
        except OSError as error:
            self._failed(error.strerror or str(error))
            return
        try:
            async with asyncio.timeout(program.timeout_ms / 1000):
                said = await _feed(process, notice)
                code = await process.wait()
        except TimeoutError:
            self._failed(f"ended after {program.timeout_ms} ms")
        else:
            if code:
                self._failed(f"exit {code}: {said.decode(errors='replace').strip()}")
            else:
                self.tally.done += 1
                self.tally.error = ""
        finally:
            # Whatever it has left behind, in its own session, and whatever ends us.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    def _failed(self, why: str) -> None:
        self.tally.failed += 1
        if why != self.tally.error:
            log.warning("%s did not carry a notice: %s", self._program.path, why)
        self.tally.error = why


async def _feed(process: asyncio.subprocess.Process, notice: bytes) -> bytes:
    """Hand the notice over and give the beginning of what was said on stderr; the rest is read and forgotten."""
    assert process.stdin is not None and process.stderr is not None
    with suppress(ConnectionError):  # it does not care what the notice says
        process.stdin.write(notice)
        await process.stdin.drain()
        process.stdin.close()
    said = b""
    while part := await process.stderr.read(4096):
        said = (said + part)[:_LOGGED_BYTES]
    return said
