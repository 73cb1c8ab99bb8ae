"""The event journal: numbered records in append-only files, kept until they are delivered or room is needed.

A number exists only once its record is on the medium, so no crash can give it to another event; what damage or a full
journal took away is told as a gap. Lives in the storage thread. Must not know MQTT, alarms or clocks.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from firmware_py.core.event import Severity
from firmware_py.runtime.backlog import DROP_ORDER, Backlog, Draft, Lost
from firmware_py.runtime.disk import Disk, remove_temporaries, write_atomic
from firmware_py.runtime.lines import Document, encode_line, parse_lines
from firmware_py.runtime.segments import (
    GAP,
    Contents,
    Damage,
    Segment,
    covers,
    gap_before,
    move_aside,
    number_of,
    read_segment,
    set_aside,
    severity_of,
)

CAP_BYTES = 16 * 1024 * 1024
SEGMENT_BYTES = 256 * 1024
MAX_RECORD_BYTES = 8 * 1024
_CHUNK_RECORDS = 100
_UNREAD_NUMBERS = 32_768  # more than one file can hold
_POSITION = "position"
_PREFIX, _SUFFIX = "events-", ".jsonl"


class Journal:
    """`commit` numbers and syncs what waits in the backlog; `pending` reads it back in order. Never raises OSError.

    While the medium fails, `degraded` says why, nothing gets a number, and the backlog keeps what matters most; when it
    works again one `journal.gap` record with the numbers `from`..`to` stands for what the backlog had to drop.
    """

    def __init__(
        self,
        disk: Disk,
        directory: Path,
        backlog: Backlog,
        *,
        cap_bytes: int = CAP_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        new_log: Callable[[], str] = lambda: os.urandom(2).hex(),
    ) -> None:
        assert 0 < segment_bytes < cap_bytes
        self.log = ""
        self.degraded = "not opened yet"
        self.damage: list[Damage] = []
        self.ack = 0
        self.cursor_seen = False
        self._disk, self._directory, self._backlog = disk, directory, backlog
        self._cap_bytes, self._segment_bytes, self._new_log = cap_bytes, segment_bytes, new_log
        self._segments: list[Segment] = []
        self._next = 1
        self._open_end = False  # the last segment may be appended to
        self._unclean = False  # the last segment may hold bytes beyond its size, or its name may not be durable
        self._saved: tuple[object, ...] = ()
        self._cache: tuple[Path, Sequence[Document]] | None = None

    @property
    def last(self) -> int:
        """The highest number given (or skipped after damage); 0 in an empty journal."""
        return self._next - 1

    @property
    def size_bytes(self) -> int:
        """Space that the records take on the medium."""
        return sum(segment.space for segment in self._segments)

    # ------------------------------------------------------------------------------------------------------ opening
    def open(self) -> bool:
        """Find what is there and make the end of it durable; False (and `degraded`) while the medium does not allow it.

        Called again by `commit` until it succeeds. Damage found for the first time is in `damage` afterwards.
        """
        try:
            self._disk.make_directory(self._directory)
            names = self._disk.names(self._directory)
            with suppress(OSError):
                remove_temporaries(self._disk, self._directory)
            self._load([name for name in names if name.startswith(_PREFIX) and name.endswith(_SUFFIX)])
            self._mend()
        except OSError as error:
            self.log, self.degraded = "", _told(error)
            return False
        self.degraded = ""
        return True

    def _load(self, names: Sequence[str]) -> None:
        found: list[tuple[Segment, Contents]] = []
        following, log = 1, ""
        for name in names:
            path = self._directory / name
            try:
                contents = read_segment(self._disk, path)
            except OSError as error:
                # Left in place: it may be readable at another start. Its numbers are never given again.
                self._tell(Damage(file=name, offset=0, length=0, what=_told(error)))
                following = max(following, _first_of(name)) + _UNREAD_NUMBERS
                continue
            if contents.records:
                following, log = number_of(contents.records[-1]) + 1, str(contents.records[-1].get("log"))
            following = max(following, _first_of(name)) + contents.unseen
            found.append((Segment(path=path, first=_first_of(name), last=0, size=contents.tail), contents))
        self._segments, self._cache = [], None
        for segment, contents in found:
            self._admit(segment, contents, log)
        self.log = log or self._new_log()
        self._next = max(following, self._highest + 1)
        self._open_end = bool(found) and bool(self._segments) and found[-1][0] is self._segments[-1]
        self._open_end = self._open_end and not found[-1][1].closed
        self._unclean = bool(self._segments)
        self._load_position()

    def _admit(self, segment: Segment, contents: Contents, log: str) -> None:
        for line in contents.faults:
            if line.records_at_most and (damage := set_aside(self._disk, segment.path, line)):
                self._tell(damage)
        for record in contents.records:
            if record.get("log") == log and number_of(record) > self._highest:
                segment.count(record)
        if segment.last:
            self._segments.append(segment)
        elif contents.size:
            move_aside(self._disk, segment.path, "no sound record")
        else:
            with suppress(OSError):
                self._disk.remove(segment.path)

    @property
    def _highest(self) -> int:
        return self._segments[-1].last if self._segments else 0

    def _load_position(self) -> None:
        self.ack, self.cursor_seen = 0, False
        try:
            line = next(parse_lines(self._disk.read(self._directory / _POSITION, MAX_RECORD_BYTES)), None)
        except OSError:
            return
        position = line.document if line else None
        if position is None or position.get("log") != self.log:
            return  # sent again from the start: the other side ignores what it has
        self._next = max(self._next, number_of({"seq": position.get("top")}) + 1)
        self.ack = min(number_of({"seq": position.get("ack")}), self.last)
        self.cursor_seen = position.get("seen") is True

    def _tell(self, damage: Damage) -> None:
        if damage not in self.damage:
            self.damage.append(damage)

    def _mend(self) -> None:
        """Make the last segment end where we think, on the medium: only then may its records be published."""
        if not self._unclean:
            return
        if self._segments and self._disk.exists(self._segments[-1].path):
            self._disk.truncate(self._segments[-1].path, self._segments[-1].size)
            self._disk.sync_directory(self._directory)
        self._unclean = False

    # ------------------------------------------------------------------------------------------------------ writing
    def commit(self, limit: int | None = None) -> list[Document]:
        """Number, write and sync what waits (the `limit` drafts that came first); what is on the medium now and may be
        published."""
        batch = self._backlog.take(limit)
        drafts, lost = batch.drafts, batch.lost
        if not drafts and self.log and not self._unclean:
            return []
        done: list[Document] = []
        try:
            if not self.log and not self.open():
                raise OSError(self.degraded)
            self._mend()
            while drafts:
                records = self._numbered(drafts[:_CHUNK_RECORDS], lost)
                self._append(records)
                done += records
                drafts, lost = drafts[_CHUNK_RECORDS:], Lost()
            self.degraded = ""
        except OSError as error:
            self._backlog.put_back(drafts, lost)
            self.degraded = _told(error)
        if done:
            self._trim()
        return done

    def _numbered(self, drafts: Sequence[Draft], lost: Lost) -> list[Document]:
        seq, records = self._next, []
        if lost.total:
            record = drafts[0].record(self.log, seq + lost.total - 1)
            counts = {severity.value: lost.counts.get(severity, 0) for severity in DROP_ORDER}
            data = {"from": seq, "to": seq + lost.total - 1, "because": "storage", **counts}
            data |= {"from_up_ms": lost.from_up_ms, "to_up_ms": lost.to_up_ms}
            records.append(record | {"type": GAP, "sev": Severity.WARNING.value, "incident": None, "data": data})
            seq += lost.total
        return records + [draft.record(self.log, seq + index) for index, draft in enumerate(drafts)]

    def _append(self, records: list[Document]) -> None:
        for index, record in enumerate(records):
            if len(encode_line(record)) > MAX_RECORD_BYTES:
                records[index] = record | {"data": {"cut": True}}
        data = b"".join(encode_line(record) for record in records)
        full = self._segments and self._segments[-1].size + len(data) > self._segment_bytes
        if not self._open_end or full:
            self._begin_segment(number_of(records[0]))
        segment, is_new = self._segments[-1], self._segments[-1].size == 0
        self._unclean = True
        self._disk.append(segment.path, data, sync=True)
        if is_new:
            self._disk.sync_directory(self._directory)
        self._unclean = False
        segment.size += len(data)
        for record in records:
            segment.count(record)
        if self._cache and self._cache[0] == segment.path:
            self._cache = (segment.path, [*self._cache[1], *records])
        self._next = number_of(records[-1]) + 1

    def _begin_segment(self, first: int) -> None:
        """A new file, never one that is there already: what could not be moved aside keeps its name."""
        number = first
        while self._disk.exists(path := self._directory / f"{_PREFIX}{number:012d}{_SUFFIX}"):
            number += 1
        if self._segments and not self._segments[-1].size:
            self._segments.pop()
        self._segments.append(Segment(path=path, first=number, last=first - 1, size=0))
        self._open_end = True

    # ----------------------------------------------------------------------------------------------------- dropping
    def _trim(self) -> None:
        """Stay under the cap: delivered records first, then the oldest of the lowest class, critical ones last."""
        try:
            while self.size_bytes > self._cap_bytes and (victim := self._victim()):
                self._strip(*victim)
        except OSError as error:
            self.degraded = _told(error)

    def _victim(self) -> tuple[Segment, Severity] | None:
        closed = self._segments[:-1]
        delivered = [segment for segment in closed if segment.last <= self.ack]
        for candidates in (delivered, closed):
            for severity in DROP_ORDER:
                for segment in candidates:
                    if segment.counts.get(severity):
                        return segment, severity
        return None

    def _strip(self, segment: Segment, severity: Severity) -> None:
        """Rewrite one closed segment without a class; the numbers that go missing are told by `pending` as a gap."""
        self._cache = None
        kept = [record for record in read_segment(self._disk, segment.path).records if severity_of(record) != severity]
        if kept:
            data = b"".join(encode_line(record) for record in kept)
            write_atomic(self._disk, segment.path, data)
            segment.size, segment.counts = len(data), {}
            for record in kept:
                segment.count(record)
            return
        self._disk.remove(segment.path)
        self._segments.remove(segment)
        self._disk.sync_directory(self._directory)

    # ------------------------------------------------------------------------------------------------------ reading
    def pending(self, after: int, limit: int) -> list[Document]:
        """Up to `limit` records above `after` in order, none twice.

        Numbers that no longer have a record come as one record of type `journal.gap` with `data` {from, to}: it carries
        the last missing number, so that a reader who steps to it stays in order.
        """
        found: list[Document] = []
        expected = after + 1
        for segment in self._segments if self.log else ():
            if segment.last <= after:
                continue
            for record in self._records(segment):
                number = number_of(record)
                if number < expected:
                    continue
                if number > expected and not covers(record, expected):
                    found.append(gap_before(record, expected))
                found.append(record)
                expected = number + 1
                if len(found) >= limit:
                    return found[:limit]
        return found

    def _records(self, segment: Segment) -> Sequence[Document]:
        if self._cache is None or self._cache[0] != segment.path:
            try:
                records = read_segment(self._disk, segment.path).records
            except OSError as error:
                self.degraded = _told(error)
                return ()
            mine = [record for record in records if record.get("log") == self.log and number_of(record) <= self.last]
            self._cache = (segment.path, mine)
        return self._cache[1]

    # ------------------------------------------------------------------------------------------------- acknowledging
    def acknowledged(self, seq: int, *, cursor: bool) -> bool:
        """Everything up to `seq` was taken: by the server's cursor, or (until one was ever seen) by PUBACK.

        A cursor may also go back. False, and nothing changes, for one that is ahead of the journal.
        """
        if seq > self.last or seq < 0:
            return False
        if cursor:
            self.ack = seq
            if not self.cursor_seen:
                self.cursor_seen = True
                self.save_position()
        elif not self.cursor_seen:
            self.ack = max(self.ack, seq)
        return True

    def save_position(self) -> None:
        """Keep acknowledgement and highest number; cheap, called now and then: a lost one only causes repetition."""
        wanted = (self.log, self.ack, self.cursor_seen, self.last)
        if not self.log or wanted == self._saved:
            return
        document = dict(zip(("log", "ack", "seen", "top"), wanted, strict=True))
        try:
            write_atomic(self._disk, self._directory / _POSITION, encode_line(document))
            self._saved = wanted
            if not self._unclean and not len(self._backlog):
                self.degraded = ""
        except OSError as error:
            self.degraded = _told(error)


def _first_of(name: str) -> int:
    digits = name[len(_PREFIX) : -len(_SUFFIX)]
    return int(digits) if digits.isdecimal() and len(digits) <= 18 else 1


def _told(error: OSError) -> str:
    return error.strerror or str(error)
