"""The archive: small files by month, an index that names the one to read, the oldest gone first, nothing lost."""

from pathlib import Path

import pytest

from firmware_py.runtime.book import Book
from firmware_py.runtime.book_shelves import Shelves
from firmware_py.runtime.disk import Disk, ReadOnlyDisk
from tests.faults.disk import FaultyDisk
from tests.runtime.test_book import FOLDER, opened, record, story


class ReadDisk(FaultyDisk):
    """Notes which archive files are read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def read(self, path: Path, limit: int) -> bytes:
        if path.name.startswith("book-"):
            self.seen.append(path.name)
        return super().read(path, limit)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> ReadDisk:
    """An archive of many small files: 300 incidents over a year."""
    monkeypatch.setattr(Shelves.__init__, "__kwdefaults__", {"shelf_bytes": 4_000})
    disk = ReadDisk()
    book = opened(disk, limit=60)
    for number in range(1, 301):
        assert book.enter(story(number * 10, number))
    return disk


def test_one_old_incident_costs_the_reading_of_one_file(small: ReadDisk) -> None:
    files = [name for name in small.names(FOLDER) if name.startswith("book-")]
    assert len(files) > 30
    book = opened(small, limit=60)
    for number in (1, 77, 200):
        small.seen.clear()
        found = book.incident(f"2026-{number:04d}")
        assert found is not None and len(found["timeline"]) == 4  # type: ignore[arg-type]  # a timeline is a list
        assert len(small.seen) == 1, small.seen
    small.seen.clear()
    assert book.incident("2026-0300") is not None and small.seen == []


def test_an_archive_whose_index_was_lost_is_read_as_a_whole_and_gives_the_same(small: ReadDisk) -> None:
    known = opened(small, limit=60).incident("2026-0077")
    small.remove(FOLDER / "book.jsonl")
    bare = opened(small, limit=60)
    assert bare.incident("2026-0077") == known and len(small.seen) > 10


def test_an_incident_that_outlives_its_entries_knows_all_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelves.__init__, "__kwdefaults__", {"shelf_bytes": 4_000})
    disk = ReadDisk()
    book = opened(disk, limit=60)
    told = [record(1, "2026-0001", "incident.opened"), *(record(n, "2026-0001", note=n) for n in range(2, 400))]
    for one in told:
        book.enter([one])
    found = opened(disk, limit=60).incident("2026-0001")
    assert found is not None and found["timeline"] == told and len(found["split"]) > 5  # type: ignore[arg-type]  # a timeline is a list


def test_the_oldest_file_goes_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Shelves.__init__, "__kwdefaults__", {"shelf_bytes": 4_000})
    disk = FaultyDisk()
    book = Book(disk, FOLDER, limit=60, shelf_limit=5)
    for number in range(1, 201):
        assert book.enter(story(number * 10, number))
    assert len([name for name in disk.names(FOLDER) if name.startswith("book-")]) == 5
    assert book.incident("2026-0001") is None and book.incident("2026-0199") is not None


def test_a_month_is_told_as_a_whole_wherever_its_parts_are(small: ReadDisk) -> None:
    book = opened(small, limit=60)
    incidents, told = book.month("2026-03")
    wanted = [n for n in range(1, 301) if (n * 10 // 400) % 12 == 2]
    assert [one["id"] for one in incidents] == [f"2026-{n:04d}" for n in wanted]
    assert {one["incident"] for one in told} >= {f"2026-{n:04d}" for n in wanted}
    assert all(str(one["ts"]).startswith("2026-03") for one in told)
    live_month = (3000 // 400) % 12 + 1
    assert book.month(f"2026-{live_month:02d}")[0]


def test_alarms_lists_and_hand_overs_without_an_incident_are_kept_and_archived(monkeypatch: pytest.MonkeyPatch) -> None:
    disk = FaultyDisk()
    book = opened(disk, limit=40)
    for seq in range(1, 200):
        book.enter([record(seq, None, "alarm.raised", alarm=f"a.{seq}"), record(1000 + seq, None, "power.strange")])
    assert len(book._entries) <= 41
    assert [one["data"] for one in book.month("2026-01")[1]] == [{"alarm": f"a.{seq}"} for seq in range(1, 200)]
    book = opened(disk, limit=40)
    more = [record(5000 + n, None, "handover.taken", matter=str(n)) for n in range(300)]
    for one in more:
        book.enter([one])
    months = {str(one["ts"])[:7] for one in more}
    kinds = [one["type"] for month in months for one in book.month(month)[1]]
    assert kinds.count("handover.taken") == 300


def test_a_copy_of_a_book_can_be_read_and_is_never_written(tmp_path: Path) -> None:
    book = Book(Disk(), tmp_path / "book")
    book.enter(story(10, 7))
    before = (tmp_path / "book" / "book.jsonl").read_bytes()
    copy = Book(ReadOnlyDisk(), tmp_path / "book")
    assert copy.open()
    assert copy.incident("2026-0007") is not None
    assert not copy.enter(story(50, 8))
    assert (tmp_path / "book" / "book.jsonl").read_bytes() == before
    assert not Book(ReadOnlyDisk(), tmp_path / "nowhere").open()
    disk = ReadOnlyDisk()
    for change in (disk.sync, disk.remove, lambda path: disk.truncate(path, 0), lambda path: disk.replace(path, path)):
        with pytest.raises(OSError, match="Read-only"):
            change(tmp_path)
