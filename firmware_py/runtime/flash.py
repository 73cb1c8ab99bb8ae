"""One flash clock for all lamps and sounders: plays patterns by plain writes at their edges, all in phase.

No library's blink threads. It must not know what a pattern means or which pin it drives.
"""

from collections.abc import Callable

from firmware_py.core.output import Pattern, level, next_edge_ms
from firmware_py.runtime.clock import Clock, Waker

_IDLE_MS = 1_000


class Flasher:
    """`drive` sets one output's level at once; it must not raise for a lost pin."""

    def __init__(self, clock: Clock, drive: Callable[[str, bool], None], beat: Callable[[str], None]) -> None:
        self._clock = clock
        self._drive = drive
        self._beat = beat
        self._waker = Waker(clock)
        self._playing: dict[str, Pattern] = {}

    def play(self, output: str, pattern: Pattern) -> None:
        """Start a pattern, in phase with all others; what plays already goes on."""
        if self._playing.get(output) is not pattern:
            self._playing[output] = pattern
            self._drive(output, level(pattern, self._clock.now_ms()))
            self._waker.wake()

    def stop(self, output: str) -> None:
        """The output is steady from now on; its level is left as it is."""
        self._playing.pop(output, None)

    async def run(self) -> None:
        """Sleep until the next edge of any pattern, at most a second, for ever."""
        while True:
            now_ms = self._clock.now_ms()
            edges = [next_edge_ms(pattern, now_ms) for pattern in self._playing.values()]
            for output, pattern in self._playing.items():
                self._drive(output, level(pattern, now_ms))
            self._beat("writer")
            await self._waker.wait(now_ms + min((edge for edge in edges if edge is not None), default=_IDLE_MS))
