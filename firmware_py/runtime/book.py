"""The incident book: what happened, from opening to close, with its timeline; the one file that knows TinyDB.

Made from journal records, so it can always be brought up to date from the journal. What is old moves to the archive
(`book_shelves`). Must not know files beyond their names, nor how incidents are decided.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_py.runtime.book_shelves import MAX_SHELVES, Shelves, month_of
from firmware_py.runtime.book_storage import LineStorage
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document
from firmware_py.runtime.segments import Damage, number_of

if TYPE_CHECKING:
    from tinydb.queries import Query
    from tinydb.table import Document as TinyDocument
    from tinydb.table import Table

MAX_DOCUMENTS = 2000
_CURRENT = "book.jsonl"
_FACTS = ("cause", "class", "tier", "alarms", "acked_by", "age_ms")
_END_FACTS = ("saved_wh", "outbound_paused_ms", "longest_blind_ms", "modes", "stages")
_KEPT = ("alarm.", "checklist.", "handover.", "drill.")  # what a month's report needs although it has no incident
_STATES = {"incident.opened": "open", "incident.closed": "closed"}


class Book:
    """At most about `limit` documents live; single-threaded, in the storage thread. Never raises OSError."""

    def __init__(
        self, disk: Disk, directory: Path, *, limit: int = MAX_DOCUMENTS, shelf_limit: int = MAX_SHELVES
    ) -> None:
        assert limit >= 8
        self.refused = 0  # entries not taken because the medium would not let us archive
        self.damage: list[Damage] = []
        self._archive_fault = ""
        self._shelf_limit = shelf_limit
        self._disk, self._directory, self._limit = disk, directory, limit
        self._storage = LineStorage(disk, directory / _CURRENT)
        self._latest: dict[str, int] = {}
        self._incidents: Table
        self._entries: Table
        self._marks: Table
        self._shelves: Shelves
        self._ids: dict[str, int]
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
        """Add journal records that carry an incident, and alarms, lists and hand-overs without one; the others, and
        those already here, are passed over.

        True when all that the book holds is on the medium. An incident whose opening was lost opens with what is known.
        """
        if not self.open():
            return False
        fresh: list[Document] = []
        told: dict[str, Document] = {}
        room = 2 * self._limit - len(self._entries) - len(self._incidents)
        for record in records:
            log, seq = str(record.get("log")), number_of(record)
            incident = record.get("incident")
            if seq <= self.entered(log) or not (isinstance(incident, str) or _is_kept(record)):
                continue
            if len(fresh) >= room:
                self.refused += 1
                continue
            if isinstance(incident, str):
                known = told.get(incident) or ({} if incident in self._ids else _first(incident, record))
                told[incident] = known | _facts(record)
            fresh.append(record)
            self._latest[log] = seq
        self._write(fresh, told)
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

    def _write(self, fresh: Sequence[Document], told: Mapping[str, Document]) -> None:
        """All at once: each call of TinyDB costs as much as the live book is long."""
        if fresh:
            self._entries.insert_multiple(fresh)
        for incident, facts in told.items():
            if incident not in self._ids:
                self._ids[incident] = self._incidents.insert(facts)
            elif facts:
                self._incidents.update(facts, doc_ids=[self._ids[incident]])

    # ------------------------------------------------------------------------------------------------------ reading
    def incidents(self, *, state: str = "", limit: int = 100) -> list[Document]:
        """Live incidents, newest first; `state` is `open`, `closed`, or empty for both."""
        found = self._incidents.search(where("state") == state) if state else self._incidents.all()
        return [dict(document) for document in sorted(found, key=_age, reverse=True)[:limit]]

    def incident(self, incident: str) -> Document | None:
        """One incident with its `timeline` of journal records, from the live book or from the archive."""
        live = self._incidents.get(where("id") == incident)
        found = dict(live) if isinstance(live, dict) else None
        timeline = {_place(entry): dict(entry) for entry in self._entries.search(where("incident") == incident)}
        for document in self._shelves.find(incident, known=found):
            if document.get("id") == incident and found is None:
                found = document
            elif document.get("incident") == incident:
                timeline[_place(document)] = document
        self.damage += self._shelves.take_damage()
        ordered = sorted(timeline.values(), key=number_of)
        return found | {"timeline": ordered} if found else None

    def months(self) -> list[str]:
        """The months that have an archive, newest first (`2026-11`)."""
        return self._shelves.months()

    def archived(self, month: str) -> list[Document]:
        """The incidents that a month's archive holds, oldest first; one told twice by a crash comes once."""
        by_id = {str(document["id"]): document for document in self._shelves.of_month(month) if "id" in document}
        self.damage += self._shelves.take_damage()
        return sorted(by_id.values(), key=_age)

    def month(self, month: str) -> tuple[list[Document], list[Document]]:
        """Incidents opened in a month and all records of it, oldest first, wherever they are kept."""
        known = self.months()
        earlier = max((name for name in known if name < month), default="")  # what began before may reach into it
        shelved = [document for name in (earlier, month) if name in known for document in self._shelves.of_month(name)]
        self.damage += self._shelves.take_damage()
        live = [dict(document) for document in (*self._incidents.all(), *self._entries.all())]
        incidents, records = dict[str, Document](), dict[tuple[str, int], Document]()
        for document in (*shelved, *live):
            if "id" in document and str(document.get("opened")).startswith(month):
                incidents[str(document["id"])] = document
            elif "seq" in document and str(document.get("ts")).startswith(month):
                records[_place(document)] = document
        told = sorted(records.values(), key=lambda record: (str(record.get("ts")), number_of(record)))
        return sorted(incidents.values(), key=_age), told

    # ---------------------------------------------------------------------------------------------------- archiving
    def _archive(self) -> None:
        """Move the oldest closed incidents and what belongs to none out, then the oldest entries of open ones, until a
        quarter is free."""
        surplus = len(self._entries) + len(self._incidents) - self._limit * 3 // 4
        entries: dict[str | None, list[TinyDocument]] = {}
        for entry in self._entries.all():
            incident = entry.get("incident")
            entries.setdefault(None if incident is None else str(incident), []).append(entry)
        closed = self._incidents.search(where("state") == "closed")
        units = [(_age(one), [one, *entries.get(str(one.get("id")), ())]) for one in closed]
        units += [((str(entry.get("ts")), number_of(entry)), [entry]) for entry in entries.get(None, ())]
        chosen: list[TinyDocument] = []
        for _, unit in sorted(units, key=lambda unit: unit[0]):
            if len(chosen) >= surplus:
                break
            chosen += unit
        if len(chosen) < surplus:
            left = sorted(set(entries) - {None} - {str(one.get("id")) for one in closed}, key=str)
            oldest = sorted((entry for name in left for entry in entries[name]), key=number_of)
            chosen += oldest[: surplus - len(chosen)]
        self._move(chosen)

    def _move(self, chosen: "Sequence[TinyDocument]") -> None:
        """To the archive first, synced; only then out of the live book: a crash between the two repeats them."""
        months: dict[str, list[TinyDocument]] = {}
        opened = {str(one["id"]): month_of(one) for one in chosen if "id" in one}
        for document in chosen:
            month = opened.get(str(document.get("id", document.get("incident"))), month_of(document))
            months.setdefault(month, []).append(document)
        moved: list[TinyDocument] = []
        for month, documents in months.items():
            if not (name := self._shelves.append(month, documents)):
                break
            moved += documents
            self._note_split(name, {str(one["incident"]) for one in documents if one.get("incident")} - opened.keys())
        self._archive_fault = self._shelves.fault
        if not moved:
            return
        for log, seq in self._latest.items():
            self._marks.upsert({"log": log, "seq": seq}, where("log") == log)
        self._entries.remove(doc_ids=[one.doc_id for one in moved if "id" not in one])
        if gone := [one.doc_id for one in moved if "id" in one]:
            self._incidents.remove(doc_ids=gone)
            self._ids = {name: number for name, number in self._ids.items() if number not in gone}

    def _note_split(self, name: str, incidents: set[str]) -> None:
        """An open incident whose first entries were archived knows where they are."""
        for document in self._incidents.search(where("id").one_of(sorted(incidents))) if incidents else ():
            split = document.get("split")
            files = [name] if not isinstance(split, list) else list(dict.fromkeys((*split, name)))
            self._incidents.update({"split": files}, doc_ids=[document.doc_id])

    def _attach(self) -> None:
        from tinydb import TinyDB  # here, so that it is loaded in the storage thread, and not before the first reading

        database = TinyDB(storage=lambda: self._storage)
        self._incidents = database.table("incidents")
        self._entries = database.table("entries")
        self._marks = database.table("marks")
        self._ids = {str(one.get("id")): one.doc_id for one in self._incidents.all()}
        self._shelves = Shelves(self._disk, self._directory, database.table("shelves"), limit=self._shelf_limit)


def where(key: str) -> "Query":
    """TinyDB's `where`."""
    from tinydb import where as ask

    return ask(key)


def _place(record: Mapping[str, object]) -> tuple[str, int]:
    """By what a record is known, whatever stands there: a card gives back lines that are whole and make no sense."""
    return str(record.get("log")), number_of(dict(record))


def _first(incident: str, record: Document) -> Document:
    """An incident as its first record tells it."""
    opened = {name: record.get(name) for name in ("log", "boot", "clk", "up_ms", "drill")}
    return {"id": incident, "state": "open", "opened": record.get("ts"), "opened_seq": record.get("seq")} | opened


def _facts(record: Document) -> Document:
    """What a record says about its incident as a whole."""
    kind, data = str(record.get("type")), record.get("data")
    facts: Document = {}
    if kind.startswith("incident.") and kind != "incident.course" and isinstance(data, dict):
        facts = {name: data[name] for name in (*_FACTS, *_END_FACTS) if name in data}
    if kind in _STATES:
        facts["state"] = _STATES[kind]
    if kind == "incident.closed":
        facts |= {"closed": record.get("ts"), "closed_seq": record.get("seq")}
    return facts


def _is_kept(record: Document) -> bool:
    return str(record.get("type")).startswith(_KEPT)


def _age(incident: Document) -> tuple[str, int]:
    return str(incident.get("opened")), number_of({"seq": incident.get("opened_seq")})
