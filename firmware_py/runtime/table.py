"""The point table: the latest Reading of every point, stamped as it arrives.

It checks each value against its point, keeps the last good value of what goes BAD, and wakes the cycle when an urgent
point changes. It must not know devices, nor what a value means.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from config.redact import redact
from firmware_py.core.image import InputImage, freeze
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Sample, Value, bad
from firmware_py.runtime.clock import Clock

_MAX_TEXT = 255
_MAX_DETAIL = 200
_AHEAD_MS = 1_500  # beyond the next cycle that comes by itself: nobody is woken for a reading that is fresh by then
_FEWEST_LOOKS = 2  # of what changes at an urgent point, whatever the conditions want: a value that stays is no flutter


class PointTable:
    """Written by the poller and the writer, frozen by the cycle, all on one thread."""

    def __init__(
        self,
        points: Mapping[str, Point],
        clock: Clock,
        wake: Callable[[], None],
        looks: Mapping[str, int] | None = None,
    ) -> None:
        self._points = points
        self._looks = looks or {}
        self._clock = clock
        self._wake = wake
        self._readings: dict[str, Reading] = {}
        self._taken: dict[str, Sample] = {}  # as they came, to know the very same one again
        self._retired: frozenset[str] = frozenset()
        self._frozen_ms = -1
        # The next picture as far as it is known: a whole pass over all points is only needed when one may turn stale.
        self._picture: dict[str, Reading] = {}
        self._stale_at_ms: int | None = None
        self._whole = True
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def readings(self) -> Mapping[str, Reading]:
        """The latest readings; a point that was never read is absent."""
        return self._readings

    def adopt(self, points: Mapping[str, Point], looks: Mapping[str, int]) -> None:
        """Other points from now on, and other looks at them. What stays the same thing keeps its reading; what is gone
        may still arrive from a driver that is about to end, and is dropped."""
        before = self._points
        self._retired = (self._retired | before.keys()) - points.keys()
        self._points, self._looks = points, looks
        self._taken.clear()  # what fitted a point may not fit what takes its place
        self._whole = True
        self._readings = {
            name: reading
            for name, reading in self._readings.items()
            if name in points and _same_thing(before[name], points[name])
        }

    def knows(self, point: str) -> bool:
        """True for a point of the plan."""
        return point in self._points

    def is_urgent(self, point: str) -> bool:
        """True when a change of the point wakes the cycle."""
        return self._points[point].urgent

    def put(self, samples: Mapping[str, Sample]) -> int:
        """Take in one answer. When an urgent point changed in value or quality the cycle is awake by then, and so many
        further readings are wanted at once as the conditions on what changed need; else 0.

        A reading that arrives within the millisecond of a freeze belongs to the next picture. An unknown point is a
        bug of the caller and raises AssertionError.
        """
        at_ms = max(self._clock.now_ms(), self._frozen_ms + 1)
        wanted = 0
        readings, taken, picture, good = self._readings, self._taken, self._picture, Quality.GOOD
        for name, sample in samples.items():
            before = readings.get(name)
            if taken.get(name) is sample and before is not None and before.quality is good:
                readings[name] = picture[name] = before.renewed(at_ms)  # the driver says that nothing has changed
                continue
            if name in self._retired:
                continue
            assert name in self._points, f"no such point: {name}"
            point = self._points[name]
            taken[name] = sample
            after = readings[name] = picture[name] = _stamp(_check(point, sample), before, at_ms)
            limit_ms = after.at_ms + point.stale_after_ms + 1
            if after.quality is not Quality.BAD and (self._stale_at_ms is None or limit_ms < self._stale_at_ms):
                self._stale_at_ms = limit_ms
            if point.urgent and _differ(before, after):
                wanted = max(wanted, self._looks.get(name, 1) - 1, _FEWEST_LOOKS - 1)
        if wanted:
            self._wake()
        return wanted

    def wake_cycle(self) -> None:
        """Have the next picture taken now: a confirming reading has arrived."""
        self._wake()

    def offer(self, samples: Mapping[str, Sample]) -> None:
        """Take in what the plan may or may not ask for (the clock, read-back of outputs); the rest is dropped."""
        self.put({name: sample for name, sample in samples.items() if name in self._points})

    def fail(self, points: Iterable[str], because: Reason, detail: str) -> None:
        """All these points go BAD; their last values stay to be seen."""
        self.put(dict.fromkeys(points, bad(because, detail)))

    def doubt(self, points: Iterable[str], detail: str) -> None:
        """What is GOOD of these points becomes UNCERTAIN: it may be of another question. Values and times stay."""
        known = {name: self._readings[name] for name in points if name in self._readings}
        for name, reading in known.items():
            if reading.quality is Quality.GOOD:
                self._readings[name] = self._picture[name] = replace(
                    reading, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail=_cut(detail)
                )
        self._wake()

    def freeze(self, now_ms: int) -> InputImage:
        """The picture at `now_ms`, which must grow from call to call. `stale_at_ms` may be earlier than need be, as
        long as it is far away."""
        assert now_ms > self._frozen_ms, "time does not stand still between two pictures"
        self._frozen_ms = now_ms
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        if self._whole or (self._stale_at_ms is not None and self._stale_at_ms <= now_ms + _AHEAD_MS):
            image = freeze(self._points.values(), self._readings, now_ms)
            self._picture, self._stale_at_ms, self._whole = dict(image.readings), image.stale_at_ms, False
            for name, reading in self._readings.items():
                if self._picture[name] is not reading:  # stale, so its next reading counts for `stale_at_ms` anew
                    self._taken.pop(name, None)
            return image
        return InputImage(now_ms=now_ms, readings=self._picture.copy(), stale_at_ms=self._stale_at_ms)

    async def pictured(self, limit_ms: int) -> None:
        """Wait for the next picture, at most `limit_ms`: a confirming reading counts only if it comes after one."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        await asyncio.wait({future}, timeout=limit_ms / 1000)
        future.cancel()
        self._waiting = [other for other in self._waiting if other is not future]


def _check(point: Point, sample: Sample) -> Sample:
    """The sample, or why its value cannot be this point's."""
    value = sample.value
    if sample.quality is Quality.BAD or value is None:
        return sample
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


def _stamp(sample: Sample, before: Reading | None, at_ms: int) -> Reading:
    value: Value | None = sample.value
    if sample.quality is Quality.BAD:
        value, at_ms = (None, 0) if before is None else (before.value, before.at_ms)
    return Reading(value=value, quality=sample.quality, at_ms=at_ms, because=sample.because, detail=_cut(sample.detail))


def _cut(detail: str) -> str:
    """What people may read of a detail; most have none."""
    return redact(detail)[:_MAX_DETAIL] if detail else ""


def _differ(before: Reading | None, after: Reading) -> bool:
    if before is None:
        return True
    return before.value != after.value or before.quality is not after.quality
