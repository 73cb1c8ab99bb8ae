"""Sounder patterns, and the evacuation signals that none of ours may be taken for.

ISO 8201 / NFPA 72 Temporal-3, Temporal-4 (carbon monoxide), March time, and sounds without pauses. It must not know
which output plays them.
"""

from collections.abc import Sequence

PULSE_MS = (350, 650)  # half a second as panels really play it, a good deal more than the 10 % that codes allow
SHORT_MS = (60, 160)
PAUSE_T3_MS = (1_000, 2_200)
PAUSE_T4_MS = (3_500, 6_500)
QUIET_SHARE = 0.5  # a sound that is on for longer than this is heard as a continuous one


def resembles(steps: Sequence[int]) -> str:
    """The evacuation signal that this pattern (milliseconds on, off, on, off ...) could be taken for; "" for none."""
    steps = _once(tuple(steps))
    on, off = steps[::2], steps[1::2]
    if _all(on, PULSE_MS) and _all(off[:-1], PULSE_MS):
        if len(on) == 3 and _all(off[-1:], PAUSE_T3_MS):
            return "Temporal-3, the evacuation signal"
        if _all(off, PULSE_MS):
            return "March time, an evacuation signal"
    if len(on) == 4 and _all((*on, *off[:-1]), SHORT_MS) and _all(off[-1:], PAUSE_T4_MS):
        return "Temporal-4, the carbon monoxide signal"
    if sum(on) > QUIET_SHARE * (sum(on) + sum(off)):
        return "a continuous evacuation tone: it sounds for more than half of the time"
    return ""


def _once(steps: tuple[int, ...]) -> tuple[int, ...]:
    """A pattern that is written out several times is the same pattern."""
    lengths = range(2, len(steps) + 1, 2)
    return next(steps[:n] for n in lengths if len(steps) % n == 0 and steps == steps[:n] * (len(steps) // n))


def _all(steps: Sequence[int], within_ms: tuple[int, int]) -> bool:
    return all(within_ms[0] <= step <= within_ms[1] for step in steps)
