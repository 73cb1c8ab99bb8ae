"""The inputs of every step, kept in a ring of files so that a decision can be run again on a desk.

Only what changed is written, and nothing is synced: it explains, it does not restore. Each file starts with a whole
state and image. Must not know what the inputs mean.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.codec import decode, difference, digest, encode
from firmware_py.core.command import Command
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, Readings, same_points, touched
from firmware_py.core.reading import Reading
from firmware_py.core.state import State
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, encode_line, parse_lines
from firmware_py.runtime.segments import READ_LIMIT

FORMAT = 3
_READ = (2, FORMAT)  # 2 named each reading that is only newer, 3 the first and the last of those in a row
CAP_BYTES = 8 * 1024 * 1024
SEGMENT_BYTES = 512 * 1024
FLUSH_BYTES = 16 * 1024
_MOST_POINTS = 1_000_000  # more than any site has; a damaged line must not count for ever
_PREFIX, _SUFFIX = "inputs-", ".jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that one step got, and what it concluded: `step(plan, before, image, commands)` gave `decision`. `plan` is
    the digest of the plan."""

    before: State
    image: InputImage
    commands: tuple[Command, ...]
    decision: Decision
    plan: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One step to run again. `before` only where a recording begins anew: continue from there, whatever came before."""

    before: State | None
    image: InputImage
    commands: tuple[Command, ...]
    digest: str
    plan: str = ""


def trace(before: State, decision: Decision) -> str:
    """16 hex digits that stand for one step: what it decided, and all that it changed in the memory."""
    decided = (decision.mode, decision.flags, decision.because, decision.stage, decision.wake_at_ms)
    told = (decision.events, decision.replies, decision.derived)
    return digest((*decided, *told, difference(before, decision.state)))


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
        self._grouped: Mapping[str, int] | None = None  # of which the runs below are
        self._runs: dict[int, list[list[int]]] = {}
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
        before: Mapping[str, Reading] = {} if begins or known is None else known
        changed: dict[str, object] = {}
        only_newer = self._newer_groups(before, readings)
        for name in readings if begins else sorted(touched(before, readings), key=self._numbers.__getitem__):
            was, reading = before.get(name), readings[name]
            if was is reading:
                continue
            number = self._numbers[name]
            if was is None or not _alike(was, reading):
                changed[str(number)] = _written(reading)
            elif was.at_ms != reading.at_ms and not self._stands_in_group(name, before, readings):
                _extend(only_newer.setdefault(reading.at_ms, []), number)
        step: Document = {"t": inputs.image.now_ms, "h": trace(inputs.before, inputs.decision)}
        if inputs.image.stale_at_ms is not None:
            step["s"] = inputs.image.stale_at_ms
        if changed:
            step["r"] = changed
        if only_newer:
            step["n"] = {str(at_ms): runs for at_ms, runs in only_newer.items()}
        if inputs.commands:
            step["c"] = encode(inputs.commands)
        self._buffer += encode_line(step)
        self._readings = readings
        if begins:  # a large floor's first step alone may fill a file: then one holds some times as much
            self._room_bytes = max(self._segment_bytes, min(4 * len(self._buffer), self._cap_bytes // 3))
        if len(self._buffer) >= FLUSH_BYTES:
            self.flush()

    def _newer_groups(self, before: Mapping[str, Reading], now: Mapping[str, Reading]) -> dict[int, list[list[int]]]:
        """The points of each group that was read again, by the time of that, as runs of their numbers."""
        newer: dict[int, list[list[int]]] = {}
        if not (isinstance(before, Readings) and isinstance(now, Readings) and now.follows(before)):
            return newer
        if now.group_of is not self._grouped:
            self._grouped, self._runs = now.group_of, {}
            for name, group in sorted(now.group_of.items(), key=lambda one: self._numbers[one[0]]):
                _extend(self._runs.setdefault(group, []), self._numbers[name])
        for group, runs in self._runs.items():
            if before.times.get(group) != (at_ms := now.times[group]):
                newer.setdefault(at_ms, []).extend(map(list, runs))
        return newer

    def _stands_in_group(self, name: str, before: Mapping[str, Reading], now: Mapping[str, Reading]) -> bool:
        """Whether its new time is told with its group's."""
        if not (isinstance(before, Readings) and isinstance(now, Readings) and now.follows(before)):
            return False
        group = now.group_of.get(name)
        return group is not None and before.times.get(group) != now.times[group]

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
        number = int(newest[len(_PREFIX) : -len(_SUFFIX)] or 0) + 1
        self._name = f"{_PREFIX}{number:010d}{_SUFFIX}"
        self._readings, self._plan = {}, inputs.plan
        self._numbers = {name: index for index, name in enumerate(inputs.image.readings)}
        self._grouped = None
        head: Document = {"v": FORMAT, "state": encode(inputs.before), "points": list(self._numbers)}
        self._buffer += encode_line(head | {"plan": inputs.plan} if inputs.plan else head)

    def _look(self) -> dict[str, int]:
        self._disk.make_directory(self._directory)
        return {name: self._disk.size(self._directory / name) for name in _files(self._disk, self._directory)}

    def _make_room(self, wanted: int) -> None:
        assert self._sizes is not None
        while self._sizes and sum(self._sizes.values()) + wanted > self._cap_bytes:
            oldest = min(self._sizes)
            self._disk.remove(self._directory / oldest)
            del self._sizes[oldest]


def replay(disk: Disk, directory: Path) -> Iterator[Recorded]:
    """Every recorded step that can be run again, oldest first. Past a damaged line it goes on where a file begins anew.

    Raises OSError only for the directory itself.
    """
    for name in _files(disk, directory):
        try:
            data = disk.read(directory / name, READ_LIMIT)
        except OSError:
            continue
        stretch: _Stretch | None = None
        for line in parse_lines(data):
            try:
                if line.document is None:
                    stretch = None
                elif "points" in line.document:
                    stretch = _Stretch.begin(line.document)
                elif stretch:
                    yield stretch.step(line.document)
            except ValueError:
                stretch = None


@dataclass(slots=True, kw_only=True)
class _Stretch:
    """A recording from a whole state up to the next one."""

    state: State | None
    points: tuple[str, ...]
    plan: str = ""
    readings: dict[str, Reading] = field(default_factory=dict)

    @classmethod
    def begin(cls, document: Document) -> "_Stretch":
        if document.get("v") not in _READ:
            raise ValueError("another format")
        return cls(
            state=decode(State, document.get("state")),
            points=_texts(document.get("points")),
            plan=str(document.get("plan", "")),
        )

    def step(self, document: Document) -> Recorded:
        for number, parts in _items(document.get("r")):
            name, fields = self._name(number), ("value", "quality", "because", "detail", "at_ms")
            if not isinstance(parts, list) or len(parts) != len(fields):
                raise ValueError(f"{name}: not a reading")
            self.readings[name] = decode(Reading, dict(zip(fields, parts, strict=True)), name)
        for at_ms, numbers in _items(document.get("n")):
            for place in _each(numbers):
                name = self._name(str(place))
                if name not in self.readings:
                    raise ValueError(f"{name}: newer than nothing")
                self.readings[name] = replace(self.readings[name], at_ms=int(at_ms))
        now_ms, stale_at_ms = document.get("t"), document.get("s")
        if not isinstance(now_ms, int) or not isinstance(stale_at_ms, int | None):
            raise ValueError("a step without its time")
        image = InputImage(now_ms=now_ms, readings=dict(self.readings), stale_at_ms=stale_at_ms)
        commands = tuple(decode(Command, one) for one in _list(document.get("c")))
        before, self.state = self.state, None
        return Recorded(before=before, image=image, commands=commands, digest=str(document.get("h")), plan=self.plan)

    def _name(self, number: str) -> str:
        if not number.isdecimal() or int(number) >= len(self.points):
            raise ValueError(f"point {number} is not in the list")
        return self.points[int(number)]


def _extend(runs: list[list[int]], number: int) -> None:
    """One more number, of those that come in order."""
    if runs and runs[-1][1] == number - 1:
        runs[-1][1] = number
    else:
        runs.append([number, number])


def _alike(was: Reading, reading: Reading) -> bool:
    same = was.value is reading.value or was.value == reading.value
    return same and was.quality is reading.quality and was.because is reading.because and was.detail == reading.detail


def _each(runs: object) -> Iterator[int]:
    """Numbers as they are, and those from a first to a last one."""
    for run in _list(runs):
        match run:
            case [int(first), int(last)] if last - first < _MOST_POINTS:
                yield from range(first, last + 1)
            case int(number):
                yield number
            case _:
                raise ValueError("not a row of points")


def _written(reading: Reading) -> list[object]:
    """As `codec.encode` has its parts: the value is a plain one."""
    because = None if reading.because is None else reading.because.value
    return [reading.value, reading.quality.value, because, reading.detail, reading.at_ms]


def _files(disk: Disk, directory: Path) -> list[str]:
    names = (n for n in disk.names(directory) if n.startswith(_PREFIX) and n.endswith(_SUFFIX))
    return [name for name in names if name[len(_PREFIX) : -len(_SUFFIX)].isdecimal()]


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(part) for part in _list(value))
