"""The whole simulated floor of one run: peers, broker, the daemon as a user starts it, and what is seen from outside.

Starts the daemon as a program and knows it only as a technician does: control socket, broker, exit code. It must not
import any part of the controller but the socket's client.
"""

import asyncio
import logging
import sys
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import assert_never, cast

from config.site import Site, load_site
from firmware_py.core.command import CommandRefused
from firmware_py.demo import world as w
from firmware_py.demo.broker import Broker, start_broker
from firmware_py.demo.folder import FASTER, SECRET, SHIPPED, Endpoints, RunFolder
from firmware_py.demo.listener import Listener, ListenerLost
from firmware_py.demo.peers import Peers
from firmware_py.demo.process import Child
from firmware_py.demo.script import (
    Act,
    Cooling,
    Detector,
    Json,
    Mains,
    Order,
    PanelReset,
    Sight,
    Table,
    Trunks,
    UpsCard,
)
from firmware_py.runtime.control_wire import ControlClient

TICK_S = 0.1
START_S = 20.0
RETRY_S = 0.2
KEPT_EVENTS = 5_000
ASKED_EVENTS = 200
log = logging.getLogger(__name__)


class FloorFailed(RuntimeError):
    """The floor cannot go on: the daemon or a peer has ended. The message says how."""


class Floor:
    """A floor that runs. Make it with `open_floor`."""

    def __init__(
        self, site: Site, world: w.World, peers: Peers, broker: Broker, listener: Listener, folder: RunFolder
    ) -> None:
        self.site, self.world, self.listener, self.broker = site, world, listener, broker.name
        self.picture: Table = {}
        self.events: deque[Table] = deque(maxlen=KEPT_EVENTS)
        self._peers, self._folder = peers, folder
        self._daemon: Child | None = None
        self._stopped = False
        self._tasks: list[asyncio.Task[None]] = []

    # ------------------------------------------------------------------------------------------------ for the script
    @property
    def count(self) -> int:
        """The number of the newest event that is known."""
        return _count(self.events[-1]) if self.events else 0

    def sight(self, after: int) -> Sight:
        """What can be seen now, with the events after this number."""
        told = [event for event in self.events if _count(event) > after]
        return Sight(picture=self.picture, events=told, messages=self.listener.messages, far_ends=self.far_ends())

    def far_ends(self) -> Mapping[str, bool]:
        """What the devices really do, by the names that the script uses."""
        fed = {load.name: self.world.is_fed(load) for load in self.world.loads}
        gates = self.world.gates
        return fed | {
            "outbound gate": gates.get(w.OUTBOUND_GATE, False),
            "backup route": gates.get(w.BACKUP_GATE, False),
            "fans": self.world.fans,
        }

    async def perform(self, act: Act) -> str:
        """Let it happen. What an order was answered with, if it was refused; else nothing."""
        world = self.world
        match act:
            case Mains():
                world.mains = act.on
            case Trunks():
                for name in act.names:
                    world.trunks[name].up = act.up
                self._peers.show()
            case Cooling():
                world.cooling_works = act.works
            case Detector():
                zone = world.zones[act.zone - 1]
                zone.fire = zone.fire if act.fire is None else act.fire
                zone.walk_test = zone.walk_test if act.walk_test is None else act.walk_test
            case PanelReset():
                world.reset_panel()
            case UpsCard():
                self._peers.ups.silent = act.silent
            case Order():
                return await self._order(act)
            case _ as never:
                assert_never(never)
        return ""

    def check_alive(self) -> None:
        """FloorFailed when the daemon or one of our own tasks has ended."""
        if self._daemon is not None and not self._stopped and self._daemon.exit_code is not None:
            words = self._daemon.last_words()
            raise FloorFailed(f"the daemon has ended with exit code {self._daemon.exit_code}:\n{words}")
        for task in self._tasks:
            if task.done() and not task.cancelled():
                raise FloorFailed(f"the demo's {task.get_name()} has ended: {task.exception()!r}")

    async def stop_daemon(self) -> int:
        """SIGTERM, as systemd stops it; its exit code."""
        assert self._daemon is not None
        self._stopped = True
        for task in self._tasks:
            if task.get_name() == "watcher":
                task.cancel()
        return await self._daemon.stop()

    def last_words(self) -> str:
        """The end of what the daemon has said."""
        return "" if self._daemon is None else self._daemon.last_words()

    @property
    def said_goodbye(self) -> bool:
        """Whether the broker was told of a clean stop."""
        return _table(self.listener.messages.get("status")).get("state") == "offline"

    async def refresh_events(self) -> None:
        """Fetch what was told since the last look."""
        try:
            async with ControlClient(self._folder.socket) as client:
                self._take(await client.ask("events", after=self.count, last=ASKED_EVENTS))
        except CommandRefused as error:
            log.debug("no events: %s", error)

    # --------------------------------------------------------------------------------------------------- for open_floor
    async def start(self, stack: AsyncExitStack) -> None:
        """Start the daemon and all that watches; `stack` ends it."""
        ready = asyncio.Event()
        for name, work in (("listener", self.listener.run(ready)), ("ticker", self._tick())):
            self._begin(stack, name, work)
        async with asyncio.timeout(START_S):
            await self._until(ready)
        command = [*daemon_command(), "run", "--config", str(self._folder.site_file)]
        self._daemon = await Child.start(command, self._folder.daemon_log)
        stack.push_async_callback(self._end_daemon)
        self._begin(stack, "watcher", self._watch())

    def _begin(self, stack: AsyncExitStack, name: str, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.append(task)
        stack.push_async_callback(_cancel, task)

    async def _until(self, ready: asyncio.Event) -> None:
        while not ready.is_set():
            self.check_alive()
            await asyncio.sleep(0.02)

    async def _end_daemon(self) -> None:
        if not self._stopped:
            await self.stop_daemon()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        before_s = loop.time()
        while True:
            await asyncio.sleep(TICK_S)
            now_s = loop.time()
            self.world.advance(round((now_s - before_s) * 1000))
            self._peers.show()
            before_s = now_s

    async def _watch(self) -> None:
        while True:
            try:
                async with ControlClient(self._folder.socket) as watching, ControlClient(self._folder.socket) as asking:
                    async for picture in watching.stream("watch"):
                        self._take(await asking.ask("events", after=self.count, last=ASKED_EVENTS))
                        self.picture = _table(picture)
            except CommandRefused as error:
                log.debug("the control socket: %s", error)  # it is not there yet; whether it lives is asked elsewhere
                await asyncio.sleep(RETRY_S)

    def _take(self, events: object) -> None:
        for event in events if isinstance(events, list) else ():
            if _count(_table(event)) > self.count:
                self.events.append(_table(event))

    async def _order(self, order: Order) -> str:
        try:
            async with ControlClient(self._folder.socket) as client:
                answer = _table(await client.ask("command", kind=order.kind, target=order.target, why="demo"))
        except CommandRefused as error:
            return str(error)
        return "" if answer.get("done") is True else str(answer.get("error"))


@asynccontextmanager
async def open_floor(*, fast: bool) -> AsyncIterator[Floor]:
    """Everything started, the daemon too; all of it ended and removed at the end. FloorFailed, BrokerFailed."""
    async with AsyncExitStack() as stack:
        folder = RunFolder()
        stack.callback(folder.remove)
        shipped = load_site(SHIPPED)
        world = make_world(shipped, haste=w.World().haste * (FASTER if fast else 1))
        peers = Peers(world, user=shipped.exchange[0].user, secret=SECRET)
        stack.push_async_callback(peers.close)
        ports = await peers.start()
        broker = await start_broker(folder.path)
        stack.push_async_callback(broker.stop)
        endpoints = Endpoints(peers=ports, broker=broker.port, old_mqtt=broker.old_mqtt)
        site = folder.write(endpoints, fast=fast)
        assert site.mqtt is not None
        listener = Listener(broker.port, f"{site.mqtt.topic_root}/{site.site.id}")
        floor = Floor(site, world, peers, broker, listener, folder)
        try:
            await floor.start(stack)
        except (TimeoutError, ListenerLost, OSError) as error:
            raise FloorFailed(f"the floor does not start: {error!r}") from error
        yield floor


def make_world(site: Site, *, haste: int) -> w.World:
    """A world with the loads, fans and trunks of the site, all of them sound."""
    coils = {output.id: output.coil for output in site.output if output.port == "modbus"}
    loads = tuple(
        w.Load(name=load.id, watts_w=round(load.watts_w), coil=coils.get(load.output or "")) for load in site.load
    )
    backup = {group.id for group in site.trunk_group if not group.conserve}
    trunks = {
        trunk.name: w.Trunk(name=trunk.name, capacity=trunk.capacity, backup=trunk.group in backup)
        for one in site.exchange
        for trunk in one.trunks
    }
    return w.World(haste=haste, loads=loads, fan_coil=coils[site.cooling.fans[0]], trunks=trunks)


def daemon_command() -> list[str]:
    """The command as a user types it, from the same environment as this process."""
    installed = Path(sys.executable).with_name("floorguard")
    return [str(installed)] if installed.is_file() else [sys.executable, "-m", "firmware_py"]


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is not None:
        log.debug("%s: %r", task.get_name(), task.exception())


def _table(given: object) -> Table:
    return cast(Table, given) if isinstance(given, dict) else {}


def _count(event: Mapping[str, Json]) -> int:
    count = event.get("count")
    return count if isinstance(count, int) else 0
