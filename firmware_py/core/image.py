"""The frozen picture of all inputs that one cycle decides on (a PLC's process image).

Freezing applies each point's age limit, so that nothing below can mistake an old value for a live one.
This module must not know which points exist or what they mean.
"""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import field
from itertools import chain
from typing import Protocol

from config.valued import dataclass
from firmware_py.core.differ import moved
from firmware_py.core.point import Point
from firmware_py.core.reading import Quality, Reading, Reason

NOTHING_READ = Reading(value=None, quality=Quality.BAD, at_ms=0, because=Reason.NOT_YET)
ALONE = -1  # stands in no group: its reading carries its own time


class Course:
    """Points whose reading became another, one behind the other, over the pictures of the same points. It only ever
    grows, so that any thread may read it."""

    __slots__ = ("names",)

    def __init__(self) -> None:
        self.names: list[str] = []


class Times(Protocol):
    """The time of each share, worked out when somebody asks for it."""

    def __getitem__(self, owner: str, /) -> int: ...


class Shared(Mapping[str, Reading]):
    """Readings that were worked out, of which most only get a new time: `shares`, each as it last changed, and the
    `rest`. `owners`: the share of a point. Where no share has changed, `shares` is the very same as before."""

    __slots__ = ("_made", "owners", "rest", "shares", "times")

    def __init__(
        self, owners: Mapping[str, str], shares: Mapping[str, Mapping[str, Reading]], times: Times,
        rest: Mapping[str, Reading],
    ) -> None:  # fmt: skip
        self.owners, self.shares, self.times, self.rest = owners, shares, times, rest
        self._made: dict[str, Reading] = {}

    def __getitem__(self, point: str) -> Reading:
        owner = self.owners.get(point)
        if owner is None:
            return self.rest[point]
        made = self._made.get(point)
        if made is None:
            made, at_ms = self.shares[owner][point], self.times[owner]
            made = self._made[point] = made if made.at_ms == at_ms else made.renewed(at_ms)
        return made

    def __contains__(self, point: object) -> bool:
        return point in self.owners or point in self.rest

    def __iter__(self) -> Iterator[str]:
        yield from self.owners
        yield from self.rest

    def __len__(self) -> int:
        return len(self.owners) + len(self.rest)

    def content(self, point: str) -> Reading | None:
        """All but the time of a reading, None where there is none."""
        owner = self.owners.get(point)
        return self.rest.get(point) if owner is None else self.shares[owner][point]

    def touched(self, before: Mapping[str, Reading]) -> Iterator[str]:
        """Among these are all that read otherwise than before."""
        if not isinstance(before, Shared) or before.owners is not self.owners:
            yield from before
            yield from self
            return
        yield from before.rest
        yield from self.rest
        for owner in moved(before.shares, self.shares):
            yield from self.shares[owner]


class Readings(Mapping[str, Reading]):
    """Readings of one picture, of which most are only newer than in the picture before: those that are always read
    together share their time. Reads as the mapping of all readings, each made when somebody asks for it.

    `content`: as they last changed. `group_of`: which of them share a time (else ALONE or absent), which `times` has.
    `course`, of which this picture knows the beginning, tells what became another. `derived`: what was worked out.
    """

    __slots__ = ("_content", "_made", "course", "derived", "group_of", "known", "times")

    def __init__(
        self, content: Mapping[str, Reading], group_of: Mapping[str, int], times: Mapping[int, int], course: Course,
        known: int, derived: Mapping[str, Reading] | None = None,
    ) -> None:  # fmt: skip
        self._content, self.group_of, self.times = content, group_of, times
        self.course, self.known, self.derived = course, known, {} if derived is None else derived
        self._made: dict[str, Reading] = {}

    def __getitem__(self, point: str) -> Reading:
        made = self._made.get(point)
        if made is None:
            if point in self.derived:
                made = self.derived[point]
            else:
                made = self._content[point]
                at_ms = self.times.get(self.group_of.get(point, ALONE))
                if at_ms is not None and at_ms != made.at_ms:
                    made = made.renewed(at_ms)
            self._made[point] = made
        return made

    def __contains__(self, point: object) -> bool:
        return point in self._content or point in self.derived

    def __iter__(self) -> Iterator[str]:
        yield from self._content
        yield from (point for point in self.derived if point not in self._content)

    def __len__(self) -> int:
        return len(self._content) + sum(point not in self._content for point in self.derived)

    def joined(self, derived: Mapping[str, Reading]) -> "Readings":
        """The same with what was worked out from it."""
        known = {**self.derived, **derived} if self.derived else derived
        return Readings(self._content, self.group_of, self.times, self.course, self.known, known)

    def renewed(self, at_ms: int) -> "Readings":
        """As if all that stands in groups had been read again at `at_ms`; without what was worked out."""
        return Readings(self._content, self.group_of, dict.fromkeys(self.times, at_ms), self.course, self.known)

    def content(self, point: str) -> Reading:
        """All but the time of a reading, which may be older than the point's."""
        derived = self.derived
        known = derived.content(point) if isinstance(derived, Shared) else derived.get(point)
        return self._content.get(point, NOTHING_READ) if known is None else known

    def contents(self, points: Iterable[str]) -> Iterator[Reading]:
        """The same of points that were read, one after the other."""
        return map(self._content.__getitem__, points)

    def at_ms(self, point: str) -> int:
        """The time of a reading."""
        at_ms = None if point in self.derived else self.times.get(self.group_of.get(point, ALONE))
        return self.get(point, NOTHING_READ).at_ms if at_ms is None else at_ms

    def unlike(self, before: "Readings", names: Iterable[str]) -> Iterator[str]:
        """Those of `names` that read otherwise than before, where that course is known."""
        old, new, worked = before._content, self._content, before.derived or self.derived
        for name in names:
            if worked and (name in before.derived or name in self.derived):
                was, now = before.content(name), self.content(name)
            else:
                was, now = old[name], new[name]
            if reads_otherwise(was, now):
                yield name

    def follows(self, before: Mapping[str, Reading]) -> bool:
        """Whether the course between both pictures is known."""
        return isinstance(before, Readings) and before.course is self.course and before.known <= self.known


def same_points(before: Mapping[str, Reading], now: Mapping[str, Reading]) -> bool:
    """Whether both are of the same points."""
    if isinstance(now, Readings) and isinstance(before, Readings) and now.follows(before):
        one, other = before.derived, now.derived
        if isinstance(one, Shared) and isinstance(other, Shared) and one.owners is other.owners:
            one, other = one.rest, other.rest
        return one.keys() == other.keys() or before.keys() == now.keys()
    return before.keys() == now.keys()


def reads_otherwise(was: Reading, now: Reading) -> bool:
    """Whether they differ in more than time and words for people."""
    return now is not was and (
        now.value != was.value or now.quality is not was.quality or now.because is not was.because
    )


def unlike(
    before: Mapping[str, Reading], now: Mapping[str, Reading], among: Container[str] | None = None
) -> Iterator[str]:
    """Points (of those `among`) that read otherwise than before; a reading that is only newer does not. Both are of the
    same points."""
    names: Iterable[str] = touched(before, now)
    if among is not None:
        names = (name for name in names if name in among)
    if isinstance(now, Readings) and isinstance(before, Readings) and now.follows(before):
        return now.unlike(before, names)
    return (name for name in names if reads_otherwise(before[name], now[name]))


def touched(before: Mapping[str, Reading], now: Mapping[str, Reading]) -> Collection[str]:
    """Among these are all points that read otherwise than `before`; any other is at most newer, and by its group.

    Both are of the same points.
    """
    if not (isinstance(now, Readings) and isinstance(before, Readings) and now.follows(before)):
        return now.keys()
    names = dict.fromkeys(now.course.names[before.known : now.known])
    if isinstance(now.derived, Shared):
        return names | dict.fromkeys(now.derived.touched(before.derived))
    return (
        names | dict.fromkeys(before.derived) | dict.fromkeys(now.derived) if now.derived or before.derived else names
    )


def differ(before: Mapping[str, Reading], now: Mapping[str, Reading], among: Container[str]) -> bool:
    """Whether any of these points reads otherwise than before. Both are of the same points."""
    if isinstance(now, Readings) and isinstance(before, Readings) and now.follows(before):
        read = (name for name in now.course.names[before.known : now.known] if name in among)
        if next(now.unlike(before, read), None) is not None:  # as mostly the first of them
            return True
    return next(unlike(before, now, among), None) is not None


def changes(before: Mapping[str, Reading], now: Mapping[str, Reading]) -> Iterator[tuple[str, Reading]]:
    """Among these are all points that read otherwise than before, with what they are now, all but the time; a point may
    come twice. Both are of the same points."""
    if not (isinstance(now, Readings) and isinstance(before, Readings) and now.follows(before)):
        yield from now.items()
        return
    read, worked = now.course.names[before.known : now.known], now.derived
    own = (worked.owners, worked.rest) if isinstance(worked, Shared) else (worked,)
    if any(any(map(names.__contains__, read)) for names in own):
        read = [name for name in read if name not in worked]
    yield from zip(read, now.contents(read), strict=True)
    again = worked.touched(before.derived) if isinstance(worked, Shared) else chain(before.derived, worked)
    for name in dict.fromkeys(again):
        yield name, now.content(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputImage:
    """Readings by point id as of `now_ms`. `stale_at_ms`: when the first of them will turn stale, None if none can."""

    now_ms: int
    readings: Mapping[str, Reading] = field(default_factory=dict)
    stale_at_ms: int | None = None

    def joined(self, derived: Mapping[str, Reading]) -> "InputImage":
        """The same picture with what was worked out from it."""
        if not derived:
            return self
        known = self.readings
        joined = known.joined(derived) if isinstance(known, Readings) else {**known, **derived}
        return InputImage(now_ms=self.now_ms, readings=joined, stale_at_ms=self.stale_at_ms)

    def __getitem__(self, point: str) -> Reading:
        return self.readings.get(point, NOTHING_READ)

    def content(self, point: str) -> Reading:
        """All but the time of a reading; the same object as long as it says the same."""
        known = self.readings
        return known.content(point) if isinstance(known, Readings) else known.get(point, NOTHING_READ)

    def at_ms(self, point: str) -> int:
        """The time of a reading."""
        known = self.readings
        return known.at_ms(point) if isinstance(known, Readings) else self[point].at_ms


def freeze(points: Iterable[Point], readings: Mapping[str, Reading], now_ms: int) -> InputImage:
    """Take the picture at `now_ms`: a reading older than its point allows is BAD and STALE, its last value kept."""
    frozen: dict[str, Reading] = {}
    stale_at_ms: int | None = None
    for point in points:
        reading = readings.get(point.id, NOTHING_READ)
        if reading.quality is not Quality.BAD:
            limit_ms = reading.at_ms + point.stale_after_ms
            if now_ms > limit_ms:
                reading = stale(reading)
            elif stale_at_ms is None or limit_ms + 1 < stale_at_ms:
                stale_at_ms = limit_ms + 1
        frozen[point.id] = reading
    return InputImage(now_ms=now_ms, readings=frozen, stale_at_ms=stale_at_ms)


def stale(reading: Reading) -> Reading:
    """The same, too old to be believed."""
    return Reading(value=reading.value, quality=Quality.BAD, at_ms=reading.at_ms, because=Reason.STALE)
