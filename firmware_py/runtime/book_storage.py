"""Storage for a TinyDB: changes are appended as CRC lines and replayed at the start, never a file overwritten.

Fits TinyDB's extension point (`read`, `write`, `close`) without importing it. What changed is found by identity, so
that a change costs its own size on the medium. Must not know what the documents are.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from firmware_py.runtime.disk import Disk, remove_temporaries, write_atomic
from firmware_py.runtime.lines import Document, Verdict, encode_line, parse_lines
from firmware_py.runtime.segments import READ_LIMIT, Damage, set_aside

Tables: TypeAlias = dict[str, dict[str, Document]]
Change: TypeAlias = tuple[str, str, Document | None]

MIN_COMPACT_BYTES = 256 * 1024
_CHANGES_PER_LINE = 20


class Entry(dict[str, object]):
    """A document that notices being changed in place, as TinyDB's `update` does; nested values are replaced whole."""

    touched = False

    def __setitem__(self, key: str, value: object) -> None:
        self.touched = True
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.touched = True
        super().__delitem__(key)

    def update(self, *args: object, **kwargs: object) -> None:
        """As of a dict."""
        self.touched = True
        super().update(*args, **kwargs)

    def pop(self, *args: object) -> object:
        """As of a dict."""
        self.touched = True
        return super().pop(*args)  # type: ignore[call-overload]  # whatever dict takes

    def clear(self) -> None:
        """As of a dict."""
        self.touched = True
        super().clear()


class LineStorage:
    """The truth is in memory and the file follows at `flush`; never raises OSError, `degraded` says what is wrong.

    After a failed flush the changes stay queued (at most one per document) and the next flush brings them all.
    """

    def __init__(self, disk: Disk, path: Path, *, min_compact_bytes: int = MIN_COMPACT_BYTES) -> None:
        self.degraded = ""
        self.damage: list[Damage] = []
        self._disk, self._path, self._min_compact_bytes = disk, path, min_compact_bytes
        self._tables: Tables = {}
        self._known: Tables = {}
        self._unsaved: dict[tuple[str, str], Document | None] = {}
        self._size = 0
        self._live_bytes = 0  # of the file when it was last written whole
        self._unclean = False
        self._opened = False

    def open(self) -> bool:
        """Replay the file; False (and `degraded`) when it cannot be read now. Damage costs the damaged lines only."""
        try:
            self._disk.make_directory(self._path.parent)
            with suppress(OSError):
                remove_temporaries(self._disk, self._path.parent)
            data = self._disk.read(self._path, READ_LIMIT) if self._disk.exists(self._path) else b""
        except OSError as error:
            self.degraded = error.strerror or str(error)
            return False
        self._size = len(data)
        for line in parse_lines(data):
            if line.document is not None:
                self._replay(line.document)
                continue
            if line.verdict is Verdict.TORN:
                self._size = line.offset
            if line.records_at_most and (damage := set_aside(self._disk, self._path, line)):
                self.damage.append(damage)
        for key, document in self._unsaved.items():  # what was written while the file could not be opened
            self._apply((*key, document))
        # A file whose end is not a newline, or that was cut, is made sound by the first flush.
        self._unclean = self._size != len(data) or data[-1:] not in (b"", b"\n")
        self._live_bytes, self._opened, self.degraded = self._size, True, ""
        self._known = {name: dict(table) for name, table in self._tables.items()}
        return True

    # ------------------------------------------------------------------------------------- TinyDB's extension point
    def read(self) -> Tables | None:
        """All tables; None when there is nothing yet."""
        return self._tables or None

    def write(self, data: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
        """Take the new content and queue what differs from the last; nothing is on the medium before `flush`."""
        tables: Tables = {}
        for name, table in data.items():
            known = self._known.get(name, {})
            tables[name] = {}
            for key, document in table.items():
                if document is known.get(key) and isinstance(document, Entry) and not document.touched:
                    tables[name][key] = document
                    continue
                tables[name][key] = self._unsaved[name, key] = Entry(document)
            for key in known.keys() - table.keys():
                self._unsaved[name, key] = None
        for name in self._known.keys() - data.keys():
            self._unsaved |= {(name, key): None for key in self._known[name]}
        self._tables = tables
        self._known = {name: dict(table) for name, table in tables.items()}

    def close(self) -> None:
        """TinyDB says goodbye."""
        self.flush()

    # ---------------------------------------------------------------------------------------------------- the file
    @property
    def opened(self) -> bool:
        """True once the file was read: only then is it known which keys are taken."""
        return self._opened

    @property
    def unsaved(self) -> int:
        """How many changes are not on the medium yet."""
        return len(self._unsaved)

    def flush(self) -> bool:
        """Bring all queued changes to the medium in one write and one sync; True when nothing is left to bring."""
        if not self._opened and not self.open():
            return False
        changes: list[Change] = [(*key, document) for key, document in self._unsaved.items()]
        data = _lines(changes)
        try:
            self._mend()
            if self._size + len(data) > max(self._min_compact_bytes, 2 * self._live_bytes):
                self._compact()
            elif data:
                self._append(data)
        except OSError as error:
            self.degraded = error.strerror or str(error)
            return False
        self._unsaved.clear()
        self.degraded = ""
        return True

    def _append(self, data: bytes) -> None:
        is_new = self._size == 0
        self._unclean = True
        self._disk.append(self._path, data, sync=True)
        if is_new:
            self._disk.sync_directory(self._path.parent)
        self._unclean = False
        self._size += len(data)

    def _mend(self) -> None:
        if not self._unclean:
            return
        if self._disk.exists(self._path):
            self._disk.truncate(self._path, self._size)
            if self._size and self._disk.read(self._path, self._size)[-1:] != b"\n":
                self._compact()  # the last line is sound but lost its newline: an append would spoil it
        self._unclean = False

    def _compact(self) -> None:
        """Write what is alive as one new file; the old one stays whole until the new one has its name."""
        changes = ((name, key, document) for name, table in self._tables.items() for key, document in table.items())
        data = _lines(changes)
        write_atomic(self._disk, self._path, data)
        self._size = self._live_bytes = len(data)

    def _replay(self, line: Document) -> None:
        changes = line.get("c")
        for change in changes if isinstance(changes, list) else ():
            if not isinstance(change, list) or len(change) != 3:
                continue
            name, key, document = change
            if isinstance(name, str) and isinstance(key, str) and key.isdecimal() and isinstance(document, dict | None):
                self._apply((name, key, document))

    def _apply(self, change: Change) -> None:
        name, key, document = change
        table = self._tables.setdefault(name, {})
        if document is None:
            table.pop(key, None)
        else:
            table[key] = Entry(document)


def _lines(changes: Iterable[Change]) -> bytes:
    queue = list(changes)
    groups = (queue[start : start + _CHANGES_PER_LINE] for start in range(0, len(queue), _CHANGES_PER_LINE))
    return b"".join(encode_line({"c": [list(change) for change in group]}) for group in groups)
