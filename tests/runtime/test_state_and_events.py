"""A state and the events that led to it are on the medium together, wherever a kill or a power cut falls."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Backlog, Draft, Stamp, Unwritten
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document, encode_line
from firmware_py.runtime.state_file import NAMES, StateFile
from firmware_py.runtime.storage import Storage
from tests.faults.disk import FaultyDisk, PowerFailed

STAMP = Stamp(ts="2026-11-26T00:00:00.000Z", clk="ntp", boot="r1")
FOLDER = Path("floor")
STEPS = 4


def told(step: int, index: int = 0) -> Event:
    """What a step told: with all the kinds of values that event data can hold."""
    data = {"step": step, "index": index, "share": 0.5, "on": True, "why": ("a", "b"), "none": None, "name": "x"}
    return Event(type="test.step", severity=Severity.CRITICAL, at_ms=step, incident="2026-0001", data=data)


def draft(step: int) -> Draft:
    return Draft(event=told(step), stamp=STAMP, order=step)


class Shelf:
    """A storage whose thread is us: `round()` is one turn of it."""

    def __init__(self, disk: Disk) -> None:
        self.synced: list[Document] = []
        self._now_ms = count(10_000, 1_000)
        self._storage = Storage(FOLDER, "b1", lambda: next(self._now_ms), disk=disk, on_synced=self.synced.extend)
        vars(self._storage._thread)["call_on_loop"] = lambda call, *args: call(*args)
        stored = self._storage.restore()
        self.step = stored.state.incident_number if stored else 0

    def keep(self, step: int) -> None:
        self._storage.keep(State(incident_number=step), step, [told(step), told(step, 1)], STAMP)

    def round(self) -> None:
        self._storage._duty(False)

    def journal(self) -> list[Document]:
        return [record for record in self._storage._journal.pending(0, 100) if record["type"] == "test.step"]


def live(disk: FaultyDisk) -> Shelf:
    """Some steps; a cut of the power ends them with PowerFailed."""
    shelf = Shelf(disk)
    shelf.round()
    for step in range(1, STEPS + 1):
        shelf.keep(step)
        shelf.round()
    return shelf


def assert_together(before: list[Document], disk: FaultyDisk, where: str) -> None:
    """After the next start: a state's events are all in the journal, once, in order, and no event of a later state."""
    again = Shelf(disk)
    again.round()
    found = [(record["data"]["step"], record["data"]["index"]) for record in again.journal()]
    assert found == [(step, index) for step in range(1, again.step + 1) for index in (0, 1)], where
    published = [(record["log"], record["seq"], record["data"]) for record in before]
    kept = {(record["log"], record["seq"]): record["data"] for record in again.journal()}
    assert all(kept[log, seq] == data for log, seq, data in published), f"{where}: a number means one thing"
    again.round()
    assert len(again.journal()) == len(found), "what was owed is paid once"


def operations_of_a_life() -> int:
    disk = FaultyDisk()
    live(disk)
    return len(disk.operations)


def cut_at(at: int, torn: float) -> tuple[FaultyDisk, list[Document]]:
    disk = FaultyDisk()
    shelf = Shelf(disk)
    disk.cut_power(at, torn=torn)
    try:
        shelf.round()
        for step in range(1, STEPS + 1):
            shelf.keep(step)
            shelf.round()
    except PowerFailed:
        pass
    return disk, shelf.synced


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_a_kill_at_any_operation_leaves_state_and_events_together(torn: float) -> None:
    cuts = operations_of_a_life()
    assert cuts > 30
    for at in range(cuts):
        disk, published = cut_at(at, torn)
        disk.killed()
        disk.cut = False
        assert_together(published, disk, f"killed at operation {at}, {torn} of a write done")


def test_a_power_cut_at_any_operation_leaves_state_and_events_together() -> None:
    for at in range(operations_of_a_life()):
        for seed in range(6):
            disk, published = cut_at(at, 0.5)
            assert_together(published, disk.power_cut(seed), f"cut at operation {at}, seed {seed}")


def test_events_behind_a_state_that_waits_are_not_written_before_it() -> None:
    disk = FaultyDisk()
    shelf = Shelf(disk)
    shelf.round()
    shelf.keep(1)
    inner = shelf._storage._write_state

    def write_and_step_on(*args: object) -> None:
        inner(*args)
        shelf.keep(2)  # the loop goes on while the thread writes

    hooks = vars(shelf._storage)
    hooks["_write_state"] = write_and_step_on
    shelf.round()
    assert {record["data"]["step"] for record in shelf.journal()} == {1}
    del hooks["_write_state"]
    shelf.round()
    assert {record["data"]["step"] for record in shelf.journal()} == {1, 2}


def test_another_journal_than_the_one_named_gets_all_of_them() -> None:
    owed = Unwritten(log="aaaa", after=10, drafts=(draft(1), draft(2), draft(3)))
    assert owed.missing("aaaa", 10) == owed.drafts
    assert owed.missing("aaaa", 9) == owed.drafts, "a journal that lost its end is told again"
    assert owed.missing("aaaa", 12) == owed.drafts[2:]
    assert owed.missing("aaaa", 99) == ()
    assert owed.missing("bbbb", 12) == owed.drafts


def test_what_is_owed_comes_before_what_is_new_and_in_its_own_order() -> None:
    backlog = Backlog()
    backlog.add(told(9), STAMP)
    backlog.owe([draft(7), draft(3)])
    assert [one.event.at_ms for one in backlog.waiting()] == [7, 3, 9]
    assert [one.event.at_ms for one in backlog.take(2).drafts] == [7, 3]
    assert [one.event.at_ms for one in backlog.take().drafts] == [9]


def test_what_was_dropped_for_want_of_room_uses_up_numbers_beside_a_state() -> None:
    backlog = Backlog(limit=1)
    assert backlog.lost_total == 0
    backlog.add(told(1), STAMP)
    backlog.add(told(2), STAMP)
    assert backlog.lost_total == 1


def test_events_of_another_version_beside_a_state_cost_only_themselves() -> None:
    disk = FaultyDisk()
    head = {"v": 1, "gen": 3, "boot": "b1", "at_ms": 5, "state": {"incident_number": 7}}
    beside = {"log": "aaaa", "drafts": [{"shape": "new"}]}
    disk.write_whole(FOLDER / NAMES[0], encode_line(head | {"unwritten": beside}))
    file = StateFile(disk, FOLDER)
    stored = file.load("b1")
    assert stored is not None
    assert stored.state.incident_number == 7
    assert stored.unwritten.drafts == ()
    assert ["events beside the state" in damage.what for damage in file.damage] == [True]


def test_events_come_back_from_beside_a_state_as_they_were() -> None:
    disk = FaultyDisk()
    beside = Unwritten(log="aaaa", after=4, drafts=(draft(1), draft(2)))
    file = StateFile(disk, FOLDER)
    assert file.load("b1") is None
    assert file.save(State(incident_number=1), "b1", 5, unwritten=beside)
    stored = StateFile(disk, FOLDER).load("b1")
    assert stored is not None
    assert stored.unwritten == beside
