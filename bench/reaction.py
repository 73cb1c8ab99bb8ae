"""Reaction: from the agent's first answer with the new state to relay, MQTT message and outbound refused.

`python -m bench.reaction [flips]`; with eight dead devices beside it, at 250 ms, by trap; NUT beside it where it is
installed (`bench.nut`). The daemon is the real one; only the moment a pin is driven is stamped (`bench/stamped.py`).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.ear import Ear
from bench.exchange import SECRET, USER
from bench.plant import Plant, folder, plant
from bench.site import write_site
from bench.table import Table, middle, number, worst_of
from bench.tools import PROJECT, running
from tests.conftest import find_udp_port
from tests.wires.mosquitto import Mosquitto

FLIPS, DEAD, LATE_MS = 40, 8, 5
BATTERY, MAINS = 5, 3
PATIENCE_S = 15.0


class Gate:
    """`bench.exchange` and what it tells."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bench.exchange"]
        self.process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.told: list[tuple[int, bool]] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            words = line.split()
            self.told.append((int(words[3]), words[2] == "1"))


@dataclass(slots=True, kw_only=True)
class Watched:
    """The daemon, and all that is seen of it from outside."""

    device: Plant
    ear: Ear
    gate: Gate
    stamps: Path
    traps: int = 0
    found_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def pins(self) -> list[tuple[int, str, bool]]:
        words = [line.split() for line in self.stamps.read_text().splitlines() if line.startswith("pin ")]
        return [(int(at), name, on == "1") for _, name, on, at in words]

    def flip(self, *, trap: bool = False) -> None:
        """Mains fails at a random moment; noted is what follows; then all returns."""
        time.sleep(random.random())
        after, began_ns = len(self.device.told), time.monotonic_ns()
        self.device.tell(f"source 0 {BATTERY}")
        if trap:
            self.device.tell(f"trap 0 {self.traps}")
        first = int(self.device.await_told("answered", "0", "1", after=after)[3])
        second = int(self.device.await_told("answered", "0", "2", after=after)[3])
        relay = self._until(lambda: self._pin("feed.pantry", False, began_ns))
        message = self._until(lambda: self._heard("conservation", began_ns))
        gate = self._until(lambda: next((at for at, closed in self.gate.told if closed and at > began_ns), None))
        note = self.found_ms
        note["wait for the poll"].append((first - began_ns) / 1e6)
        note["confirming answer to relay"].append((relay - second) / 1e6)
        note["first answer to relay"].append((relay - first) / 1e6)
        note["first answer to MQTT"].append((message - first) / 1e6)
        note["first answer to outbound refused"].append((gate - first) / 1e6)
        note["failure to relay"].append((relay - began_ns) / 1e6)
        if trap:
            sent = int(self.device.await_told("sent", "0", after=after)[2])
            note["trap to relay"].append((relay - sent) / 1e6)
        back_ns = time.monotonic_ns()
        self.device.tell(f"source 0 {MAINS}")
        self._until(lambda: self._heard("normal", back_ns))
        self._until(lambda: next((at for at, closed in self.gate.told if not closed and at > back_ns), None))

    def _pin(self, output: str, on: bool, after_ns: int) -> int | None:
        return next((at for at, name, level in self.pins() if at > after_ns and name == output and level is on), None)

    def _heard(self, mode: str, after_ns: int) -> int | None:
        for at_ns, topic, text in reversed(self.ear.heard):
            if at_ns < after_ns:
                return None
            if topic.endswith("/state") and json.loads(text)["mode"] == mode:
                return min(
                    a
                    for a, t, p in self.ear.heard
                    if a > after_ns and t.endswith("/state") and json.loads(p)["mode"] == mode
                )
        return None

    def _until(self, look: object) -> int:
        assert callable(look)
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            found = look()
            if found is not None:
                return int(found)
            time.sleep(0.005)
        raise TimeoutError(self.stamps.parent.joinpath("log").read_text()[-2000:])


@contextmanager
def watched(*, dead: int = 0, fast: str = "1 s", traps: bool = False, late_ms: int = 0) -> Iterator[Watched]:
    """One UPS, four units, an exchange; `dead` more units that never answer (a dead UPS would rightly keep the floor in
    conservation after the first flip). `late_ms`: how long the UPS takes to answer."""
    with (
        folder("reaction") as place,
        plant(4 + dead, 1 + dead) as device,
        Mosquitto.serve(place, quiet=True, settings="set_tcp_nodelay true") as broker,
    ):
        gate = Gate()
        try:
            for one in range(dead):
                device.tell(f"dead unit {4 + one} 1")
            if late_ms:
                device.tell(f"late 0 {late_ms}")
            port = find_udp_port() if traps else 0
            site = write_site(
                place, units=device.units, agents=device.agents, broker=broker.port, fast=fast, slow="10 s",
                timeout="200 ms" if fast == "250 ms" else "800 ms", traps=port, more=_exchange(place, gate.port),
                exchange='[outbound]\noutputs = ["outbound_paused"]\n',
            )  # fmt: skip
            ear, stamps = Ear(broker.port), place / "stamps"
            command = [sys.executable, "-m", "bench.stamped", str(stamps), "run", "--config", str(site)]
            with running(command, place):
                seen = Watched(device=device, ear=ear, gate=gate, stamps=stamps, traps=port)
                seen._until(lambda: seen._heard("normal", 0))
                time.sleep(12)  # until the dead ones count as dead and every source was tried
                yield seen
        finally:
            gate.process.kill()
            gate.process.wait()


def _exchange(place: Path, port: int) -> str:
    secret = place / "pbx1.secret"
    secret.touch(mode=0o600)
    secret.write_text(SECRET + "\n")
    return f"""
[[exchange]]
id = "pbx1"
host = "127.0.0.1"
port = {port}
user = "{USER}"
secret_file = "{secret}"
emergency_numbers = ["110", "112", "119"]

[[exchange.trunk]]
name = "main"
endpoint = "trunk-main"
group = "main"

[[trunk_group]]
id = "main"

[[output]]
id = "outbound_paused"
port = "exchange"
exchange = "pbx1"
switch = "outbound"
on_stop = "off"
on_fault = "hold"
"""


CASES = (
    ("1 s polls", 0, "1 s", False, 0),
    (f"1 s polls, the UPS answers after {LATE_MS} ms", 0, "1 s", False, LATE_MS),
    (f"1 s polls, {DEAD} dead units beside", DEAD, "1 s", False, 0),
    ("250 ms polls", 0, "250 ms", False, 0),
    (f"250 ms polls, the UPS answers after {LATE_MS} ms", 0, "250 ms", False, LATE_MS),
    ("by trap, 5 s polls", 0, "5 s", True, 0),
)


def by_hand(flips: int) -> dict[str, list[float]]:
    """The floor under all of it on this machine as busy as it is: a loop of sockets that only sees the new state."""
    noted: dict[str, list[float]] = {"first answer seen": []}
    with folder("hand") as place, plant(0, 1) as device, Mosquitto.serve(place, quiet=True) as broker:
        command = [sys.executable, "-m", "bench.raw", str(broker.port), "snmp", str(device.agents[0])]
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        try:
            time.sleep(2)
            for turn in range(2 * flips):
                time.sleep(random.random())
                after = len(device.told)
                device.tell(f"source 0 {MAINS if turn % 2 else BATTERY}")
                seen = int(process.stdout.readline().split()[2])
                first = int(device.await_told("answered", "0", "1", after=after)[3])
                noted["first answer seen"].append((seen - first) / 1e6)
        finally:
            process.kill()
            process.wait()
    return noted


def measure(flips: int) -> Table:
    """All cases, one after the other."""
    found: dict[str, dict[str, list[float]]] = {"hand-encoded loop, for comparison": by_hand(flips)}
    for name, dead, fast, trap, late_ms in CASES:
        with watched(dead=dead, fast=fast, traps=trap, late_ms=late_ms) as seen:
            for turn in range(flips):
                try:
                    seen.flip(trap=trap)
                except TimeoutError as late:
                    print(f"  {name}: flip {turn} was not seen: {late}", file=sys.stderr)
        found[name] = seen.found_ms
        print(
            f"  {name}: { ({k: (number(middle(v)), number(worst_of(v))) for k, v in seen.found_ms.items()}) }",
            file=sys.stderr,
        )
    steps = (
        "first answer seen", "confirming answer to relay", "first answer to relay", "first answer to MQTT",
        "first answer to outbound refused", "trap to relay", "wait for the poll", "failure to relay",
    )  # fmt: skip
    rows = [
        (
            name,
            step,
            number(middle(times[step])),
            number(worst_of(times[step])),
            number(max(times[step])),
            str(len(times[step])),
        )
        for name, times in found.items()
        for step in steps
        if times.get(step)
    ]
    return Table(
        name="reaction", title="Reaction to a power failure, milliseconds",
        head=("case", "from - to", "median", "p99", "worst", "times"), rows=tuple(rows),
        notes=(
            "The on-delay is 0 here; the confirming read is part of every time that ends at the relay or later. It is "
            "asked for before the first answer is pictured (records 0097, 0100). A UPS that answers at once, which no "
            "card of a real one does, has answered before that picture is done: then what we add is the time from the "
            "first answer to the relay. Where the UPS takes its time, it is the time from the confirming answer.",
        ),
    )  # fmt: skip


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else FLIPS).show()
