"""The surge arithmetic against simulated weeks: false alarms a week, and the delay until a true surge is seen.

Calls are Poisson, days are alike or differ by 20 % (gamma); eight weeks are learnt before the four that count.
`python -m bench.surge [histories]` prints the table. It knows nothing but the pure functions.
"""

import heapq
import math
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.calls import Calls, Watch
from firmware_py.core.surge import SLOTS, WEEKS, Minute, SurgeState, learnt, note

LEVELS = (5, 10, 20, 60)  # usual calls in half an hour
DAY_MINUTES, JUDGED_WEEKS = 1440, 4
DAYS_ALIKE, DAYS_DIFFER = 0.0, 25.0  # shape of the gamma; 0: every day is the same
LINES, HOLD_MIN = 8, 3.0
TIMES, SURGES = 3.0, 12  # true surges, and how many of them in a history
CALM_MIN, LONGEST_MIN = 300, 90  # before it, and of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One history: alarms in the judged weeks, and the minutes until each of some true surges was seen."""

    false_alarms: int
    weeks: int
    delays_min: tuple[int, ...]


def day_factor(chance: random.Random, shape: float) -> float:
    """How busy a day is beside the others, 1 on average."""
    return chance.gammavariate(shape, 1 / shape) if shape else 1.0


def history(chance: random.Random, level: float, shape: float) -> dict[int, tuple[int, ...]]:
    """Eight weeks to learn from."""
    days = [[Calls(level * day_factor(chance, shape)) for _ in range(7)] for _ in range(WEEKS)]
    return {slot: tuple(week[slot // 48].draw(chance) for week in days) for slot in range(SLOTS)}


def simulate(
    level: float, seed: int, *, weeks: int = JUDGED_WEEKS, surges: int = SURGES, shape: float = DAYS_ALIKE
) -> Score:
    """One floor's twelve weeks, and surges on days of their own."""
    chance = random.Random(seed)
    learnt_weeks = history(chance, level, shape)
    watch, alarms = Watch(learnt_weeks), 0
    for day in range(7 * weeks):
        calls = Calls(level / 30 * day_factor(chance, shape))
        alarms += sum(1 for _ in watch.begins(day % 7 * DAY_MINUTES, calls.minutes(chance, DAY_MINUTES)))
    delays = tuple(_delay(chance, learnt_weeks, level, shape) for _ in range(surges))
    return Score(false_alarms=alarms, weeks=weeks, delays_min=delays)


def _delay(chance: random.Random, weeks: Mapping[int, Sequence[int]], level: float, shape: float) -> int:
    rate, start = level / 30 * day_factor(chance, shape), chance.randrange(SLOTS * 30 - 400)
    watch = Watch(weeks)
    for _ in watch.begins(start, Calls(rate).minutes(chance, CALM_MIN)):
        pass
    watch.surging = False
    surge = Calls(TIMES * rate).minutes(chance, LONGEST_MIN)
    return next(watch.begins(start + CALM_MIN, surge), LONGEST_MIN)


def crowd(seed: int, erlang: float, times: float, *, days: int = 7) -> tuple[int, int]:
    """Few lines: alarms in usual days, and minutes until a true rise of the offered load is noticed (240: not)."""
    chance = random.Random(seed)
    usual = _floor(chance, erlang, 7 * WEEKS * DAY_MINUTES)
    counts: dict[int, tuple[int, ...]] = {}
    for slot in range(SLOTS):
        starts = [week * 7 * DAY_MINUTES + slot * 30 for week in range(WEEKS)]
        counts[slot] = tuple(sum(minute[0] for minute in usual[start : start + 30]) for start in starts)
    state, alarms = SurgeState(history=learnt(counts)), 0
    for index, (offered, busy_pct) in enumerate(_floor(chance, erlang, days * DAY_MINUTES)):
        after = note(state, Minute(index=index % (SLOTS * 30), offered_count=offered, busy_pct=busy_pct))
        alarms += after.surging and not state.surging
        state = after
    state = replace(state, surging=False)
    first = days * DAY_MINUTES
    for waited, (offered, busy_pct) in enumerate(_floor(chance, erlang * times, 240), start=1):
        state = note(state, Minute(index=(first + waited - 1) % (SLOTS * 30), offered_count=offered, busy_pct=busy_pct))
        if state.surging:
            return alarms, waited
    return alarms, 240


def _floor(chance: random.Random, erlang: float, minutes: int) -> list[tuple[int, float]]:
    """Calls that found a line, and the share of each minute with all lines busy: M/M/8/8, what the exchange can see."""
    ends: list[float] = []
    now, result = 0.0, [[0, 0.0] for _ in range(minutes)]
    now += chance.expovariate(erlang / HOLD_MIN)
    while now < minutes:
        while ends and ends[0] <= now:
            heapq.heappop(ends)
        if len(ends) < LINES:
            result[int(now)][0] += 1
            heapq.heappush(ends, now + chance.expovariate(1 / HOLD_MIN))
            if len(ends) == LINES:
                _fill(result, now, min(ends[0], minutes))
        now += chance.expovariate(erlang / HOLD_MIN)
    return [(int(offered), min(100.0, busy)) for offered, busy in result]


def _fill(result: list[list[float]] | list[list[int | float]], begin: float, end: float) -> None:
    while begin < end:
        stop = min(end, math.floor(begin) + 1)
        result[int(begin)][1] += 100 * (stop - begin)
        begin = stop


def main(histories: int) -> None:
    """The table."""
    say = sys.stdout.write
    say(
        f"{histories} histories of 12 weeks a level\ndays   | usual calls a half hour | false alarms a week | true 3x\n"
    )
    for shape, name in ((DAYS_ALIKE, "alike"), (DAYS_DIFFER, "20 %")):
        for level in LEVELS:
            scores = [simulate(level, seed, shape=shape) for seed in range(histories)]
            weekly = sum(score.false_alarms for score in scores) / sum(score.weeks for score in scores)
            delay_min = statistics.median(delay for score in scores for delay in score.delays_min)
            say(f"{name:6} | {level:23} | {weekly:19.2f} | {delay_min:.0f} min\n")
    crowds = [crowd(seed, 4.0, 2.0) for seed in range(max(4, histories // 5))]
    noticed = statistics.median(waited for _, waited in crowds)
    weekly = statistics.mean(alarms for alarms, _ in crowds)
    say(f"8 lines, 4 Erlang, doubled: seen after {noticed:.0f} min (median); {weekly:.2f} false alarms a week\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
