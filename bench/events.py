"""What recording one event costs with 1,000 and with 100,000 behind it: CPU, time to the medium, bytes written.

`python -m bench.events`. First the journal alone, then the whole round of the storage thread with the state beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from bench.book import CountingDisk
from bench.plant import folder
from bench.table import Table, middle, number, worst_of
from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.storage import Storage

SIZES, TURNS, BATCH = (1_000, 100_000), 100, 500
STAMP = Stamp(ts="2026-01-01T00:00:00.000Z", clk="ntp", boot="b0b0")


def event(number_: int) -> Event:
    """As the core tells them, of ordinary length."""
    return Event(
        type="alarm.raised", severity=Severity.CRITICAL, at_ms=number_ * 1_000, incident="2026-0001",
        data={"alarm": "ups1.on_battery", "priority": "high", "evidence": "ups1.output_source=battery", "n": number_},
    )  # fmt: skip


class UnsyncedDisk(CountingDisk):
    """For what is only there to be behind."""

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        super()._write(path, flag, data, sync=False)


def fill(directory: Path, count: int) -> None:
    backlog = Backlog()
    journal = Journal(UnsyncedDisk(), directory, backlog)
    journal.open()
    for first in range(0, count, BATCH):
        for one in range(first, min(first + BATCH, count)):
            backlog.add(event(one), STAMP)
        journal.commit(BATCH)
    journal.save_position()


def turns(call: Callable[[int], None], disk: CountingDisk) -> tuple[list[float], list[float], float]:
    """Milliseconds of CPU, milliseconds by the clock, and bytes a turn."""
    cpu_ms, clock_ms, before = [], [], disk.written_bytes
    for turn in range(TURNS):
        began, spent = time.perf_counter(), time.process_time()
        call(turn)
        cpu_ms.append((time.process_time() - spent) * 1e3)
        clock_ms.append((time.perf_counter() - began) * 1e3)
    return cpu_ms, clock_ms, (disk.written_bytes - before) / TURNS


def journal_alone(directory: Path) -> tuple[list[float], list[float], float]:
    disk, backlog = CountingDisk(), Backlog()
    journal = Journal(disk, directory, backlog)
    journal.open()

    def record(turn: int) -> None:
        backlog.add(event(turn), STAMP)
        assert journal.commit(1)

    return turns(record, disk)


def whole_round(directory: Path) -> tuple[list[float], list[float], float]:
    disk = CountingDisk()
    storage = Storage(directory.parent, "boot", lambda: int(time.monotonic() * 1e3), disk=disk)
    storage._thread.call_on_loop = lambda *_: None  # type: ignore[method-assign]  # there is no loop here
    for _ in range(2_000):  # until the book has caught up
        storage._duty(False)
        if storage._in_book_seq >= storage._journal.last > 0:
            break

    def record(turn: int) -> None:
        storage.keep(replace(State(), stepped_ms=turn, incident_number=turn), turn, [event(turn)], STAMP)
        storage._duty(False)

    return turns(record, disk)


def measure() -> Table:
    """The table."""
    rows = []
    for size in SIZES:
        with folder("events") as place:
            fill(place / "journal", size)
            for what, ways in (("journal, synced", journal_alone), ("whole round: state, journal, book", whole_round)):
                cpu_ms, clock_ms, written = ways(place / "journal")
                rows.append(
                    (
                        f"{size:,}",
                        what,
                        number(middle(cpu_ms)),
                        number(middle(clock_ms)),
                        number(worst_of(clock_ms)),
                        f"{written / 1024:.2f}",
                    )
                )
    return Table(
        name="events", title="Recording one event",
        head=("events behind it", "what", "CPU ms", "clock ms, median", "clock ms, p99", "KiB written"),
        rows=tuple(rows),
    )  # fmt: skip


if __name__ == "__main__":
    measure().show()
