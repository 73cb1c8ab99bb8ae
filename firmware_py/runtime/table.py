"""The point table: the latest Reading of every point, stamped as it arrives.

It checks each value against its point, keeps the last good value of what goes BAD, and wakes the cycle when an urgent
point changes. It must not know devices, nor what a value means.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from operator import itemgetter

from config.redact import lessons
from firmware_py.core.image import NOTHING_READ, Course, InputImage, Readings, stale
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Answer, News, Quality, Reading, Reason, Sample, Source, bad, stamped
from firmware_py.runtime.clock import Clock, Urge
from firmware_py.runtime.fits import Fits, Known, cut, of_known
from firmware_py.runtime.turns import Group, Turns

_MAX_TEXT = 255
_FEWEST_LOOKS = 2  # of what changes at an urgent point, whatever the conditions want: a value that stays is no flutter
_KNOWN: Callable[[tuple[Known, str]], Known] = itemgetter(0)
_OWN: Callable[[tuple[Known, str]], str] = itemgetter(1)
_COURSE = 10_000  # changes of which the course is kept, and some for each point; then it begins anew


class PointTable:
    """Written by the poller and the writer, frozen by the cycle, all on one thread."""

    def __init__(
        self,
        points: Mapping[str, Point],
        clock: Clock,
        wake: Callable[[], None],
        looks: Mapping[str, int] | None = None,
        urge: Urge | None = None,
    ) -> None:
        self._points = points
        self._looks = looks or {}
        self._clock = clock
        self._wake, self._urge = wake, urge
        self._taken: dict[str, Sample] = {}  # as they came without a source, to know the very same one again
        self._retired: frozenset[str] = frozenset()
        self._frozen_ms = -1
        self._waiting: list[asyncio.Future[None]] = []
        self._begin({})

    def _begin(self, known: Mapping[str, Reading]) -> None:
        """These are the readings, each with a time of its own. `_stale` overlays what a picture found too old."""
        self._readings = {name: known.get(name, NOTHING_READ) for name in self._points}
        self._fits = Fits(self._points)
        self._stale: dict[str, Reading] = {}
        self._turns = Turns(self._points)
        for name, reading in known.items():
            self._turns.alone(name, self._limit_ms(name, reading), None)
        self._course, self._content, self._told = Course(), dict[str, Reading](), 0

    @property
    def readings(self) -> Mapping[str, Reading]:
        """The latest readings; a point that was never read is absent."""
        return {name: self._latest(name) for name, reading in self._readings.items() if reading is not NOTHING_READ}

    def _latest(self, name: str) -> Reading:
        reading, at_ms = self._readings[name], self._turns.at_ms(name)
        return reading if at_ms is None or at_ms == reading.at_ms else reading.renewed(at_ms)

    def adopt(self, points: Mapping[str, Point], looks: Mapping[str, int]) -> None:
        """Other points from now on, and other looks at them. What stays the same thing keeps its reading; what is gone
        may still arrive from a driver that is about to end, and is dropped."""
        before, known = self._points, self.readings
        self._retired = (self._retired | before.keys()) - points.keys()
        self._points, self._looks = points, looks
        self._taken.clear()  # what fitted a point may not fit what takes its place
        self._begin({
            name: reading
            for name, reading in known.items()
            if name in points and _same_thing(before[name], points[name])
        })  # fmt: skip

    def knows(self, point: str) -> bool:
        """True for a point of the plan."""
        return point in self._points

    def is_urgent(self, point: str) -> bool:
        """True when a change of the point wakes the cycle."""
        return self._points[point].urgent

    def put(self, samples: Mapping[str, Sample], *, wakes: bool = True) -> int:
        """Take in one answer. When an urgent point changed in value or quality the cycle is awake by then (else whoever
        says not `wakes` does that), and so many further readings are wanted at once as the conditions on it need.

        A reading that arrives within the millisecond of a freeze belongs to the next picture. An unknown point is a
        bug of the caller and raises AssertionError. Of an Answer only what has changed is looked at, if the answer
        before it was the last that was heard of its points; the others are newer by it.
        """
        at_ms = self.stamp_ms()
        if not isinstance(samples, Answer):
            wanted = self._take_all(samples, None, at_ms)
        else:
            source, follows = samples.source, self._turns.following(samples) is not None
            news = samples.changed if follows and samples.changed is not None else samples
            wanted = self._take_all(news, source, at_ms)
            self._turns.note(samples, at_ms)  # last: until here it has the time of what was known before
        if wanted and wakes:
            self._wake()
        return wanted

    def take(self, news: News, names: Set[str], now_ms: int | None = None) -> int | None:
        """As `put`, of what has changed only; None, and nothing is taken, where that does not follow on what was heard
        last or is not of `names`, which that had all: then the whole of it is to be put."""
        changed, group = news.changed, self._turns.groups.get(news.source)
        if changed is None or group is None or group.answer != news.number - 1:  # as `Turns.following`
            return None
        at_ms = self._clock.now_ms() if now_ms is None else now_ms
        if at_ms <= self._frozen_ms:
            at_ms = self._frozen_ms + 1
        if changed and not self._take_known(changed, group, names):
            if not changed.keys() <= names:
                return None
            wanted = self._take_all(changed, news.source, at_ms)
            self._turns.note(news, at_ms)
            if wanted:
                self._wake()
            return wanted
        group.answer, group.at_ms = news.number, at_ms
        return 0

    def _take_known(self, changed: Mapping[str, Sample], group: Group, names: Set[str]) -> bool:
        """Of plain numbers that stand in this group, and of which each has been taken in before, all that there is to
        do; False, and nothing is done, where there are others among them."""
        if self._fits.lessons != lessons():
            self._fits.catch_up()
        if group.known is None:
            stand, known, points = self._turns.members(group), self._fits.known, self._points
            both = stand & names & known.keys()
            group.known = {name: (known[name], points[name].id) for name in both}
        try:
            places = [*map(group.known.__getitem__, changed)]
        except KeyError:
            return False
        found = [*map(of_known, map(_KNOWN, places), map(id, changed.values()))]
        if not all(found):
            return False
        own = [*map(_OWN, places)]
        self._readings.update(zip(own, found))  # type: ignore[arg-type]  # noqa: B905 - none is None
        self._course.names.extend(own)
        return True

    def _take_all(self, samples: Mapping[str, Sample], source: Source | None, at_ms: int) -> int:
        wanted, readings, taken, good = 0, self._readings, self._taken, Quality.GOOD
        points, moved, within = self._points, self._course.names, self._turns.within(source)
        fits = self._fits.by_name
        self._fits.catch_up()
        for name, sample in samples.items():
            if name in within and sample.quality is good and (value := sample.value) is not None:
                fit = fits.get(name)  # most are measured, and of no urgency
                reading = None if fit is None else fit.known.get(id(sample)) or fit.admit(sample, at_ms)
                point = points[name]  # read with its group before, as most are: only what it says is new
                if reading is not None:
                    readings[name] = reading
                    moved.append(point.id)
                    continue
                if point.fits(value) and type(value) is not str:
                    before = readings[name]
                    readings[name] = after = stamped(sample, at_ms, cut(sample.detail))
                    moved.append(point.id)
                    if point.urgent and _differ(before, after):
                        wanted = max(wanted, self._looks.get(name, 1) - 1, _FEWEST_LOOKS - 1)
                    continue
            if source is None and taken.get(name) is sample and readings[name].quality is good:
                self._keep(name, readings[name].renewed(at_ms), None)  # the driver says that nothing has changed
                continue
            if name in self._retired:
                continue
            assert name in self._points, f"no such point: {name}"
            point, before, checked = self._points[name], readings[name], sample
            if sample.quality is not Quality.BAD and sample.value is not None:
                checked = _check(point, sample)
            if checked.quality is Quality.BAD:
                before = self._latest(name)
                after = Reading(
                    value=before.value, quality=Quality.BAD, at_ms=before.at_ms, because=checked.because,
                    detail=cut(checked.detail),
                )  # fmt: skip
            else:
                after = stamped(checked, at_ms, cut(checked.detail))
            self._keep(name, after, source)
            if source is None:
                taken[name] = sample
            if point.urgent and _differ(before, after):
                wanted = max(wanted, self._looks.get(name, 1) - 1, _FEWEST_LOOKS - 1)
        return wanted

    def _keep(self, name: str, reading: Reading, source: Source | None) -> None:
        """This is the reading from now on; of a source it is as new as that source's last answer."""
        name = self._points[name].id  # the plan's own word: a driver's is a new one each time, and the course keeps it
        self._readings[name] = reading
        self._stale.pop(name, None)
        self._course.names.append(name)
        if source is not None:
            self._taken.pop(name, None)
        if source is None or reading.quality is Quality.BAD:
            self._turns.alone(name, self._limit_ms(name, reading), source)
        else:
            self._turns.join(name, source)

    def _limit_ms(self, name: str, reading: Reading) -> int | None:
        return None if reading.quality is Quality.BAD else reading.at_ms + self._points[name].stale_after_ms

    def wake_cycle(self) -> None:
        """Have the next picture taken soon: a confirming reading has arrived."""
        self._wake()

    @property
    def can_show(self) -> bool:
        """Whether `show` would have the picture taken before it returns."""
        return self._urge is not None and self._urge.is_ready

    def show(self) -> None:
        """Have the next picture taken at once where that can be, else soon. For who is called by nobody's loop over
        points: the picture shows what is in the table by now."""
        if self._urge is None or not self._urge.now():
            self._wake()

    def prepare(self) -> None:
        """A reading that may confirm something is on its way, and there is a millisecond's time."""
        if self._urge is not None and self._urge.prepare is not None:
            self._urge.prepare()

    def offer(self, samples: Mapping[str, Sample]) -> None:
        """Take in what the plan may or may not ask for (the clock, read-back of outputs); the rest is dropped."""
        self.put({name: sample for name, sample in samples.items() if name in self._points})

    def fail(self, points: Iterable[str], because: Reason, detail: str) -> None:
        """All these points go BAD; their last values stay to be seen."""
        self.put(dict.fromkeys(points, bad(because, detail)))

    def doubt(self, points: Iterable[str], detail: str) -> None:
        """What is GOOD of these points becomes UNCERTAIN: it may be of another question. Values and times stay."""
        for name in points:
            if self._readings.get(name, NOTHING_READ).quality is Quality.GOOD:
                doubted = replace(
                    self._latest(name), quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail=cut(detail)
                )
                self._keep(name, doubted, None)
        self._wake()

    def freeze(self, now_ms: int) -> InputImage:
        """The picture at `now_ms`, which must grow from call to call. `stale_at_ms` may be earlier than need be, as
        long as it is far away."""
        assert now_ms > self._frozen_ms, "time does not stand still between two pictures"
        self._frozen_ms = now_ms
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            _release(future)
        aged = self._turns.aged(now_ms)
        for name in aged:
            self._readings[name] = self._latest(name)
            self._stale[name] = stale(self._readings[name])
            self._taken.pop(name, None)
            self._course.names.append(name)
        self._turns.settle(aged)
        return InputImage(now_ms=now_ms, readings=self._picture(), stale_at_ms=self._turns.stale_at_ms)

    def _picture(self) -> Readings:
        if len(self._course.names) > _COURSE + 8 * len(self._points):
            self._course = Course()
            self._content = {}
        told = len(self._course.names)
        if not self._content or told != self._told:
            self._content, self._told = self._readings | self._stale, told
        return Readings(self._content, *self._turns.seen(), self._course, told)

    def stamp_ms(self) -> int:
        """The time that a reading gets which arrives now: what was frozen before does not show it."""
        return max(self._clock.now_ms(), self._frozen_ms + 1)

    async def pictured(self, limit_ms: int, stamp_ms: int) -> None:
        """Wait for the first picture that shows what came at `stamp_ms`, at most `limit_ms`: a confirming reading
        counts only if it comes after one."""
        if self._frozen_ms >= stamp_ms or limit_ms <= 0:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append(future)
        patience = loop.call_later(limit_ms / 1000, _release, future)
        try:
            await future  # itself, so that what was read meanwhile is taken in before the picture is told to anybody
        finally:
            patience.cancel()
            self._waiting = [other for other in self._waiting if other is not future]


def _release(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _check(point: Point, sample: Sample) -> Sample:
    """The sample, or why its value cannot be this point's."""
    value = sample.value
    assert value is not None
    if point.fits(value) and not (isinstance(value, str) and len(value) > _MAX_TEXT):
        return sample
    shown = f"{sample.detail} {value!r:.60}".strip()
    if point.kind is Kind.WORD and isinstance(value, str):
        return bad(Reason.UNKNOWN_WORD, shown)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    whole = isinstance(value, int) or point.kind is Kind.NUMBER
    if number and whole and point.kind in (Kind.INTEGER, Kind.NUMBER):
        return bad(Reason.OUT_OF_RANGE, shown)
    return bad(Reason.BAD_REPLY, shown)


def _same_thing(before: Point, after: Point) -> bool:
    return (before.kind, before.unit, before.words) == (after.kind, after.unit, after.words)


def _differ(before: Reading, after: Reading) -> bool:
    if before is NOTHING_READ:
        return True
    return before.value != after.value or before.quality is not after.quality
