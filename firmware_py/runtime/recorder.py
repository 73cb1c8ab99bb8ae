"""The inputs of every step, kept in a ring of files so that a decision can be run again on a desk.

Only what changed is written, and nothing is synced: it explains, it does not restore. Each file starts with a whole
state and image. Must not know what the inputs mean.
"""

from collections.abc import Iterable, Mapping
from itertools import chain, compress
from operator import ne, not_
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.codec import encode
from firmware_py.core.command import Command
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, Readings, same_points, touched
from firmware_py.core.reading import Reading
from firmware_py.core.state import State
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, encode_line
from firmware_py.runtime.recorded import FORMAT, PREFIX, SUFFIX, files
from firmware_py.runtime.told_texts import Heads, Texts, joined
from firmware_py.runtime.trace import Known, trace

CAP_BYTES = 8 * 1024 * 1024
SEGMENT_BYTES = 512 * 1024
FLUSH_BYTES = 16 * 1024  # when no more steps wait; else
MOST_BYTES = 128 * 1024
_FEW = 4  # points that are taken out of those that moved one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that one step got, and what it concluded: `step(plan, before, image, commands)` gave `decision`. `plan` is
    the digest of the plan."""

    before: State
    image: InputImage
    commands: tuple[Command, ...]
    decision: Decision
    plan: str = ""


class Recorder:
    """Bounded in bytes; never raises OSError. A file that cannot be written costs a stretch of the recording only."""

    def __init__(
        self, disk: Disk, directory: Path, *, cap_bytes: int = CAP_BYTES, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        assert 0 < 2 * segment_bytes <= cap_bytes
        self.degraded = ""
        self._disk, self._directory = disk, directory
        self._cap_bytes, self._segment_bytes = cap_bytes, segment_bytes
        self._sizes: dict[str, int] | None = None  # by name, oldest first; None until looked at
        self._name, self._room_bytes = "", segment_bytes
        self._numbers: dict[str, int] = {}
        self._group_of: Mapping[str, int] = {}  # as the reader knows it, with the points of each and its time
        self._runs: dict[int, list[list[int]]] = {}
        self._times: dict[int, int] = {}
        self._heads, self._texts = Heads({}, {}), Texts()
        self._shares: Known = {}
        self._readings: Mapping[str, Reading] | None = None
        self._plan = ""
        self._buffer = bytearray()

    def remember(self, inputs: Inputs) -> None:
        """Take one step; it reaches the file with the next few."""
        readings = inputs.image.readings
        full = self._sizes is not None and self._sizes.get(self._name, 0) + len(self._buffer) > self._room_bytes
        known = self._readings
        begins = known is None or full or inputs.plan != self._plan or not same_points(known, readings)
        if begins:
            self._begin(inputs)
        step: Document = {
            "t": inputs.image.now_ms,
            "h": trace(inputs.before, inputs.decision, known=self._shares),
        }
        if inputs.image.stale_at_ms is not None:
            step["s"] = inputs.image.stale_at_ms
        news, moved = self._news({} if begins or known is None else known, readings)
        step |= news
        if inputs.commands:
            step["c"] = encode(inputs.commands)
        self._buffer += encode_line(step, moved)
        self._readings = readings
        if begins:  # a large floor's first step alone may fill a file: then one holds some times as much
            self._room_bytes = max(self._segment_bytes, min(4 * len(self._buffer), self._cap_bytes // 3))
        if len(self._buffer) >= MOST_BYTES:
            self.flush()

    def rest(self) -> None:
        """No more steps for now: what is a write's worth is handed over."""
        if len(self._buffer) >= FLUSH_BYTES:
            self.flush()

    def _news(self, before: Mapping[str, Reading], now: Mapping[str, Reading]) -> tuple[Document, str]:
        """What reads otherwise or is newer: of groups their times alone. Also the text of what moved in them."""
        news: Document = {}
        again: set[int] = set()
        moved = ""
        names: Iterable[str] = touched(before, now) if before else now.keys()
        if isinstance(now, Readings) and not now.derived:
            again = self._note_groups(now, news)
            if not before or now.follows(before):  # most of those that moved are sound and came with their group
                names, moved = self._moved([*names], now, again)
        elif self._group_of:
            self._tell_groups({}, news)
        return news | self._others(before, now, names, again), moved

    def _moved(self, names: list[str], now: Readings, again: set[int]) -> tuple[list[str], str]:
        """Those of `names` that are to be told with all that they are, and the text of the others."""
        rest, heads = list[str](), [*map(self._heads.__getitem__, names)]
        texts, odd = self._texts.of([*now.contents(names)])
        odd += compress(range(len(heads)), map(not_, heads))  # alone: the clock is, and always moves
        if is_usual := len(odd) <= _FEW:
            for place in sorted({*odd}, reverse=True):
                rest.append(names.pop(place))
                del heads[place], texts[place]
        if not (is_usual and again.issuperset(map(now.group_of.__getitem__, names))):
            groups = map(now.group_of.get, names)
            stay = [text is not None and group in again for text, group in zip(texts, groups, strict=True)]
            rest += compress(names, map(not_, stay))
            heads, texts = [*compress(heads, stay)], [*compress(texts, stay)]
        return rest, joined(heads, texts)

    def _others(
        self, before: Mapping[str, Reading], now: Mapping[str, Reading], names: Iterable[str], again: set[int]
    ) -> Document:
        """Readings with all that they are, and those that are only newer."""
        changed: dict[str, object] = {}
        newer: dict[str, list[list[int]]] = {}
        for name in sorted(names, key=self._numbers.__getitem__):
            was, reading, number = before.get(name), now[name], self._numbers[name]
            if was is None or not (was is reading or _alike(was, reading)):
                changed[str(number)] = _written(reading)
            elif was.at_ms != reading.at_ms and self._group_of.get(name) not in again:
                _extend(newer.setdefault(str(reading.at_ms), []), number)
        return ({"r": changed} if changed else {}) | ({"n": newer} if newer else {})

    def _note_groups(self, now: Readings, news: Document) -> set[int]:
        """Tell which points stand in which group where that is new, and which groups were read again."""
        if now.group_of is not self._group_of:
            self._tell_groups(now.group_of, news)
        known, runs, times = self._times, self._runs, now.times
        newer = compress(times, map(ne, times.values(), map(known.get, times)))
        again = {group: times[group] for group in newer if group in runs}
        if again:
            known |= again
            news["a"] = list(chain.from_iterable(again.items()))
        return set(again)

    def _tell_groups(self, group_of: Mapping[str, int], news: Document) -> None:
        runs: dict[int, list[list[int]]] = {}
        for name, group in sorted(group_of.items(), key=lambda one: self._numbers[one[0]]):
            _extend(runs.setdefault(group, []), self._numbers[name])
        changed: dict[int, list[list[int]]] = {group: [] for group in self._runs if group not in runs}
        changed |= {group: own for group, own in runs.items() if self._runs.get(group) != own}
        for group in changed:
            self._times.pop(group, None)  # so that it is told of all who stand in it now
        if changed:
            news["g"] = {str(group): own for group, own in changed.items()}
        self._group_of, self._runs, self._heads = group_of, runs, Heads(self._numbers, group_of)

    def skip(self) -> None:
        """Steps were lost before they came here: begin anew with the next one."""
        self._readings = None

    def flush(self) -> None:
        """Hand what is buffered to the operating system."""
        if not self._buffer:
            return
        data = bytes(self._buffer)
        self._buffer.clear()
        try:
            if self._sizes is None:
                self._sizes = self._look()
            self._make_room(len(data))
            self._disk.append(self._directory / self._name, data, sync=False)
            self._sizes[self._name] = self._sizes.get(self._name, 0) + len(data)
            self.degraded = ""
        except OSError as error:
            self.degraded = error.strerror or str(error)
            self._sizes, self._readings = None, None

    def _begin(self, inputs: Inputs) -> None:
        self.flush()
        try:
            if self._sizes is None:
                self._sizes = self._look()
        except OSError as error:
            self.degraded = error.strerror or str(error)
        newest = max(self._sizes or {}, default=self._name)
        number = int(newest[len(PREFIX) : -len(SUFFIX)] or 0) + 1
        self._name = f"{PREFIX}{number:010d}{SUFFIX}"
        self._readings, self._plan = {}, inputs.plan
        self._numbers = {name: index for index, name in enumerate(inputs.image.readings)}
        self._group_of, self._runs, self._times, self._shares = {}, {}, {}, {}
        self._heads = Heads(self._numbers, {})
        head: Document = {"v": FORMAT, "state": encode(inputs.before), "points": list(self._numbers)}
        self._buffer += encode_line(head | {"plan": inputs.plan} if inputs.plan else head)

    def _look(self) -> dict[str, int]:
        self._disk.make_directory(self._directory)
        return {name: self._disk.size(self._directory / name) for name in files(self._disk, self._directory)}

    def _make_room(self, wanted: int) -> None:
        assert self._sizes is not None
        while self._sizes and sum(self._sizes.values()) + wanted > self._cap_bytes:
            oldest = min(self._sizes)
            self._disk.remove(self._directory / oldest)
            del self._sizes[oldest]


def _extend(runs: list[list[int]], number: int) -> None:
    """One more number, of those that come in order."""
    if runs and runs[-1][1] == number - 1:
        runs[-1][1] = number
    else:
        runs.append([number, number])


def _alike(was: Reading, reading: Reading) -> bool:
    same = was.value is reading.value or was.value == reading.value
    return same and was.quality is reading.quality and was.because is reading.because and was.detail == reading.detail


def _written(reading: Reading) -> list[object]:
    """As `codec.encode` has its parts: the value is a plain one."""
    because = None if reading.because is None else reading.because.value
    return [reading.value, reading.quality.value, because, reading.detail, reading.at_ms]
