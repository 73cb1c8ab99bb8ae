"""The incident book and its storage: made from journal records, queried, archived, sound after any fault."""

import errno
import random
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from firmware_py.runtime.book import Book
from firmware_py.runtime.book_storage import LineStorage
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document
from tests.faults.disk import FaultyDisk, PowerFailed

FOLDER = Path("book")


def record(seq: int, incident: str | None, kind: str = "alarm.raised", **data: object) -> Document:
    month = 1 + (seq // 400) % 12
    return {
        "seq": seq, "log": "7f3a", "ts": f"2026-{month:02d}-22T00:00:00.000Z", "clk": "ntp", "up_ms": seq, "boot": "b1",
        "type": kind, "sev": "warning", "incident": incident, "drill": False, "data": data,
    }  # fmt: skip


def story(first: int, number: int, notes: int = 2) -> list[Document]:
    """One incident from opening to close."""
    name = f"2026-{number:04d}"
    facts = {"cause": "power", "class": "technical", "tier": 0, "alarms": ["ups1.on_battery"]}
    told = [record(first, name, "incident.opened", **facts)]
    told += [record(first + 1 + index, name, note=index) for index in range(notes)]
    return [*told, record(first + 1 + notes, name, "incident.closed", **facts | {"tier": 2})]


def opened(disk: Disk, folder: Path = FOLDER, limit: int = 2000) -> Book:
    book = Book(disk, folder, limit=limit)
    book.open()
    return book


def names(incidents: Sequence[Document]) -> list[object]:
    return [incident["id"] for incident in incidents]


def test_an_incident_is_opened_joined_and_closed_by_its_records(tmp_path: Path) -> None:
    book = opened(Disk(), tmp_path / "book")
    told = story(10, 7)
    assert book.enter(told[:2])
    assert names(book.incidents(state="open")) == ["2026-0007"]
    assert book.enter([record(11, None), *told[2:]])
    assert book.incidents(state="open") == []
    for again in (book, opened(Disk(), tmp_path / "book")):
        found = again.incident("2026-0007")
        assert found is not None
        assert found["timeline"] == told
        assert (found["state"], found["tier"], found["cause"], found["opened_seq"], found["closed_seq"]) == (
            "closed", 2, "power", 10, 13,
        )  # fmt: skip
    assert book.incident("2026-0008") is None


def test_the_same_records_told_again_change_nothing() -> None:
    disk = FaultyDisk()
    book = opened(disk)
    book.enter(story(1, 1))
    size = disk.size(FOLDER / "book.jsonl")
    book.enter(story(1, 1))
    opened(disk).enter(story(1, 1))
    assert disk.size(FOLDER / "book.jsonl") == size
    assert opened(disk).entered("7f3a") == 4
    assert opened(disk).entered("other") == 0


def test_an_incident_whose_opening_was_lost_opens_with_what_is_known() -> None:
    book = opened(FaultyDisk())
    book.enter(story(1, 1)[1:2])
    (found,) = book.incidents(state="open")
    assert (found["id"], found["opened_seq"]) == ("2026-0001", 2)


def test_facts_found_later_are_kept() -> None:
    disk = FaultyDisk()
    book = opened(disk)
    book.enter(story(1, 1))
    assert book.update("2026-0001", {"class": "major", "cause_found": "fuse"})
    found = opened(disk).incident("2026-0001")
    assert found is not None
    assert (found["class"], found["cause_found"]) == ("major", "fuse")


def test_incidents_come_newest_first_and_bounded() -> None:
    book = opened(FaultyDisk())
    for number in range(1, 8):
        book.enter(story(number * 10, number))
    assert names(book.incidents(limit=3)) == ["2026-0007", "2026-0006", "2026-0005"]


def test_old_incidents_move_to_their_month_and_are_found_there() -> None:
    disk = FaultyDisk()
    book = opened(disk, limit=100)
    for number in range(1, 201):
        book.enter(story(number * 10, number))
        assert len(book._entries) + len(book._incidents) <= 105
    assert len(book.months()) > 3
    seen = set(names(book.incidents(limit=999)))
    for month in book.months():
        seen |= set(names(book.archived(month)))
    assert seen == {f"2026-{number:04d}" for number in range(1, 201)}
    for again in (book, opened(disk, limit=100)):
        old = again.incident("2026-0003")
        assert old is not None
        assert old["timeline"] == story(30, 3)
        again.enter(story(30, 3))
        assert "2026-0003" not in names(again.incidents(limit=999))


def test_one_endless_incident_does_not_grow_the_live_book() -> None:
    disk = FaultyDisk()
    book = opened(disk, limit=100)
    told = story(1, 1, notes=500)
    for one in told[:-1]:
        book.enter([one])
    assert len(book._entries) <= 101
    found = opened(disk, limit=100).incident("2026-0001")
    assert found is not None
    assert found["timeline"] == told[:-1]


def test_a_change_costs_its_own_size_on_the_medium_however_large_the_book() -> None:
    disk = FaultyDisk()
    book = opened(disk)
    costs = []
    for number in range(1, 150):
        before = disk.size(FOLDER / "book.jsonl") if FOLDER / "book.jsonl" in disk.files else 0
        book.enter(story(number * 10, number))
        costs.append(disk.size(FOLDER / "book.jsonl") - before)
    assert max(cost for cost in costs if cost > 0) < 4096


def test_while_the_archive_cannot_be_written_the_book_stays_bounded() -> None:
    disk = FaultyDisk()
    book = opened(disk, limit=20)
    disk.fail(0, times=1 << 30, error=errno.ENOSPC)
    for number in range(1, 40):
        assert not book.enter(story(number * 10, number))
    assert len(book._entries) + len(book._incidents) <= 42
    assert book.refused > 50
    assert book.degraded
    disk.heal()
    assert book.flush()


@pytest.mark.parametrize("month", ["../../x", "", None, "2026/11", "\u0662\u0660-\u0661"])
def test_no_text_of_a_record_becomes_a_file_name(month: object) -> None:
    disk = FaultyDisk()
    book = opened(disk, limit=8)
    for number in range(1, 9):
        book.enter([one | {"ts": month} for one in story(number * 10, number)])
    assert {path for path in disk.files if path.name.startswith("book-")} == {FOLDER / "book-0000-00.jsonl"}


# ------------------------------------------------------------------------------------------------------------ faults
def year(book: Book, kept: list[int]) -> None:
    while not book.open():
        pass
    for number in range(1, 14):
        if book.enter(story(number * 10, number)):
            kept.append(number)


def everything(book: Book) -> dict[object, list[Document]]:
    known = set(names(book.incidents(limit=999)))
    for month in book.months():
        known |= set(names(book.archived(month)))
    return {name: book.incident(str(name))["timeline"] for name in known}


@pytest.mark.parametrize(("error", "times"), [(errno.EIO, 1), (errno.ENOSPC, 4)])
def test_whichever_operation_fails_the_book_is_whole_once_the_medium_is(error: int, times: int) -> None:
    for at in range(80):
        disk = FaultyDisk()
        disk.fail(at, times=times, error=error, torn=random.Random(at).random())
        book = opened(disk, limit=30)
        year(book, [])
        disk.heal()
        assert book.flush()
        assert book.refused == 0
        assert opened(disk, limit=30).damage == []  # a write that failed was cut away, not left as damage
        assert everything(opened(disk, limit=30)) == {f"2026-{n:04d}": story(n * 10, n) for n in range(1, 14)}


def test_a_power_cut_in_any_operation_keeps_what_was_said_to_be_kept() -> None:
    for at in range(80):
        for seed in (at, at + 1)[: 1 + at % 2]:
            disk, kept = FaultyDisk(), list[int]()
            disk.cut_power(at, torn=random.Random(seed).random())
            with suppress(PowerFailed):
                year(opened(disk, limit=30), kept)
            book = opened(disk.power_cut(seed), limit=30)
            found = everything(book)
            assert not book.degraded
            for number in kept:
                assert found[f"2026-{number:04d}"] == story(number * 10, number), (at, seed, number)
            year(book, [])  # the journal tells it all again
            assert everything(book) == {f"2026-{n:04d}": story(n * 10, n) for n in range(1, 14)}


@pytest.mark.parametrize("kind", ["bit", "zeros"])
def test_damage_costs_the_damaged_lines_and_is_told_once(kind: str) -> None:
    for seed in range(8):
        chance, disk = random.Random(seed), FaultyDisk()
        book = opened(disk)
        for number in range(1, 60):
            book.enter(story(number * 10, number))
        content = disk.files[FOLDER / "book.jsonl"].now
        at = chance.randrange(len(content) - 4096)
        if kind == "bit":
            content[at] ^= 1 << chance.randrange(8)
        else:
            content[at : at + 4096] = bytes(4096)
        found = everything(opened(disk))
        intact = [number for number in range(1, 60) if found.get(f"2026-{number:04d}") == story(number * 10, number)]
        assert len(intact) >= (58 if kind == "bit" else 52)
        assert opened(disk).damage == []


# ------------------------------------------------------------------------------------------------- the storage alone
def test_a_document_changed_in_place_is_written() -> None:
    disk = FaultyDisk()
    for way in (lambda d: d.update(a=2), lambda d: d.__setitem__("a", 2), lambda d: d.pop("a"), lambda d: d.clear()):
        storage = LineStorage(disk, Path("x"))
        storage.write({"t": {"1": {"a": 1}}})
        storage.flush()
        tables = storage.read()
        assert tables is not None
        way(tables["t"]["1"])
        storage.write(tables)
        assert storage.unsaved == 1
        storage.close()
        again = LineStorage(disk, Path("x"))
        again.open()
        assert again.read() == tables


def test_an_untouched_document_is_not_written_again_and_a_removed_table_is_gone() -> None:
    disk = FaultyDisk()
    storage = LineStorage(disk, Path("x"))
    assert storage.read() is None
    storage.write({"t": {"1": {"a": 1}, "2": {"a": 2}}, "u": {"1": {}}})
    storage.flush()
    tables = storage.read()
    assert tables is not None
    storage.write(tables)
    assert storage.unsaved == 0
    storage.write({"t": tables["t"]})
    assert storage.unsaved == 1
    storage.flush()
    again = LineStorage(disk, Path("x"))
    again.open()
    assert again.read() == {"t": {"1": {"a": 1}, "2": {"a": 2}}, "u": {}}


def test_many_changes_are_compacted_and_nothing_is_lost() -> None:
    disk = FaultyDisk()
    storage = LineStorage(disk, Path("x"), min_compact_bytes=4096)
    for number in range(2000):
        storage.write({"t": {"1": {"n": number}, "2": {"fixed": "y" * 100}}})
        storage.flush()
        assert disk.size(Path("x")) <= 4096
    again = LineStorage(disk, Path("x"))
    again.open()
    assert again.read() == {"t": {"1": {"n": 1999}, "2": {"fixed": "y" * 100}}}


def test_a_book_that_cannot_be_opened_takes_nothing_and_is_told_again_later() -> None:
    disk = FaultyDisk()
    opened(disk).enter(story(10, 1))
    disk.fail(0, times=10)
    late = opened(disk)
    assert late.degraded
    assert not late.enter(story(20, 2))
    assert not late.update("2026-0001", {"class": "major"})
    disk.heal()
    assert late.enter(story(20, 2))
    assert set(everything(opened(disk))) == set(everything(late)) == {"2026-0001", "2026-0002"}
