"""The journal: numbers, batches, gaps, classes, acknowledgement. Its faults are in test_journal_faults.py."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from firmware_py.core.event import Event, Severity
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document
from tests.faults.disk import FaultyDisk

FOLDER = Path("journal")
STAMP = Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot="b41c")


def opened(
    disk: Disk, folder: Path = FOLDER, *, cap: int = 1 << 20, segment: int = 16 << 10, ring: int = 2000
) -> Journal:
    journal = Journal(disk, folder, Backlog(ring), cap_bytes=cap, segment_bytes=segment)
    journal.open()
    return journal


def event(number: int, severity: Severity = Severity.INFO, size: int = 0) -> Event:
    return Event(type="test.told", severity=severity, at_ms=number, data={"n": number, "pad": "x" * size})


def tell(journal: Journal, *events: Event) -> list[Document]:
    for one in events:
        journal._backlog.add(one, STAMP)
    return journal.commit()


def numbers(records: Sequence[Document]) -> list[object]:
    return [record["seq"] for record in records]


def walk(journal: Journal, after: int = 0, limit: int = 50) -> list[Document]:
    """All that a reader gets who steps through the journal in windows, as the ten-line consumer does."""
    found: list[Document] = []
    while window := journal.pending(after, limit):
        found += window
        after = window[-1]["seq"]
    return found


def follow(records: Sequence[Document], following: int = 1) -> tuple[list[object], int]:
    """The central server's rule: take what is next, step over what a gap says is gone."""
    taken = []
    for record in records:
        data = record["data"]
        if record["type"] == "journal.gap" and data["from"] <= following <= data["to"]:
            following = data["to"] + 1
        elif record["seq"] == following:
            taken.append(data["n"])
            following += 1
        else:
            raise AssertionError(f"{record} does not follow {following - 1}")
    return taken, following


def test_a_record_has_all_that_the_contract_names() -> None:
    journal = opened(FaultyDisk())
    wanted = Event(
        type="power.mains_lost",
        severity=Severity.CRITICAL,
        at_ms=358123,
        incident="2026-0007",
        data={"because": ("a", "b")},
    )
    assert tell(journal, wanted) == [
        {
            "seq": 1, "log": journal.log, "ts": STAMP.ts, "clk": "ntp", "up_ms": 358123, "boot": "b41c",
            "type": "power.mains_lost", "sev": "critical", "incident": "2026-0007", "drill": False,
            "data": {"because": ["a", "b"]},
        }
    ]  # fmt: skip
    assert len(journal.log) == 4
    assert int(journal.log, 16) >= 0


def test_numbers_go_on_across_restarts_and_the_log_stays_the_same(tmp_path: Path) -> None:
    first = opened(Disk(), tmp_path / "journal")
    assert numbers(tell(first, event(1), event(2))) == [1, 2]
    second = opened(Disk(), tmp_path / "journal")
    assert second.log == first.log
    assert numbers(tell(second, event(3))) == [3]
    assert follow(walk(second)) == ([1, 2, 3], 4)
    assert (tmp_path / "journal").stat().st_mode & 0o777 == 0o750


def test_a_new_card_is_a_new_log() -> None:
    logs = iter(("aaaa", "bbbb"))
    for expected in ("aaaa", "bbbb"):
        journal = Journal(FaultyDisk(), FOLDER, Backlog(), new_log=lambda: next(logs))
        assert journal.open()
        assert journal.log == expected


def test_a_commit_with_nothing_to_write_touches_nothing() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    disk.operations.clear()
    assert journal.commit() == []
    assert disk.operations == []


def test_one_commit_is_one_write_and_one_sync_however_many_events() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    tell(journal, event(0))
    disk.operations.clear()
    tell(journal, *(event(number) for number in range(20)))
    assert disk.operations == ["open", "write", "sync"]


def test_segments_are_closed_at_their_size_and_read_in_order() -> None:
    disk = FaultyDisk()
    journal = opened(disk, segment=2048)
    for number in range(1, 101):
        tell(journal, event(number))
    assert len([path for path in disk.files if path.suffix == ".jsonl"]) > 5
    assert max(len(file.now) for file in disk.files.values()) <= 2048
    assert follow(walk(journal, limit=7)) == (list(range(1, 101)), 101)
    assert follow(walk(opened(disk, segment=2048))) == (list(range(1, 101)), 101)


def test_a_full_journal_drops_info_then_warning_then_critical_and_tells_each_gap() -> None:
    journal = opened(FaultyDisk(), cap=64 << 10, segment=8 << 10)
    severities = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
    kept_last: dict[str, int] = {}
    for number in range(1, 1201):
        tell(journal, event(number, severities[number % 3]))
        assert journal.size_bytes <= 64 << 10
        kept = dict.fromkeys(severities, 0)
        for segment in journal._segments[:-1]:
            for severity, count in segment.counts.items():
                kept[severity] += count
        if number > 900:
            kept_last = {severity.value: count for severity, count in kept.items()}
    assert kept_last["critical"] > 20 * max(kept_last["info"], 1)
    records = walk(journal)
    taken, following = follow(records)
    assert following == 1201
    assert taken == sorted(taken)
    assert any(record["type"] == "journal.gap" for record in records)


def test_what_was_dropped_stays_the_same_after_a_restart() -> None:
    disk = FaultyDisk()
    journal = opened(disk, cap=64 << 10, segment=8 << 10)
    for number in range(1, 601):
        tell(journal, event(number, Severity.INFO if number % 5 else Severity.CRITICAL))
    assert walk(opened(disk, cap=64 << 10, segment=8 << 10)) == walk(journal)


def test_delivered_records_make_room_before_any_that_is_not() -> None:
    journal = opened(FaultyDisk(), cap=64 << 10, segment=8 << 10)
    for number in range(1, 151):
        tell(journal, event(number, Severity.CRITICAL))
    journal.acknowledged(150, cursor=True)
    for number in range(151, 421):
        tell(journal, event(number))
    assert follow(walk(journal, after=150), 151) == (list(range(151, 421)), 421)
    assert walk(journal)[0]["type"] == "journal.gap"


def test_an_event_too_large_for_a_message_keeps_its_number_and_loses_its_data() -> None:
    (record,) = tell(opened(FaultyDisk()), event(1, size=20_000))
    assert record["seq"] == 1
    assert record["data"] == {"cut": True}


def test_a_number_that_json_does_not_have_is_told_as_null() -> None:
    journal = opened(FaultyDisk())
    tell(journal, Event(type="x", severity=Severity.INFO, at_ms=0, data={"v": float("nan")}))
    assert walk(journal)[0]["data"] == {"v": None}


# ------------------------------------------------------------------------------------------------------ acknowledging
def test_puback_counts_until_a_cursor_was_ever_seen_for_this_log() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    tell(journal, *(event(number) for number in range(1, 11)))
    assert journal.acknowledged(5, cursor=False)
    assert journal.acknowledged(3, cursor=False)
    assert journal.ack == 5
    assert journal.acknowledged(4, cursor=True)
    assert (journal.ack, journal.cursor_seen) == (4, True)
    assert journal.acknowledged(9, cursor=False)
    assert journal.ack == 4
    assert opened(disk).cursor_seen  # kept at once, for it changes the rule


def test_a_cursor_may_go_back_but_not_ahead_of_the_journal() -> None:
    journal = opened(FaultyDisk())
    tell(journal, *(event(number) for number in range(1, 11)))
    assert journal.acknowledged(10, cursor=True)
    assert journal.acknowledged(2, cursor=True)
    assert journal.ack == 2
    assert not journal.acknowledged(11, cursor=True)
    assert not journal.acknowledged(-1, cursor=True)
    assert journal.ack == 2


def test_the_position_is_kept_when_saved_and_costs_nothing_when_unchanged() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    tell(journal, event(1), event(2))
    journal.acknowledged(2, cursor=False)
    journal.save_position()
    disk.operations.clear()
    journal.save_position()
    assert disk.operations == []
    assert opened(disk).ack == 2


def test_a_damaged_position_only_means_sending_again() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    tell(journal, event(1), event(2))
    journal.acknowledged(2, cursor=True)
    journal.save_position()
    disk.files[FOLDER / "position"].now[3] ^= 1
    again = opened(disk)
    assert (again.ack, again.cursor_seen) == (0, False)
    assert numbers(tell(again, event(3))) == [3]


def test_a_lost_tail_of_the_journal_is_not_numbered_again() -> None:
    disk = FaultyDisk()
    journal = opened(disk)
    tell(journal, *(event(number) for number in range(1, 11)))
    journal.save_position()
    (path,) = (path for path in disk.files if path.suffix == ".jsonl")
    del disk.files[path].now[len(disk.files[path].now) // 2 :]
    again = opened(disk)
    assert numbers(tell(again, event(11))) == [11]
    taken, following = follow(walk(again))
    assert following == 12
    assert taken[-1] == 11


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_a_window_of_any_size_shows_the_same_records(limit: int) -> None:
    journal = opened(FaultyDisk(), cap=32 << 10, segment=4 << 10)
    for number in range(1, 301):
        tell(journal, event(number, Severity.INFO if number % 7 else Severity.CRITICAL))
    assert walk(journal, limit=limit) == walk(journal, limit=1000)
