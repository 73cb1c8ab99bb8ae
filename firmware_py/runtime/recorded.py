"""A recording of inputs as it is read back: every step that can be run again, from the files that `Recorder` wrote.

Past a damaged line it goes on where a recording begins anew. Must not know what the inputs mean.
"""

from collections.abc import Iterator
from dataclasses import field, replace
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.codec import decode
from firmware_py.core.command import Command
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading
from firmware_py.core.state import State
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, parse_lines
from firmware_py.runtime.segments import READ_LIMIT

# 2 named each reading that is only newer, 3 the first and the last of those in a row, 4 the group that was read again.
FORMAT = 4
_READ = (2, 3, FORMAT)
PREFIX, SUFFIX = "inputs-", ".jsonl"
_MOST_POINTS = 1_000_000  # more than any site has; a damaged line must not count for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One step to run again. `before` only where a recording begins anew: continue from there, whatever came before."""

    before: State | None
    image: InputImage
    commands: tuple[Command, ...]
    digest: str
    plan: str = ""
    form: int = FORMAT


def replay(disk: Disk, directory: Path) -> Iterator[Recorded]:
    """Every recorded step that can be run again, oldest first. Past a damaged line it goes on where a file begins anew.

    Raises OSError only for the directory itself.
    """
    for name in files(disk, directory):
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
    form: int = FORMAT
    readings: dict[str, Reading] = field(default_factory=dict)
    members: dict[int, list[str]] = field(default_factory=dict)  # of each group that is read together
    times: dict[str, int] = field(default_factory=dict)  # of those that stand in a group: when that was read last

    @classmethod
    def begin(cls, document: Document) -> "_Stretch":
        form = document.get("v")
        if not isinstance(form, int) or form not in _READ:
            raise ValueError("another format")
        return cls(
            form=form,
            state=decode(State, document.get("state")),
            points=_texts(document.get("points")),
            plan=str(document.get("plan", "")),
        )

    def step(self, document: Document) -> Recorded:
        self._turn(document)
        for number, parts in _items(document.get("r")):
            name, fields = self._name(number), ("value", "quality", "because", "detail", "at_ms")
            if not isinstance(parts, list) or len(parts) != len(fields):
                raise ValueError(f"{name}: not a reading")
            self.readings[name] = decode(Reading, dict(zip(fields, parts, strict=True)), name)
        for at_ms, numbers in _items(document.get("n")):
            for one in _each(numbers):
                name = self._name(str(one))
                if name not in self.readings:
                    raise ValueError(f"{name}: newer than nothing")
                self.readings[name] = replace(self.readings[name], at_ms=int(at_ms))
        for place, value, detail in _tuples(document.get("v"), 3):
            name = self._name(str(place))
            sound = {"value": value, "quality": Quality.GOOD.value, "detail": detail, "at_ms": self.times.get(name)}
            self.readings[name] = decode(Reading, sound, name)
        now_ms, stale_at_ms = document.get("t"), document.get("s")
        if not isinstance(now_ms, int) or not isinstance(stale_at_ms, int | None):
            raise ValueError("a step without its time")
        image = InputImage(now_ms=now_ms, readings=dict(self.readings), stale_at_ms=stale_at_ms)
        commands = tuple(decode(Command, one) for one in _list(document.get("c")))
        before, self.state = self.state, None
        return Recorded(
            before=before, image=image, commands=commands, digest=str(document.get("h")), plan=self.plan, form=self.form
        )  # fmt: skip

    def _turn(self, document: Document) -> None:
        """Groups that have other members, and those that were read again."""
        for group, runs in _items(document.get("g")):
            for name in self.members.pop(int(group), ()):
                self.times.pop(name, None)
            self.members[int(group)] = [self._name(str(place)) for place in _each(runs)]
        for again, at_ms in _tuples(document.get("a"), 2):
            if not isinstance(again, int) or again not in self.members or not isinstance(at_ms, int):
                raise ValueError("no such group")
            for name in self.members[again]:
                self.times[name] = at_ms
                if name in self.readings:
                    self.readings[name] = replace(self.readings[name], at_ms=at_ms)

    def _name(self, number: str) -> str:
        if not number.isdecimal() or int(number) >= len(self.points):
            raise ValueError(f"point {number} is not in the list")
        return self.points[int(number)]


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


def files(disk: Disk, directory: Path) -> list[str]:
    """The names of all files of a recording, oldest first."""
    names = (n for n in disk.names(directory) if n.startswith(PREFIX) and n.endswith(SUFFIX))
    return [name for name in names if name[len(PREFIX) : -len(SUFFIX)].isdecimal()]


def _tuples(value: object, size: int) -> Iterator[tuple[object, ...]]:
    """A flat list, so many at a time."""
    flat = _list(value)
    if len(flat) % size:
        raise ValueError("a list that was cut")
    yield from (tuple(flat[at : at + size]) for at in range(0, len(flat), size))


def _items(value: object) -> list[tuple[str, object]]:
    return list(value.items()) if isinstance(value, dict) else []


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(part) for part in _list(value))
