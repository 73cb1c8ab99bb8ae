"""Which points were last read together and when, and when the first of all points turns stale.

A point stands in the group of the source whose answer it came with, or alone with a time of its own. One answer of a
source is then one new time, however many points it has. Bookkeeping only; it must not know values.
"""

from collections.abc import Iterable, Mapping, Set

from config.valued import dataclass
from firmware_py.core.point import Point
from firmware_py.core.reading import Answer, News, Source
from firmware_py.runtime.fits import Known

_UNKNOWN = -1  # the number of an answer that nobody has
_SPARE = 64  # groups without points that may stay


@dataclass(slots=True, kw_only=True)
class Group:
    """The points of one source: `answer` is the number of its last one that was heard. `members`: see `within`.
    `known`: what the table knows of them by a driver's words, each with the plan's own, as long as they are these: a
    word that is the very same object is found without being read."""

    number: int
    at_ms: int = 0
    answer: int = _UNKNOWN
    least_ms: int | None = None  # the shortest life of a reading in it; None while there is none
    is_sure: bool = True  # whether that is so
    members: set[str] | None = None  # None: not yet gathered
    known: Mapping[str, tuple[Known, str]] | None = None  # as well


class Turns:
    """Call `are_fresh` before each picture, `aged` and `settle` where they are not, `seen` for it. `groups`: of each
    source that was heard."""

    def __init__(self, points: Mapping[str, Point]) -> None:
        self._points = points
        self.groups: dict[Source, Group] = {}
        self._by_number: dict[int, Group] = {}
        self._last = 0
        self._said_by: dict[str, int] = {}  # the group of the source that said so, of those that are BAD by an answer
        self._limits_ms: dict[str, int] = {}  # of those that stand alone and are not BAD
        self._group_of: dict[str, int] = {}
        self._is_seen = False  # by a picture, so that it is no more changed but replaced
        self.stale_at_ms: int | None = None

    def at_ms(self, point: str) -> int | None:
        """The time that it has by its group; None where it stands alone."""
        number = self._group_of.get(point)
        return None if number is None else self._by_number[number].at_ms

    def seen(self) -> tuple[Mapping[str, int], dict[int, int]]:
        """The group of each point that stands in one, and the time of each group."""
        self._is_seen = True
        return self._group_of, {number: group.at_ms for number, group in self._by_number.items()}

    def following(self, answer: Answer | News) -> Group | None:
        """The source's group, if the answer before this one was the last that was heard of its points, and nothing came
        between. Who has taken it in says so there: all that stands in it was read then."""
        group = self.groups.get(answer.source)
        return group if group is not None and group.answer == answer.number - 1 else None

    def within(self, source: Source | None) -> Set[str]:
        """The points that stand in this source's group now."""
        group = None if source is None else self.groups.get(source)
        return frozenset() if group is None else self.members(group)

    def members(self, group: Group) -> Set[str]:
        """The points that stand in it now."""
        if group.members is None:
            group.members = set(self._members(group))
        return group.members

    def note(self, answer: Answer | News, at_ms: int) -> None:
        """All that stands in this source's group was read now."""
        group = self._group(answer.source)
        group.answer, group.at_ms = answer.number, at_ms

    def join(self, point: str, source: Source) -> None:
        """It came with an answer of this source, and may turn stale."""
        group = self._group(source)
        if self._group_of.get(point) == group.number:
            return
        self._leave([point], source)
        self._contradict(point, group)
        self._changing()[point] = group.number
        if group.members is not None:
            group.members.add(point)
            group.known = None
        life_ms = self._points[point].stale_after_ms
        group.least_ms = life_ms if group.least_ms is None else min(group.least_ms, life_ms)

    def alone(self, point: str, limit_ms: int | None, source: Source | None) -> None:
        """It has a time of its own, and turns stale after `limit_ms` (None: never). `source`: whose answer said so."""
        if point in self._group_of:
            self._leave([point], source)
        own = None if source is None else self._group(source)
        if point in self._said_by:
            self._contradict(point, own)
        if own is not None:
            self._said_by[point] = own.number
        if limit_ms is None:
            self._limits_ms.pop(point, None)
        else:
            self._limits_ms[point] = limit_ms

    def are_fresh(self, now_ms: int) -> bool:
        """Whether none is too old by now; then `stale_at_ms` is as `settle` would have it. One pass, as mostly."""
        first_ms = min(self._limits_ms.values(), default=None)
        for group in self._by_number.values():
            if not group.is_sure:
                return False
            if group.least_ms is not None:
                limit_ms = group.at_ms + group.least_ms
                if first_ms is None or limit_ms < first_ms:
                    first_ms = limit_ms
        if first_ms is not None and first_ms < now_ms:
            return False
        self.stale_at_ms = None if first_ms is None else first_ms + 1
        return True

    def aged(self, now_ms: int) -> list[str]:
        """Those that are too old by now; from then on they are BAD, and no more looked at here."""
        found = list[str]()
        if min(self._limits_ms.values(), default=now_ms) < now_ms:
            found = [point for point, limit_ms in self._limits_ms.items() if limit_ms < now_ms]
            for point in found:
                del self._limits_ms[point]
        for group in self._by_number.values():
            if not group.is_sure:
                self._measure(group)
            if group.least_ms is not None and group.at_ms + group.least_ms < now_ms:
                old = [
                    point for point in self._members(group) if group.at_ms + self._points[point].stale_after_ms < now_ms
                ]
                found += old
        return found

    def settle(self, aged: Iterable[str]) -> None:
        """These have aged: what stood in a group does so no more. Works out `stale_at_ms` of what is left."""
        self._leave([point for point in aged if point in self._group_of], None)
        limits = [min(self._limits_ms.values())] if self._limits_ms else []
        for group in self._by_number.values():
            if not group.is_sure:
                self._measure(group)
            if group.least_ms is not None:
                limits.append(group.at_ms + group.least_ms)
        self.stale_at_ms = min(limits) + 1 if limits else None

    def _leave(self, points: list[str], source: Source | None) -> None:
        """Out of their groups. Where it was not their own answer that said so, its next one is taken in as a whole."""
        for point in points:
            self._limits_ms.pop(point, None)
        leaving = {point: self._group_of[point] for point in points if point in self._group_of}
        if not leaving:
            return
        groups = self._changing()
        for point in leaving:
            del groups[point]
        own = None if source is None else self.groups.get(source)
        for number in set(leaving.values()):
            group = self._by_number[number]
            group.is_sure, group.members, group.known = False, None, None
            if group is not own:
                group.answer = _UNKNOWN

    def _contradict(self, point: str, own: Group | None) -> None:
        """Somebody speaks for a point that stands alone by what a source's answer said of it."""
        before = self._by_number.get(self._said_by.pop(point, 0))
        if before is not None and before is not own:
            before.answer = _UNKNOWN

    def _changing(self) -> dict[str, int]:
        if self._is_seen:
            self._group_of, self._is_seen = self._group_of.copy(), False
        return self._group_of

    def _members(self, group: Group) -> list[str]:
        return [point for point, number in self._group_of.items() if number == group.number]

    def _measure(self, group: Group) -> None:
        group.least_ms = min((self._points[point].stale_after_ms for point in self._members(group)), default=None)
        group.is_sure = True

    def _group(self, source: Source) -> Group:
        group = self.groups.get(source)
        if group is None:
            if len(self.groups) > len(self._points) + _SPARE:
                self._tidy()
            self._last += 1
            group = self.groups[source] = self._by_number[self._last] = Group(number=self._last)
        return group

    def _tidy(self) -> None:
        """Drivers that are no more leave their groups behind."""
        alive = {*self._group_of.values(), *self._said_by.values()}
        self.groups = {source: group for source, group in self.groups.items() if group.number in alive}
        self._by_number = {group.number: group for group in self.groups.values()}
