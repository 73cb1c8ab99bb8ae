"""kill -9 at random moments of the real daemon, while a whole floor of devices, people and a broker keep it busy.

`python -m tests.faults.kills [KILLS [SEED]]`. The daemon is seen only by its wires, its files, its control socket and
the kernel; what that must look like is judged in `kills_judge`.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

from firmware_py.core.command import CommandRefused
from firmware_py.demo.world import OUTBOUND_GATE
from firmware_py.runtime.backlog import Backlog
from firmware_py.runtime.book import Book
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.state_file import StateFile
from tests.conftest import find_program
from tests.e2e.rig import Picture, Rig
from tests.e2e.site import COILS, TRUNKS, Times
from tests.faults.kills_judge import REACTION_S, Kills, Ledger, Life, judge_output, modes_left, steady_mode
from tests.wires.mosquitto import Mosquitto

TIMES = Times(
    on_delay="250 ms", off_delay="500 ms", stable="500 ms", second_stage="1 s", trunk_stage="250 ms", fast="500 ms",
    timeout="450 ms",
)  # fmt: skip
ON_DELAY_S = 0.25
WITHIN_S = 5.0
STARTING = 0.2  # the share of kills that do not wait until it is up
LONG = 0.1  # the share of lives that are long enough for a whole outage and its end
CLOSED_IN_AN_OUTAGE = ("feed.displays", "feed.pantry")


class Bustle:
    """What goes on beside the kills: mains, trunks, a fire now and then, and people who give orders."""

    def __init__(self, rig: Rig, chance: random.Random) -> None:
        self.orders = self.outages = 0
        self._rig, self._chance = rig, chance

    async def run(self) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.05, 0.6))
            match self._chance.choices(("mains", "trunks", "order", "fire"), (30, 12, 55, 3))[0]:
                case "mains":
                    self._rig.world.mains = not self._rig.world.mains
                    self.outages += not self._rig.world.mains
                case "trunks" if self._rig.world.trunks[TRUNKS[-1]].up:
                    self._rig.lose_trunks()
                case "trunks":
                    self._rig.mend_trunks()
                case "fire":
                    zone = self._rig.world.zones[0]
                    zone.fire = not zone.fire
                case _:
                    await self._order()

    async def _order(self) -> None:
        kind, fields = self._chance.choice(
            [("ack", {}), ("silence", {}), ("lamp-test", {}), ("pause-outbound", {}), ("resume-outbound", {}),
             ("shelve", {"target": "trunks.main.below_minimum", "ttl_ms": 60_000, "why": "a test"})]
        )  # fmt: skip
        with suppress(CommandRefused, TimeoutError):  # it may be dead just now, and may refuse
            async with asyncio.timeout(2):
                await self._rig.order(kind, **fields)
            self.orders += 1

    async def heal(self, within_s: float) -> str:
        """Everything is well again, nobody gives orders; why the floor does not come to rest, or nothing."""
        world = self._rig.world
        world.mains = True
        world.zones[0].fire = False
        self._rig.mend_trunks()
        with suppress(CommandRefused):
            await self._rig.order("resume-outbound")
        deadline_s, left = time.monotonic() + within_s, "unseen"
        while left and time.monotonic() < deadline_s:
            await asyncio.sleep(0.1)
            coils = [name for name in CLOSED_IN_AN_OUTAGE if world.coils[COILS[name]]]
            mode = self._rig.picture.get("mode")
            left = "" if mode == "normal" else f"mode {mode}"
            left += " outbound closed" if world.gates.get(OUTBOUND_GATE) else ""
            left += f" {coils} cut" if coils else ""
        return left


class Butcher:
    """Kills, starts, and looks at what is there in between."""

    def __init__(self, rig: Rig, chance: random.Random, outcome: Kills, within_s: float) -> None:
        self.lives: list[Life] = []
        self._rig, self._chance, self._outcome, self._within_s = rig, chance, outcome, within_s
        self._ledger, self._log_at = Ledger(), 0
        self._began_s = time.monotonic()
        self._up_s: float | None = None

    async def begin(self) -> None:
        """The first start, until the floor is sound."""
        await self._rig.start()
        await self._rig.until_ready(within_s=90)
        self._up_s = time.monotonic()

    async def live(self) -> None:
        """A random while: mostly a moment, sometimes the length of an outage; some do not even get up."""
        if self._up_s is None:
            await asyncio.sleep(self._chance.uniform(0.0, 1.0))
        elif self._chance.random() < LONG:
            await asyncio.sleep(self._chance.uniform(1.5, 6.0))
        else:
            await asyncio.sleep(self._chance.uniform(0.0, 1.5))

    async def kill(self) -> None:
        """One kill, the look at the files, one start."""
        rig, outcome = self._rig, self._outcome
        before, seen = rig.picture, list(rig.seen)
        await rig.kill()
        killed_s = time.monotonic()
        self.lives.append(Life(began_s=self._began_s, up_s=self._up_s, killed_s=killed_s))
        outcome.kills += 1
        outcome.starting += self._up_s is None
        about = f"kill {outcome.kills}"
        self._ledger.read(rig.state / "journal", about, outcome)
        told = int(before.get("storage", {}).get("last", 0))
        if self._ledger.last < told:
            outcome.lost.append(f"{about}: {told} was synced, {self._ledger.last} is there")
        rig.seen.clear()
        self._log_at = len(rig.log.encode())
        self._began_s, self._up_s = time.monotonic(), None
        await rig.start()
        if self._chance.random() < STARTING:
            return  # the next kill comes while it starts
        first = await rig.until(lambda _: _first_whole(rig), within_s=60, what="it is up again")
        self._note_start(first, killed_s, about)
        steady = steady_mode(seen, killed_s)
        for word, kept in (("journal says", self._ledger.mode), ("for a second it showed", steady)):
            if kept and first["mode"] != kept and not await self._left(kept):
                outcome.behind.append(f"{about}: {word} {kept}, started in {first['mode']}")

    async def _left(self, kept: str) -> bool:
        """Whether it began in the mode that was kept and had left it, by its own journal, before we saw a picture."""
        deadline_s = time.monotonic() + self._within_s
        while time.monotonic() < deadline_s:
            moves = modes_left(self._rig.state / "journal", after=self._ledger.last)
            if moves:
                return moves[0] == kept
            await asyncio.sleep(0.1)
        return False

    def _note_start(self, first: Picture, killed_s: float, about: str) -> None:
        outcome, self._up_s = self._outcome, self._rig.seen[0][0]
        took_s = round(self._up_s - killed_s, 2)
        queued_s = round(_queued_s(self._rig), 2)
        outcome.slowest_s = max(outcome.slowest_s, took_s)
        outcome.slowest_served_s = max(outcome.slowest_served_s, round(took_s - queued_s, 2))
        if took_s - queued_s > self._within_s:
            said = self._rig.log.encode()[self._log_at :].decode(errors="replace")
            outcome.late.append(f"{about}: {took_s} s, {queued_s} s of it queued for a processor; {said[-2000:]}")
        if first["storage"]["damage"] or first["storage"]["degraded"]:
            outcome.unreadable.append(f"{about}: {first['storage']}")


def _queued_s(rig: Rig) -> float:
    """How long its main thread was ready and got no processor: other work's share of a slow start (proc(5))."""
    assert rig.process is not None
    return int(Path(f"/proc/{rig.process.pid}/schedstat").read_text().split()[1]) / 1e9


def _first_whole(rig: Rig) -> Picture | None:
    return next((seen for _, seen in rig.seen if "causes" in seen), None)


async def kill_often(
    folder: Path, kills: int, seed: int, *, within_s: float = WITHIN_S, reaction_s: float = REACTION_S
) -> Kills:
    """So many kills of one floor on which things happen; at last all is healed and has to come to rest."""
    chance, outcome, begun_s = random.Random(seed), Kills(seed=seed), time.monotonic()
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto.serve(folder, quiet=True)).port if find_program("mosquitto") else 0
        async with Rig.open(folder, times=TIMES, broker=broker) as rig:
            rig.covered = False
            butcher, bustle = Butcher(rig, chance, outcome, within_s), Bustle(rig, random.Random(seed + 1))
            await butcher.begin()
            going_on = asyncio.create_task(bustle.run())
            try:
                while outcome.kills < kills:
                    await butcher.live()
                    await butcher.kill()
            finally:
                going_on.cancel()
                await asyncio.gather(going_on, return_exceptions=True)
            await rig.until(lambda seen: "causes" in seen, within_s=60, what="it is up after the last kill")
            outcome.unhealed = await bustle.heal(within_s=30)
            outcome.orders, outcome.outages = bustle.orders, bustle.outages
            answers = rig.peers.ups_answers
            gate = [(at_s, closed) for at_s, name, closed in rig.gates_written() if name == OUTBOUND_GATE]
            told = {"the gate": gate} | {
                name: [(at_s, bool(on)) for at_s, coil, on in rig.coil_writes() if coil == COILS[name]]
                for name in CLOSED_IN_AN_OUTAGE
            }
            for name, written in told.items():
                judge_output(
                    name, written, answers, butcher.lives, outcome, on_delay_s=ON_DELAY_S, reaction_s=reaction_s
                )
        outcome.unreadable += open_again(rig.state)
    outcome.seconds = round(time.monotonic() - begun_s, 1)
    return outcome


def open_again(state: Path) -> list[str]:
    """What a start would call damaged in these stores, and small files that are no JSON."""
    disk = Disk()
    journal, states, book = Journal(disk, state / "journal", Backlog()), StateFile(disk, state / "state"), None
    journal.open()
    book = Book(disk, state / "book")
    found = [] if book.open() else ["the book cannot be opened"]
    if states.load("another boot") is None:
        found.append("no state is left")
    found += [str(damage) for damage in (*journal.damage, *states.damage, *book.damage)]
    for file in state.glob("*.json"):
        with suppress(ValueError):
            json.loads(file.read_text())
            continue
        found.append(f"{file.name} is no JSON")
    return found


def main(words: list[str], show: Callable[[str], object] = print) -> int:
    kills, seed = int(words[0]) if words else 500, int(words[1]) if len(words) > 1 else 1
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(kill_often(Path(folder), kills, seed))
    show(json.dumps(asdict(outcome), indent=1))
    return 0 if outcome.holds else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
