"""Files of numbered lines: read one with all its damage, set the damaged bytes aside, list them oldest first.

What is found damaged is copied to a folder beside (bounded), told once, and never stops anyone. Must not know what the
records mean beyond their number and class.
"""

import zlib
from dataclasses import field
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.event import Severity
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, Line, Verdict, parse_lines

GAP = "journal.gap"
ASIDE = "damaged"
MAX_ASIDE_FILES = 64
MAX_ASIDE_BYTES = 64 * 1024
READ_LIMIT = 64 * 1024 * 1024  # far above any file of ours; a larger one is damage and is read in part


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One damaged stretch found for the first time. `aside`: the copy, empty if it could not be kept."""

    file: str
    offset: int
    length: int
    what: str
    aside: str = ""


@dataclass(slots=True, kw_only=True)
class Segment:
    """A file of records with rising numbers. `size` in bytes of file; `counts` of records by class."""

    path: Path
    first: int
    last: int
    size: int
    counts: dict[Severity, int] = field(default_factory=dict)

    @property
    def space(self) -> int:
        """Bytes it takes on the medium, which gives out whole blocks."""
        return -(-self.size // 4096) * 4096

    def count(self, record: Document) -> None:
        """Take one more record into the account."""
        severity = severity_of(record)
        self.counts[severity] = self.counts.get(severity, 0) + 1
        self.last = number_of(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """Everything found in one file. `tail`: how many bytes are worth keeping, `closed` when none may be appended.

    `unseen`: how many numbers may have been given after the last sound record, to lines that cannot be read any more.
    """

    records: tuple[Document, ...]
    faults: tuple[Line, ...]
    tail: int
    size: int
    closed: bool
    unseen: int


def number_of(record: Document) -> int:
    """The record's number, 0 when it has none."""
    seq = record.get("seq")
    return seq if isinstance(seq, int) and not isinstance(seq, bool) else 0


def severity_of(record: Document) -> Severity:
    """The record's class; one that is unknown here counts as critical, so that it is kept longest."""
    try:
        return Severity(str(record.get("sev")))
    except ValueError:
        return Severity.CRITICAL


def gap_before(following: Document, first: int) -> Document:
    """The record that stands for the missing numbers from `first` up to `following`; it carries the last of them."""
    last = number_of(following) - 1
    data = {"from": first, "to": last}
    about = {"seq": last, "type": GAP, "sev": Severity.WARNING.value, "incident": None, "drill": False, "data": data}
    return following | about


def covers(record: Document, first: int) -> bool:
    """True for a stored gap record whose range reaches back to `first`."""
    data = record.get("data")
    return record.get("type") == GAP and isinstance(data, dict) and 0 < number_of({"seq": data.get("from")}) <= first


def read_segment(disk: Disk, path: Path) -> Contents:
    """Read a file whatever is in it. A record without a number, or not above the one before, does not count."""
    data = disk.read(path, READ_LIMIT)
    records: list[Document] = []
    faults: list[Line] = []
    tail, last, unseen = len(data), 0, 0
    for line in parse_lines(data):
        if line.document is None:
            faults.append(line)
            unseen += line.records_at_most
            if line.verdict is Verdict.TORN:
                tail = line.offset
        elif number_of(line.document) > last:
            records.append(line.document)
            last, unseen = number_of(line.document), 0
    closed = tail > 0 and data[tail - 1 : tail] != b"\n"
    return Contents(
        records=tuple(records), faults=tuple(faults), tail=tail, size=len(data), closed=closed, unseen=unseen
    )


def set_aside(disk: Disk, path: Path, line: Line) -> Damage | None:
    """Copy a damaged stretch to the folder beside; None when that was done at an earlier start."""
    folder = path.parent / ASIDE
    name = f"{path.stem}-{line.offset}-{zlib.crc32(line.raw):08x}.bad"
    told = Damage(file=path.name, offset=line.offset, length=len(line.raw), what=line.verdict.value)
    try:
        disk.make_directory(folder)
        kept = disk.names(folder)
        if name in kept:
            return None
        if len(kept) >= MAX_ASIDE_FILES:
            return told
        disk.write_whole(folder / name, line.raw[:MAX_ASIDE_BYTES])
    except OSError:
        return told
    return Damage(file=told.file, offset=told.offset, length=told.length, what=told.what, aside=f"{ASIDE}/{name}")


def move_aside(disk: Disk, path: Path, what: str) -> Damage:
    """Rename a file without one sound record out of the way, if the medium lets us; tell it either way."""
    folder = path.parent / ASIDE
    aside = ""
    try:
        disk.make_directory(folder)
        if len(disk.names(folder)) < MAX_ASIDE_FILES:
            disk.replace(path, folder / path.name)
            aside = f"{ASIDE}/{path.name}"
        else:
            disk.remove(path)
    except OSError:
        aside = ""  # it stays where it is; nothing is read from it and nothing is appended to it
    return Damage(file=path.name, offset=0, length=0, what=what, aside=aside)
