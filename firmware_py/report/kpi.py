"""A month of alarms measured against the targets of ISA-18.2 and EEMUA 191 (as reprinted; `facts` names the sources).

Rate, floods, chatter, stale alarms, priorities. Drills do not count. Pure numbers; knows no words.
"""

from collections.abc import Iterable, Sequence

from config.valued import dataclass
from firmware_py.report.words import Doc, seconds

DAY_S = 86_400
MANAGEABLE_PER_DAY, OVER_DEMANDING_PER_DAY = 150, 300
FLOOD_BEGINS, FLOOD_ENDS, FLOOD_WINDOW_S = 10, 5, 600
CHATTER_COUNT, CHATTER_WINDOW_S = 3, 60
STALE_S = DAY_S
MIX_TARGET_PCT = {"low": 80, "medium": 15, "high": 5}
FEW = 20  # alarms, of which shares say nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Kpis:
    """`peak`: most in any ten minutes. `flood_s`: time in flood. `chattering`, `stale`: alarm ids, worst first.
    `top`: the most frequent alarms. `answer_s`: median time to an acknowledgement, None without one."""

    count: int
    days: float
    per_day: float
    worst_day: int
    peak: int
    floods: int
    flood_s: int
    chattering: tuple[tuple[str, int], ...]
    stale: tuple[str, ...]
    mix_pct: dict[str, float]
    top: tuple[tuple[str, int], ...]
    answer_s: float | None

    @property
    def flood_pct(self) -> float:
        """Share of the time in flood; under 1 is the target."""
        return 100 * self.flood_s / (self.days * DAY_S)


def measure_month(activations: Iterable[Doc], start_s: int, end_s: int) -> Kpis:
    """The measures of the time from `start_s` to `end_s` (seconds since 1970)."""
    told = [one for one in activations if not one.get("drill")]
    raised = [
        (at_s, one) for one in told if (at_s := seconds(one.get("raised"))) is not None and start_s <= at_s < end_s
    ]
    raised.sort(key=lambda pair: pair[0])
    times = [at_s for at_s, _ in raised]
    days = max(1.0, (end_s - start_s) / DAY_S)
    by_alarm: dict[str, list[int]] = {}
    for at_s, one in raised:
        by_alarm.setdefault(str(one.get("alarm")), []).append(at_s)
    floods, flood_s = _floods(times, end_s)
    per_day: dict[int, int] = {}
    for at_s in times:
        per_day[(at_s - start_s) // DAY_S] = per_day.get((at_s - start_s) // DAY_S, 0) + 1
    shares = {name: sum(one.get("priority") == name for _, one in raised) for name in MIX_TARGET_PCT}
    answers = sorted(acked - at_s for at_s, one in raised if (acked := seconds(one.get("acked"))) is not None)
    top = sorted(((name, len(one)) for name, one in by_alarm.items()), key=lambda pair: (-pair[1], pair[0]))
    chatter = [(name, _bursts(one)) for name, one in by_alarm.items()]
    return Kpis(
        count=len(times), days=days, per_day=len(times) / days, worst_day=max(per_day.values(), default=0),
        peak=max((n for n, _ in _windows(times)), default=0), floods=floods, flood_s=flood_s,
        chattering=tuple(sorted((pair for pair in chatter if pair[1]), key=lambda pair: -pair[1])),
        stale=tuple(sorted({str(one.get("alarm")) for one in told if _stood_s(one, start_s, end_s) > STALE_S})),
        mix_pct={name: 100 * count / len(times) if times else 0.0 for name, count in shares.items()},
        top=tuple(top[:10]), answer_s=float(answers[len(answers) // 2]) if answers else None,
    )  # fmt: skip


def _windows(times: Sequence[int]) -> Iterable[tuple[int, int]]:
    """For each alarm: how many there were in the ten minutes that it ends, and when."""
    first = 0
    for last, at_s in enumerate(times):
        while times[first] <= at_s - FLOOD_WINDOW_S:
            first += 1
        yield last - first + 1, at_s


def _floods(times: Sequence[int], end_s: int) -> tuple[int, int]:
    """How many floods (more than ten in ten minutes, until under five), and how long they took together."""
    begun: int | None = None
    count = total_s = 0
    moments = sorted({*times, *(at_s + FLOOD_WINDOW_S for at_s in times)})
    first = last = 0
    for at_s in moments:
        while last < len(times) and times[last] <= at_s:
            last += 1
        while first < last and times[first] <= at_s - FLOOD_WINDOW_S:
            first += 1
        if begun is None and last - first > FLOOD_BEGINS:
            begun, count = at_s, count + 1
        elif begun is not None and last - first < FLOOD_ENDS:
            total_s, begun = total_s + min(at_s, end_s) - begun, None
    return count, total_s


def _bursts(times: Sequence[int]) -> int:
    """How often an alarm came three times within a minute; one burst counts once."""
    bursts, free_s = 0, 0
    for first, last in zip(times, times[CHATTER_COUNT - 1 :], strict=False):
        if last - first < CHATTER_WINDOW_S and first >= free_s:
            bursts, free_s = bursts + 1, last + 1
    return bursts


def _stood_s(one: Doc, start_s: int, end_s: int) -> int:
    raised, cleared = seconds(one.get("raised")), seconds(one.get("cleared"))
    return (end_s if cleared is None else cleared) - (start_s if raised is None else raised)
