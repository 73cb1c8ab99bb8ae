"""The law of core/surge.py over whole minutes in one loop, ten times as fast: hundreds of years of calls in minutes.

tests/core/test_surge_table.py holds it, minute by minute and bit by bit, against the real one. Every minute is seen and
no line is ever busy. It knows nothing but numbers.
"""

import math
import random
from bisect import bisect
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from firmware_py.core.surge import (
    AROUND,
    BAR,
    BAR_FOR_A_CALL,
    CAUTION,
    DAY_MIN,
    DAY_SHAPE,
    END_TIMES,
    KEPT_MIN,
    ROUGH,
    SLOT_MIN,
    SLOTS,
    TIMES,
    WEEKS,
    WINDOW_MIN,
    learnt,
    smoothed,
    usual,
)

FADE, EVIDENCE = 1 - 1 / DAY_MIN, math.log(TIMES)


class Calls:
    """Poisson counts of one mean, drawn from a table."""

    def __init__(self, mean: float) -> None:
        chance, total, table = math.exp(-mean), 0.0, []
        for count in range(int(mean + 12 * math.sqrt(mean)) + 30):
            total += chance
            table.append(total)
            chance *= mean / (count + 1)
        self._table = table

    def draw(self, chance: random.Random) -> int:
        """One count."""
        return bisect(self._table, chance.random())

    def minutes(self, chance: random.Random, count: int) -> list[int]:
        """So many counts."""
        table, draw = self._table, chance.random
        return [bisect(table, draw()) for _ in range(count)]


class Watch:
    """One floor: what it has learnt, and where it stands. `weeks`: at least three counts for each half hour."""

    def __init__(self, weeks: Mapping[int, Sequence[int]]) -> None:
        self.surging = False
        self.score_value = self.seen_count = self.due_count = self.base_count = 0.0
        self.history = learnt(weeks)
        self._usual = [self._look_up(slot) for slot in range(SLOTS)]
        self._window: deque[tuple[int, float]] = deque(maxlen=KEPT_MIN)
        self._index, self._slot, self._count, self._spoilt = -1, -1, 0, True

    def begins(self, start: int, counts: Iterable[int]) -> Iterator[int]:
        """The numbers, from 1, of the minutes in which a surge begins; `start` follows the last minute played."""
        for number, offered in enumerate(counts):
            index = (start + number) % (SLOTS * SLOT_MIN)
            if index // SLOT_MIN != self._slot:
                self._turn(index)
            before = self.surging
            self._note(index, offered)
            if self.surging and not before:
                yield number + 1

    def _note(self, index: int, offered: int) -> None:
        base, window = self.base_count, self._window
        seen, due = self.seen_count * FADE, self.due_count * FADE
        if len(window) == KEPT_MIN and not self.surging:
            seen, due = seen + window[0][0], due + window[0][1]
        level = (DAY_SHAPE + seen) / (DAY_SHAPE + due)
        doubt = ROUGH / max(1.0, base * SLOT_MIN) + 1 / (DAY_SHAPE + due)
        rate = base * level * (1 + CAUTION * math.sqrt(doubt))
        before = max(0.0, self.score_value) + math.log1p(math.exp(-abs(self.score_value)))
        score = before + offered * EVIDENCE - rate * (TIMES - 1)
        window.append((offered, base))
        if self.surging:
            usual_count = sum(one for _, one in window) * level
            known = usual_count > 0 and len(window) >= WINDOW_MIN
            self.surging = not known or sum(count for count, _ in window) / usual_count >= END_TIMES
        else:
            self.surging = score >= BAR + BAR_FOR_A_CALL * base
        self.score_value = 0.0 if self.surging else score
        self.seen_count, self.due_count, self._index = seen, due, index
        self._count += offered
        self._spoilt = self._spoilt or self.surging

    def _turn(self, index: int) -> None:
        slot = index // SLOT_MIN
        if not self._spoilt:
            earlier = self.history.get(str(self._slot), "").split()
            self.history[str(self._slot)] = " ".join((*earlier, str(self._count))[-WEEKS:])
            self._usual[self._slot] = self._look_up(self._slot)
        base = smoothed([self._usual[(slot + place) % SLOTS] for place in AROUND])
        assert base is not None
        self.base_count = base
        self._spoilt = self._index < 0 and index % SLOT_MIN != 0
        self._slot, self._count = slot, 0

    def _look_up(self, slot: int) -> float:
        middle = usual(self.history, slot)
        assert middle is not None, "a floor that still learns is not played here"
        return middle
