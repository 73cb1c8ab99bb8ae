"""The incident book: what happened, from opening to close, with its timeline; the one file that knows TinyDB.

Made from journal records that carry an incident, so it can always be brought up to date from the journal. Old incidents
move to one read-only file per month. Must not know files beyond their names, nor how incidents are decided.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from tinydb import TinyDB, where
from tinydb.table import Document as TinyDocument
from tinydb.table import Table

from firmware_py.runtime.book_storage import LineStorage
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, encode_line, parse_lines
from firmware_py.runtime.segments import READ_LIMIT, Damage, number_of, set_aside

MAX_DOCUMENTS = 2000
_CURRENT = "book.jsonl"
_FACTS = ("cause", "class", "tier", "alarms", "acked_by", "age_ms")
_STATES = {"incident.opened": "open", "incident.closed": "closed"}


class Book:
    """At most about `limit` documents live; single-threaded, in the storage thread. Never raises OSError."""

    def __init__(self, disk: Disk, directory: Path, *, limit: int = MAX_DOCUMENTS) -> None:
        assert limit >= 8
        self.refused = 0  # entries not taken because the medium would not let us archive
        self.damage: list[Damage] = []
        self._archive_fault = ""
        self._disk, self._directory, self._limit = disk, directory, limit
        self._storage = LineStorage(disk, directory / _CURRENT)
        self._latest: dict[str, int] = {}
        self._incidents: Table
        self._entries: Table
        self._marks: Table
        self._attach()

    @property
    def degraded(self) -> str:
        """Why the book is not safe on the medium now, empty when it is."""
        return self._storage.degraded or self._archive_fault

    def open(self) -> bool:
        """Replay the current file, once; False while it cannot be read: then nothing is entered either, and the journal
        tells it again later."""
        if self._storage.opened:
            return True
        if not self._storage.open():
            return False
        self.damage += self._storage.damage
        self._attach()
        for document in (*self._marks.all(), *self._entries.all()):
            log, seq = str(document.get("log")), number_of(document)
            self._latest[log] = max(self._latest.get(log, 0), seq)
        return True

    def entered(self, log: str) -> int:
        """The highest journal number of this log that is in the book: bring it up to date from there."""
        return self._latest.get(log, 0)

    # ------------------------------------------------------------------------------------------------------ writing
    def enter(self, records: Iterable[Document]) -> bool:
        """Add journal records that carry an incident; the others, and those already here, are passed over.

        True when all that the book holds is on the medium. An incident whose opening was lost opens with what is known.
        """
        if not self.open():
            return False
        for record in records:
            log, seq = str(record.get("log")), number_of(record)
            incident = record.get("incident")
            if not isinstance(incident, str) or seq <= self.entered(log):
                continue
            if len(self._entries) + len(self._incidents) >= 2 * self._limit:
                self.refused += 1
                continue
            self._tell(incident, record)
            self._entries.insert(record)
            self._latest[log] = seq
        if len(self._entries) + len(self._incidents) > self._limit:
            self._archive()
        return self._storage.flush()

    def update(self, incident: str, facts: Document) -> bool:
        """Set facts of an open or closed incident (class, cause found, report given); True when on the medium."""
        if not self.open():
            return False
        self._incidents.update(facts, where("id") == incident)
        return self._storage.flush()

    def flush(self) -> bool:
        """Bring what is still only in memory to the medium."""
        return self._storage.flush()

    def _tell(self, incident: str, record: Document) -> None:
        kind, data = str(record.get("type")), record.get("data")
        facts: Document = {}
        if kind.startswith("incident.") and isinstance(data, dict):
            facts = {name: data[name] for name in _FACTS if name in data}
        if kind in _STATES:
            facts["state"] = _STATES[kind]
        if kind == "incident.closed":
            facts |= {"closed": record.get("ts"), "closed_seq": record.get("seq")}
        if self._incidents.contains(where("id") == incident):
            if facts:
                self._incidents.update(facts, where("id") == incident)
            return
        opened = {name: record.get(name) for name in ("log", "boot", "clk", "up_ms", "drill")}
        first = {"id": incident, "state": "open", "opened": record.get("ts"), "opened_seq": record.get("seq")}
        self._incidents.insert(first | opened | facts)

    # ------------------------------------------------------------------------------------------------------ reading
    def incidents(self, *, state: str = "", limit: int = 100) -> list[Document]:
        """Live incidents, newest first; `state` is `open`, `closed`, or empty for both."""
        found = self._incidents.search(where("state") == state) if state else self._incidents.all()
        return [dict(document) for document in sorted(found, key=_age, reverse=True)[:limit]]

    def incident(self, incident: str) -> Document | None:
        """One incident with its `timeline` of journal records, from the live book or from the archive."""
        live = self._incidents.get(where("id") == incident)
        found = dict(live) if isinstance(live, dict) else None
        timeline = {(e["log"], e["seq"]): dict(e) for e in self._entries.search(where("incident") == incident)}
        for month in () if found and found.get("split") is None else self.months():
            for document in self._archived(month):
                if document.get("id") == incident and found is None:
                    found = document
                elif document.get("incident") == incident:
                    timeline[document.get("log"), document.get("seq")] = document
        ordered = sorted(timeline.values(), key=number_of)
        return found | {"timeline": ordered} if found else None

    def months(self) -> list[str]:
        """The months that have an archive, newest first (`2026-11`)."""
        try:
            names = self._disk.names(self._directory)
        except OSError:
            return []
        return sorted((n[5:-6] for n in names if n.startswith("book-") and n.endswith(".jsonl")), reverse=True)

    def archived(self, month: str) -> list[Document]:
        """The incidents that a month's archive holds, oldest first; one told twice by a crash comes once."""
        by_id = {document["id"]: document for document in self._archived(month) if "id" in document}
        return sorted(by_id.values(), key=_age)

    # ---------------------------------------------------------------------------------------------------- archiving
    def _archive(self) -> None:
        """Move the oldest closed incidents out, then the oldest entries of open ones, until a quarter is free."""
        surplus = len(self._entries) + len(self._incidents) - self._limit * 3 // 4
        for incident in sorted(self._incidents.search(where("state") == "closed"), key=_age):
            if surplus <= 0:
                return
            entries = self._entries.search(where("incident") == incident["id"])
            if not self._move(_month(incident), [dict(incident)], entries):
                return
            self._incidents.remove(where("id") == incident["id"])
            surplus -= 1 + len(entries)
        if surplus > 0:
            oldest = sorted(self._entries.all(), key=number_of)[:surplus]
            if self._move(_month(oldest[0]), [], oldest):
                names = {str(entry["incident"]) for entry in oldest}
                self._incidents.update({"split": True}, where("id").one_of(sorted(names)))

    def _move(self, month: str, incidents: Sequence[Document], entries: Sequence[TinyDocument]) -> bool:
        """To the month's file first, synced; only then out of the live book: a crash between the two repeats them."""
        path = self._directory / f"book-{month}.jsonl"
        data = b"".join(encode_line(document) for document in (*incidents, *entries))
        try:
            # A newline first: should an earlier append have been torn, it must not spoil this one.
            self._disk.append(path, b"\n" + data, sync=True)
            self._disk.sync_directory(self._directory)
        except OSError as error:
            self._archive_fault = error.strerror or str(error)
            return False
        self._archive_fault = ""
        for log, seq in self._latest.items():
            self._marks.upsert({"log": log, "seq": seq}, where("log") == log)
        self._entries.remove(doc_ids=[entry.doc_id for entry in entries])
        return True

    def _archived(self, month: str) -> list[Document]:
        path = self._directory / f"book-{month}.jsonl"
        try:
            data = self._disk.read(path, READ_LIMIT)
        except OSError as error:
            self._archive_fault = error.strerror or str(error)
            return []
        found: list[Document] = []
        for line in parse_lines(data):
            if line.document is not None:
                found.append(line.document)
            elif line.records_at_most and line.raw and (damage := set_aside(self._disk, path, line)):
                self.damage.append(damage)
        return found

    def _attach(self) -> None:
        database = TinyDB(storage=lambda: self._storage)
        self._incidents = database.table("incidents")
        self._entries = database.table("entries")
        self._marks = database.table("marks")


def _age(incident: Document) -> tuple[str, int]:
    return str(incident.get("opened")), number_of({"seq": incident.get("opened_seq")})


def _month(document: Document) -> str:
    """`2026-11` from the opening; what has no such date goes to `0000-00` rather than to a name made of its text."""
    text = str(document.get("opened") or document.get("ts"))[:7]
    year, dash, month = text.partition("-")
    return text if dash and year.isdecimal() and month.isdecimal() and text.isascii() else "0000-00"
