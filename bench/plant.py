"""Drives `plant.c`, the device side of the benchmark: compiled on the fly, told what to hold, asked what it has served.

It shares no code with any poller, and its own CPU is measured like everybody's. Also `Spent`: what processes cost.
"""

from __future__ import annotations

import os
import queue
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REGISTERS, CHANGING = 125, 12  # of one unit: a block as large as Modbus allows, a tenth of it moving each second
OBJECTS = 20  # of one agent


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What the plant has given since its start."""

    registers: int
    requests: int
    values: int
    datagrams: int
    least_unit: int
    least_agent: int


def compile_c(name: str, *libraries: str) -> Path:
    """The program made of bench/NAME.c, kept in the cache folder until its source changes. Raises OSError, or
    CalledProcessError where a library is not installed."""
    folder = peers_folder() / "built"
    folder.mkdir(parents=True, exist_ok=True)
    source, program = HERE / f"{name}.c", folder / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        flags = [f"-l{library}" for library in libraries]
        subprocess.run(["gcc", "-O2", "-o", program, source, *flags], check=True, capture_output=True)  # noqa: S607 - from PATH
    return program


def peers_folder() -> Path:
    """Where what is installed for the benchmark lives: FLOORGUARD_PEERS, else bench/.peers, which git ignores."""
    return Path(os.environ.get("FLOORGUARD_PEERS", HERE / ".peers"))


class Plant:
    """One running plant."""

    def __init__(self, units: int, agents: int, registers: int = REGISTERS, changing: int = CHANGING) -> None:
        words = [str(number) for number in (units, registers, changing, agents)]
        self.process = subprocess.Popen(
            [compile_c("plant"), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self._lines: queue.Queue[list[str]] = queue.Queue()
        self.told: list[list[str]] = []  # answered, sent, coil
        assert self.process.stdout is not None
        units_at, _, agents_at = self.process.stdout.readline().removeprefix("ports").partition("/")
        self.units = [int(port) for port in units_at.split()]
        self.agents = [int(port) for port in agents_at.split()]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "count":
                self._lines.put(words)
            else:
                self.told.append(words)

    def tell(self, order: str) -> None:
        """One order, see plant.c."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{order}\n")
        self.process.stdin.flush()

    def served(self) -> Served:
        """Counters."""
        self.tell("count")
        numbers = [int(word) for word in self._lines.get(timeout=20)[1:]]
        return Served(
            registers=numbers[0], requests=numbers[1], values=numbers[2], datagrams=numbers[3], least_unit=numbers[4],
            least_agent=numbers[5],
        )  # fmt: skip

    def await_told(self, *beginning: str, after: int = 0, within_s: float = 20.0) -> list[str]:
        """The first line since number `after` that begins so. TimeoutError."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            for words in self.told[after:]:
                if words[: len(beginning)] == list(beginning):
                    return words
            time.sleep(0.001)
        raise TimeoutError(f"the plant never told {beginning}")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def plant(units: int, agents: int, registers: int = REGISTERS, changing: int = CHANGING) -> Iterator[Plant]:
    """Started, and ended whatever happens."""
    made = Plant(units, agents, registers, changing)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def folder(name: str) -> Iterator[Path]:
    """A folder for one run."""
    with tempfile.TemporaryDirectory(prefix=f"fg-bench-{name}-") as made:
        yield Path(made)


def cpu_ns(pids: list[int]) -> int:
    """Time on a processor of all threads of these processes: the scheduler's own count, without waiting."""
    spent = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            try:
                spent += int((thread / "schedstat").read_text().split()[0])
            except OSError:
                continue  # it has just ended
    return spent


def rss_mib(pids: list[int]) -> float:
    """Resident memory of these processes."""
    kib = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                kib += int(line.split()[1])
    return kib / 1024
