"""The book's archive: read-only files of about a megabyte by month, and an index that says which incidents each holds.

So that one old incident costs the reading of one file however many years are kept. The oldest file goes when there are
too many. Must not know how incidents are decided; the index table is the book's.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, encode_line, parse_lines
from firmware_py.runtime.segments import READ_LIMIT, Damage, set_aside

SHELF_BYTES = 1_000_000
MAX_SHELVES = 200  # about 200 MB: 30,000 incidents of the size that the benchmark has
_NUMBERS = 10_000_000  # of incidents in a year, far more than there can be


class Table(Protocol):
    """The few things that are asked of a table of the book."""

    def all(self) -> Sequence[Mapping[str, object]]:
        """Every document."""

    def insert(self, document: Mapping[str, object]) -> int:
        """Add one, give its number."""

    def update(self, fields: Mapping[str, object], *, doc_ids: Sequence[int]) -> object:
        """Set fields of some."""

    def remove(self, *, doc_ids: Sequence[int]) -> object:
        """Take some out."""


class Shelves:
    """`fault` says why the last append failed. Never raises OSError."""

    def __init__(
        self, disk: Disk, directory: Path, index: Table, *, limit: int, shelf_bytes: int = SHELF_BYTES
    ) -> None:
        self.fault = ""
        self._disk, self._directory, self._index = disk, directory, index
        self._limit, self._shelf_bytes = limit, shelf_bytes
        self._damage: list[Damage] = []

    def take_damage(self) -> list[Damage]:
        """What reading has found since the last time."""
        found, self._damage = self._damage, []
        return found

    # ------------------------------------------------------------------------------------------------------ reading
    def months(self) -> list[str]:
        """The months that have an archive, newest first."""
        return sorted({_month(name) for name in self._names()}, reverse=True)

    def of_month(self, month: str) -> Iterator[Document]:
        """All documents of a month."""
        for name in self._names():
            if _month(name) == month:
                yield from self._read(name)

    def find(self, incident: str, known: Document | None) -> Iterator[Document]:
        """Documents of the files that may hold an incident; `known` is its live document, which says where else it is.
        A file that the index does not know (it was lost, or is of an older release) is looked at too."""
        split = known.get("split") if known else ()
        wanted = {str(name) for name in split} if isinstance(split, list) else set()
        indexed: set[str] = set()
        for shelf in self._index.all():
            name, low, high = str(shelf.get("file")), _number(shelf.get("low")), _number(shelf.get("high"))
            indexed.add(name)
            if known is None and low <= _rank(incident) <= high:
                wanted.add(name)
        for name in self._names():
            if name in wanted or (name not in indexed and (known is None or split is True)):
                yield from self._read(name)

    def _read(self, name: str) -> Iterator[Document]:
        path = self._directory / name
        try:
            data = self._disk.read(path, READ_LIMIT)
        except OSError as error:
            self.fault = error.strerror or str(error)
            return
        for line in parse_lines(data):
            if line.document is not None:
                yield line.document
            elif line.records_at_most and line.raw and (damage := set_aside(self._disk, path, line)):
                self._damage.append(damage)

    # ------------------------------------------------------------------------------------------------------ writing
    def append(self, month: str, documents: Sequence[Document]) -> str:
        """Put documents into the month's newest file, synced, and into the index: the file's name, "" on a fault."""
        try:
            name = self._choose(month)
            data = b"".join(encode_line(document) for document in documents)
            # A newline first: should an earlier append have been torn, it must not spoil this one.
            self._disk.append(self._directory / name, b"\n" + data, sync=True)
            self._disk.sync_directory(self._directory)
            self._enter(name, documents)
            self._drop_oldest()
        except OSError as error:
            self.fault = error.strerror or str(error)
            return ""
        self.fault = ""
        return name

    def _choose(self, month: str) -> str:
        own = [name for name in self._names() if _month(name) == month]
        if own and self._disk.size(self._directory / own[-1]) < self._shelf_bytes:
            return own[-1]
        return f"book-{month}.jsonl" if not own else f"book-{month}.{len(own):03d}.jsonl"

    def _enter(self, name: str, documents: Sequence[Document]) -> None:
        ranks = [
            _rank(str(one.get("id", one.get("incident")))) for one in documents if one.get("id", one.get("incident"))
        ]
        for shelf in self._index.all():
            if shelf.get("file") == name:
                ends = [_number(shelf.get(end)) for end in ("low", "high") if _number(shelf.get("high"))]
                facts = _range([*ends, *ranks])
                self._index.update(facts, doc_ids=[_doc_id(shelf)])
                return
        if self._disk.size(self._directory / name) == 1 + sum(len(encode_line(one)) for one in documents):
            self._index.insert({"file": name, **_range(ranks)})  # only of a file that is new with these documents

    def _drop_oldest(self) -> None:
        names = self._names()
        for name in names[: max(0, len(names) - self._limit)]:
            self._disk.remove(self._directory / name)
            self._index.remove(doc_ids=[_doc_id(one) for one in self._index.all() if one.get("file") == name])

    def _names(self) -> list[str]:
        """The archive's files, oldest first."""
        try:
            names = self._disk.names(self._directory)
        except OSError:
            return []
        return sorted(
            (name for name in names if name.startswith("book-") and name.endswith(".jsonl")),
            key=lambda name: (_month(name), len(name), name),
        )


def month_of(document: Document) -> str:
    """`2026-11` from the opening; what has no such date goes to `0000-00` rather than to a name made of its text."""
    text = str(document.get("opened") or document.get("ts"))[:7]
    year, dash, month = text.partition("-")
    return text if dash and year.isdecimal() and month.isdecimal() and text.isascii() else "0000-00"


def _month(name: str) -> str:
    return name.removeprefix("book-").split(".")[0]


def _rank(incident: str) -> int:
    year, _, number = incident.partition("-")
    return int(year) * _NUMBERS + int(number) if (year + number).isdecimal() and incident.isascii() else 0


def _range(ranks: Sequence[int]) -> Document:
    return {"low": min(ranks, default=0), "high": max(ranks, default=0)}


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _doc_id(document: Mapping[str, object]) -> int:
    number = getattr(document, "doc_id", 0)
    return number if isinstance(number, int) else 0
