"""A table of results: printed for the terminal, and kept as JSON, from which `bench.page` makes docs/performance.md.

Knows nothing of what was measured.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.plant import peers_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """`name` orders it on the page; `notes` stand below it."""

    name: str
    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    at: str = ""

    def show(self) -> None:
        """Print it, and keep it."""
        kept = results_folder() / f"{self.name}.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        kept.write_text(json.dumps(asdict(self) | {"at": now}, indent=1) + "\n")
        print(f"\n{self.title}")
        widths = [max(len(row[place]) for row in (self.head, *self.rows)) for place in range(len(self.head))]
        for row in (self.head, *self.rows):
            cells = [
                cell.rjust(width) if place else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            print("  ".join(cells).rstrip())
        for note in self.notes:
            print(f"  {note}")

    def markdown(self) -> str:
        """For the page."""
        lines = [f"## {self.title}", "", "| " + " | ".join(self.head) + " |", "|" + " --- |" * len(self.head)]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        return "\n".join([*lines, "", *(f"{note}\n" for note in self.notes), f"Measured {self.at}.", ""])


def results_folder() -> Path:
    """Where tables are kept until the page is made of them."""
    return peers_folder() / "results"


def load(path: Path) -> Table:
    """A kept one."""
    kept = json.loads(path.read_text())
    return Table(
        name=kept["name"], title=kept["title"], head=tuple(kept["head"]), rows=tuple(map(tuple, kept["rows"])),
        notes=tuple(kept["notes"]), at=kept["at"],
    )  # fmt: skip


def number(value: float) -> str:
    """Three digits that mean something."""
    if value != value:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


def middle(values: Sequence[float]) -> float:
    """The median; NaN of nothing."""
    return statistics.median(values) if values else float("nan")


def worst_of(values: Sequence[float], share: float = 0.99) -> float:
    """The value that `share` of them do not exceed; NaN of nothing."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else float("nan")
