"""What many seeded weeks came to: one line a seed as it ends, a log that a later slice goes on with, and a table.

It must not know how a week is played.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MINUTE = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one script. `broken`: the first invariant that did not hold, empty if all held;
    `broken_ms`: when, in the world's time.

    `faults`: how many of each kind there were; `cpu_s`: processor time that it took.
    """

    seed: int
    steps: int
    restarts: int
    events: int
    healed_ms: int
    broken: str = ""
    broken_ms: int = 0
    story: str = ""
    cpu_s: float = 0.0
    faults: dict[str, int] = field(default_factory=dict)

    def line(self) -> str:
        """For people who wait."""
        end = f"BROKEN: {self.broken}" if self.broken else f"at rest after {self.healed_ms // MINUTE} min"
        return (
            f"seed {self.seed}: {sum(self.faults.values())} faults, {self.steps} steps, {self.restarts} restarts,"
            f" {self.cpu_s:.1f} s, {end}"
        )


class Log:
    """Outcomes in a file, one JSON line each, so that a long night can be played in slices."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, outcome: Outcome) -> None:
        """Keep one; the last of a seed counts."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")

    def read(self) -> list[Outcome]:
        """All, by seed; a line that was cut off by a kill counts as not played."""
        if not self._path.exists():
            return []
        known: dict[int, Outcome] = {}
        for line in self._path.read_text().splitlines():
            try:
                one = Outcome(**json.loads(line))
            except (ValueError, TypeError):
                continue
            known[one.seed] = one
        return [known[seed] for seed in sorted(known)]


def missing(wanted: Iterable[int], played: Sequence[Outcome]) -> list[int]:
    """Seeds that are still to be played."""
    known = {outcome.seed for outcome in played}
    return [seed for seed in wanted if seed not in known]


def show(outcomes: Sequence[Outcome], seconds: float) -> str:
    """For people: what broke, what fell, and the sum."""
    broken = [outcome for outcome in outcomes if outcome.broken]
    told = "\n\n".join(f"BROKEN seed {outcome.seed}\n{outcome.story}" for outcome in broken)
    fell: Counter[str] = Counter()
    for outcome in outcomes:
        fell.update(outcome.faults)
    rows = "\n".join(f"  {count:>6} {kind}" for kind, count in sorted(fell.items(), key=lambda one: (-one[1], one[0])))
    table = f"faults that fell:\n{rows}" if fell else ""
    steps, events = sum(o.steps for o in outcomes), sum(o.events for o in outcomes)
    slowest_min = max((o.healed_ms for o in outcomes), default=0) // MINUTE
    total = (
        f"{len(outcomes)} seeds, {len(broken)} broken: {steps} steps, {events} events and changes,"
        f" {sum(o.restarts for o in outcomes)} restarts, at rest again within {slowest_min} min,"
        f" {sum(o.cpu_s for o in outcomes):.0f} s of CPU, {seconds:.0f} s"
    )
    return "\n".join(part for part in (told, table, total) if part)
