"""The controller's last words to the far side: its own supply ends, so it says goodbye while it still can.

The event has been journalled by the cycle; here it gets some seconds to be delivered, then the bridge retires. It must
not know which UPS feeds us, nor stop the guarding of the floor, which goes on to the last.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from firmware_py.runtime.clock import Clock, Waker

log = logging.getLogger(__name__)

DELIVER_MS = 5_000
LOOK_MS = 50
AWAY_MS = 600_000  # a forecast that was wrong costs the central server no more than this


class Leaver(Protocol):
    """The bridge, as far as it can leave and come back."""

    def retire(self, why: str) -> None:
        """Say goodbye and stay away."""

    def resume(self) -> None:
        """Come back."""


class Farewell:
    """A sink. `endings`: conditions that our supply ends; `delivered`: whether the far side has all that was told."""

    def __init__(self, bridge: Leaver, clock: Clock, endings: Sequence[str], delivered: Callable[[], bool]) -> None:
        self._bridge, self._clock, self._endings, self._delivered = bridge, clock, tuple(endings), delivered
        self._task: asyncio.Task[None] | None = None

    def show(self, image: InputImage, decision: Decision) -> None:
        """One cycle: leave when the end is near, come back when it is not."""
        conditions = decision.state.conditions
        near = [name for name in self._endings if name in conditions and conditions[name].holds]
        if near and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._leave(near[0]))
        elif not near and self._task is not None:
            self._task.cancel()
            self._task = None
            self._bridge.resume()

    def drop(self) -> None:
        """Another takes this one's place: whoever has left comes back."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
            self._bridge.resume()

    async def _leave(self, because: str) -> None:
        waker, begun_ms = Waker(self._clock), self._clock.now_ms()
        await waker.wait(begun_ms + LOOK_MS)  # the cycle's events are on their way to the journal
        while not self._delivered() and self._clock.now_ms() - begun_ms < DELIVER_MS:
            await waker.wait(self._clock.now_ms() + LOOK_MS)
        log.warning("our own supply ends (%s): saying goodbye to the central server", because)
        self._bridge.retire(f"own supply ends: {because}")
        await waker.wait(self._clock.now_ms() + AWAY_MS)
        log.warning("still alive: back to the central server")
        self._bridge.resume()
