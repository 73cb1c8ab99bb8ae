"""Power cuts on a real ext4: a loop device whose file system is shut down in the middle of writes, then mounted again.

`python -m tests.faults.powercut [CUTS [SEED]]` as root. FS_IOC_SHUTDOWN without flushing its log is what xfstests use:
nothing that was not on the medium is there afterwards. Half of the cuts hit a slow medium.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.book import Book
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.state_file import StateFile

FS_IOC_SHUTDOWN = 0x8004587D
WITHOUT_LOG_FLUSH = 2
IMAGE_MIB = 24
FORGET_EVERY = 100  # a fresh file system now and then, so that small and larger logs are cut


class SlowDisk(Disk):
    """A card that takes its time: a cut often falls between a write, its sync and the rename."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        super()._write(path, flag, data, sync=False)
        time.sleep(self._chance.uniform(0, 0.004))
        if sync:
            self.sync(path)

    def replace(self, source: Path, target: Path) -> None:
        super().replace(source, target)
        time.sleep(self._chance.uniform(0, 0.004))


@dataclass
class Outcome:
    """`lost`: acknowledged before the cut and not there afterwards. `unreadable`: a store that told of damage."""

    cuts: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    longest_log: int = 0
    seconds: float = 0.0


def why_not() -> str:
    """Why it cannot run here, empty when it can."""
    if os.geteuid() != 0:
        return "power cuts need root: they mount a file system"
    if missing := [name for name in ("mkfs.ext4", "mount", "umount") if shutil.which(name) is None]:
        return f"power cuts need {', '.join(missing)}"
    with tempfile.TemporaryDirectory() as folder:
        medium = Medium(Path(folder))
        try:
            medium.format()
            medium.mount()
        except subprocess.CalledProcessError as error:
            return f"no loop device can be mounted here: {error.stderr.decode(errors='replace').strip()}"
        medium.unmount()
    return ""


class Medium:
    """An image file and the place where it is mounted."""

    def __init__(self, folder: Path) -> None:
        self._image, self.place = folder / "card.img", folder / "card"
        self.place.mkdir(exist_ok=True)

    def format(self) -> None:
        """A new file system."""
        with self._image.open("wb") as file:
            file.truncate(IMAGE_MIB << 20)
        _run("mkfs.ext4", "-q", "-F", str(self._image))

    def mount(self) -> None:
        """As a Raspberry Pi does, data in order; what the log holds is replayed here."""
        _run("mount", "-o", "loop,data=ordered", str(self._image), str(self.place))

    def unmount(self) -> None:
        """After a shutdown as well."""
        _run("umount", str(self.place))

    def cut(self) -> int:
        """The power is gone: monotonic nanoseconds from which on nothing is on the medium any more."""
        handle = os.open(self.place, os.O_RDONLY)
        try:
            at_ns = time.monotonic_ns()
            fcntl.ioctl(handle, FS_IOC_SHUTDOWN, struct.pack("I", WITHOUT_LOG_FLUSH))
        finally:
            os.close(handle)
        return at_ns


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def write(place: Path, run: int, *, slow: bool, acks: int) -> None:
    """The victim: journal, state and book, each transition said on `acks` once it is kept. Never returns."""
    chance = random.Random(run)
    disk = SlowDisk(chance) if slow else Disk()
    backlog = Backlog()
    journal, states, book = Journal(disk, place / "journal", backlog), StateFile(disk, place / "state"), None
    journal.open()
    states.load("b")
    book = Book(disk, place / "book")
    book.open()
    number = 0
    while True:
        number += 1
        for _ in range(chance.randint(1, 4)):
            data = {"n": f"{run}-{number}", "cause": "power", "class": "technical", "age_ms": number}
            kind = chance.choice(("incident.opened", "alarm.raised", "incident.closed"))
            incident = f"2026-{run % 50:04d}"
            event = Event(type=kind, severity=Severity.CRITICAL, at_ms=number, incident=incident, data=data)
            backlog.add(event, Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot=f"{run:04x}"))
        records = journal.commit()
        told = [f"J {record['seq']}" for record in records]
        if states.save(State(incident_number=run * 100_000 + number, stepped_ms=number), "b", number):
            told.append(f"S {run * 100_000 + number}")
        book.enter(records)
        book.flush()
        os.write(acks, "".join(f"{time.monotonic_ns()} {word}\n" for word in told).encode())


def _strike(medium: Medium, run: int, chance: random.Random, *, slow: bool) -> list[str]:
    """One cut at a random moment; what had been acknowledged before it."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        try:
            write(medium.place, run, slow=slow, acks=write_end)
        finally:
            os._exit(1)
    os.close(write_end)
    if chance.random() < 0.9:
        select.select([read_end], [], [], 10)  # most cuts hit a store that is at work, not one that begins
    time.sleep(chance.uniform(0, 0.1))
    cut_ns = medium.cut()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        lines = [line.split(maxsplit=1) for line in pipe.read().split("\n")[:-1]]
    return [word for at_ns, word in lines if int(at_ns) < cut_ns]


def _judge(medium: Medium, acked: list[str], outcome: Outcome) -> None:
    """Open everything as a start does, and compare."""
    states, journal = StateFile(Disk(), medium.place / "state"), Journal(Disk(), medium.place / "journal", Backlog())
    stored = states.load("b")
    journal.open()
    book = Book(Disk(), medium.place / "book")
    book.open()
    outcome.unreadable += [f"cut {outcome.cuts}: {found}" for s in (states, journal, book) for found in s.damage]
    sequence = [int(word[2:]) for word in acked if word.startswith("J")]
    newest = [int(word[2:]) for word in acked if word.startswith("S")]
    if sequence:
        there = {record["seq"] for record in journal.pending(min(sequence) - 1, len(sequence) + 1_000)}
        outcome.lost += [f"cut {outcome.cuts}: event {seq}" for seq in sequence if seq not in there]
    if newest and (stored is None or stored.state.incident_number < max(newest)):
        outcome.lost.append(f"cut {outcome.cuts}: state {max(newest)}")
    outcome.acknowledged += len(acked)
    outcome.longest_log = max(outcome.longest_log, journal.last)


def strike_often(cuts: int, seed: int = 1) -> Outcome:
    """So many cuts; every second one on a slow medium."""
    chance, outcome, begun_s = random.Random(seed), Outcome(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        medium = Medium(Path(folder))
        for run in range(cuts):
            if run % FORGET_EVERY == 0:
                medium.format()
            medium.mount()
            try:
                acked = _strike(medium, run, chance, slow=run % 2 == 1)
            finally:
                medium.unmount()
            medium.mount()
            try:
                outcome.cuts += 1
                _judge(medium, acked, outcome)
            finally:
                medium.unmount()
    outcome.seconds = round(time.monotonic() - begun_s, 1)
    return outcome


def main(words: list[str], show: Callable[[str], object] = print) -> int:
    if reason := why_not():
        show(f"powercut: cannot run here: {reason}")
        return 2
    outcome = strike_often(int(words[0]) if words else 1_000, int(words[1]) if len(words) > 1 else 1)
    show(json.dumps(asdict(outcome), indent=1))
    return 1 if outcome.lost or outcome.unreadable else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
