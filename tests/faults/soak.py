"""A day in compressed form: the real daemon reads its devices at twenty times the usual rate, and nothing may grow.

`python -m tests.faults.soak [SECONDS [PACE]]`. Memory and descriptors are the kernel's word, threads and tasks the
daemon's own; the pace is measured against the same floor at its usual rate.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.e2e.rig import Picture, Rig, tell
from tests.e2e.site import Times

TIMES = Times(on_delay="250 ms", off_delay="500 ms", stable="500 ms", slow="10 s", timeout="800 ms")
PACE = 20
REACHED = 0.9  # of the pace: a machine that is busy with other work may miss a turn now and then
FLAT_BYTES = 2 << 20
# Before anything is measured, so many short outages that what keeps the latest events (500) is as full as it gets; then
# as many as a bad day has. The incident book goes on growing, by each event up to 2,000 of them.
WARM_S, WARM_OUTAGE_S, WARM_BETWEEN_S = 200.0, 3.0, 8.0
OUTAGE_S, BETWEEN_S = 20.0, 300.0
FLAT_TASKS = 4  # questions on their way in the moment of a look; what leaks with reads or outages is soon more
USUAL_S = 30.0
STOP_S = 30.0  # as the unit's TimeoutStopSec=
MOST_SAID = 40
NAMES = ("resident_bytes", "descriptors", "threads", "tasks")


@dataclass
class Soak:
    """`found`, of memory, descriptors, threads and tasks: the middle one (of tasks the fewest) of the first tenth, of
    the last tenth, the highest. `said`: the log's warnings; `code`: of the end."""

    seconds: float = 0.0
    wanted_pace: int = PACE
    pace: float = 0.0
    reads: int = 0
    failed: int = 0
    outages: int = 0
    cpu_pct: float = 0.0
    code: int | None = None
    said: list[str] = field(default_factory=list)
    found: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def grown(self, allowed_bytes: int = FLAT_BYTES) -> list[str]:
        """What has grown by more than it may."""
        allowed = {"resident_bytes": allowed_bytes, "tasks": FLAT_TASKS}
        return [name for name, (first, last, _) in self.found.items() if last - first > allowed.get(name, 0)]

    @property
    def holds(self) -> bool:
        """Flat, and fast enough to say so."""
        flat = set(self.found) == set(NAMES) and not self.grown()
        return flat and self.pace >= REACHED * self.wanted_pace and self.code == 0


def summarise(samples: Sequence[tuple[int, ...]]) -> dict[str, tuple[int, int, int]]:
    """By name; a sample is one number of each of NAMES."""
    part = max(4, len(samples) // 10)
    columns = dict(zip(NAMES, zip(*samples, strict=True), strict=True))
    # Of tasks the fewest: a question on its way is one more for a moment, one that is never answered is for ever.
    sums = {name: min if name == "tasks" else statistics.median for name in NAMES}
    return {
        name: (int(sums[name](row[:part])), int(sums[name](row[-part:])), max(row)) for name, row in columns.items()
    }


def _measure(rig: Rig) -> tuple[int, ...]:
    assert rig.process is not None
    folder = Path(f"/proc/{rig.process.pid}")
    words = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
    own = rig.picture["process"]
    return int(words["VmRSS"].split()[0]) * 1024, len(list((folder / "fd").iterdir())), own["threads"], own["tasks"]


def _reads(picture: Picture) -> tuple[int, int]:
    """(answered, unanswered) group reads of all devices since the start."""
    devices = picture["devices"].values()
    return sum(one["ok"] for one in devices), sum(one["failed"] for one in devices)


async def _rate(rig: Rig, seconds: float) -> float:
    """Reads a second, over so long."""
    first, begun_s = _reads(await rig.status()), time.monotonic()
    await asyncio.sleep(seconds)
    return (sum(_reads(await rig.status())) - sum(first)) / (time.monotonic() - begun_s)


async def soak(
    folder: Path, seconds: float, *, pace: int = PACE, warm_s: float = WARM_S, usual_s: float = USUAL_S,
    between_s: float = BETWEEN_S, outage_s: float = OUTAGE_S,
) -> Soak:  # fmt: skip
    """So long after the warming up; now and then mains fails."""
    outcome, samples = Soak(wanted_pace=pace), list[tuple[int, ...]]()
    async with Rig.open(folder, times=TIMES) as rig:
        rig.covered = False
        await rig.start()
        await rig.until_ready(within_s=90)
        usual = await _rate(rig, usual_s)
        assert await rig.stop(within_s=STOP_S) == 0
        rig.seen.clear()  # what the first one showed
        await rig.start(module=("tests.faults.hasty", str(pace)))
        await rig.until_ready(within_s=90)
        await _go_on(rig, outcome, warm_s, WARM_BETWEEN_S, WARM_OUTAGE_S, [])
        before, begun_s, cpu_s = _reads(await rig.status()), time.monotonic(), _cpu_s(rig)
        outcome.outages = 0
        await _go_on(rig, outcome, seconds, between_s, outage_s, samples)
        after, outcome.seconds = _reads(await rig.status()), round(time.monotonic() - begun_s, 1)
        outcome.cpu_pct = round(100 * (_cpu_s(rig) - cpu_s) / outcome.seconds, 1)
        outcome.reads, outcome.failed = after[0] - before[0], after[1] - before[1]
        outcome.pace = round((outcome.reads + outcome.failed) / outcome.seconds / usual, 1)
        outcome.found = summarise(samples)
        outcome.said = [line for line in rig.log.splitlines() if not line.startswith("INFO")][:MOST_SAID]
        tell("soak:", json.dumps(asdict(outcome)))  # before anything else can fail
        outcome.code = await rig.stop(within_s=STOP_S)
    return outcome


def _cpu_s(rig: Rig) -> float:
    assert rig.process is not None
    words = Path(f"/proc/{rig.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


async def _go_on(
    rig: Rig, outcome: Soak, seconds: float, between_s: float, outage_s: float, samples: list[tuple[int, ...]]
) -> None:
    """Outages and their ends for so long; a sample a second while there is mains and the floor has settled."""
    begun_s = time.monotonic()
    while (gone_s := time.monotonic() - begun_s) < seconds:
        place_s = gone_s % between_s
        fails = place_s >= between_s - outage_s
        outcome.outages += fails and rig.world.mains
        rig.world.mains = not fails
        if not fails and place_s > min(5.0, between_s / 4):
            samples.append(_measure(rig))
        rig.seen = rig.seen[-1:]
        await asyncio.sleep(1)
    rig.world.mains = True


def main(words: list[str], show: Callable[[str], object] = print) -> int:
    seconds, pace = float(words[0]) if words else 1_800, int(words[1]) if len(words) > 1 else PACE
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(soak(Path(folder), seconds, pace=pace))
    show(json.dumps({**asdict(outcome), "grown": outcome.grown()}, indent=1))
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
