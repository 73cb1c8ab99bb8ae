"""kill -9 at random moments of the real daemon on a whole floor of devices, and a soak: what is left is counted.

`python -m tests.faults.kills [KILLS [SEED]]`, `python -m tests.faults.kills soak [SECONDS]`. The daemon is seen only by
its wires, its files, its control socket and the kernel.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from firmware_py.runtime.backlog import Backlog
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import parse_lines
from tests.e2e.rig import Picture, Rig
from tests.e2e.site import Times

TIMES = Times(on_delay="250 ms", off_delay="500 ms", stable="500 ms", second_stage="1 s", trunk_stage="250 ms")
WITHIN_S = 5.0
FLAT_BYTES = 2 << 20
WARM_S = 60.0
# A kill within tens of milliseconds of a decision can find its event in the journal and the state file a step older.
# True once the state is rolled forward from the journal at the start: then `behind` has to be empty as well.
ROLLS_FORWARD = True


@dataclass
class Kills:
    """`late`: seconds of the starts that took too long; `wrong`: outbound opened while there was no mains;
    `behind`: starts in another mode than the journal's last word."""

    kills: int = 0
    seed: int = 0
    events: int = 0
    late: list[float] = field(default_factory=list)
    slowest_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """What the contract promises."""
        told = self.late or self.wrong or self.lost or self.unreadable
        return not told and not (ROLLS_FORWARD and self.behind)


async def kill_often(folder: Path, kills: int, seed: int, *, within_s: float = WITHIN_S) -> Kills:
    """So many kills of one floor whose mains comes and goes."""
    chance, outcome, begun_s = random.Random(seed), Kills(seed=seed), time.monotonic()
    async with Rig.open(folder, times=TIMES) as rig:
        rig.covered = False
        rig.site_file.write_text(rig.site_file.read_text().replace("[mqtt]", "[mqtt]\nenabled = false"))
        await rig.start()
        await rig.until_ready(within_s=90)
        while outcome.kills < kills:
            rig.world.mains = chance.random() < 0.5
            await asyncio.sleep(chance.uniform(0.0, 1.5))
            await _kill(rig, outcome, within_s)
    outcome.seconds = round(time.monotonic() - begun_s, 1)
    return outcome


async def _kill(rig: Rig, outcome: Kills, within_s: float) -> None:
    before = rig.picture
    await rig.kill()
    killed_s = time.monotonic()
    outcome.kills += 1
    last, mode = _look_at_journal(rig.state / "journal", outcome)
    told = before.get("storage", {}).get("last", 0)
    if last < told:
        outcome.lost.append(f"kill {outcome.kills}: {told} was synced, {last} is there")
    outcome.events = last
    rig.seen.clear()
    await rig.start()
    first: Picture = await rig.until(lambda seen: "causes" in seen and seen, within_s=60, what="it is up again")
    took_s = round(rig.seen[0][0] - killed_s, 2)
    outcome.slowest_s = max(outcome.slowest_s, took_s)
    if took_s > within_s:
        outcome.late.append(took_s)
    if mode and first["mode"] != mode:
        outcome.behind.append(f"kill {outcome.kills}: journal says {mode}, started in {first['mode']}")
    if before.get("mode") == "conservation" == first["mode"] and not rig.world.mains:
        opened = [name for at_s, name, closed in rig.gates_written() if at_s > killed_s and not closed]
        outcome.wrong += [f"kill {outcome.kills}: {name} opened" for name in opened]


def _look_at_journal(folder: Path, outcome: Kills) -> tuple[int, str]:
    """The highest number and the mode that the journal's last change of mode gave; files left as they are."""
    last, mode = 0, ""
    for file in sorted(folder.glob("events-*.jsonl")):
        for line in parse_lines(file.read_bytes()):
            if line.document is None:
                if line.records_at_most:
                    outcome.unreadable.append(f"kill {outcome.kills}: {file.name} at {line.offset}")
                continue
            seq = line.document.get("seq")
            if not isinstance(seq, int):
                continue
            if last and seq != last + 1:
                outcome.lost.append(f"kill {outcome.kills}: {seq} follows {last}")
            last = seq
            data = line.document.get("data")
            if line.document.get("type") == "mode.changed" and isinstance(data, dict):
                mode = str(data["to"])
    return last, mode


def open_again(folder: Path) -> list[str]:
    """What a start would call damaged in this journal."""
    journal = Journal(Disk(), folder, Backlog())
    journal.open()
    return [str(found) for found in journal.damage]


@dataclass
class Soak:
    """Memory, descriptors and threads after the first minute and at the end; the highest of each between."""

    seconds: float = 0.0
    cycles: int = 0
    outages: int = 0
    rss_bytes: tuple[int, int, int] = (0, 0, 0)
    fds: tuple[int, int, int] = (0, 0, 0)
    threads: tuple[int, int, int] = (0, 0, 0)

    def is_flat(self, allowed_bytes: int = FLAT_BYTES) -> bool:
        """At the end nothing is more than after the first minute, but for a little memory."""
        grown = self.rss_bytes[1] - self.rss_bytes[0]
        return grown <= allowed_bytes and self.fds[1] <= self.fds[0] and self.threads[1] <= self.threads[0]


def _measure(pid: int) -> tuple[int, int, int]:
    status = Path(f"/proc/{pid}/status").read_text()
    words = {line.partition(":")[0]: line.partition(":")[2].split() for line in status.splitlines()}
    return int(words["VmRSS"][0]) * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())), int(words["Threads"][0])


async def soak(folder: Path, seconds: float, *, warm_s: float = WARM_S) -> Soak:
    """Devices at the fastest pace that a site may ask for, and an outage every few seconds."""
    times = Times(on_delay="250 ms", off_delay="500 ms", stable="500 ms", fast="250 ms", slow="1 s", timeout="200 ms")
    samples: list[tuple[int, int, int]] = []
    outcome, begun_s = Soak(), time.monotonic()
    async with Rig.open(folder, times=times) as rig:
        rig.covered = False
        await rig.start()
        await rig.until_ready(within_s=90)
        assert rig.process is not None
        while time.monotonic() - begun_s < warm_s + seconds:
            rig.world.mains = not rig.world.mains
            outcome.outages += not rig.world.mains
            await asyncio.sleep(3)
            outcome.cycles += len(rig.seen)
            rig.seen.clear()
            if rig.world.mains and time.monotonic() - begun_s >= warm_s:
                samples.append(_measure(rig.process.pid))
    first, end = samples[0], samples[-1]
    highest = tuple(max(sample[n] for sample in samples) for n in range(3))
    outcome.rss_bytes, outcome.fds, outcome.threads = ((first[n], end[n], highest[n]) for n in range(3))
    outcome.seconds = round(time.monotonic() - begun_s, 1)
    return outcome


def main(words: list[str], show: Callable[[str], object] = print) -> int:
    with tempfile.TemporaryDirectory() as folder:
        if words and words[0] == "soak":
            done = asyncio.run(soak(Path(folder), float(words[1]) if len(words) > 1 else 1_800))
            show(json.dumps(asdict(done), indent=1))
            return 0 if done.is_flat() else 1
        kills, seed = int(words[0]) if words else 500, int(words[1]) if len(words) > 1 else 1
        outcome = asyncio.run(kill_often(Path(folder), kills, seed))
    show(json.dumps(asdict(outcome), indent=1))
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
