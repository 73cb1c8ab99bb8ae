"""Whether more calls come than is usual at this time of the week: arithmetic over one-minute counts.

Usual is the median of eight weeks for this half hour, moved by how busy today is. Few calls prove little, and few lines
hide many callers, so time with every line busy counts too. It must not know an exchange, a clock or what is done then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from math import exp, log, log1p, sqrt

from config.valued import dataclass, replace

SLOT_MIN = 30
SLOTS = 7 * 24 * 60 // SLOT_MIN
WEEKS = 8
LEARNT_WEEKS = 3  # fewer than this: learning
SMOOTH = (1, 2, 3, 4, 5, 4, 3, 2, 1)  # weights of the half hours around: a median of eight small counts is rough
AROUND = range(-(len(SMOOTH) // 2), len(SMOOTH) // 2 + 1)
UNLIKE = 2.0  # times the root of the count: a half hour that differs by more is another kind (the floor opens, closes)
ROUGH = 1.57 * sum(weight * weight for weight in SMOOTH) / sum(SMOOTH) ** 2 / WEEKS  # variance left, of one call
WINDOW_MIN = 10  # what people are shown
KEPT_MIN = 20  # minutes that may belong to a surge and say nothing about the day
DAY_SHAPE = 25.0  # days differ by about 20 %: the shape of a gamma with that spread
DAY_MIN = 240  # minutes that today's level looks back on
# The sum of Shiryaev and Roberts for counts, tuned to three times the usual by simulation: decision 0062.
TIMES = 3.0
BAR = 8.25  # evidence in nats; a busy floor can afford a little more
BAR_FOR_A_CALL = 1.5  # for each call a minute that is usual
CAUTION = 0.25  # how much of the doubt about what is usual counts as usual
END_TIMES = 1.4  # a surge is over when the last twenty minutes fall below this
CROWDED_PCT = 22.0  # share of twenty minutes with every line busy; 4 Erlang on 8 lines: 3 %, 8 Erlang: 24 %
CROWDED_TIMES = 1.4  # and so many calls over the usual


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute:
    """One whole minute. `index`: minutes since Monday 00:00; `offered_count` None while the exchange was not seen."""

    index: int
    offered_count: int | None
    busy_pct: float = 0.0  # of this minute with every line taken
    base_count: float | None = None  # filled in by `note`: calls that are usual in this minute


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeState:
    """All that is remembered: at most 336 x 8 counts, and the last twenty minutes.

    `history`: by half hour of the week, the counts of earlier weeks, newest last, as one text (`12 9 14`): all of it is
    hashed in each cycle. `base_count`: calls usual in a minute of this half hour. `seen_count`, `due_count`: calls of
    today and what was usual for them, fading. `score_value`: evidence of a surge. `spoilt`: the running half hour was
    not seen whole or was a surge, so it is not learnt.
    """

    history: Mapping[str, str] = field(default_factory=dict)
    minutes: tuple[Minute, ...] = ()
    seen_count: float = 0.0
    due_count: float = 0.0
    score_value: float = 0.0
    base_count: float | None = None
    slot_number: int = -1
    count: int = 0
    spoilt: bool = True
    surging: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`usual_count`: calls expected in the last ten minutes; None while `learning`. `times_value`: seen over usual."""

    learning: bool
    usual_count: float | None
    seen_count: int
    times_value: float | None
    busy_pct: float
    surge: bool


def learnt(weeks: Mapping[int, Sequence[int]]) -> dict[str, str]:
    """The history of these counts by half hour."""
    return {str(slot): " ".join(str(count) for count in counts[-WEEKS:]) for slot, counts in weeks.items()}


def usual(history: Mapping[str, str], slot: int) -> float | None:
    """Calls of this half hour in a usual week; None before three weeks were learnt."""
    counts = sorted(int(count) for count in history.get(str(slot % SLOTS), "").split())
    if len(counts) < LEARNT_WEEKS:
        return None
    middle = len(counts) // 2
    return float(counts[middle]) if len(counts) % 2 else (counts[middle - 1] + counts[middle]) / 2


def expected(history: Mapping[str, str], slot: int) -> float | None:
    """Calls usual in a minute of this half hour, smoothed over those around; None while learning."""
    return smoothed([usual(history, slot + place) for place in AROUND])


def smoothed(around: Sequence[float | None]) -> float | None:
    """The same from what is usual in each half hour of AROUND. One of another kind says nothing of the middle one."""
    middle = around[len(around) // 2]
    if middle is None:
        return None
    total = 0.0
    for weight, near in zip(SMOOTH, around, strict=True):
        unlike = near is None or abs(near - middle) > UNLIKE * sqrt(max(near, middle))
        total += weight * (middle if near is None or unlike else near)
    return total / sum(SMOOTH) / SLOT_MIN


def note(state: SurgeState, minute: Minute) -> SurgeState:
    """One minute more. A gap in the minutes spoils the running half hour and clears the window."""
    follows = bool(state.minutes) and (state.minutes[-1].index + 1) % (SLOTS * SLOT_MIN) == minute.index
    whole = follows or minute.index % SLOT_MIN == 0
    kept = state.minutes if follows else ()
    state = _learn_today(_turn(state, minute.index // SLOT_MIN), kept)
    base = state.base_count
    score = (
        state.score_value if base is None or minute.offered_count is None else _score(state, base, minute.offered_count)
    )
    state = replace(
        state,
        minutes=(*kept, replace(minute, base_count=base))[-KEPT_MIN:],
        score_value=score,
        count=state.count + (minute.offered_count or 0),
        spoilt=state.spoilt or minute.offered_count is None or not whole,
    )
    surging = _surges(state, base)
    return replace(state, surging=surging, score_value=0.0 if surging else score, spoilt=state.spoilt or surging)


def _turn(state: SurgeState, slot: int) -> SurgeState:
    """A new half hour begins: the one before is learnt, if it was seen whole and was no surge."""
    if slot == state.slot_number:
        return state
    history = state.history
    if not state.spoilt:
        earlier = history.get(str(state.slot_number), "").split()
        history = {**history, str(state.slot_number): " ".join((*earlier, str(state.count))[-WEEKS:])}
    return replace(state, history=history, slot_number=slot, base_count=expected(history, slot), count=0, spoilt=False)


def _learn_today(state: SurgeState, kept: Sequence[Minute]) -> SurgeState:
    """The minute that leaves the window tells how busy today is; one inside a surge tells nothing."""
    fade = 1 - 1 / DAY_MIN
    seen, due = state.seen_count * fade, state.due_count * fade
    if len(kept) == KEPT_MIN and not state.surging:
        oldest = kept[0]
        if oldest.offered_count is not None and oldest.base_count is not None:
            seen, due = seen + oldest.offered_count, due + oldest.base_count
    return replace(state, seen_count=seen, due_count=due)


def _level(state: SurgeState) -> float:
    return (DAY_SHAPE + state.seen_count) / (DAY_SHAPE + state.due_count)


def _score(state: SurgeState, base: float, offered: int) -> float:
    """Evidence that calls come at TIMES the usual since some minute or other, not as usual: the logarithm of the
    sum over all minutes at which that may have begun."""
    doubt = ROUGH / max(1.0, base * SLOT_MIN) + 1 / (DAY_SHAPE + state.due_count)
    rate = base * _level(state) * (1 + CAUTION * sqrt(doubt))
    before = max(0.0, state.score_value) + log1p(exp(-abs(state.score_value)))  # log(1 + e^x), and never too large
    return before + offered * log(TIMES) - rate * (TIMES - 1)


def _surges(state: SurgeState, base: float | None) -> bool:
    if base is None:
        return False
    if not state.surging and state.score_value >= BAR + BAR_FOR_A_CALL * base:
        return True
    busy_pct = _busy_pct(state)
    if not state.surging and busy_pct < CROWDED_PCT:
        return False
    times = _times(state, KEPT_MIN)
    if state.surging:
        return times is None or times >= END_TIMES or busy_pct >= CROWDED_PCT / 2
    return times is not None and times >= CROWDED_TIMES


def _times(state: SurgeState, length: int) -> float | None:
    """Seen over usual in the last `length` minutes; None when it cannot be told."""
    window = state.minutes[-length:]
    due = _due(state, window)
    if due is None or due <= 0 or len(window) < WINDOW_MIN or any(minute.offered_count is None for minute in window):
        return None
    return sum(minute.offered_count or 0 for minute in window) / due


def _due(state: SurgeState, window: Sequence[Minute]) -> float | None:
    bases = [minute.base_count for minute in window]
    known = [base for base in bases if base is not None]
    return sum(known) * _level(state) if window and len(known) == len(bases) else None


def _busy_pct(state: SurgeState) -> float:
    return sum(minute.busy_pct for minute in state.minutes) / KEPT_MIN


def judge(state: SurgeState) -> Verdict:
    """What the last minutes say, for people and conditions."""
    window = state.minutes[-WINDOW_MIN:]
    due = _due(state, window)
    return Verdict(
        learning=due is None,
        usual_count=due,
        seen_count=sum(minute.offered_count or 0 for minute in window),
        times_value=_times(state, WINDOW_MIN),
        busy_pct=_busy_pct(state),
        surge=state.surging,
    )
