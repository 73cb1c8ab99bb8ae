"""A whole floor for acceptance tests: devices on loopback that note what happens when, and the real daemon beside them.

`async with Rig.open(folder) as rig:` starts the devices; `await rig.start()` the daemon. All times are of
time.monotonic(), which both processes share with nobody: the daemon is seen only by its wires and its control socket.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.demo.peers import Peers
from firmware_py.demo.world import OUTBOUND_GATE, Load, Trunk, World, Zone
from firmware_py.runtime.control_wire import ControlClient
from tests.conftest import PROJECT, find_tcp_port
from tests.e2e.lines import Agent, Fault, Line
from tests.e2e.site import COILS, COMMUNITY, SECRET, TRUNKS, Exchange, Ports, Times, write

T = TypeVar("T")
Picture = dict[str, Any]
STOP_S = 6.0
TRIES = 3  # on a busy shared machine the best one counts
RECKONED = (".forecast.", ".plan.", ".failed_pct", ".rise_c")  # not there before there is enough to reckon from
DEVICES = ("ups", "cooling", "fire", "relays", "exchange")


class NotedGates(dict[str, bool]):
    """Device states of the exchange; `written`: (when, which, level), in order."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, str, bool]] = []

    def __setitem__(self, name: str, closed: bool) -> None:
        self.written.append((time.monotonic(), name, closed))
        super().__setitem__(name, closed)


class NotedCoils(list[bool]):
    """The relay board's coils, with the same notes."""

    def __init__(self, count: int) -> None:
        super().__init__([False] * count)
        self.written: list[tuple[float, int, bool]] = []

    def __setitem__(self, coil: Any, on: Any) -> None:
        self.written.append((time.monotonic(), coil, on))
        super().__setitem__(coil, on)


class NotedZone(Zone):
    """A zone of the panel. `told_s`: when its fire was first read, which happens while the answer is made."""

    told_s: float | None = None

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name == "fire" and value and self.told_s is None:
            self.told_s = time.monotonic()
        return value


class NotedPeers(Peers):
    """The demo's far ends behind lines that can fail. `ups_answers`: (when, on mains) of each answer to what
    the UPS lives on."""

    def __init__(self, world: World, user: str) -> None:
        super().__init__(world, user=user, secret=SECRET)
        self.ups_answers: list[tuple[float, bool]] = []
        self._floor = world
        self.agent = Agent(self._ups_rows, COMMUNITY, self._note_answer)
        self.ups = self.agent
        self.lines = {name: Line() for name in ("cooling", "fire", "relays", "exchange")}

    def _note_answer(self) -> None:
        self.ups_answers.append((time.monotonic(), self._floor.mains))

    async def listen(self, broker: int) -> Ports:
        """Start all; where the daemon finds them."""
        ports = await self.start()
        for name, line in self.lines.items():
            await line.start(getattr(ports, name))
        return Ports(ups=ports.ups, broker=broker, **{name: line.port for name, line in self.lines.items()})

    async def end(self) -> None:
        """Lines first, so that nobody dials anew."""
        for line in self.lines.values():
            await line.close()
        await self.close()

    def break_device(self, name: str, fault: Fault) -> None:
        """`ups`, `cooling`, `fire`, `relays` or `exchange`."""
        (self.agent if name == "ups" else self.lines[name]).fault = fault

    def spoken_to(self) -> list[float]:
        """When any device was spoken to, oldest first."""
        return sorted(at_s for peer in (self.agent, *self.lines.values()) for at_s in peer.spoken_s)


def make_world() -> World:
    """Mains there, everything sound; time stands still but for what a test does."""
    loads = (Load(name="displays", watts_w=500, coil=1), Load(name="pantry", watts_w=500, coil=2))
    return World(
        haste=1,
        loads=(*loads, Load(name="office", watts_w=500, coil=3)),
        coils=NotedCoils(8),
        fan_coil=COILS["fan.floor"],
        zones=[NotedZone() for _ in range(4)],
        trunks={name: Trunk(name=name, capacity=8) for name in TRUNKS},
        gates=NotedGates(),
    )


class Rig:
    """One floor. `seen`: (when, picture) of all that the control socket showed."""

    def __init__(self, folder: Path, broker: int) -> None:
        self.folder, self.broker = folder, broker
        self.state = folder / "state"
        self.world = make_world()
        self.peers = NotedPeers(self.world, Exchange().user)
        self.seen: list[tuple[float, Picture]] = []
        self.exchange = Exchange()
        self.covered = True  # False: coverage does not follow into the daemon, which costs it half of its speed
        self.ports: Ports | None = None
        self.process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, broker: int = 0, times: Times | None = None, state: Path | None = None
    ) -> AsyncIterator[Rig]:
        """Devices started and the site file written; everything is ended afterwards, the daemon too. Without a broker's
        port it is told one where nobody listens."""
        folder.mkdir(parents=True, exist_ok=True)
        rig = cls(folder, broker or find_tcp_port())
        rig.state = state or rig.state
        async with AsyncExitStack() as stack:
            stack.push_async_callback(rig.peers.end)
            rig.ports = await rig.peers.listen(rig.broker)
            rig.write_site(times or Times())
            stack.push_async_callback(rig.kill)
            yield rig

    # ---------------------------------------------------------------------------------------------------- the daemon
    @property
    def site_file(self) -> Path:
        return self.folder / "site.toml"

    @property
    def socket(self) -> Path:
        return self.folder / "control.sock"

    @property
    def log(self) -> str:
        """All that the daemon has said, over all its starts."""
        return (self.folder / "daemon.log").read_text(errors="replace")

    def write_site(self, times: Times) -> None:
        assert self.ports is not None
        for name, secret in (("pbx1.secret", self.exchange.secret), ("community", COMMUNITY)):
            file = self.folder / name
            file.touch(mode=0o600)
            file.write_text(secret + "\n")
        self.site_file.write_text(write(self.ports, self.folder, self.state, times, self.exchange))

    async def start(self, *before: str, module: Sequence[str] = ("firmware_py",)) -> None:
        """Start it without waiting. `before`: words in front of the command (prlimit and its like)."""
        assert self.process is None
        command = [*before, sys.executable, "-m", *module, "run", "--config", str(self.site_file)]
        with (self.folder / "daemon.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command, cwd=PROJECT, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=self._environment(),
            )  # fmt: skip
        self.watch()

    def _environment(self) -> dict[str, str]:
        kept = {name: text for name, text in os.environ.items() if self.covered or not name.startswith("COVERAGE_")}
        return kept | {"PYTHONPATH": str(PROJECT)}

    def watch(self) -> None:
        """Note all that the control socket shows, whoever serves it."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self, number: signal.Signals = signal.SIGTERM, within_s: float = STOP_S) -> int:
        """Send a signal and wait for the end; the exit code, negative for the signal it died of."""
        assert self.process is not None
        self.process.send_signal(number)
        try:
            async with asyncio.timeout(within_s):
                code = await self.process.wait()
        except TimeoutError:
            await self.kill()
            pytest.fail(f"no end within {within_s} s of {number.name}:\n{self.log[-3000:]}")
        await self._unwatch()
        self.process = None
        return code

    async def kill(self) -> None:
        """kill -9, whether it runs or not."""
        await self._unwatch()
        if self.process is not None:
            if self.process.returncode is None:
                self.process.kill()
            await self.process.wait()
            self.process = None

    async def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None

    async def _watch(self) -> None:
        while True:
            try:
                async with ControlClient(self.socket) as client:
                    async for picture in client.stream("watch"):
                        assert isinstance(picture, dict)
                        self.seen.append((time.monotonic(), picture))
            except CommandRefused:
                await asyncio.sleep(0.02)  # not there yet, or not any more

    # ------------------------------------------------------------------------------------------------------ to look at
    @property
    def picture(self) -> Picture:
        """The newest; empty before the first."""
        return self.seen[-1][1] if self.seen else {}

    async def status(self) -> Picture:
        """Asked for now."""
        async with ControlClient(self.socket) as client:
            answer = await client.ask("status")
        assert isinstance(answer, dict)
        return answer

    async def order(self, kind: str, **fields: object) -> Any:
        """An order of the technician at this machine."""
        async with ControlClient(self.socket) as client:
            return await client.ask("command", kind=kind, **fields)

    async def until(self, holds: Callable[[Picture], T], *, within_s: float = 10.0, what: str = "") -> T:
        """Wait until the newest picture is so."""
        deadline_s = time.monotonic() + within_s
        while not (self.picture and (answer := holds(self.picture))):
            if self.process is not None and self.process.returncode is not None:
                pytest.fail(f"the daemon has ended with {self.process.returncode}:\n{self.log[-3000:]}")
            if time.monotonic() > deadline_s:
                shown = {key: self.picture.get(key) for key in ("mode", "because", "stages")}
                alarms = {name: one["state"] for name, one in self.picture.get("alarms", {}).items()}
                bad = find_bad(self.picture) if "points" in self.picture else "no picture"
                pytest.fail(f"not within {within_s} s: {what}; {shown}, {alarms}, bad: {bad}\n{self.log[-2000:]}")
            await asyncio.sleep(0.01)
        return answer

    def first_seen(self, holds: Callable[[Picture], object], after_s: float) -> float:
        """When a picture was first so, after a time; infinity when never."""
        return next((at_s for at_s, seen in self.seen if at_s >= after_s and holds(seen)), float("inf"))

    async def until_ready(self, within_s: float = 20.0) -> None:
        """Started, everything read once and sound, nobody alarmed."""
        await self.until(is_sound, within_s=within_s, what="the floor is sound")

    # ------------------------------------------------------------------------------------------- to let things happen
    def lose_trunks(self) -> float:
        """All but one; when the exchange said so."""
        for name in TRUNKS[1:]:
            self.world.trunks[name].up = False
        at_s = time.monotonic()
        self.peers.show()
        return at_s

    def mend_trunks(self) -> None:
        for trunk in self.world.trunks.values():
            trunk.up = True
        self.peers.show()

    def gates_written(self) -> list[tuple[float, str, bool]]:
        """What the exchange was told: (when, which, closed)."""
        return self.world.gates.written

    def coil_writes(self) -> list[tuple[float, int, bool]]:
        """What the relay board was told: (when, coil, on)."""
        return self.world.coils.written

    def gate_closed_s(self, after_s: float) -> float:
        """When the exchange was first told to pause outbound after a time."""
        return next(
            (
                at_s
                for at_s, name, closed in self.gates_written()
                if at_s >= after_s and name == OUTBOUND_GATE and closed
            ),
            float("inf"),
        )


def is_sound(picture: Picture) -> bool:
    """Normal, and every device's points GOOD."""
    return picture.get("mode") == "normal" and not find_bad(picture)


def find_bad(picture: Picture, *devices: str) -> dict[str, str]:
    """Points of these devices (of all, if none is named) that are not GOOD, with their reasons. What a device says that
    it does not have is no fault (a trunk that is down has no round trip)."""
    return {
        name: str(point["reason"])
        for name, point in points_of(picture, *devices).items()
        if point["quality"] != "good" and point["reason"] not in ("not_supported", "source_lost")
    }


def points_of(picture: Picture, *devices: str) -> dict[str, Picture]:
    """Points that come over a wire, of these devices or of all."""
    wanted = devices or DEVICES
    return {name: point for name, point in picture["points"].items() if device_of(name) in wanted}


def device_of(point: str) -> str:
    """Which of the five devices brings a point; "" for the controller's own, and for what it reckons from others."""
    if any(part in point for part in RECKONED):
        return ""
    owners = {"ups1": "ups", "hvac1": "cooling", "room1": "cooling", "fire1": "fire", "relays1": "relays"}
    owners |= {"pbx1": "exchange", "trunks": "exchange"}
    return owners.get(point.split(".")[0], "")


def shed(picture: Picture) -> set[str]:
    """Outputs of loads that are cut."""
    return {name for name, one in picture["outputs"].items() if name.startswith("feed.") and one["wanted"] is False}


def tell(*measured: object) -> None:
    """What was measured, for `pytest -s` and for the output of a test that fails."""
    sys.stdout.write(" ".join(str(one) for one in measured) + "\n")
