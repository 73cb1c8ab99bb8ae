"""The journal on a medium that fails, forgets, rots, or loses its power: at every operation, one after the other."""

import errno
import random
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from firmware_py.core.event import Severity
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document, encode_line
from firmware_py.runtime.segments import MAX_ASIDE_FILES
from tests.faults.disk import FaultyDisk, PowerFailed
from tests.runtime.test_journal import FOLDER, event, follow, numbers, opened, tell, walk

SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
CAP, SEGMENT = 16 << 10, 3 << 10


def small(disk: FaultyDisk) -> Journal:
    return opened(disk, cap=CAP, segment=SEGMENT)


def day(journal: Journal, start: int = 1, commits: int = 18) -> Iterator[list[Document]]:
    """A day's work: commits of 1 to 8 events, a saved acknowledgement now and then, a full journal near its end."""
    number = start
    for turn in range(commits):
        batch = [event(number + index, SEVERITIES[(number + index) % 3], size=40) for index in range(1 + turn % 8)]
        number += len(batch)
        yield tell(journal, *batch)
        if turn % 6 == 5:
            journal.acknowledged(journal.last // 2, cursor=turn > 10)
            journal.save_position()


class Published:
    """What left the controller: no number may ever stand for two events, and nothing may vanish without a gap."""

    def __init__(self) -> None:
        self.events: dict[tuple[object, object], object] = {}

    def add(self, records: list[Document]) -> None:
        for record in records:
            key = (record["log"], record["seq"])
            assert self.events.setdefault(key, record["data"]) == record["data"], key

    def check(self, journal: Journal) -> None:
        found = {(record["log"], record["seq"]): record for record in walk(journal)}
        gaps = [record["data"] for record in found.values() if record["type"] == "journal.gap"]
        for (log, seq), data in self.events.items():
            record = found.get((log, seq))
            if record is None or record["type"] == "journal.gap":
                covered = any(gap["from"] <= seq <= gap["to"] for gap in gaps)
                assert covered, seq
            else:
                assert record["data"] == data, seq


def operations_of_a_day() -> int:
    disk = FaultyDisk()
    journal = small(disk)
    disk.operations.clear()
    for _ in day(journal):
        pass
    return len(disk.operations)


OPERATIONS = operations_of_a_day()


def test_the_day_has_all_that_can_fail() -> None:
    disk = FaultyDisk()
    for _ in day(small(disk)):
        pass
    assert {"open", "write", "sync", "syncdir", "rename", "remove", "read"} <= set(disk.operations)


@pytest.mark.parametrize(("error", "times"), [(errno.EIO, 1), (errno.ENOSPC, 4)])
def test_whichever_operation_fails_no_event_is_lost_renumbered_or_unreadable(error: int, times: int) -> None:
    for at in range(OPERATIONS):
        disk, published = FaultyDisk(), Published()
        journal = small(disk)
        disk.fail(at, times=times, error=error, torn=random.Random(at).random())
        for records in day(journal):
            published.add(records)
        disk.heal()
        published.add(tell(journal, event(9999, Severity.CRITICAL)))
        assert not journal.degraded
        told = [data["n"] for data in published.events.values()]
        assert told == [*range(1, len(told)), 9999], at
        published.check(journal)
        again = small(disk.killed())
        assert not again.damage
        assert walk(again) == walk(journal)
        follow(walk(again))


def test_whichever_operation_loses_the_power_what_was_published_is_there_and_no_number_is_given_twice() -> None:
    for at in range(OPERATIONS + 8):
        for seed in range(2):
            disk, published = FaultyDisk(), Published()
            disk.cut_power(at, torn=random.Random(at).random())
            with suppress(PowerFailed):
                journal = small(disk)
                for records in day(journal):
                    published.add(records)
            after = disk.power_cut(seed)
            journal = small(after)
            assert not journal.degraded
            published.check(journal)
            for records in day(journal, start=5000, commits=2):
                published.add(records)
            published.check(journal)
            follow(walk(journal, after=walk(journal)[0]["seq"] - 1), walk(journal)[0]["seq"])


def test_a_second_cut_while_the_first_is_being_mended_loses_nothing_either() -> None:
    for seed in range(60):
        chance = random.Random(seed)
        disk, published = FaultyDisk(), Published()
        start = 1
        for _ in range(4):
            disk.cut_power(chance.randrange(60), torn=chance.random())
            with suppress(PowerFailed):
                journal = small(disk)
                published.check(journal)
                for records in day(journal, start=start):
                    published.add(records)
            start += 1000
            disk = disk.power_cut(chance.randrange(1 << 30))
        published.check(small(disk))


@pytest.mark.parametrize("kind", ["bit", "zeros", "cut"])
def test_damage_costs_the_damaged_records_only_and_is_set_aside_and_told_once(kind: str) -> None:
    for seed in range(40):
        chance = random.Random(seed)
        disk = FaultyDisk()
        journal = opened(disk)
        written = [record for number in range(1, 120) for record in tell(journal, event(number))]
        path = next(path for path in disk.files if path.suffix == ".jsonl")
        content = disk.files[path].now
        at = chance.randrange(len(content) - 600)
        if kind == "bit":
            content[at] ^= 1 << chance.randrange(8)
        elif kind == "zeros":
            content[at : at + 512] = bytes(512)
        else:
            del content[at : at + 200]
        again = opened(disk)
        kept = [record for record in walk(again) if record["type"] != "journal.gap"]
        assert len(kept) >= len(written) - {"bit": 1, "zeros": 5, "cut": 3}[kind]
        assert all(record in written for record in kept)
        assert again.damage or len(kept) == len(
            written
        )  # a newline that was hit costs nothing and is not worth telling
        assert all(damage.aside for damage in again.damage)
        assert opened(disk).damage == []
        assert follow(walk(again))[1] == 120
        assert numbers(tell(again, event(120))) == [120]


def test_damage_at_the_very_end_never_gives_a_published_number_again() -> None:
    for seed in range(60):
        disk, published = FaultyDisk(), Published()
        journal = opened(disk)
        published.add(tell(journal, *(event(number) for number in range(1, 40))))
        path = next(path for path in disk.files if path.suffix == ".jsonl")
        content = disk.files[path].now
        at = len(content) - 1 - random.Random(seed).randrange(400)
        if seed % 2:
            content[at] ^= 4
        else:
            content[at:] = bytes(len(content) - at)
        again = opened(disk)
        published.add(tell(again, event(1000), event(1001)))
        assert follow(walk(again))[0][-2:] == [1000, 1001]


def test_a_file_that_cannot_be_read_costs_its_records_and_stops_nobody() -> None:
    disk = FaultyDisk()
    journal = opened(disk, segment=2048)
    for number in range(1, 60):
        tell(journal, event(number))
    disk.fail(3, times=1)  # mkdir, names, then the second of the files
    again = Journal(disk, FOLDER, journal._backlog, cap_bytes=1 << 20, segment_bytes=2048)
    assert again.open()
    disk.heal()
    assert len(again.damage) == 1
    (record,) = tell(again, event(60))
    assert record["seq"] == 60
    taken, _ = follow(walk(again))
    assert 40 < len(taken) < 60


def test_files_with_nothing_sound_in_them_are_moved_aside_and_a_new_log_begins() -> None:
    disk = FaultyDisk()
    before = opened(disk)
    tell(before, event(1), event(2))
    path = next(path for path in disk.files if path.suffix == ".jsonl")
    disk.files[path].now[:] = bytes(len(disk.files[path].now))
    again = opened(disk)
    (record,) = tell(again, event(3))
    assert again.log != before.log or record["seq"] not in (1, 2)
    assert any(path.parent.name == "damaged" for path in disk.files)
    assert not again.degraded


def test_while_the_disk_is_full_the_most_important_waits_and_the_rest_is_told_as_one_gap() -> None:
    disk = FaultyDisk()
    journal = opened(disk, ring=30)
    tell(journal, event(1))
    disk.fail(0, times=1 << 30, error=errno.ENOSPC)
    for number in range(2, 102):
        assert tell(journal, event(number, Severity.CRITICAL if number % 10 == 0 else Severity.INFO)) == []
    assert journal.degraded
    assert len(journal._backlog) == 30
    assert numbers(walk(journal)) == [1]
    disk.heal()
    records = tell(journal, event(102))
    assert not journal.degraded
    gap = records[0]
    assert (gap["type"], gap["seq"]) == ("journal.gap", 72)
    assert gap["data"] == {
        "from": 2, "to": 72, "because": "storage", "info": 71, "warning": 0, "critical": 0,
        "from_up_ms": 2, "to_up_ms": 79,
    }  # fmt: skip
    told = [record["data"]["n"] for record in records[1:]]
    assert told == sorted(told)
    assert {10, 20, 30, 40, 50, 60, 70, 80, 90, 100} <= set(told)
    assert [record["up_ms"] for record in records[1:]] == told
    assert follow(walk(journal))[1] == follow(walk(opened(disk)))[1] == journal.last + 1


def test_a_read_only_medium_can_still_be_read_and_is_written_again_when_it_can_be() -> None:
    disk = FaultyDisk()
    tell(opened(disk), event(1))
    disk.read_only = True
    journal = opened(disk)
    assert journal.degraded == "Read-only file system"
    assert tell(journal, event(2, Severity.CRITICAL)) == []
    disk.heal()
    assert numbers(tell(journal, event(3))) == [2, 3]
    assert follow(walk(journal))[0] == [1, 2, 3]


def test_a_directory_that_cannot_be_made_is_degraded_and_not_fatal() -> None:
    disk = FaultyDisk()
    disk.fail(0, times=1 << 30, error=errno.EACCES)
    journal = opened(disk)
    assert journal.degraded
    assert journal.pending(0, 10) == []
    assert not journal.acknowledged(1, cursor=True)
    journal.save_position()
    disk.heal()
    assert numbers(tell(journal, event(1))) == [1]


@pytest.mark.parametrize("junk", [b"", b"\n", b"\0" * 5000, b"{}\n" * 50, b"00000000 {}\n", b"\xff" * 300 + b"\n"])
def test_a_directory_full_of_rubbish_stops_nobody(junk: bytes) -> None:
    for name in ("events-000000000001.jsonl", "events-.jsonl", "events-xx.jsonl", "position", "other", "x.tmp"):
        disk = FaultyDisk()
        disk.append(FOLDER / name, junk, sync=True)
        journal = opened(disk)
        tell(journal, event(1), event(2))
        assert follow(walk(journal)[-2:], walk(journal)[-2]["seq"])[0] == [1, 2]


def test_what_is_set_aside_is_bounded_and_told_even_when_it_cannot_be_kept() -> None:
    disk = FaultyDisk()
    for number in range(MAX_ASIDE_FILES):
        disk.append(FOLDER / "damaged" / f"{number}.bad", b"x", sync=True)
    journal = opened(disk)
    tell(journal, *(event(number) for number in range(1, 20)))
    path = next(path for path in disk.files if path.suffix == ".jsonl")
    disk.files[path].now[700] ^= 1
    (damage,) = opened(disk).damage
    assert damage.aside == ""
    disk.files[path].now[:] = b"rubbish\n" * 100
    assert not opened(disk).degraded
    assert path not in disk.files
    assert len([path for path in disk.files if path.parent.name == "damaged"]) == MAX_ASIDE_FILES


def test_a_class_that_a_later_version_invented_is_kept_longest() -> None:
    disk = FaultyDisk()
    line = {"seq": 1, "log": "7f3a", "type": "x", "sev": "catastrophe", "data": {"n": 1}}
    disk.append(FOLDER / "events-000000000001.jsonl", encode_line(line), sync=True)
    journal = small(disk)
    for number in range(2, 200):
        tell(journal, event(number, Severity.WARNING))
    assert walk(journal)[0] == line


def test_a_real_kernel_that_cuts_a_write_short_leaves_no_trace_once_it_allows_more(tmp_path: Path) -> None:
    journal = opened(Disk(), tmp_path)
    tell(journal, event(1))
    (path,) = tmp_path.glob("events-*")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 50, hard))
    try:
        assert tell(journal, event(2, Severity.CRITICAL)) == []
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert journal.degraded == "File too large"
    assert path.read_bytes()[-1:] != b"\n"  # the kernel did write the first 50 bytes of it
    assert numbers(tell(journal, event(3))) == [2, 3]
    again = opened(Disk(), tmp_path)
    assert not again.damage
    assert follow(walk(again)) == ([1, 2, 3], 4)
