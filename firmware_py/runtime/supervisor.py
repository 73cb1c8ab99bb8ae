"""Starts the tasks, restarts those that may fail, ends the process with those that may not, and stops all in order.

Cycle and writer are the core: their death drives the outputs to on_fault and ends the process. Everything else is
started again with growing pauses. It must not know what a task does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from config.valued import dataclass
from firmware_py.runtime.clock import Clock, Waker, next_turn_ms
from firmware_py.runtime.health import draw_pause_ms
from firmware_py.runtime.watchdog import Beats

log = logging.getLogger(__name__)
Factory: TypeAlias = Callable[[], Awaitable[None]]

FIRST_PAUSE_MS = 1_000
LONGEST_PAUSE_MS = 60_000
GOOD_AFTER_MS = 300_000
_LOOK_MS = 2_000
_CANCEL_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One step of the way out, in the order given; it has `limit_ms`, then the next step begins regardless.

    `cancels`: groups of tasks to be cancelled after `call`.
    """

    name: str
    limit_ms: int
    call: Factory | None = None
    cancels: tuple[str, ...] = ()


class Supervisor:
    """Declare tasks, then `run`. `release(fault)` drives all outputs to their stop values and must return at once."""

    def __init__(self, clock: Clock, beats: Beats, release: Callable[[bool], None]) -> None:
        self._clock, self._beats, self._release = clock, beats, release
        self._core: dict[str, Factory] = {}
        self._kept: dict[str, tuple[str, Factory]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._stop = asyncio.Event()
        self._waker = Waker(clock)
        self._started = False
        self.restarts: dict[str, int] = {}

    def core(self, name: str, factory: Factory) -> None:
        """A task whose end is the end of the process. Core tasks take their first step in this order, before others."""
        self._core[name] = factory

    def supervise(self, name: str, factory: Factory, *, group: str) -> None:
        """A task that is started again whenever it ends."""
        assert name not in self._kept and name not in self._core, name
        self._kept[name] = (group, factory)
        self.restarts[name] = 0
        if self._started and not self._stop.is_set():
            self._start(name)

    async def dismiss(self, name: str) -> None:
        """A task that is not wanted any more ends and is not started again."""
        del self._kept[name], self.restarts[name]
        task = self._tasks.pop(name, None)
        await self._cancel(set() if task is None else {task})

    def stop(self) -> None:
        """Ask for the end (SIGTERM): outputs go to on_stop at once, the rest follows in order."""
        if not self._stop.is_set():
            self._stop.set()
            self._waker.wake()
            self._release(False)

    async def run(self, closing: Sequence[Closing]) -> None:
        """Until `stop`, or until a core task dies, whose exception is raised after everything was closed."""
        core = {name: asyncio.create_task(_as_coroutine(factory), name=name) for name, factory in self._core.items()}
        await asyncio.sleep(0)  # outputs stand before anybody touches the network
        dead: dict[str, asyncio.Task[None]] = {}
        try:
            for name in self._kept if not any(task.done() for task in core.values()) else ():
                self._start(name)
            self._started = True
            await self._watch(core)
            dead = {name: task for name, task in core.items() if task.done() and not self._stop.is_set()}
            for name, task in dead.items():
                log.critical("%s has died: the process ends", name, exc_info=_exception_of(task))
            if dead:
                self._release(True)
        except asyncio.CancelledError:  # Ctrl-C, or a test's end: as good as a stop
            self.stop()
            raise
        finally:
            for task in core.values():
                task.cancel()
            await self._close(closing)
            await self._cancel(set(core.values()))
        for name, task in dead.items():
            raise _exception_of(task) or RuntimeError(f"{name} ended by itself")

    async def _watch(self, core: dict[str, "asyncio.Task[None]"]) -> None:
        """Live until there is a reason to stop; see that every kept task exists."""
        for task in core.values():
            task.add_done_callback(lambda _: self._waker.wake())
        while not self._stop.is_set() and not any(task.done() for task in core.values()):
            self._beats.beat("supervisor")
            for name, task in list(self._tasks.items()):
                if task.done():  # something inside has cancelled it: that is not ours to obey
                    log.error("%s was cancelled from inside", name)
                    self._start(name)
            await self._waker.wait(next_turn_ms(self._clock, _LOOK_MS))

    def _start(self, name: str) -> None:
        self._tasks[name] = asyncio.create_task(self._keep(name, self._kept[name][1]), name=name)

    async def _keep(self, name: str, factory: Factory) -> None:
        pause_ms = FIRST_PAUSE_MS
        while True:
            started_ms = self._clock.now_ms()
            try:
                await factory()
                log.error("%s ended by itself", name)
            except Exception:  # whatever it was, the others go on and it gets another chance
                log.exception("%s failed", name)
            if self._clock.now_ms() - started_ms >= GOOD_AFTER_MS:
                pause_ms = FIRST_PAUSE_MS
            self.restarts[name] += 1
            await asyncio.sleep(draw_pause_ms(pause_ms) / 1000)
            pause_ms = min(2 * pause_ms, LONGEST_PAUSE_MS)

    async def _close(self, closing: Sequence[Closing]) -> None:
        for step in closing:
            if step.call is not None:
                await self._take_step(step.name, step.call, step.limit_ms)
            await self._cancel({task for name, task in self._tasks.items() if self._kept[name][0] in step.cancels})
        await self._cancel({task for task in self._tasks.values() if not task.done()})

    async def _take_step(self, name: str, call: Factory, limit_ms: int) -> None:
        task = asyncio.create_task(_as_coroutine(call), name=f"close {name}")
        await asyncio.wait({task}, timeout=limit_ms / 1000)
        if not task.done():
            log.error("%s did not end within %d ms, left alone", name, limit_ms)
            task.cancel()
        elif (error := _exception_of(task)) is not None:
            log.error("%s failed while stopping", name, exc_info=error)

    async def _cancel(self, tasks: "set[asyncio.Task[None]]") -> None:
        if not tasks:
            return
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_CANCEL_MS / 1000)
        for task in tasks:
            if not task.done():
                log.error("%s does not end, left alone", task.get_name())


async def _as_coroutine(factory: Factory) -> None:
    await factory()


def _exception_of(task: "asyncio.Task[None]") -> BaseException | None:
    return None if not task.done() or task.cancelled() else task.exception()
