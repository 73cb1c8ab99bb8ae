"""All connections of a loop that are only read from, heard through one descriptor: fifty that answer in the same
millisecond cost the loop one event, not fifty.

It must not know what is heard, nor for whom.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Final

AT_ONCE: Final = 16  # are heard in one turn of the loop; what else is ready there comes in between

_OF: Final[dict[asyncio.AbstractEventLoop, "Ears"]] = {}


class Ears:
    """Of one loop; there as long as somebody is listened to."""

    __slots__ = ("_calls", "_loop", "_poll")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop, self._poll = loop, select.epoll()
        self._calls: dict[int, Callable[[], None]] = {}
        loop.add_reader(self._poll.fileno(), self._hear)

    def add(self, descriptor: int, call: Callable[[], None]) -> None:
        """One more."""
        try:
            self._poll.register(descriptor, select.EPOLLIN)
            self._calls[descriptor] = call
        finally:
            self._end_unused()

    def ignore(self, descriptor: int) -> None:
        """Not any more; before it is closed."""
        if self._calls.pop(descriptor, None) is not None:
            self._poll.unregister(descriptor)
            self._end_unused()

    def _end_unused(self) -> None:
        if not self._calls:
            self._loop.remove_reader(self._poll.fileno())
            self._poll.close()
            del _OF[self._loop]

    def _hear(self) -> None:
        """What is not called, since there are more or one has failed, is still ready in the next turn."""
        calls = self._calls
        for descriptor, _ in self._poll.poll(0, AT_ONCE):
            call = calls.get(descriptor)  # who was called may have let go of another
            if call is not None:
                call()


def listen(loop: asyncio.AbstractEventLoop, descriptor: int, call: Callable[[], None]) -> Ears:
    """Call whenever there is something to be read, or the end. OSError where descriptors run out."""
    ears = _OF.get(loop)
    if ears is None:
        ears = _OF[loop] = Ears(loop)
    ears.add(descriptor, call)
    return ears
