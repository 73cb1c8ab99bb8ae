"""Where commands wait for the cycle and their senders wait for the reply.

Bounded: a full desk refuses at once. It must not know who may do what; whoever asks has been checked before.
"""

import asyncio
from collections.abc import Callable, Iterable

from firmware_py.core.command import Command, CommandRefused, Reply

MAX_WAITING = 32
MAX_PER_CYCLE = 8


class Desk:
    """Used from the loop's thread only."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: dict[str, Command] = {}
        self._askers: dict[str, asyncio.Future[Reply]] = {}

    async def ask(self, command: Command, limit_ms: int = 5_000) -> Reply:
        """Hand in a command and await the core's reply. CommandRefused when busy, asked twice, or without an answer."""
        if len(self._askers) >= MAX_WAITING:
            raise CommandRefused("too many commands are waiting; try again in a second")
        if command.id in self._askers:
            raise CommandRefused(f"command {command.id} is being worked on; wait for its answer")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._askers[command.id] = future
        self._waiting[command.id] = command
        self._wake()
        try:
            async with asyncio.timeout(limit_ms / 1000):
                return await future
        except TimeoutError as error:
            raise CommandRefused(f"no answer within {limit_ms} ms; it may or may not have been done") from error
        finally:
            del self._askers[command.id]
            self._waiting.pop(command.id, None)

    def take(self) -> tuple[Command, ...]:
        """The oldest few commands, for one cycle."""
        taken = tuple(self._waiting.values())[:MAX_PER_CYCLE]
        for command in taken:
            del self._waiting[command.id]
        if self._waiting:
            self._wake()
        return taken

    def answer(self, replies: Iterable[Reply]) -> None:
        """Pass replies on; those that nobody waits for any more are dropped."""
        for reply in replies:
            future = self._askers.get(reply.command)
            if future is not None and not future.done():
                future.set_result(reply)
