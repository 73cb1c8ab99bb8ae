"""What a transition costs the card: each store at most 8 KiB, whatever has been stored before; and what a day costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.book import Book
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document
from firmware_py.runtime.state_file import StateFile
from tests.faults.disk import FaultyDisk
from tests.sim.faults import HOUR, draw
from tests.sim.run import Look, Run
from tests.sim.site import plan

BLOCK_BYTES = 4_096
LIMIT_BYTES = 8_192
STAMP = Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot="b1")


class CountingDisk(FaultyDisk):
    """Counts what reaches the medium, in whole blocks as a card writes them: data of a file, and its metadata once."""

    def __init__(self) -> None:
        super().__init__()
        self.written_bytes = 0

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        super().append(path, data, sync=sync)
        # The last block is written again with what was in it already.
        inside = (self.size(path) - len(data)) % BLOCK_BYTES
        self.written_bytes += -(-(inside + len(data)) // BLOCK_BYTES) * BLOCK_BYTES

    def write_whole(self, path: Path, data: bytes) -> None:
        super().write_whole(path, data)
        self.written_bytes += -(-len(data) // BLOCK_BYTES) * BLOCK_BYTES


def event(number: int) -> Event:
    kind = ("incident.opened", "alarm.raised", "incident.closed")[number % 3]
    data = {"cause": "power", "class": "technical", "age_ms": number, "evidence": "ups1.output_source=battery"}
    return Event(type=kind, severity=Severity.CRITICAL, at_ms=number, incident=f"2026-{number // 3:04d}", data=data)


@pytest.mark.parametrize("already", [0, 300, 1_200])
def test_a_transition_costs_each_store_at_most_8_kib_however_much_is_stored(already: int) -> None:
    disk = CountingDisk()
    backlog = Backlog()
    journal, book = Journal(disk, Path("/j"), backlog), Book(disk, Path("/b"))
    journal.open()
    book.open()
    costs: dict[str, list[int]] = {"journal": [], "book": []}

    def cost(store: str, call: Callable[[], object]) -> None:
        before = disk.written_bytes
        call()
        costs[store].append(disk.written_bytes - before)

    for number in range(already):
        backlog.add(event(number), STAMP)
        if number % 100 == 99:
            book.enter(journal.commit())
    book.enter(journal.commit())
    for number in range(already, already + 30):
        backlog.add(event(number), STAMP)
        told: list[Document] = []
        cost("journal", lambda told=told: told.extend(journal.commit()))
        cost("book", lambda told=told: book.enter(told))
    assert all(0 < one <= LIMIT_BYTES for one in costs["journal"]), costs["journal"]
    assert sorted(costs["book"])[len(costs["book"]) * 9 // 10] <= LIMIT_BYTES, costs["book"]


def test_hours_full_of_faults_stay_within_the_flash_budget(capsys: pytest.CaptureFixture[str]) -> None:
    disk = CountingDisk()
    states, backlog = StateFile(disk, Path("/s")), Backlog()
    journal = Journal(disk, Path("/j"), backlog)
    states.load("b")
    journal.open()
    worst, saved, told = 0, State(), 0

    def keep(look: Look) -> None:
        nonlocal worst, saved, told
        for one in look.decision.events:
            backlog.add(one, STAMP)
        told += len(look.decision.events)
        if look.decision.events:
            journal.commit()
        before = disk.written_bytes
        states.save(look.decision.state, "b", look.now_ms)
        saved = look.decision.state
        worst = max(worst, disk.written_bytes - before)

    run = Run(draw(3, 2 * HOUR), plan(), check=keep)
    run.play()
    budget_mb = disk.written_bytes * 12 / 1e6
    with capsys.disabled():
        sys.stdout.write(
            f"\ntwo bad hours: {told} events, {disk.written_bytes / 1e6:.1f} MB, {budget_mb:.0f} MB a day;"
            f" a state costs {worst} bytes at most\n"
        )
    assert saved.stepped_ms is not None
    assert worst <= 2 * LIMIT_BYTES
    assert budget_mb < 100
