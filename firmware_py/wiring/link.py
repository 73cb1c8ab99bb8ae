"""The line to the central server, exchanged while the controller runs: one publisher at a time, or none.

A publisher whose settings stay is not touched. It must not know topics.
"""

import asyncio
from collections.abc import Callable

from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.publisher import Publisher


class Link:
    """`key`: what the publisher was made from; another key is another publisher."""

    def __init__(self, key: object, publisher: Publisher | None) -> None:
        self._key, self._publisher = key, publisher
        self._changed = asyncio.Event()

    def show(self, image: InputImage, decision: Decision) -> None:
        """The newest picture."""
        if self._publisher is not None:
            self._publisher.offer(Snapshot(image=image, decision=decision))

    def notify(self) -> None:
        """New events are on the medium."""
        if self._publisher is not None:
            self._publisher.notify()

    def exchange(self, key: object, make: Callable[[], Publisher | None]) -> Publisher | None:
        """From now on another one is shown the picture, if the key is another; the old one, to be stopped."""
        if key == self._key:
            return None
        old, self._publisher, self._key = self._publisher, make(), key
        return old

    def retire(self, why: str) -> None:
        """Say goodbye and stay away: our own supply ends."""
        if self._publisher is not None:
            self._publisher.retire(why)

    def resume(self) -> None:
        """Come back."""
        if self._publisher is not None:
            self._publisher.resume()

    async def part_with(self, old: Publisher | None) -> None:
        """The old one says goodbye, then the new one connects."""
        if old is not None:
            await old.stop("config")
        self._changed.set()

    async def run(self) -> None:
        """One publisher after the other, for ever; the last one ends when it has said goodbye."""
        while True:
            self._changed.clear()
            if self._publisher is not None:
                await self._publisher.run()
            await self._changed.wait()

    async def stop(self) -> None:
        """Say goodbye for good."""
        if self._publisher is not None:
            await self._publisher.stop("stop")
