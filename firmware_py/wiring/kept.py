"""A short list of words in a small file beside the journal: topics that hold something of ours, ids that were seen,
the latest time that was sure.

A medium that fails costs the list, nothing else. It must not know what the words are for.
"""

import asyncio
import json
import logging
from collections.abc import Sequence
from pathlib import Path

from firmware_py.runtime.clock import BUILT_MS, Clock, ClockQuality, Waker, next_turn_ms
from firmware_py.runtime.disk import Disk, write_atomic

log = logging.getLogger(__name__)
_MAX_BYTES = 256 * 1024
TOPICS = "mqtt-topics.json"
COMMANDS = "mqtt-commands.json"
CAMPAIGNS = "campaign-{}.json"
TIME = "known-time.json"
_HOUR_MS = 3_600_000


class KeptWords:
    """One file. Every write is whole or not at all, and waits for the medium in a thread."""

    def __init__(self, path: Path, disk: Disk) -> None:
        self._path, self._disk = path, disk
        self._failing = False

    def recall(self) -> list[str]:
        """What was kept last; nothing where it cannot be read."""
        try:
            kept = json.loads(self._disk.read(self._path, _MAX_BYTES))
        except (OSError, ValueError, RecursionError):
            return []
        return [word for word in kept if isinstance(word, str)] if isinstance(kept, list) else []

    async def remember(self, words: Sequence[str]) -> None:
        """Returns when it is stored, or when that failed, which is logged once."""
        try:
            await asyncio.to_thread(write_atomic, self._disk, self._path, json.dumps(list(words)).encode())
        except OSError as error:
            if not self._failing:
                log.warning("%s cannot be written: %s", self._path.name, error)
            self._failing = True
        else:
            self._failing = False


class TopicMemory:
    """Which topics hold a retained message of ours."""

    def __init__(self, directory: Path, disk: Disk) -> None:
        self._kept = KeptWords(directory / TOPICS, disk)

    def recall(self) -> frozenset[str]:
        """What was kept last."""
        return frozenset(self._kept.recall())

    async def remember(self, topics: frozenset[str]) -> None:
        """Returns when it is stored, or when that failed."""
        await self._kept.remember(sorted(topics))


class KnownTime:
    """The latest wall time that was ever sure, or that of this release: an unsure clock that shows less is wrong."""

    def __init__(self, clock: Clock, kept: KeptWords) -> None:
        self._clock, self._kept = clock, kept
        found = [int(word) for word in kept.recall() if word.isdecimal() and len(word) <= 15]
        self.floor_ms = max([BUILT_MS, *found])

    def look(self) -> bool:
        """Take the time of now, if it is sure and news; True when it was. It may also correct the floor down."""
        utc_ms = self._clock.utc_ms()
        news = self._clock.quality() is ClockQuality.NTP and abs(utc_ms - self.floor_ms) >= _HOUR_MS
        if news:
            self.floor_ms = utc_ms
        return news

    async def run(self) -> None:
        """Keep it once an hour, for ever."""
        waker = Waker(self._clock)
        while True:
            if self.look():
                await self._kept.remember([str(self.floor_ms)])
            await waker.wait(next_turn_ms(self._clock, _HOUR_MS // 60))
