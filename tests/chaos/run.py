"""Kill, freeze, fill and tear while events flow; then count what the ten-line subscriber has.

`python -m tests.chaos.run [EVENTS [SEED]]`, or `make chaos`. What comes out is printed as JSON.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.link import Link
from tests.conftest import PROJECT, eventually
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_central import Central
from tests.wires.mqtt_collector import Collector

RATE = 80.0
FAULTS = ("broker", "daemon", "central", "half-open", "cut", "frozen", "full disk", "torn journal")


@dataclass
class Outcome:
    """`lost`: journalled and never shown. `unexplained`: numbers neither shown nor inside a gap that was shown.
    `invalid`: against the schemas, of `messages` that the broker had."""

    events: int = 0
    seed: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    lost: list[int] = field(default_factory=list)
    unexplained: list[int] = field(default_factory=list)
    in_order: bool = False
    duplicates: int = 0
    different_by_id: int = 0
    gaps: list[tuple[int, int]] = field(default_factory=list)
    messages: int = 0
    invalid: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Chaos:
    """One run. Everything that can be hurt has a method; each leaves the part as it found it, working."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed, self.chance = folder, seed, random.Random(seed)
        self.broker = Mosquitto(folder)
        self.link = Link(self.broker.port)
        self.central = Central(folder, self.broker.port)
        self._daemon: subprocess.Popen[bytes] | None = None
        self._runs = 0

    def begin(self) -> None:
        self.broker.start()
        self.link.start()
        self.central.start()

    def end(self) -> None:
        self.kill_daemon()
        self.central.kill()
        self.link.stop()
        self.broker.kill()

    def start_daemon(self, rate: float = RATE) -> None:
        self._runs += 1
        command = [sys.executable, "-m", "tests.chaos.daemon", str(self.link.port), str(self.folder)]
        with (self.folder / "daemon.log").open("ab") as log:
            self._daemon = subprocess.Popen(
                [*command, f"{self._runs:04x}", str(rate)], cwd=PROJECT, stdout=log, stderr=log
            )

    def kill_daemon(self) -> None:
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.wait(10)
            self._daemon = None

    def deliver(self, within_s: float) -> None:
        """Heal, stop making events, and wait until all are confirmed."""
        self.kill_daemon()
        self.start_daemon(rate=0)
        assert self._daemon is not None
        try:
            code = self._daemon.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"not delivered within {within_s} s; see {self.folder}") from None
        assert code == 0, (self.folder / "daemon.log").read_text()[-2000:]

    def synced(self) -> list[tuple[str, int, str]]:
        """(log, number, type) of all that was on the medium."""
        file = self.folder / "synced.log"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [(log, int(seq), kind) for log, seq, kind in (line.split() for line in lines)]

    def hurt(self, fault: str) -> None:
        """Do it, wait a little, make it good again."""
        some_s = self.chance.uniform(0.3, 1.5)
        match fault:
            case "broker":
                self.broker.kill()
                time.sleep(some_s)
                self.broker.start()
            case "daemon":
                self.kill_daemon()
                self.start_daemon()
            case "central":
                self.central.kill()
                time.sleep(some_s)
                self.central.start()
            case "half-open":
                self.link.silence()
                time.sleep(some_s + 2.0)
                self.link.heal()
            case "cut":
                self.link.cut()
            case "frozen":
                self.broker.freeze()
                time.sleep(some_s + 2.0)
                self.broker.thaw()
            case "full disk":
                self.fill_disk()
            case "torn journal":
                self.kill_daemon()
                self.tear()
                self.start_daemon()

    def fill_disk(self) -> None:
        """Longer than the backlog holds."""
        (self.folder / "full").touch()
        time.sleep(2.5)
        (self.folder / "full").unlink()

    def tear(self) -> None:
        """A write that power loss cut short at the end of the journal."""
        files = sorted((self.folder / "state" / "journal").glob("events-*.jsonl"))
        if files:
            whole = files[-1].read_bytes().rstrip(b"\n").rpartition(b"\n")[2]
            with files[-1].open("ab") as file:
                file.write(whole[: self.chance.randrange(1, len(whole))])


def stir(folder: Path, *, events: int, seed: int, faults: tuple[str, ...] = FAULTS, settle_s: float = 90) -> Outcome:
    """One run of at least `events` journalled events, with every fault at least once."""
    chaos, began_s = Chaos(folder, seed), time.monotonic()
    outcome = Outcome(seed=seed)
    chaos.begin()
    ear = Collector(chaos.broker.port)
    try:
        chaos.start_daemon()
        eventually(lambda: len(chaos.central.seen()) > 5, within_s=30, what="the first events")
        left: list[str] = []
        while left or len(chaos.synced()) < events:
            left = left or chaos.chance.sample(faults, len(faults))
            fault = left.pop()
            outcome.faults[fault] = outcome.faults.get(fault, 0) + 1
            chaos.hurt(fault)
            time.sleep(chaos.chance.uniform(0.2, 1.5))
        chaos.deliver(settle_s)
        judge(outcome, chaos.synced(), chaos.central.seen())
        outcome.messages, outcome.invalid = len(ear.heard), ear.find_faults()
    finally:
        chaos.end()
        ear.close()
    outcome.seconds = round(time.monotonic() - began_s, 1)
    return outcome


def judge(outcome: Outcome, synced: list[tuple[str, int, str]], seen: list[tuple[int, str, dict[str, object]]]) -> None:
    """Compare what was on the medium with what was shown."""
    firsts: dict[int, str] = {}
    for seq, kind, data in seen:
        content = json.dumps([kind, data], sort_keys=True)
        outcome.duplicates += seq in firsts
        outcome.different_by_id += firsts.setdefault(seq, content) != content
    outcome.events = len(synced)
    outcome.gaps = sorted({(int(str(data["from"])), seq) for seq, kind, data in seen if kind == "journal.gap"})
    outcome.lost = sorted({seq for _, seq, _ in synced} - firsts.keys())
    told = {number for low, high in outcome.gaps for number in range(low, high + 1)}
    outcome.unexplained = sorted(set(range(1, max(firsts) + 1)) - firsts.keys() - told)
    outcome.in_order = list(firsts) == sorted(firsts)
    assert len({log for log, _, _ in synced}) == 1, "one journal"


def holds(outcome: Outcome, faults: tuple[str, ...] = FAULTS) -> bool:
    """What the contract promises."""
    wrong = outcome.lost or outcome.unexplained or outcome.different_by_id or outcome.invalid
    sound = outcome.in_order and bool(outcome.messages) and not wrong
    return sound and (bool(outcome.gaps) or "full disk" not in faults)


def main(words: list[str], show: Callable[[str], object] = print) -> int:
    events, seed = int(words[0]) if words else 1_500, int(words[1]) if len(words) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        outcome = stir(Path(folder), events=events, seed=seed)
    show(json.dumps(asdict(outcome), indent=1))
    return 0 if holds(outcome) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
