"""One flash clock for all lamps and sounders: plays patterns by plain writes at their edges, all in phase.

No library's blink threads. All levels of an edge are worked out first and handed over as one batch, so that nothing
comes between two lamps. The alive blink is played only while the control loop goes round. It must not know what any
other pattern means, nor which pin it drives.
"""

from collections.abc import Callable, Mapping

from firmware_py.core.output import PATTERN_STEPS, Pattern, Steps, level, next_edge_ms
from firmware_py.runtime.clock import Clock, Waker, next_turn_ms

_IDLE_MS = 2_000
LIVING = frozenset({Pattern.ALIVE, Pattern.DRILL})  # where nobody has a blue lamp the drill is shown by the green one
ALIVE_MS = 3_000  # three cycles: a loop that has not gone round for so long is not alive


class Flasher:
    """`drive` sets these levels at once, one behind the other without a break; it must not raise for a lost pin.
    `steps`: this floor's rhythms."""

    def __init__(
        self,
        clock: Clock,
        drive: Callable[[Mapping[str, bool]], None],
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

    def play(self, output: str, pattern: Pattern) -> bool | None:
        """Start a pattern, in phase with all others: the level to begin with. None for what plays already: it goes
        on."""
        if self._playing.get(output) is pattern:
            return None
        self._playing[output] = pattern
        self._waker.wake()
        return self._level(pattern, self._clock.now_ms())

    def stop(self, output: str) -> None:
        """The output is steady from now on; its level is left as it is."""
        self._playing.pop(output, None)

    def note_alive(self) -> None:
        """The control loop has gone round."""
        self._alive_ms = self._clock.now_ms()

    async def run(self) -> None:
        """Sleep until the next edge of any pattern, at most two seconds, for ever."""
        while True:
            now_ms = self._clock.now_ms()
            patterns = {pattern: self._level(pattern, now_ms) for pattern in set(self._playing.values())}
            self._drive({output: patterns[pattern] for output, pattern in self._playing.items()})
            self._beat("writer")
            edges = [next_edge_ms(pattern, now_ms, self._steps) for pattern in patterns]
            in_ms = min((edge for edge in edges if edge is not None), default=None)
            await self._waker.wait(next_turn_ms(self._clock, _IDLE_MS) if in_ms is None else now_ms + in_ms)

    def _level(self, pattern: Pattern, now_ms: int) -> bool:
        # Dark when the loop stands still. A killed process leaves its lines as they were: steady means dead as well.
        dead = pattern in LIVING and now_ms - self._alive_ms > ALIVE_MS
        return not dead and level(pattern, now_ms, self._steps)
