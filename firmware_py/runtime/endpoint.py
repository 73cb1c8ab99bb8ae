"""What one endpoint has to do and when: due groups on a grid common to all endpoints, hints, wanted outputs.

Bookkeeping only, all of it bounded by what the endpoint declares; the poller does the waiting and the talking. Knows no
points' meaning and no protocol.
"""

import zlib
from collections.abc import Iterable, Mapping
from operator import attrgetter

from config.valued import dataclass
from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import PollGroup
from firmware_py.runtime.health import FIRST_PAUSE_MS, LONGEST_PAUSE_MS, draw_pause_ms

TICK_MS = 1000
HINT_GAP_MS = 100
_DUE_MS = attrgetter("due_ms")
_CHANGES = 3  # that are confirmed in one turn, each by all the reads it wants; what flutters waits for its next turn


@dataclass(frozen=True, slots=True)
class Looks:
    """Readings that follow at once since something urgent has changed: `wanted` if nothing else changes, and `most` of
    them in this turn whatever does."""

    wanted: int
    most: int

    @property
    def over(self) -> bool:
        """No further one."""
        return not (self.wanted and self.most)

    def after(self, anew: int | None) -> "Looks":
        """With one of them taken, upon which `anew` are wanted; None: there was no answer, and that is the end."""
        return Looks(0 if anew is None else max(self.wanted - 1, anew), self.most - 1)


def looks_for(wanted: int) -> Looks:
    """When a first reading wants so many."""
    return Looks(wanted, _CHANGES * wanted)


@dataclass(slots=True, kw_only=True)
class GroupTurns:
    """When one group is due, and when it was last read or given up."""

    group: PollGroup
    period_ms: int
    shift_ms: int
    due_ms: int = 0  # at the start everything is due
    read_ms: int = -HINT_GAP_MS

    def done(self, now_ms: int) -> bool:
        """The group was read or given up; True when at least one of its turns was missed meanwhile."""
        period_ms, shift_ms, before_ms = self.period_ms, self.shift_ms, self.due_ms
        self.read_ms = now_ms
        self.due_ms = due_ms = ((now_ms - shift_ms) // period_ms + 1) * period_ms + shift_ms
        return due_ms - before_ms > period_ms and before_ms > 0


class Schedule:
    """Groups of one endpoint. A group of period P is due at multiples of P, so that all endpoints share ticks and the
    process wakes once; groups slower than the tick are spread over different ticks by their ids."""

    def __init__(self, groups: Iterable[PollGroup]) -> None:
        # Equally fast ones in the driver's own order: an exchange's link comes before what needs that link.
        self.groups = tuple(sorted(groups, key=lambda group: group.period_ms))
        self.turns = tuple(
            GroupTurns(group=group, period_ms=group.period_ms, shift_ms=_shift_ms(group)) for group in self.groups
        )
        self._of = {each.group.id: each for each in self.turns}
        self._only = self.turns[0] if len(self.turns) == 1 else None

    def due(self, now_ms: int) -> tuple[PollGroup, ...]:
        """What is due, the fastest first."""
        return tuple(each.group for each in self.turns if each.due_ms <= now_ms)

    def due_ms(self, group: PollGroup) -> int:
        """When the group is due next."""
        return self._of[group.id].due_ms

    def next_ms(self) -> int | None:
        """When the first of all is due."""
        return self._only.due_ms if self._only is not None else min(map(_DUE_MS, self.turns), default=None)

    def done(self, group: PollGroup, now_ms: int) -> bool:
        """As `GroupTurns.done`."""
        return self._of[group.id].done(now_ms)

    def restart(self, group: PollGroup) -> None:
        """Due at once, and not late: its device was away."""
        self._of[group.id].due_ms = 0

    def hurry(self, group: PollGroup, now_ms: int) -> None:
        """Something happened there: due now, though a flood of hints gets no more than ten reads a second."""
        each = self._of[group.id]
        each.due_ms = min(each.due_ms, max(now_ms, each.read_ms + HINT_GAP_MS))


def _shift_ms(group: PollGroup) -> int:
    slots = group.period_ms // TICK_MS
    return zlib.crc32(group.id.encode()) % slots * TICK_MS if slots > 1 else 0


@dataclass(slots=True, kw_only=True)
class Wish:
    """One output behind the wire: what it is to be, and when to say so (again)."""

    on: bool
    lease_ms: int
    due_ms: int
    pause_ms: int = FIRST_PAUSE_MS
    told: bool = False  # the far end has taken this level
    level: bool | None = None  # as last read back
    failing: bool = False


class Wishes:
    """Wanted levels of the remote outputs of one endpoint: the newest wins, told again at each lease."""

    def __init__(self, outputs: Iterable[str]) -> None:
        self._outputs = frozenset(outputs)
        self._wishes: dict[str, Wish] = {}
        self.all: Mapping[str, Wish] = self._wishes  # by output; read only

    @property
    def pending(self) -> bool:
        """True while a wanted level has not reached the far end."""
        return any(not wish.told for wish in self._wishes.values())

    def want(self, output: str, *, on: bool, lease_ms: int, now_ms: int) -> bool:
        """A level is wanted; True when that is news, which is told at once even in a pause."""
        assert output in self._outputs, output
        wish = self._wishes.get(output)
        if wish is not None and wish.on is on:
            wish.lease_ms = lease_ms
            return False
        if wish is None:
            self._wishes[output] = Wish(on=on, lease_ms=lease_ms, due_ms=now_ms)
        else:
            wish.on, wish.due_ms, wish.told = on, now_ms, False
        return True

    def due(self, now_ms: int) -> tuple[tuple[str, bool], ...]:
        """What is to be told now: new levels before leases, and last what failed before, for it may cost a deadline."""
        late = [(wish.failing, wish.told, wish.due_ms, name) for name, wish in self._wishes.items()]
        return tuple((name, self._wishes[name].on) for *_, due_ms, name in sorted(late) if due_ms <= now_ms)

    def rest(self, now_ms: int) -> None:
        """Somebody behind the wire is silent: whatever is due waits a moment, so that reading goes on."""
        for wish in self._wishes.values():
            wish.due_ms = max(wish.due_ms, now_ms + draw_pause_ms(FIRST_PAUSE_MS))

    def due_ms(self) -> int | None:
        """When there is something to tell next."""
        return min((wish.due_ms for wish in self._wishes.values()), default=None)

    def told(self, output: str, *, on: bool, level: bool | None, now_ms: int) -> bool:
        """The far end took `on` and reads back as `level`; True when it follows. A newer wish stays pending."""
        wish = self._wishes[output]
        wish.level = on if level is None else level
        follows = level is None or level is on
        if wish.on is on:
            wish.told = True
            if follows:
                wish.due_ms, wish.pause_ms = now_ms + wish.lease_ms, FIRST_PAUSE_MS
            else:
                self._postpone(wish, now_ms)
        return follows

    def failed(self, output: str, *, on: bool, now_ms: int) -> None:
        """The far end could not be told; a newer wish is not held back by that."""
        wish = self._wishes[output]
        wish.level = None
        if wish.on is on:
            self._postpone(wish, now_ms)

    def _postpone(self, wish: Wish, now_ms: int) -> None:
        wish.due_ms = now_ms + draw_pause_ms(wish.pause_ms)
        wish.pause_ms = min(2 * wish.pause_ms, LONGEST_PAUSE_MS)


def complete(group: PollGroup, names: frozenset[str], samples: Mapping[str, Sample]) -> Mapping[str, Sample]:
    """The answer with all points of the group, of which `names` are the names. AssertionError for others than these."""
    if samples.keys() == names:
        return samples
    extra = samples.keys() - names
    assert not extra, f"{group.id} answers points that it does not have: {sorted(extra)[:5]}"
    missing = bad(Reason.NOT_SUPPORTED, "not in the answer")
    return {point: samples.get(point, missing) for point in group.points}


def longest(groups: Iterable[PollGroup]) -> Iterable[tuple[str, int]]:
    """Each device, and the longest that it may take for an answer."""
    longest_ms: dict[str, int] = {}
    for group in groups:
        longest_ms[group.device] = max(longest_ms.get(group.device, 0), group.answer_ms or group.deadline_ms)
    return longest_ms.items()
