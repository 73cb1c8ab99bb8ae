"""The messages of one session that the broker has not answered yet: how many there may be, and who hears the answers.

It must not know how a message is written, nor what it says.
"""

import asyncio
from collections.abc import Callable

from firmware_py.ports import DeviceError


class Receipts:
    """`within_ms`: an answer is late after that. Whoever sends waits for a place first, and there is one more beside
    all of these for a message that is posted."""

    def __init__(self, window: int, within_ms: int) -> None:
        self._loop, self._within_s = asyncio.get_running_loop(), within_ms / 1000
        self._waiting: dict[int, tuple[float, asyncio.Future[str]]] = {}  # by packet id, oldest first
        self._posted: tuple[int, float, Callable[[str], None]] | None = None
        self.resize(window)

    def resize(self, window: int) -> None:
        """So many may be in flight from now on; before any is."""
        self._window = window
        self._places = asyncio.Semaphore(max(1, window - 1))

    async def place(self) -> None:
        """Wait for a place; also those who wait when it ends get one, one after the other by `give_back`."""
        await self._places.acquire()

    def give_back(self) -> None:
        """A place that was not used."""
        self._places.release()

    def expect(self, id_: int, receipt: "asyncio.Future[str]") -> None:
        """A message that has a place was written; its receipt becomes "" or why it was not taken."""
        self._waiting[id_] = self._loop.time() + self._within_s, receipt

    @property
    def may_post(self) -> bool:
        """Whether the place for what is posted is free."""
        return self._posted is None and self._window > 1

    def post(self, id_: int, hear: Callable[[str], None]) -> None:
        """A message on that place was written; `hear` hears the same."""
        self._posted = id_, self._loop.time() + self._within_s, hear

    def answer(self, id_: int, why: str) -> None:
        """The broker has answered; to what nobody has asked is no answer."""
        if self._posted is not None and self._posted[0] == id_:
            hear, self._posted = self._posted[2], None
            hear(why)
        elif (found := self._waiting.pop(id_, None)) is not None:
            self._places.release()
            if not found[1].done():
                found[1].set_result(why)

    def is_late(self, now_s: float) -> bool:
        """Whether an answer should have come."""
        oldest = next(iter(self._waiting.values()), None)
        return (oldest is not None and now_s > oldest[0]) or (self._posted is not None and now_s > self._posted[1])

    def end(self, error: DeviceError) -> None:
        """There will be no answers any more; who waits for a place learns it as well."""
        for _, receipt in self._waiting.values():
            fail(receipt, error)
        self._waiting.clear()
        self._posted = None
        self._places.release()


def fail(answer: "asyncio.Future[str] | asyncio.Future[None]", error: DeviceError) -> None:
    """Nobody need wait for it."""
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # seen
