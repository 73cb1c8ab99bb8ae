"""Calls into a driver, bounded from outside whatever the driver does with its own deadline.

A call that does not end in time is cancelled; one that does not end even then is abandoned, and nothing else is asked
of that driver while it hangs. Knows neither reading nor writing.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import TypeAlias, TypeVar

from config.valued import dataclass
from firmware_py.core.reading import Sample
from firmware_py.ports import DeviceError

T = TypeVar("T")
Begun: TypeAlias = asyncio.Task[T]
Asked: TypeAlias = Begun[Mapping[str, Sample]]  # for a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`slack_ms` beyond a driver's own deadline until it is cut off; `grace_ms` until it is abandoned; `write_ms` for
    telling one output and for reading it back; `picture_ms` that a confirming read waits for the cycle."""

    slack_ms: int = 250
    grace_ms: int = 1_000
    write_ms: int = 2_000
    picture_ms: int = 100


DEFAULT_LIMITS = Limits()


class Hung(RuntimeError):
    """A driver did not return even when it was cancelled."""


def _release(either: "asyncio.Future[None]", _: object = None) -> None:
    if not either.done():
        either.set_result(None)


class Asker:
    """Asks one driver, one thing at a time."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name = name
        self._limits = limits
        self._abandoned: asyncio.Task[object] | None = None

    @property
    def hangs(self) -> bool:
        """True while an abandoned call has not ended."""
        return self._abandoned is not None and not self._abandoned.done()

    async def let_go(self) -> None:
        """Wait, without limit, until the abandoned call has ended."""
        if self._abandoned is not None:
            await asyncio.wait({self._abandoned})

    def forget(self) -> None:
        """There is a new driver object; what the old one does is of no interest any more."""
        self._abandoned = None

    def begin(self, question: Coroutine[object, object, T]) -> "Begun[T]":
        """Put it before whatever else waits on the loop; `ask` it in the same turn."""
        return asyncio.get_running_loop().create_task(question)

    async def ask(self, question: "Coroutine[object, object, T] | Begun[T]", limit_ms: int, spent_ms: int = 0) -> T:
        """The driver's answer. Raises what the driver raises, DeviceError when it was cut off, Hung when abandoned.
        `spent_ms` of the limit are over already."""
        loop = asyncio.get_running_loop()
        task = question if isinstance(question, asyncio.Task) else loop.create_task(question)
        either = loop.create_future()
        # What asyncio.wait does, without its sets and layers: this is asked for every read of every device.
        task.add_done_callback(partial(_release, either))
        patience = loop.call_later((limit_ms - spent_ms + self._limits.slack_ms) / 1000, _release, either)
        try:
            await either
        except asyncio.CancelledError:
            await self._cut_off(task)
            raise
        finally:
            patience.cancel()
        if not task.done() and not await self._cut_off(task):
            raise Hung(f"{self.name}: the driver ignores its end, it is abandoned")
        if task.cancelled():
            raise DeviceError(f"no answer within {limit_ms} ms")
        return task.result()

    async def _cut_off(self, task: "asyncio.Task[T]") -> bool:
        task.cancel()
        await asyncio.wait({task}, timeout=self._limits.grace_ms / 1000)
        if not task.done():
            self._abandoned = task
        # Looked at here or never: else the loop complains about an exception that nobody retrieved.
        task.add_done_callback(lambda late: late.cancelled() or late.exception())
        return task.done()
