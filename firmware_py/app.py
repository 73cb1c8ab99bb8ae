"""The composition root: builds every part of the controller from the site, joins them, runs until told to stop.

The only file that knows everybody. It must not decide anything about the floor: that is `core.step`.
"""

import asyncio
import fcntl
import gc
import logging
import os
import signal
from collections.abc import Mapping
from itertools import chain
from pathlib import Path

from config.faults import ConfigError, Fault
from config.floor import Floor, control_socket, sounds, state_directory
from config.plain_start import complete
from config.valued import write_used
from firmware_py import VERSION
from firmware_py.core.event import Event, Severity
from firmware_py.core.looks import looks
from firmware_py.core.output import level
from firmware_py.core.plan import Plan
from firmware_py.core.state import State, resume
from firmware_py.core.step import decide
from firmware_py.runtime.board import Board, Json
from firmware_py.runtime.clock import SELDOM_MS, SystemClock, Urge, Waker, boot_id, next_turn_ms, run_id
from firmware_py.runtime.control import Control
from firmware_py.runtime.cycle import Cycle
from firmware_py.runtime.desk import Desk
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.generations import FOLDER
from firmware_py.runtime.health import DeviceReport
from firmware_py.runtime.notify import Notifier
from firmware_py.runtime.segments import Damage
from firmware_py.runtime.sinks import Audience, Sink
from firmware_py.runtime.storage import Status, Storage, damage_event
from firmware_py.runtime.supervisor import Closing, Supervisor
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.watchdog import Beats, Watchdog
from firmware_py.runtime.writer import Writer
from firmware_py.wiring import told
from firmware_py.wiring.bridge import bridge_settings
from firmware_py.wiring.choice import Choice, choose
from firmware_py.wiring.configure import Configure, Works
from firmware_py.wiring.drafts import find_directory
from firmware_py.wiring.exported import Exported
from firmware_py.wiring.kept import COMMANDS, TIME, KeptWords, KnownTime, TopicMemory
from firmware_py.wiring.link import Link
from firmware_py.wiring.links import Archive, Buttons, Once, Outbox, OwnHealth
from firmware_py.wiring.orders import FarOrders, fire_alarms
from firmware_py.wiring.pins import buttons_of
from firmware_py.wiring.process import process_report
from firmware_py.wiring.recording import Recording
from firmware_py.wiring.records import Records
from firmware_py.wiring.rehearsal import outage, rehearse_soon
from firmware_py.wiring.rights import control_rights
from firmware_py.wiring.room import Room
from firmware_py.wiring.swap import Parts, Swap
from firmware_py.wiring.voices import TASK, Voices
from firmware_py.wiring.wall import WallTime
from firmware_py.wiring.week import LocalWeek
from firmware_py.wiring.wires import Wires
from mqtt_bridge.payload import About
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.schema import digest

log = logging.getLogger(__name__)

FLUSH_MS = 2_000
STOP_MS = 4_000
CLOSE_MS = 2_000


async def guard(path: Path, environ: Mapping[str, str]) -> None:
    """Guard the floor of the generation in force, at first that of the site file, until SIGTERM or SIGINT. ConfigError
    before anything is driven."""
    controller = build_controller(path, environ)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, controller.stop)
    # Sent by a terminal that closes, or by somebody who expects a reload: no reason to leave the floor unguarded.
    loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP changes nothing; a new configuration needs a restart")
    await controller.run()


def build_controller(path: Path, environ: Mapping[str, str]) -> "Controller":
    """The controller of the generation in force, with its pins claimed and its state directory locked."""
    directory = find_directory(path, environ)
    lock = _claim_directory(directory)
    room = Room(directory / FOLDER)
    return Controller(choose(path, room.start, directory, boot_id()), environ, lock, room)


class Controller:
    """All parts of one running controller."""

    def __init__(self, choice: Choice, environ: Mapping[str, str], lock: int, room: Room) -> None:
        floor, site, plan = choice.floor, choice.floor.site, choice.floor.plan
        self._told_damage: list[Damage] = []
        self._room = room
        self._environ, self._lock, self._first_events = environ, lock, choice.events
        self._directory = state_directory(site, environ)
        self._clock, self._run_id = SystemClock(), run_id()
        self._beats = Beats(self._clock)
        self._notifier = Notifier(environ, os.getpid())
        urge = Urge(self._clock)
        self._storage = Storage(
            self._directory, boot_id(), self._clock.now_ms, on_synced=lambda _: self._link.notify(),
            on_status=self._note_storage, on_failure=self._storage_died,
            spare=control_socket(site, environ).with_name("state-spare"),
        )  # fmt: skip
        # Resumed here too, where the cycle does: a recording must begin with what the first step gets.
        state = resume(stored.state if (stored := self._storage.restore()) else State(), self._clock.now_ms())
        self._table = PointTable(plan.points, self._clock, urge.wake, looks(plan), urge)
        desk = Desk(urge.wake)
        self._wires = Wires(site, choice.devices, environ, self._clock, self._table, self._levels(state))
        self._writer = Writer(
            plan.outputs, clock=self._clock, table=self._table, beats=self._beats, local=self._wires.local,
            remote=self._wires.remote, steps=sounds(site),
        )  # fmt: skip
        self._archive = Archive(self._storage, self._clock, self._run_id, floor.digest, state)
        self._known = KnownTime(self._clock, KeptWords(self._directory / TIME, Disk()))
        self._wall = WallTime(self._clock, self._archive.tell, self._known)
        self._health = OwnHealth(self._table, self._clock, lambda: not self._storage.status.degraded, self._wall.age_ms)
        self._board = Board(
            plan, self._clock, run=self._run_id, outputs=self._writer.report, devices=self._device_reports,
            storage=self._storage_report, config=self._config_report,
        )  # fmt: skip
        self._orders = self._make_orders(desk, plan)
        self._link = Link(self._link_key(floor), self._make_publisher(floor))
        outbox, buttons = Outbox(self._storage), Buttons(buttons_of(site), desk)
        self._voices = Voices(floor, self._clock, self._link, lambda: outbox.delivered)
        sinks: list[Sink] = [self._link, self._board, buttons, self._orders, Once(self._ready), self._voices]
        self._cycle = Cycle(
            plan=plan, state=state, decide=decide, clock=self._clock, urge=urge, table=self._table, desk=desk,
            writer=self._writer, audience=Audience(self._archive, sinks), beat=self._beats.beat,
        )  # fmt: skip
        self._supervisor = Supervisor(self._clock, self._beats, lambda fault: self._writer.stop(fault=fault))
        self._records = Records(self._storage, site)
        self._configure = self._make_configure(choice, buttons)
        control = self._make_control(choice, environ, desk)
        self._declare_tasks(control, LocalWeek(self._table, self._clock, site.site.timezone))

    def _make_control(self, choice: Choice, environ: Mapping[str, str], desk: Desk) -> Control:
        exported = Exported(self._directory, self._clock, self._health, self._archive.tell)
        site, rights = choice.floor.site, control_rights(choice.floor.site)
        return Control(
            control_socket(site, environ), run=self._run_id, clock=self._clock, board=self._board, desk=desk,
            may=rights.may, mode=rights.socket_mode, records=self._records.answer,
            more={
                **self._configure.verbs, **told.verbs(lambda: self._swap.floor), "exported": exported.note,
                **Recording(lambda: self._swap.floor.site, self._wires.heard, self._clock).verbs,
                **told.Judge(self._clock, lambda: self._swap.floor, choice.store.files, self._room.judge).verbs,
            },
        )  # fmt: skip

    def stop(self) -> None:
        """Ask for the end; outputs go to their stop values at once."""
        self._notifier.stopping("stopping")
        self._room.close()
        self._supervisor.stop()

    async def run(self) -> None:
        """Until stopped. Raises what a core part died of, after outputs went to their fault values."""
        self._storage.start()
        self._archive.tell([self._own_event("controller.started", {"version": VERSION}), *self._first_events])
        self._note_storage(self._storage.status)
        try:
            await self._supervisor.run(self._closings())
        finally:
            self._wires.close()
            self._notifier.close()
            os.close(self._lock)

    # ------------------------------------------------------------------------------------------------------ the parts

    def _levels(self, state: State) -> dict[str, bool]:
        now_ms = self._clock.now_ms()
        return {name: level(output.drive.value, now_ms) for name, output in state.outputs.items()}

    def _make_configure(self, choice: Choice, buttons: Buttons) -> Configure:
        self._swap = Swap(
            Parts(
                table=self._table, writer=self._writer, board=self._board, cycle=self._cycle, archive=self._archive,
                wires=self._wires, buttons=buttons, supervisor=self._supervisor, link=self._link, orders=self._orders,
                voices=self._voices, records=self._records, link_key=self._link_key,
                make_publisher=self._make_publisher,
            ),
            choice.floor,
        )  # fmt: skip
        works = Works(
            swap=self._swap.to, build=self._room.build, tell=self._archive.tell,
            restarts=lambda: self._supervisor.restarts,
            alive=lambda: {report.device: report.alive for report in self._device_reports()},
            gist=lambda: told.gist_of(self._swap.floor), keep=self._room.keep,
        )  # fmt: skip
        return Configure(choice.store, choice.number, self._clock, works)

    def _make_orders(self, desk: Desk, plan: Plan) -> FarOrders:
        seen = KeptWords(self._directory / COMMANDS, Disk())
        fire = fire_alarms(plan)
        return FarOrders(desk, self._clock, self._archive.tell, seen, by_hand=plan.manual_cause, fire=fire)

    def _link_key(self, floor: Floor) -> object:
        if floor.site.mqtt is None or not floor.site.mqtt.enabled:
            return None
        return (
            bridge_settings(floor.site, self._environ),
            floor.plan.points,
            floor.plan.alarms,
            floor.site.site.language,
        )

    def _make_publisher(self, floor: Floor) -> Publisher | None:
        if floor.site.mqtt is None or not floor.site.mqtt.enabled:
            return None
        about = About(version=VERSION, schema=digest(), points=tuple(floor.plan.points.values()))
        return Publisher(
            bridge_settings(floor.site, self._environ),
            boot=self._run_id,
            about=about,
            alarms=floor.plan.alarms,
            text=lambda alarm: floor.sentences[alarm.id],
            clock=self._wall,
            outbox=Outbox(self._storage),
            memory=TopicMemory(self._directory, Disk()),
            report=self._health.note_bridge,
            orders=self._orders,
        )

    def _declare_tasks(self, control: Control, week: LocalWeek) -> None:
        self._supervisor.core("cycle", self._cycle.run)
        self._supervisor.core("writer", self._writer.flasher.run)
        self._supervisor.supervise("health", self._health.run, group="own")
        self._supervisor.supervise("wall time", self._wall.run, group="own")
        self._supervisor.supervise("local week", week.run, group="own")
        self._supervisor.supervise("known time", self._known.run, group="own")
        dog = Watchdog(self._beats, self._notifier, self._clock, lambda: self._board.headline)
        self._supervisor.supervise("watchdog", dog.run, group="own")
        self._supervisor.supervise("storage beat", self._follow_storage, group="own")
        self._supervisor.supervise("control", control.run, group="own")
        if self._voices.hook is not None:
            self._supervisor.supervise(TASK, self._voices.hook, group="own")
        self._supervisor.supervise("configuration", self._configure.run, group="own")
        self._supervisor.supervise("mqtt", self._link.run, group="mqtt")
        self._wires.start(self._supervisor)

    def _closings(self) -> list[Closing]:
        steps = [Closing(name="outputs", limit_ms=FLUSH_MS, call=self._flush, cancels=("pollers",))]
        self_told = Closing(name="last words", limit_ms=CLOSE_MS, call=self._say_last_words)
        steps.append(self_told)
        steps.append(Closing(name="mqtt", limit_ms=STOP_MS, call=self._link.stop, cancels=("mqtt",)))
        steps.append(Closing(name="storage", limit_ms=STOP_MS, call=self._stop_storage, cancels=("own",)))
        steps.append(Closing(name="devices", limit_ms=CLOSE_MS, call=self._close_devices))
        return steps

    # ------------------------------------------------------------------------------------------------- small callbacks

    def _ready(self) -> None:
        # What is there by now stays; to walk through all of it again would hold the loop for a tenth of a second.
        gc.freeze()
        gc.enable()
        rehearse_soon(lambda: chain(outage(self._swap.floor.plan, *self._board.newest), complete(), write_used()))
        self._notifier.ready(self._board.headline)
        log.info("guarding the floor: %s", self._board.headline)

    def _device_reports(self) -> tuple[DeviceReport, ...]:
        return tuple(report for poller in self._wires.pollers for report in poller.report())

    def _note_storage(self, status: Status) -> None:
        """A store has failed or works again, or the opening of one has found damage: each is told once."""
        fresh = [found for found in status.damage if found not in self._told_damage]
        self._told_damage += fresh
        self._archive.tell([damage_event(found, self._clock.now_ms()) for found in fresh])
        self._health.feed()

    def _storage_died(self, error: BaseException) -> None:
        # The floor is guarded without a memory; the beat stops, so that the service manager starts us anew.
        log.critical("the storage thread has died", exc_info=error)

    def _config_report(self) -> Mapping[str, Json]:
        lamps = self._swap.floor.site.lamp
        return {
            "config": self._configure.report(),
            "process": process_report(),
            "language": self._swap.floor.site.site.language,
            "lamps": [{"panel": one.panel, "row": one.row.value, "output": one.output} for one in lamps],
        }

    def _storage_report(self) -> Mapping[str, Json]:
        status = self._storage.status
        return {
            "degraded": dict[str, Json](status.degraded), "log": status.log, "last": status.last, "ack": status.ack,
            "cursor_seen": status.cursor_seen, "damage": len(status.damage),
        }  # fmt: skip

    async def _follow_storage(self) -> None:
        waker, seen_ms = Waker(self._clock), -1
        while True:
            if self._storage.beat_ms != seen_ms:
                seen_ms = self._storage.beat_ms
                self._beats.beat("storage")
            await waker.wait(next_turn_ms(self._clock, SELDOM_MS))

    async def _flush(self) -> None:
        for poller in self._wires.pollers:
            poller.stop_reading()
        await asyncio.gather(*(poller.flush(FLUSH_MS - 300) for poller in self._wires.pollers if poller.outputs))

    async def _say_last_words(self) -> None:
        await self._configure.note_lasting()  # an end in order is no crash
        self._archive.tell([self._own_event("controller.stopped", {})])
        waker = Waker(self._clock)
        while self._storage.unwritten and not self._storage.status.degraded:
            await waker.wait(self._clock.now_ms() + 50)

    async def _stop_storage(self) -> None:
        if not await self._storage.stop(STOP_MS / 1000 - 0.5):
            log.error("not everything could be written before the end")

    async def _close_devices(self) -> None:
        await asyncio.gather(*(poller.close() for poller in self._wires.pollers))

    def _own_event(self, kind: str, data: Mapping[str, str]) -> Event:
        return Event(type=kind, severity=Severity.CRITICAL, at_ms=self._clock.now_ms(), data=data)


def _claim_directory(directory: Path) -> int:
    """A lock on the state directory: two controllers on one floor would fight over its outputs. A directory that cannot
    be written is no reason not to guard the floor, so then there is no lock."""
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        log.error("%s cannot be used, nothing will be remembered: %s", directory, error)
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        message = "another controller uses this directory; stop it first (systemctl stop floorguard)"
        raise ConfigError([Fault(file=str(directory), line=1, col=1, key="storage", message=message)]) from None
    return handle
