"""A virtual event loop: where it would sleep, its time jumps. And a clock on it, whose wall time can be stepped."""

from __future__ import annotations

import asyncio
import math
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from firmware_py.runtime.clock import ClockQuality

T = TypeVar("T")


class JumpingSelector(selectors.DefaultSelector):
    """Looks at real sockets without waiting; what would be a wait is a jump."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[Any]:
        events = super().select(0)
        if events or timeout == 0:
            return events
        assert timeout is not None, "everything waits for something that never comes"
        self.loop.ms += max(1, math.ceil(timeout * 1000 - 1e-6))
        self.loop.jumps += 1
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.ms = 1_000_000  # a machine that has been up for a while
        self.jumps = 0
        selector = JumpingSelector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.ms / 1000


class VirtualClock:
    """Monotonic time is the loop's; wall time stands where the test puts it."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self.utc_offset_ms = 1_780_000_000_000
        self.clk = ClockQuality.NTP

    def now_ms(self) -> int:
        return self._loop.ms

    def utc_ms(self) -> int:
        return self._loop.ms + self.utc_offset_ms

    def quality(self) -> ClockQuality:
        return self.clk

    def call_at_ms(self, when_ms: int, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return self._loop.call_at(when_ms / 1000, callback)


def run_virtual(scenario: Callable[[VirtualClock], Coroutine[Any, Any, T]], *, days: float = 2) -> T:
    """Run a scenario in virtual time; fail when it takes longer than `days` of it, leaves tasks running, or when a call
    by the loop has raised, of which asyncio would only write a line."""
    loop, raised = VirtualLoop(), list[BaseException]()

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        loop.default_exception_handler(context)
        if "exception" in context:
            raised.append(context["exception"])

    async def watched() -> T:
        loop.set_exception_handler(note)
        async with asyncio.timeout(days * 86_400):
            answer = await scenario(VirtualClock(loop))
        await asyncio.sleep(0)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, f"tasks left running: {left}"
        if raised:
            raise raised[0]
        return answer

    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(watched())


async def spend(ms: int) -> None:
    """Let virtual time pass."""
    await asyncio.sleep(ms / 1000)


class running:  # noqa: N801 - reads as a word: `async with running(poller.run()):`
    """Tasks that run while the block does."""

    def __init__(self, *coroutines: Coroutine[Any, Any, Any]) -> None:
        self._coroutines = coroutines
        self.tasks: list[asyncio.Task[Any]] = []

    async def __aenter__(self) -> list[asyncio.Task[Any]]:
        self.tasks = [asyncio.create_task(coroutine) for coroutine in self._coroutines]
        return self.tasks

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
