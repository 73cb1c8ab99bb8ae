"""Small adapters: the cycle to the stores, the stores to the bridge, own health to the point table, buttons to orders.

Each has one job and returns at once. It must not decide anything.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import count

from firmware_py.core.command import Command, CommandKind, CommandRefused
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Sample
from firmware_py.core.state import State
from firmware_py.ports import DeviceError
from firmware_py.runtime.backlog import Stamp
from firmware_py.runtime.clock import SELDOM_MS, Clock, Waker, next_turn_ms, utc_text
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.recorder import Inputs
from firmware_py.runtime.storage import Storage
from firmware_py.runtime.table import PointTable
from monitors.comms import (
    EXPORT_AGE,
    MQTT_AHEAD,
    MQTT_CERT,
    MQTT_CONNECTED,
    MQTT_DUPLICATE,
    MQTT_REFUSED,
    STORAGE_SOUND,
)  # fmt: skip
from mqtt_bridge.ports import Health, Record

log = logging.getLogger(__name__)
_DAY_MS = 86_400_000


class Archive:
    """The cycle's Recorder: events to the journal, the state to its file, the inputs to the recording, with the plan's
    digest."""

    def __init__(self, storage: Storage, clock: Clock, run: str, plan: str, state: State) -> None:
        self._storage, self._clock, self._run = storage, clock, run
        self._plan, self._before = plan, state
        self._unused = Stamp(ts="", clk="none", boot=run)  # of a cycle without events

    def record(self, image: InputImage, commands: tuple[Command, ...], decision: Decision) -> None:
        """One cycle."""
        stamp = self._stamp() if decision.events else self._unused
        self._storage.keep(decision.state, image.now_ms, decision.events, stamp)
        self._storage.remember(
            Inputs(before=self._before, image=image, commands=commands, decision=decision, plan=self._plan)
        )
        self._before = decision.state

    def adopt(self, plan: str, state: State) -> None:
        """Another plan from the next cycle on, which begins with this state: the recording begins anew."""
        self._plan, self._before = plan, replace(state, settled=False)

    def tell(self, events: Sequence[Event]) -> None:
        """Events of the shell itself (started, stopped, damage found)."""
        if events:
            self._storage.record(events, self._stamp())

    def _stamp(self) -> Stamp:
        clk, ts = self._clock.quality().value, utc_text(self._clock.utc_ms())
        return Stamp(ts=ts, clk=clk, boot=self._run)


class Outbox:
    """The journal as the bridge sees it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @property
    def log(self) -> str:
        """The journal's own name."""
        return self._storage.status.log

    @property
    def last(self) -> int:
        """The highest synced number."""
        return self._storage.status.last

    @property
    def ack(self) -> int:
        """Done up to here."""
        return self._storage.status.ack

    @property
    def delivered(self) -> bool:
        """Whether the far side has all that was told, also what has only just been told."""
        return not self._storage.unwritten and self.ack >= self.last

    @property
    def cursor_seen(self) -> bool:
        """Whether a server has ever written its cursor."""
        return self._storage.status.cursor_seen

    async def pending(self, after: int, limit: int) -> Sequence[Record]:
        """Synced records above a number; none while the storage thread is too busy to look."""
        try:
            return await self._storage.pending(after, limit)
        except DeviceError as error:
            log.info("journal: %s", error)
            return ()

    def acknowledged(self, seq: int, *, cursor: bool) -> None:
        """Delivered up to `seq`."""
        try:
            # Whoever looks at the future later would find an error there that the store has reported itself.
            self._storage.acknowledged(seq, cursor=cursor).add_done_callback(lambda done: done.exception())
        except DeviceError as error:
            log.info("journal: %s", error)


class OwnHealth:
    """Feeds the controller's own points: every few seconds, and at once when one changes. `age_ms`: how long ago a wall
    time was, None while ours is not known."""

    def __init__(
        self, table: PointTable, clock: Clock, sound: Callable[[], bool], age_ms: Callable[[int], int | None]
    ) -> None:
        self._table, self._clock, self._sound, self._age_ms = table, clock, sound, age_ms
        self._bridge: Health | None = None
        self._said: tuple[tuple[bool, ...], tuple[str, ...]] | None = None
        self._flags: dict[str, Sample] = {}
        self.exported_ms: int | None = None  # wall time of the last export of this site

    def note_bridge(self, health: Health) -> None:
        """The bridge's health has changed."""
        self._bridge = health
        self.feed()

    def feed(self) -> None:
        """All own points, as they are now."""
        flags = {STORAGE_SOUND: self._sound()}
        bridge = self._bridge or Health()
        flags |= {
            MQTT_CONNECTED: bridge.connected,
            MQTT_REFUSED: bool(bridge.refused),
            MQTT_DUPLICATE: bridge.duplicate_id,
            MQTT_AHEAD: bridge.cursor_ahead,
        }
        details = {MQTT_CONNECTED: bridge.error, MQTT_REFUSED: "; ".join(bridge.refused)}
        said = (tuple(flags.values()), tuple(details.values()))
        if said != self._said:  # else the very same samples again, by which the table knows that nothing has changed
            self._said = said
            self._flags = {name: Sample(value=flag, detail=details.get(name, "")) for name, flag in flags.items()}
        samples = dict(self._flags)
        if bridge.certificate_ends_ms is not None and (age_ms := self._age_ms(bridge.certificate_ends_ms)) is not None:
            samples[MQTT_CERT] = Sample(value=round(-age_ms / _DAY_MS, 1))
        if self.exported_ms is not None and (age_ms := self._age_ms(self.exported_ms)) is not None:
            samples[EXPORT_AGE] = Sample(value=max(0, age_ms // 1000))
        self._table.offer(samples)

    async def run(self) -> None:
        """For ever."""
        waker = Waker(self._clock)
        while True:
            self.feed()
            await waker.wait(next_turn_ms(self._clock, SELDOM_MS))


class Buttons:
    """Buttons on pins give orders: a press is a change from open to closed, seen by a sound reading."""

    def __init__(self, kinds: Mapping[str, CommandKind], desk: Desk) -> None:
        self._kinds, self._desk = kinds, desk
        self._down: dict[str, bool] = {}
        self._numbers = count(1)
        self._pending: set[asyncio.Task[None]] = set()

    def adopt(self, kinds: Mapping[str, CommandKind]) -> None:
        """Other buttons from now on."""
        self._kinds = kinds

    def show(self, image: InputImage, decision: Decision) -> None:
        """Look for presses; what was held down before the first look is no press."""
        for point, kind in self._kinds.items():
            reading = image[point]
            if not reading.good:
                continue
            down = reading.value is True
            if down and self._down.get(point) is False:
                command = Command(id=f"button-{next(self._numbers)}", kind=kind, by=f"button {point}")
                task = asyncio.get_running_loop().create_task(self._press(command))
                self._pending.add(task)
                task.add_done_callback(self._pending.discard)
            self._down[point] = down

    async def _press(self, command: Command) -> None:
        try:
            await self._desk.ask(command)
        except CommandRefused as error:
            log.info("%s: %s", command.by, error)


class Once:
    """A sink that calls something at the first cycle only."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call: Callable[[], None] | None = partial(call)

    def show(self, image: InputImage, decision: Decision) -> None:
        """The first cycle is done."""
        if self._call is not None:
            call, self._call = self._call, None
            call()
