"""Two who write on one socket, paho and our own line: whoever has begun a packet ends it first.

Asks the loop for room only where the socket does not take all. It must not know what is written.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol

from mqtt_bridge.plain_line import PlainLine


class Other(Protocol):
    """Who writes beside the line (paho's client)."""

    def want_write(self) -> bool:
        """Whether it has something to write."""

    def loop_write(self) -> object:
        """Write what the socket takes of it."""


class Writing:
    """`place`: the socket's descriptor. `lost`: hears why ours cannot be written."""

    def __init__(self, place: int, other: Other, line: PlainLine | None, lost: Callable[[str], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._place, self._other, self._line, self._lost = place, other, line, lost
        self._asked = self._waits = self._is_closed = False  # the first: to flush; the second: the loop, for room

    @property
    def is_waiting(self) -> bool:
        """Something has still to be written."""
        return self._other.want_write() or (self._line is not None and self._line.is_full)

    def flush_soon(self) -> None:
        """At the end of this turn of the loop: the other says so before each packet."""
        if not self._asked:
            self._asked = True
            self._loop.call_soon(self.flush)

    def flush(self) -> bool:
        """Write all that the socket takes, and the rest as soon as there is room; False where the line has ended."""
        self._asked = False
        self._write()
        if not self._is_closed and not self._waits and self.is_waiting:
            self._waits = True
            self._loop.add_writer(self._place, self._write)
        return not self._is_closed

    def rest(self) -> None:
        """No longer wait for room where nothing is left."""
        if self._waits and not self._is_closed and not self.is_waiting:
            self._waits = False
            self._loop.remove_writer(self._place)

    def close(self) -> None:
        """The socket is about to be closed."""
        self._is_closed = True
        if self._line is not None:
            self._line.end()
        self._loop.remove_writer(self._place)

    def _write(self) -> None:
        line = self._line
        if self._is_closed or (line is not None and line.is_begun and not self._write_line(line)):
            return
        if self._other.want_write():
            self._other.loop_write()
        if line is not None and not self._other.want_write():
            self._write_line(line)  # of a line that has ended meanwhile nothing is left

    def _write_line(self, line: PlainLine) -> bool:
        """True when all of ours is written."""
        try:
            line.flush()
        except OSError as error:
            self._lost(f"cannot send: {error.strerror or error}")
            return False
        self.rest()
        return not line.is_full
