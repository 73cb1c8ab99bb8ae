"""The one task of an endpoint: tell the wanted outputs first, then follow hints, then read what is due.

Every call into a driver is bounded from outside. It turns what goes wrong into quality and back-off, and must not know
a protocol or what a point means.
"""

import logging
import sys
from collections.abc import Callable

from config.redact import redact
from firmware_py.core.reading import Answer, News, Reason
from firmware_py.ports import Bus, DeviceError, PollGroup, RemotePort
from firmware_py.runtime.ask import DEFAULT_LIMITS, Asked, Asker, Hung, Limits
from firmware_py.runtime.bell import Bell
from firmware_py.runtime.clock import Clock, Waker
from firmware_py.runtime.endpoint import Schedule, complete, longest, looks_for
from firmware_py.runtime.health import DeviceReport, Health
from firmware_py.runtime.prompt import Left, PromptTurns
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.telling import Telling

log = logging.getLogger(__name__)


class Poller:
    """Serves one endpoint: a Bus, a RemotePort, or one object that is both. `rebuild` makes a fresh bus after the old
    one had to be abandoned; without it the poller waits until the old one lets go."""

    def __init__(
        self, *, bus: Bus | None, port: RemotePort | None = None, clock: Clock, table: PointTable,
        limits: Limits = DEFAULT_LIMITS, rebuild: Callable[[], tuple[Bus | None, RemotePort | None]] | None = None,
        bell: Bell | None = None,
    ) -> None:  # fmt: skip
        assert bus is not None or port is not None
        self.name = bus.name if bus is not None else port.name if port is not None else ""
        self._bus, self._rebuild = bus, rebuild
        self._clock, self._table, self._limits = clock, table, limits
        self._waker = Waker(clock)
        self.schedule = Schedule(() if bus is None else bus.groups)
        self.health = {name: Health(name, deadline_ms) for name, deadline_ms in longest(self.schedule.groups)}
        self._wired = frozenset(group.device for group in self.schedule.groups if not group.local)
        self.names = {group.id: frozenset(group.points) for group in self.schedule.groups}
        self._hints, self._surprises = set[str](), set[str]()
        self._asker = Asker(self.name, limits)
        self._telling = Telling(
            self.name, port, asker=self._asker, clock=clock, table=table, limits=limits, surprise=self._surprise
        )
        self.wishes = self._telling.wishes
        self._reading, self._rests = True, False
        self._is_calm = False  # all devices alive, and none was silent in the last round
        self._bell, self._bell_ms = bell or Bell(clock), 0
        self._turns = PromptTurns(
            clock=clock, bell=self._bell, table=table, work=self, hand_over=self._waker.wake, rest=self._rest
        )
        points = [point for group in self.schedule.groups for point in group.points]
        assert all(map(table.knows, points)), f"{self.name}: points that the plan does not know"
        self._is_urgent = any(map(table.is_urgent, points))

    @property
    def outputs(self) -> frozenset[str]:
        """Outputs behind this endpoint."""
        return self._telling.outputs

    def want(self, output: str, *, on: bool, lease_ms: int) -> None:
        """Put a wanted level into the mailbox."""
        if self._telling.want(output, on=on, lease_ms=lease_ms):
            self._waker.wake()

    def hint(self, device: str) -> None:
        """The bus heard something of this device; unknown names are ignored."""
        if device not in self.health:
            return
        if self._rests and self._is_simple() and not self._turns.busy:  # what is on its way may be older than the hint
            self._follow(device)
            self._bell.forget(self, self._bell_ms)
            self._turns.turn()
        else:
            self._hints.add(device)
            self._waker.wake()

    def report(self) -> tuple[DeviceReport, ...]:
        """Counters of all devices."""
        now_ms = self._clock.now_ms()
        return tuple(health.report(self.name, now_ms) for health in self.health.values())

    def stop_reading(self) -> None:
        """From now on only outputs are served: the controller is about to stop."""
        self._reading = False
        self._waker.wake()

    async def flush(self, limit_ms: int) -> bool:
        """Wait until every wanted level was told; False when the time was over first."""
        return await self._telling.flush(limit_ms)

    async def close(self) -> None:
        """Give the driver's connection back; bounded, never raises."""
        if self._bus is None:
            return
        try:
            await self._asker.ask(self._bus.close(), self._limits.write_ms)
        except Exception as error:  # noqa: BLE001 - the controller stops, and a driver's bug must not stop the stopping
            log.warning("%s: close: %s", self.name, error)

    async def run(self) -> None:
        """Serve for ever. Raises RuntimeError when a driver had to be abandoned: the supervisor starts this again."""
        await self._take_over()
        if self._bus is not None:
            self._bus.listen(self.hint)
        self._turns.use(self._bus)
        try:
            while True:
                self._rest()
                self._rests = True
                await self._waker.wait(None)
                self._rests = False
                self._bell.forget(self, self._bell_ms)
                await self._serve_round(self._turns.leave())
                if self._hints:
                    self._waker.wake()
        finally:
            self._rests = False
            self._bell.forget(self, self._bell_ms)
            self._turns.stop()

    def _rest(self) -> None:
        is_plain = self._is_calm and self._reading and not self.wishes.all
        next_ms = self.schedule.next_ms() if is_plain else self._next_ms()
        if next_ms is not None:
            self._bell_ms = next_ms
            self._bell.call(self, next_ms, self._turn, first=self._is_urgent)

    def _turn(self) -> None:
        """It is time: without the task where nothing but sound devices is to be served."""
        if self._is_simple():
            self._turns.turn()
        else:
            self._waker.wake()

    def _is_simple(self) -> bool:
        if not (self._is_calm and self._reading and self._turns.possible) or self._hints:
            return False
        told_ms = self.wishes.due_ms() if self.wishes.all else None
        return told_ms is None or told_ms > self._clock.now_ms()

    async def _take_over(self) -> None:
        if not self._asker.hangs:
            return
        if self._rebuild is None:
            await self._asker.let_go()  # never two calls at once into the same driver
        else:
            self._bus, self._telling.port = self._rebuild()
            self._asker.forget()

    def _next_ms(self) -> int | None:
        due = [self._due_ms(group) for group in self.schedule.groups] if self._reading else []
        told_ms = self.wishes.due_ms()
        return min(due if told_ms is None else [*due, told_ms], default=None)

    def _due_ms(self, group: PollGroup) -> int:
        health = self.health[group.device]
        return health.probe_ms if health.dead else self.schedule.due_ms(group)

    async def _serve_round(self, left: Left | None = None) -> None:
        """What is to be told, then what is due; or from where a turn without the task was `left`."""
        if left is not None and not await self._poll(left.group, left):
            self._skip_turn()
            return
        await self._telling.all()
        if left is None:
            hints, self._hints = self._hints, set()
            for device in sorted(hints):
                self._follow(device)
        began_ms = self._clock.now_ms() if left is None else left.began_ms
        for group in self.schedule.groups[0 if left is None else left.place + 1 :]:
            if self._reading and self._is_due(group):
                if self.health[group.device].silent_since(began_ms):
                    self.schedule.done(group, self._clock.now_ms())  # it would only wait for the same silence
                elif await self._poll(group):
                    await self._telling.all()
                else:
                    self._skip_turn()
                    return
        await self._probe_one()
        self._is_calm = not any(one.dead or one.silent_since(began_ms) for one in self.health.values())

    async def _probe_one(self) -> None:
        """Ask one dead device, the one that waits longest. Last and one a round: what comes due while it keeps us
        waiting is read in its usual order, so that nobody pays for more than this one silence."""
        dead = {device: health.probe_ms for device, health in self.health.items() if health.dead}
        device = min(dead, key=lambda name: dead[name], default="")
        if not self._reading or dead.get(device, sys.maxsize) > self._clock.now_ms():
            return
        if not await self._poll(self._groups_of(device)[0]):  # one thing only, its fastest group
            self._skip_turn()

    def _skip_turn(self) -> None:
        """The bus is at fault: the others that were due now would only wait for the same silence."""
        for group in self.schedule.due(self._clock.now_ms()):
            self.schedule.done(group, self._clock.now_ms())

    def _is_due(self, group: PollGroup) -> bool:
        return not self.health[group.device].dead and self.schedule.due_ms(group) <= self._clock.now_ms()

    def _groups_of(self, device: str) -> list[PollGroup]:
        return [group for group in self.schedule.groups if group.device == device]

    def _follow(self, device: str) -> None:
        groups = self._groups_of(device)
        urgent = [group for group in groups if any(self._table.is_urgent(point) for point in group.points)]
        for group in urgent or groups[:1]:
            self.schedule.hurry(group, self._clock.now_ms())
        self.health[device].hurry(self._clock.now_ms())

    async def _poll(self, group: PollGroup, left: Left | None = None) -> bool:
        """One turn of a group, with the confirming reads; False when the whole bus is at fault. `left`: so far."""
        sound, before, is_taken = True, None if left is None else left.looks, left is not None and left.is_taken
        if before is not None and is_taken:  # and the cycle is awake for it
            looks, is_new = before, False
        else:
            sound, anew = await self._read(group, left)
            looks = looks_for(anew or 0) if before is None else before.after(anew)
            is_new = before is not None or bool(anew)
        stamp_ms = left.stamp_ms if left is not None and is_taken else self._table.stamp_ms()
        while not looks.over:
            # Asked before the cycle is woken, to come while it sees the first; outputs here would come before it.
            ahead = self._asker.begin(self._bus.read(group)) if self._telling.port is None and self._bus else None
            if ahead is None:
                if is_new:
                    self._table.show()
                await self._table.pictured(self._limits.picture_ms, stamp_ms)
                await self._telling.all()
            elif is_new:
                self._table.wake_cycle()
            sound, anew = await self._read(group, ahead=ahead, after_ms=stamp_ms)
            stamp_ms, looks, is_new = self._table.stamp_ms(), looks.after(anew), True
        if is_new:  # the same value again changes nothing in the table, but it is what a condition waits for
            self._table.show()
        missed = self.schedule.done(group, self._clock.now_ms())
        self.health[group.device].late += missed and not self.health[group.device].dead
        return sound

    async def _read(
        self, group: PollGroup, left: Left | None = None, *, ahead: Asked | None = None, after_ms: int = 0
    ) -> tuple[bool, int | None]:
        """(the bus is sound, how many readings follow at once since something urgent changed; None: no answer).
        `ahead`: it is asked for already; the answer is held until a picture shows what came at `after_ms`."""
        assert self._bus is not None
        now_ms = started_ms = self._clock.now_ms()
        if left is not None:
            started_ms = left.started_ms
        try:
            if left is not None and left.error is not None:
                raise left.error
            samples = await self._asker.ask(ahead or self._bus.read(group), group.deadline_ms, now_ms - started_ms)
            answered_ms = self._clock.now_ms()
            if ahead is not None:
                await self._table.pictured(self._limits.picture_ms + started_ms - answered_ms, after_ms)
                started_ms += self._clock.now_ms() - answered_ms  # it was not the device that took so long
            wanted = self._table.put(complete(group, self.names[group.id], samples), wakes=False)
        except DeviceError as error:
            self._blame(group.device, error, started_ms)
            return error.unit_only, None
        except Hung as error:
            for device in self.health:
                self._blame(device, DeviceError(str(error)), started_ms, at_once=True)
            raise
        except Exception as error:  # noqa: BLE001 - our bug or a library's; it must not take the neighbours along
            self._blame(group.device, self._surprise(error), started_ms)
            return True, None
        self._praise(group.device, started_ms)
        return True, wanted

    @property
    def tells_outputs(self) -> bool:
        """Whether there is anything to be told here, which comes before a further reading."""
        return self._telling.port is not None

    def take_whole(self, group: PollGroup, news: News) -> int:
        """An answer that does not follow on what the table heard last."""
        whole = Answer(news.whole, news.source, news.number, None)
        return self._table.put(complete(group, self.names[group.id], whole))

    def _surprise(self, error: Exception) -> DeviceError:
        shown = redact(f"{type(error).__name__}: {error}")
        if (kind := type(error).__name__) not in self._surprises:
            self._surprises.add(kind)
            log.error("%s: the driver failed in a way it should not", self.name, exc_info=error)
        return DeviceError(shown[:200], because=Reason.BAD_REPLY)

    def _praise(self, device: str, started_ms: int) -> None:
        now_ms, was_bus_fault = self._clock.now_ms(), self.health[device].bus_fault
        gone_ms = self.health[device].succeed(started_ms, now_ms)
        if gone_ms is None:
            return
        log.warning("%s: %s answers again after %d s", self.name, device, gone_ms // 1000)
        for group in self._groups_of(device):
            self.schedule.restart(group)
        for other in self.health.values():
            if was_bus_fault and other.dead and other.bus_fault:
                other.probe_ms = now_ms

    def _blame(self, device: str, error: DeviceError, started_ms: int, *, at_once: bool = False) -> None:
        self._is_calm, now_ms, first = False, self._clock.now_ms(), self.health[device]
        whole_bus = not error.unit_only and device in self._wired
        others = [self.health[name] for name in self._wired if name != device] if whole_bus else []
        for health in (first, *others):
            died = health.fail(started_ms, now_ms, str(error), at_once=at_once)
            if error.because in (Reason.NO_COMMUNICATION, Reason.SOURCE_LOST):
                health.silent_ms = now_ms
            health.bus_fault = whole_bus
            if died:
                log.warning("%s: %s does not answer: %s", self.name, health.device, error)
            if health.dead:
                for group in self._groups_of(health.device):
                    self._table.fail(group.points, error.because, str(error))
        if error.unproven and not first.dead:
            self._table.doubt((p for group in self._groups_of(device) for p in group.points), str(error))
