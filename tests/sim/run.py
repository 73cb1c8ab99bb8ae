"""One floor through one script: the world, the wires, the real `step`, and a store that survives what it must.

Three ways through the same time: TICK steps each second, as the cycle does; JUMP steps only when something is due, but
makes every read; FOLD also leaves out the reads that bring nothing. All three must leave the same trace.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from pathlib import Path

from firmware_py.core.check import points_of
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.condition import Phase
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage, freeze
from firmware_py.core.output import OutputValue
from firmware_py.core.plan import Plan
from firmware_py.core.state import State, resume
from firmware_py.core.step import step
from firmware_py.runtime.state_file import StateFile
from tests.faults.disk import FaultyDisk, PowerFailed
from tests.sim.faults import SECOND, Kind, Script
from tests.sim.sources import Source
from tests.sim.spare import come_back
from tests.sim.wires import EPOCH_S, Wires
from tests.sim.world import World

MAX_PER_CYCLE = 8
LOOKED_BACK = 20
TEND_MS = 300 * SECOND
PREROLL_MS = 130 * SECOND
TREND_SAMPLES = 3
UPS_BACK_MS = 30 * SECOND
NEVER_MS = 1 << 60
BEFORE, AFTER = 1, 2  # the last two steps that it took, as the state file is told them
DEATHS = (Kind.KILL, Kind.REBOOT, Kind.TORN_STORE)


class Way(Enum):
    """How time passes."""

    TICK = auto()
    JUMP = auto()
    FOLD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One step, what went in and came out; `now_ms` of the world, `boot_ms` where the controller's time began.

    `kept`: the store has taken the memory after it. `restored`: the first after a restart; `lost`: the store gave back
    the memory from before the last step that it had been given; `forgot`: from before it could not be written. The
    events of what was lost never got a number either: they are written with their state or not at all (tests/runtime).
    """

    plan: Plan
    world: World
    before: State
    image: InputImage
    commands: tuple[Command, ...]
    decision: Decision
    now_ms: int
    boot_ms: int
    restored: bool
    lost: bool = False
    forgot: bool = False
    kept: bool = True


class Broken(AssertionError):
    """An invariant does not hold."""


Check = Callable[[Look], None]


@dataclass
class Run:
    """`play` to the end of the script. `check` sees every step; `pace_ms`: between two steps while a battery drains."""

    script: Script
    plan: Plan
    way: Way = Way.FOLD
    check: Check | None = None
    pace_ms: int = 5 * SECOND
    trace: list[tuple[int, str]] = field(default_factory=list)
    last: deque[str] = field(default_factory=lambda: deque(maxlen=LOOKED_BACK))
    steps: int = 0
    restarts: int = 0
    tend: Callable[[Run], tuple[Command, ...]] | None = None

    def __post_init__(self) -> None:
        self.world = World(script=self.script, plan=self.plan)
        self.wires = Wires(self.plan, self.world, lazy=self.way is Way.FOLD)
        self.state = State()
        self.decision: Decision | None = None
        self._kept: tuple[State, State] = (self.state, self.state)
        self._spare: State | None = None  # of a time when nothing can be written
        self._forgot = False
        self._up_ms: int | None = SECOND
        self._reboots = True
        self._restored, self._lost = True, False
        self._wake_ms: int | None = None
        self._orders = deque(self.script.orders)
        self._deaths = deque(f for f in self.script.faults if f.kind in DEATHS)
        self._words = _last_words(self.script)
        self._levels: dict[str, OutputValue] = {}
        self._calendar_before: frozenset[int] = frozenset()
        self._waits_ms: int | None = None  # since when somebody is waited for

    @property
    def is_down(self) -> bool:
        """The controller is not running."""
        return self._up_ms is not None

    # ------------------------------------------------------------------------------------------------------ the time
    def play(self, until_ms: int | None = None) -> None:
        """To the end, or until a time of the world."""
        end_ms = self.script.length_ms if until_ms is None else until_ms
        while (next_ms := self._next_ms(end_ms)) <= end_ms:
            self._visit(next_ms)

    def _next_ms(self, end_ms: int) -> int:
        now_ms = self.world.now_ms
        second_ms = (now_ms // SECOND + 1) * SECOND
        due = [self._wake_ms] if self._wake_ms is not None and self._up_ms is None else []
        if self.way is not Way.FOLD:
            return min([second_ms, *due])
        due += [edge for edge in (self.world.next_edge_ms(), self.world.next_change_ms(), self._up_ms) if edge]
        word = bisect_right(self._words, now_ms)
        due += self._words[word : word + 1]
        if self._up_ms is None:
            due += self._wanted_ms(second_ms)
        ahead_ms = max(min([*due, end_ms]), now_ms + 1)
        early_ms = (ahead_ms - PREROLL_MS) // SECOND * SECOND
        # A trend wants a few samples from before whatever happens.
        return early_ms if self.plan.trends and early_ms > second_ms else ahead_ms

    def _wanted_ms(self, second_ms: int) -> list[int]:
        """What the running controller waits for, beside its own alarm clock."""
        due = self.wires.due_ms()
        due += [source.next_read_ms(self.world) for source in self._awaited()]
        due += [max(second_ms, order.at_ms) for order in list(self._orders)[:1]]
        due += [self.tend_at_ms(self.world.now_ms)] if self.tend is not None else []
        due += [max(second_ms, at_ms) for at_ms in [self._operator_ms()] if at_ms is not None]
        due += self._calendar()
        if any(battery.discharging for battery in self.state.batteries.values()):
            due.append((self.world.now_ms // self.pace_ms + 1) * self.pace_ms)
        return due

    @staticmethod
    def tend_at_ms(now_ms: int) -> int:
        """When somebody looks after the floor next."""
        return (now_ms // TEND_MS + 1) * TEND_MS

    def _awaited(self) -> Iterator[Source]:
        """Sources whose next read counts although it brings nothing new: it confirms, or is a sample of a trend."""
        looked = self.decision.looked if self.decision is not None else None
        moving = looked.restless if looked is not None and looked.state is self.state else self.plan.conditions
        for name in sorted(moving):
            known, condition = self.state.conditions.get(name), self.plan.conditions[name]
            if known and known.phase is Phase.PENDING and known.confirmed < condition.confirm:
                yield from (self._source(point) for point in points_of(condition.test))
        for name in self.plan.trends:
            reading, trend = self.wires.known.get(name), self.state.trends.get(name)
            marks = {mark.milli_value for mark in trend.samples} if trend else set()
            settled = trend and len(trend.samples) >= TREND_SAMPLES and len(marks) == 1 and not trend.strange
            if reading and reading.good and not settled:
                yield self._source(name)

    def _source(self, point: str) -> Source:
        known = self.wires.of_point
        if point in known:
            return known[point]
        slow = "room1.temp_c" if point.startswith("room1") else "ups1.battery.charge_pct"
        return known[slow]

    def _calendar(self) -> list[int]:
        """When an announced cut comes nearer in a way that counts."""
        ahead = []
        offset_s = EPOCH_S + self.wires.offset_s()
        for cut in self.plan.cuts:
            for utc_s in (cut.start_s - cut.notice_s, cut.start_s - 86_400, cut.start_s, cut.end_s, cut.end_s + 86_400):
                at_ms = (utc_s - offset_s) * SECOND
                ahead += [at_ms] if at_ms > self.world.now_ms else []
        return ahead

    # ----------------------------------------------------------------------------------------------------- one moment
    def _visit(self, now_ms: int) -> None:
        alive = self._up_ms is None
        if alive:
            self.wires.renew(now_ms)
        gauge = self.world.values["ups1.battery.charge_pct"]
        edge = self.world.advance(now_ms)
        if edge or self.world.values["ups1.battery.charge_pct"] != gauge:
            self.wires.spoil()
        if self._deaths and self._deaths[0].at_ms <= now_ms:
            self._die(self._deaths.popleft().kind, now_ms)
        elif alive and self.world.empty:
            self._die(Kind.REBOOT, now_ms)
        if self._up_ms is not None:
            self._rise(now_ms)
            return
        self.wires.visit()
        commands = self._take(now_ms)
        due = commands or edge or self.wires.changed or self.way is Way.TICK
        if due or self._is_due(now_ms):
            self._step(commands)

    def _is_due(self, now_ms: int) -> bool:
        if self._wake_ms is not None and now_ms >= self._wake_ms:
            return True
        awaited = any(now_ms % source.pace_ms(self.world) == 0 for source in self._awaited())
        drains = any(battery.discharging for battery in self.state.batteries.values())
        told = now_ms in self._calendar_before
        told |= now_ms in self._words
        return awaited or told or (drains and now_ms % self.pace_ms == 0)

    def _take(self, now_ms: int) -> tuple[Command, ...]:
        taken: list[Command] = []
        while self._orders and self._orders[0].at_ms <= now_ms and len(taken) < MAX_PER_CYCLE and not now_ms % SECOND:
            taken.append(self._orders.popleft().command)
        if not taken and self.tend is not None and not now_ms % SECOND:
            return self.tend(self)
        operator_ms = self._operator_ms()
        if not taken and operator_ms is not None and operator_ms <= now_ms and not now_ms % SECOND:
            self._waits_ms = now_ms  # what still waits then is looked at as late again
            kinds = (CommandKind.ACK, CommandKind.RESET)
            taken = [Command(id=f"o{now_ms}-{kind.value}", kind=kind, by="operator") for kind in kinds]
        return tuple(taken)

    def _operator_ms(self) -> int | None:
        """When the operator, who is late, comes to what waits for him; None where nothing does, or he never comes."""
        late_ms = self.script.operator_late_ms
        return self._waits_ms + late_ms if late_ms and self._waits_ms is not None else None

    def _step(self, commands: tuple[Command, ...]) -> None:
        now_ms = self.world.now_ms - self.wires.boot_ms
        image = freeze(self.plan.points.values(), self.wires.seen(), now_ms)
        if self.way is Way.FOLD:
            stale_ms = self.wires.stale_at_ms()
            image = replace(image, stale_at_ms=None if stale_ms is None else stale_ms - self.wires.boot_ms)
        before = self.state
        decision = step(self.plan, before, image, commands, now_ms, self.decision and self.decision.looked)
        self.state, self.decision = decision.state, decision
        kept = not self.world.is_active(Kind.STORE_BAD)
        if kept:
            self._kept = (self._kept[1], decision.state)
        self._spare = None if kept else decision.state
        self._wake_ms = None if decision.wake_at_ms is None else decision.wake_at_ms + self.wires.boot_ms
        self._calendar_before = frozenset(self._calendar())
        self.steps += 1
        waits = any(not alarm.acked for alarm in decision.state.alarms.values())
        self._waits_ms = (self._waits_ms or (self.world.now_ms // SECOND + 1) * SECOND) if waits else None
        self._note(decision)
        if self.check is not None:
            self.check(
                Look(
                    plan=self.plan, world=self.world, before=before, image=image, commands=commands, decision=decision,
                    now_ms=self.world.now_ms, boot_ms=self.wires.boot_ms, restored=self._restored,
                    lost=self._restored and self._lost, kept=kept, forgot=self._restored and self._forgot,
                )
            )  # fmt: skip
        self._restored = False
        self.wires.want({name: bool(decision.outputs[name].value) for name in self.wires.follows})

    def _note(self, decision: Decision) -> None:
        for event in decision.events:
            self.trace.append((self.world.now_ms, f"{event.type} {sorted(event.data.items())}"))
        levels = {name: drive.value for name, drive in decision.outputs.items()}
        if levels != self._levels:
            moved = sorted(f"{n}={v}" for n, v in levels.items() if self._levels.get(n) != v)
            self.trace.append((self.world.now_ms, f"{decision.mode.word}: {', '.join(moved)}"))
            self._levels = levels
        if decision.events:
            kinds = ", ".join(event.type for event in decision.events)
            self.last.append(f"{self.world.now_ms} ms: {decision.mode.word} because {decision.because}: {kinds}")

    # ---------------------------------------------------------------------------------------------- death and return
    def _die(self, kind: Kind, now_ms: int) -> None:
        if self._up_ms is not None:
            return
        self.restarts += 1
        self._waits_ms = None
        chance = random.Random(f"{self.script.seed} {now_ms}")
        torn = kind is Kind.TORN_STORE and not self.world.is_active(Kind.STORE_BAD)
        self.state = self._restore(chance, torn=torn, same_boot=kind is Kind.KILL)
        self._forgot = self._spare is not None and kind is not Kind.KILL
        if kind is not Kind.KILL or self._spare is None:
            self._kept, self._spare = (self.state, self.state), None
        self._reboots = kind is not Kind.KILL
        away_s = chance.randint(1, 4) if kind is Kind.KILL else chance.randint(20, 90)
        self._up_ms = (now_ms // SECOND + away_s) * SECOND
        self.last.append(f"{now_ms} ms: {kind.value}, back at {self._up_ms} ms")

    def _restore(self, chance: random.Random, *, torn: bool, same_boot: bool) -> State:
        """What the real state file gives back, on a disk that loses its power in the middle of the last write."""
        disk, folder = FaultyDisk(), Path("/state")
        file = StateFile(disk, folder)
        file.load("boot1")
        before, after = self._kept
        file.save(before, "boot1", BEFORE)
        try:
            if torn:
                disk.cut_power(chance.randrange(8), torn=chance.random())
            file.save(after, "boot1", AFTER, force=True)
        except PowerFailed:
            disk = disk.power_cut(chance.randrange(1 << 30))
        disk.heal()
        if self._spare is not None and same_boot:  # in memory, as /run is; a reboot takes it along
            self._lost = False
            return come_back(disk, folder, self._spare)
        stored = StateFile(disk, folder).load("boot1" if same_boot else "boot2")
        if stored is None and self.steps > 1:
            raise Broken("store: nothing could be read back after a torn write")
        self._lost = stored is None or stored.at_ms == BEFORE
        return stored.state if stored else State()

    def _rise(self, now_ms: int) -> None:
        assert self._up_ms is not None
        if self.world.empty:
            self._up_ms = NEVER_MS
        elif self._up_ms == NEVER_MS:
            self._up_ms = now_ms // SECOND * SECOND + UPS_BACK_MS
        if now_ms < self._up_ms:
            return
        self._up_ms = None
        boot_ms = self.world.now_ms - 10 * SECOND if self._reboots else self.wires.boot_ms
        self.wires.restart(boot_ms)
        self.state = resume(self.state, now_ms - boot_ms)
        self._restored = True
        self._step(())


def _last_words(script: Script) -> list[int]:
    """What a store gives back depends on the last two steps before a death, or before it could be written no more, so
    all ways through time make them."""
    fatal = [fault.at_ms for fault in script.faults if fault.kind in (*DEATHS, Kind.STORE_BAD)]
    return sorted({at_ms - ago_ms for at_ms in fatal for ago_ms in (0, SECOND, 2 * SECOND)})
