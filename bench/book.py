"""What the incident book costs at 100, 1,000 and 10,000 incidents: opening it, adding an incident, printing a report.

Beside it stock TinyDB over its JSON file with the same incidents. Run: python -m bench.book [--stock]
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tinydb import TinyDB

from config.texts import load_texts
from firmware_py.report.incident import incident_page
from firmware_py.report.render_html import as_html
from firmware_py.report.words import Words
from firmware_py.runtime.book import Book
from firmware_py.runtime.clock import utc_text
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document

SIZES = (100, 1_000, 10_000)
EVENTS = 24  # of one incident, notices and looks at its course among them
HOUR_MS = 3_600_000
START_MS = 1_767_225_600_000
SITE = {"id": "bench", "name": "Bench", "language": "en", "timezone": "UTC", "endurance_ms": 4 * HOUR_MS}
TURNS = 15


class CountingDisk(Disk):
    """The real one, which counts what it is given."""

    def __init__(self) -> None:
        self.written_bytes = 0

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        self.written_bytes += len(data)
        super()._write(path, flag, data, sync=sync)


def incident(number: int, step_ms: int) -> Iterator[Document]:
    """The journal records of one power cut of twenty minutes."""
    start_ms = START_MS + number * step_ms
    facts = {
        "cause": "power",
        "class": "technical",
        "age_ms": 0,
        "tier": 1,
        "alarms": ["ups1.on_battery"],
        "acked_by": [],
    }
    look = {"mode": "conservation", "stage": 1, "stages": ["power.stage1"], "outbound_paused": True, "flags": [],
            "ups1.forecast.charge_pct": 91.5, "ups1.forecast.runtime_s": 5_400, "trunks.main.state": "up"}  # fmt: skip
    alarm = {"alarm": "ups1.on_battery", "priority": "high", "evidence": "battery", "text": "alarm.on_battery"}
    kinds: list[tuple[str, Document]] = [("incident.opened", facts), ("alarm.raised", alarm)]
    kinds += [("incident.course", facts | look)] * (EVENTS - 4)
    kinds += [("alarm.cleared", alarm), ("incident.closed", facts | {"age_ms": 1_200_000, "saved_wh": 400})]
    for index, (kind, data) in enumerate(kinds):
        at_ms = start_ms + index * 50_000
        yield {
            "seq": number * EVENTS + index + 1, "log": "be4c", "ts": utc_text(at_ms), "clk": "ntp", "up_ms": at_ms,
            "boot": "b1", "type": kind, "sev": "info", "incident": f"2026-{number + 1:04d}", "drill": False,
            "data": data,
        }  # fmt: skip


def median_ms(call: Callable[[], object], turns: int = TURNS) -> float:
    """Middle of some turns, in milliseconds of this process: what the medium takes is in the bytes."""
    took = []
    for _ in range(turns):
        begun = time.process_time()
        call()
        took.append((time.process_time() - begun) * 1000)
    return statistics.median(took)


def measure(size: int, folder: Path) -> list[str]:
    """One line of the table."""
    disk = CountingDisk()
    step_ms = min(HOUR_MS, 300 * 24 * HOUR_MS // size)  # within one year, so that the months are as full as they get
    book = Book(disk, folder)
    for first in range(0, size, 20):
        batch = range(first, min(first + 20, size))
        assert book.enter(record for number in batch for record in incident(number, step_ms))
    added = iter(range(size, size + TURNS))
    before = disk.written_bytes
    add_ms = median_ms(lambda: book.enter(incident(next(added), step_ms)))
    written = (disk.written_bytes - before) / TURNS
    open_ms = median_ms(lambda: Book(Disk(), folder).open(), 5)
    words = Words(texts=load_texts("en"), local=lambda s: utc_text(s * 1000)[:19])
    opened = Book(Disk(), folder)
    opened.open()

    def report(name: str) -> str:
        found = opened.incident(name)
        assert found is not None and len(found["timeline"]) == EVENTS, name  # type: ignore[arg-type]  # a timeline is a list
        return as_html(incident_page(found, SITE, words))

    old_ms, new_ms = median_ms(lambda: report("2026-0050"), 5), median_ms(lambda: report(f"2026-{size:04d}"), 5)
    kept = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return [
        f"{size:,}", f"{open_ms:.0f}", f"{add_ms:.1f}", f"{written / 1024:.1f}", f"{old_ms:.0f}", f"{new_ms:.0f}",
        f"{kept / 1e6:.1f}", f"{len(list(folder.glob('book-*')))}",
    ]  # fmt: skip


def stock(size: int, folder: Path) -> list[str]:
    """TinyDB as it comes: one document an incident of a tenth of the size, for its cost is the whole file's."""
    path = folder / "stock.json"
    table = TinyDB(path).table("incidents")
    table.insert_multiple({**next(incident(number, HOUR_MS)), "note": "x" * 100} for number in range(size))
    add_ms = median_ms(lambda: table.insert(next(incident(size, HOUR_MS))), 5)
    return [f"{size:,} (stock)", "-", f"{add_ms:.1f}", f"{path.stat().st_size / 1024:.1f}", "-", "-", "-", "-"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stock", action="store_true", help="also stock TinyDB")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    args = parser.parse_args()
    print("incidents        open ms  add ms  add KiB  old report ms  new report ms  kept MB  files")
    for size in args.sizes:
        for made in (measure, stock) if args.stock else (measure,):
            with tempfile.TemporaryDirectory() as folder:
                row = made(size, Path(folder))
            print(f"{row[0]:<16} {row[1]:>7} {row[2]:>7} {row[3]:>8} {row[4]:>14} {row[5]:>14} {row[6]:>8} {row[7]:>6}")


if __name__ == "__main__":
    main()
