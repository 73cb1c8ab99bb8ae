"""One flash clock for all lamps and sounders: plays patterns by plain writes at their edges, all in phase.

No library's blink threads. The alive blink is played only while the control loop goes round. It must not know what any
other pattern means, nor which pin it drives.
"""

from collections.abc import Callable

from firmware_py.core.output import PATTERN_STEPS, Pattern, Steps, level, next_edge_ms
from firmware_py.runtime.clock import Clock, Waker

_IDLE_MS = 1_000
ALIVE_MS = 3_000  # three cycles: a loop that has not gone round for so long is not alive


class Flasher:
    """`drive` sets one output's level at once; it must not raise for a lost pin. `steps`: this floor's rhythms."""

    def __init__(
        self,
        clock: Clock,
        drive: Callable[[str, bool], None],
        beat: Callable[[str], None],
        steps: Steps = PATTERN_STEPS,
    ) -> None:
        self._clock = clock
        self._steps = steps
        self._alive_ms = clock.now_ms()
        self._drive = drive
        self._beat = beat
        self._waker = Waker(clock)
        self._playing: dict[str, Pattern] = {}

    def adopt(self, steps: Steps) -> None:
        """Other rhythms from the next edge on."""
        self._steps = steps

    def play(self, output: str, pattern: Pattern) -> None:
        """Start a pattern, in phase with all others; what plays already goes on."""
        if self._playing.get(output) is not pattern:
            self._playing[output] = pattern
            self._show(output, pattern, self._clock.now_ms())
            self._waker.wake()

    def stop(self, output: str) -> None:
        """The output is steady from now on; its level is left as it is."""
        self._playing.pop(output, None)

    def note_alive(self) -> None:
        """The control loop has gone round."""
        self._alive_ms = self._clock.now_ms()

    async def run(self) -> None:
        """Sleep until the next edge of any pattern, at most a second, for ever."""
        while True:
            now_ms = self._clock.now_ms()
            edges = [next_edge_ms(pattern, now_ms, self._steps) for pattern in self._playing.values()]
            for output, pattern in self._playing.items():
                self._show(output, pattern, now_ms)
            self._beat("writer")
            await self._waker.wait(now_ms + min((edge for edge in edges if edge is not None), default=_IDLE_MS))

    def _show(self, output: str, pattern: Pattern, now_ms: int) -> None:
        # Dark when the loop stands still. A killed process leaves its lines as they were: steady means dead as well.
        dead = pattern is Pattern.ALIVE and now_ms - self._alive_ms > ALIVE_MS
        self._drive(output, not dead and level(pattern, now_ms, self._steps))
