"""What a transition costs the card: each store at most 8 KiB, whatever has been stored before; and what a day costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from firmware_py.core.event import Event, Severity
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.book import Book
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document
from firmware_py.runtime.recorder import Inputs
from firmware_py.runtime.storage import Storage
from tests.faults.disk import FaultyDisk
from tests.sim.faults import HOUR, Fault, Kind, Script, draw
from tests.sim.run import Look, Run, Way
from tests.sim.site import plan

BLOCK_BYTES = 4_096
LIMIT_BYTES = 8_192
KEPT_BACK_MS = 30_000
ROUNDS = 4  # of the storage thread in a second, at its tick of 250 ms
QUIET_MB, OUTAGE_MB, FAULTS_MB = 60, 10, 150  # docs/reliability.md has what was measured
STAMP = Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot="b1")


class CountingDisk(FaultyDisk):
    """Counts what reaches the medium, in whole blocks as a card writes them: at once what is synced, and what is not
    once in as long as the kernel keeps it back (vm.dirty_expire_centisecs)."""

    def __init__(self) -> None:
        super().__init__()
        self.by_store: dict[str, int] = {}
        self.now_ms = 0
        self._kept_back: set[tuple[Path, int, int]] = set()

    @property
    def written_bytes(self) -> int:
        return sum(self.by_store.values())

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        super().append(path, data, sync=sync)
        # The last block is written again with what was in it already.
        end = self.size(path)
        blocks = range((end - len(data)) // BLOCK_BYTES, -(-end // BLOCK_BYTES))
        if not sync:
            dirty = {(path, block, self.now_ms // KEPT_BACK_MS) for block in blocks}
            blocks = range(len(dirty - self._kept_back))
            self._kept_back |= dirty
        self._count(path, len(blocks))

    def write_whole(self, path: Path, data: bytes) -> None:
        super().write_whole(path, data)
        self._count(path, -(-len(data) // BLOCK_BYTES))

    def _count(self, path: Path, blocks: int) -> None:
        store = path.parent.name
        self.by_store[store] = self.by_store.get(store, 0) + blocks * BLOCK_BYTES


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What is promised of one kind of day. `part`: which share of it is played; `faults`: what happens in that."""

    name: str
    part: int
    most_mb: float
    script: Script


def calm(length_ms: int, *faults: Fault) -> Script:
    return Script(seed=1, length_ms=length_ms, faults=faults, orders=(), capacity_wh=8_000)


MINUTE = HOUR // 60
CUT = Fault(kind=Kind.MAINS_CUT, target="", at_ms=5 * MINUTE, until_ms=65 * MINUTE)
DAYS = (
    Day(name="a quiet day", part=48, most_mb=QUIET_MB, script=calm(30 * MINUTE)),
    Day(name="an hour without mains", part=1, most_mb=OUTAGE_MB, script=calm(80 * MINUTE, CUT)),
    Day(name="a day full of faults", part=24, most_mb=FAULTS_MB, script=draw(3, HOUR)),
)


class Ledger:
    """All stores behind their one door, each step handed over as the archive does it, and the thread's rounds after."""

    def __init__(self) -> None:
        self.disk, self.now_ms, self.events, self.steps = CountingDisk(), 0, 0, 0
        self.storage = Storage(Path("/state"), "b", lambda: self.now_ms, disk=self.disk)
        self.storage._thread.call_on_loop = lambda *_: None  # type: ignore[method-assign]  # no loop, no thread here
        self.storage.restore()

    def keep(self, look: Look) -> None:
        self.now_ms = self.disk.now_ms = look.now_ms
        self.steps += 1
        self.events += len(look.decision.events)
        self.storage.keep(look.decision.state, look.now_ms, look.decision.events, STAMP)
        self.storage.remember(
            Inputs(before=look.before, image=look.image, commands=look.commands, decision=look.decision, plan="p")
        )
        for _ in range(ROUNDS):
            self.storage._duty(False)
            self.now_ms += 1_000 // ROUNDS
        self.disk.now_ms = self.now_ms = look.now_ms


@pytest.mark.proof
@pytest.mark.parametrize("day", DAYS, ids=lambda day: day.name)
def test_a_day_stays_within_its_flash_budget(day: Day, capsys: pytest.CaptureFixture[str]) -> None:
    ledger = Ledger()
    Run(day.script, plan(), way=Way.TICK, check=ledger.keep).play()
    mb = {name: count * day.part / 1e6 for name, count in sorted(ledger.disk.by_store.items())}
    told = ", ".join(f"{name} {count:.1f}" for name, count in mb.items())
    with capsys.disabled():
        sys.stdout.write(
            f"\n{day.name}: {sum(mb.values()):.1f} MB ({told}), {ledger.events * day.part} events,"
            f" {ledger.steps * day.part} steps\n"
        )
    assert ledger.steps >= day.script.length_ms // 1_000 - 400, "each second was a step, but for reboots"
    assert sum(mb.values()) <= day.most_mb
    assert ledger.storage.status.degraded == {}
