"""One thread that does all file work, so that a slow or stuck medium never holds the event loop.

Takes a bounded number of jobs, answers on the loop, shows by its heartbeat that it moves. Must not know what is stored.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from firmware_py.ports import DeviceError

T = TypeVar("T")


class StorageThread:
    """`duty(final)` runs at every wake-up and after `rest_s()` at the latest; jobs in between, in order.

    An OSError in a job is the medium's fault and comes back as DeviceError. Anything else is ours: the thread ends,
    `failure` has it, the heartbeat stands still, and `on_failure` is called on the loop.
    """

    def __init__(
        self,
        duty: Callable[[bool], None],
        now_ms: Callable[[], int],
        *,
        rest_s: Callable[[], float] = lambda: 0.25,
        job_limit: int = 256,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        self.failure: BaseException | None = None
        self._duty, self._now_ms, self._rest_s, self._job_limit = duty, now_ms, rest_s, job_limit
        self._on_failure = on_failure
        self._beat_ms = now_ms()
        self._wake = threading.Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._woken = self._stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._ended = asyncio.Event()
        # A daemon thread: a medium that never answers again must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)

    @property
    def beat_ms(self) -> int:
        """Monotonic time at which the thread last began a round."""
        return self._beat_ms

    def start(self) -> None:
        """Begin; call it on the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def wake(self) -> None:
        """Run the duty now rather than at the next tick; returns at once."""
        with self._wake:
            self._woken = True
            self._wake.notify()

    def wake_within(self, seconds: float) -> None:
        """The same, a little later; from the loop's thread only. What comes until then is done in the same round."""
        if self._loop is None:
            self.wake()
        elif self._soon is None:
            self._soon = self._loop.call_later(seconds, self._wake_late)

    def _wake_late(self) -> None:
        self._soon = None
        self.wake()

    def submit(self, job: Callable[[], T]) -> "asyncio.Future[T]":
        """Run a job in the thread; the future is DeviceError at once when too many wait or the thread has ended."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def work() -> None:
            try:
                result = job()
            except OSError as error:
                self.call_on_loop(_fail, future, DeviceError(f"storage: {error.strerror or error}"))
            except DeviceError as error:
                self.call_on_loop(_fail, future, error)
            except BaseException as bug:
                self.call_on_loop(_fail, future, bug)
                raise
            else:
                self.call_on_loop(_succeed, future, result)

        with self._wake:
            if self._stopping or self._ended.is_set() or len(self._jobs) >= self._job_limit:
                future.set_exception(DeviceError("storage: busy or stopped"))
                return future
            self._jobs.append(work)
            self._woken = True
            self._wake.notify()
        return future

    def call_on_loop(self, function: Callable[..., None], *args: object) -> None:
        """Hand something to the loop; when that is closed already, nobody is left to tell."""
        assert self._loop is not None
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    async def stop(self, timeout_s: float = 3.0) -> bool:
        """Do what waits, run the duty once more as `final`, end. False when that took too long or the thread failed.

        Never longer than `timeout_s`: a stuck thread is left behind and ends with the process.
        """
        if self._loop is None:
            return True
        with self._wake:
            self._stopping = True
            self._wake.notify()
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ended.wait()
        return self._ended.is_set() and self.failure is None

    def _run(self) -> None:
        try:
            while self._round():
                pass
        except BaseException as bug:
            self.failure = bug
            self.call_on_loop(self._on_failure, bug)
            raise
        finally:
            self.call_on_loop(self._ended.set)

    def _round(self) -> bool:
        with self._wake:
            if not (self._jobs or self._woken or self._stopping):
                self._wake.wait(self._rest_s())
            self._woken, stopping = False, self._stopping
        self._beat_ms = self._now_ms()
        self._duty(False)
        while self._jobs:
            self._jobs.popleft()()
            self._beat_ms = self._now_ms()
        if stopping:
            self._duty(True)
        return not stopping


def _succeed(future: "asyncio.Future[T]", result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[object]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
