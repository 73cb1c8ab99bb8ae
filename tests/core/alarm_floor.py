"""The smallest floor on which alarms can meet each other: a UPS, a fire zone, cooling that hangs on the mains, a door.

Real monitors and the real `step`; the hand on the clock knows the true time, also while the controller is off.
"""

from __future__ import annotations

from dataclasses import replace

from firmware_py.core import drill
from firmware_py.core.alarm import FIRE_SHELVE_MS_MAX, Alarm, AlarmPriority
from firmware_py.core.check import IsFlag, IsWord
from firmware_py.core.codec import decode, encode
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.condition import Condition, WhenBad
from firmware_py.core.decision import Decision
from firmware_py.core.drill import Drill
from firmware_py.core.image import freeze
from firmware_py.core.output import Output, StopValue
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.core.step import step
from monitors import annunciator, conservation, fire
from monitors.parts import Part, Row, RowAlarm, assemble, join

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SOURCE, FIRE, COOLING, DOOR = "ups1.output_source", "fire1.zone1.fire", "hvac1.fault", "contact.door"
ON_BATTERY, BURNING, FAILED, OPEN = "ups1.on_battery", "fire1.zone1.burning", "hvac1.failed", "contact.door.reported"
BATTERY_LOW = "ups1.battery_low"
ALARMS = (ON_BATTERY, BATTERY_LOW, BURNING, FAILED, OPEN)
EPOCH_S = 1_795_000_000
HEALTHY: dict[str, Value] = {SOURCE: "mains", "ups1.low": False, FIRE: False, COOLING: False, DOOR: False}


def _watched() -> list[tuple[Condition, RowAlarm]]:
    high, medium, low = AlarmPriority
    outage = IsWord(point=SOURCE, words=frozenset({"battery"}))
    return [
        (
            Condition(
                id=ON_BATTERY, test=outage, when_bad=WhenBad.HOLD, on_delay_ms=2_000, off_delay_ms=5_000, confirm=2
            ),
            _alarm(ON_BATTERY, high, Row.POWER, cause="power"),
        ),
        (_flag(BATTERY_LOW, "ups1.low"), _alarm(BATTERY_LOW, high, Row.POWER, cause="power")),
        (_flag(FAILED, COOLING, off_delay_ms=2_000), _alarm(FAILED, medium, Row.COOLING, because=(ON_BATTERY,))),
        (_flag(OPEN, DOOR), _alarm(OPEN, low, Row.CONTROLLER, realarm_ms=HOUR)),
    ]


def _flag(name: str, point: str, *, off_delay_ms: int = 0) -> Condition:
    return Condition(id=name, test=IsFlag(point=point), when_bad=WhenBad.HOLD, off_delay_ms=off_delay_ms)


def _alarm(
    name: str, priority: AlarmPriority, row: Row, *, cause: str | None = None, because: tuple[str, ...] = (),
    realarm_ms: int = 0,
) -> RowAlarm:  # fmt: skip
    declared = Alarm(
        id=name, condition=name, priority=priority, text=f"alarm.{name}", cause=cause, suppressed_by=because,
        realarm_ms=realarm_ms,
    )  # fmt: skip
    return RowAlarm(alarm=declared, row=row)


def build_plan(*, sounds_in_fire: bool = True) -> Plan:
    """The plan; by default the sounder sounds in a fire too, so that nothing hides what alarms ask of it."""
    watched = _watched()
    zone = fire.Panel(
        id="fire1", zones=(fire.Zone(id="fire1.zone1"),), silent_ms=10_000, off_delay_ms=2_000, test_limit_ms=HOUR
    )
    power = conservation.Conservation(cause="power", conditions=(ON_BATTERY,), stable_ms=MINUTE, spacing_ms=0)
    part = join(
        [
            Part(conditions=tuple(c for c, _ in watched), alarms=tuple(a for _, a in watched)),
            fire.watch_panel(zone),
            fire.evacuate([zone], (), {}, off_delay_ms=2_000),
            conservation.conserve([power], ()),
        ]
    )
    part = replace(part, alarms=tuple(_limit(listed) for listed in part.alarms if listed.alarm.id in ALARMS))
    lamps = {row: (f"lamp.{row.value}",) for row in Row}
    panel = annunciator.Panel(lamps=lamps, beacons=("beacon",), sounders=("sounder",), sounds_in_fire=sounds_in_fire)
    causes = frozenset(cause.id for cause in part.causes)
    spoken = annunciator.announce(panel, part.alarms, causes=causes, flags=frozenset())
    names = [*(name for named in lamps.values() for name in named), "beacon", "sounder"]
    outputs = [Output(id=name, on_stop=StopValue.OFF, on_fault=StopValue.OFF) for name in names]
    plan = assemble(_points(), outputs, join((part, spoken)))
    drills = {"power": Drill(id="power", readings={SOURCE: "battery"}), "fire": Drill(id="fire", readings={FIRE: True})}
    return replace(plan, drills=drills)


def _limit(listed: RowAlarm) -> RowAlarm:
    if listed.row is not Row.FIRE:
        return listed
    return replace(listed, alarm=replace(listed.alarm, shelve_limit_ms=FIRE_SHELVE_MS_MAX))


def _points() -> list[Point]:
    flags = [Point(id=n, kind=Kind.FLAG, stale_after_ms=24 * HOUR) for n in HEALTHY if n != SOURCE]
    source = Point(id=SOURCE, kind=Kind.WORD, words=("mains", "battery"), stale_after_ms=24 * HOUR)
    clock = Point(id="clock.utc_s", kind=Kind.INTEGER, unit="s", stale_after_ms=24 * HOUR)
    return [source, clock, drill.declare(), *flags]


class AlarmFloor:
    """`true_ms` runs on while the controller is off; `now_ms` is what it can read, and starts anew with each boot."""

    def __init__(self, *, knows_time: bool = True, sounds_in_fire: bool = True) -> None:
        self.plan = build_plan(sounds_in_fire=sounds_in_fire)
        self.state = State()
        self.values = dict(HEALTHY)
        self.knows_time = knows_time
        self.true_ms, self.now_ms = 0, 1_000_000
        self.dark: set[str] = set()
        self.decisions: list[Decision] = []
        self.looks_twice = False  # each step once more without the hint, and it must say the same
        self._orders = 0
        self.run(2 * SECOND)

    @property
    def last(self) -> Decision:
        """The latest decision."""
        return self.decisions[-1]

    @property
    def told(self) -> list[str]:
        """Types of all events so far."""
        return [event.type for decision in self.decisions for event in decision.events]

    def events(self, kind: str) -> list[dict[str, object]]:
        """The data of all events of one type so far."""
        return [dict(e.data) for decision in self.decisions for e in decision.events if e.type == kind]

    def step(self, *commands: Command) -> Decision:
        """One cycle: whatever is not dark is read now."""
        readings = {
            name: Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)
            if name not in self.dark
            else Reading(value=value, quality=Quality.BAD, at_ms=self.now_ms, because=Reason.NO_COMMUNICATION)
            for name, value in self.values.items()
        }
        if self.knows_time:
            clock = Reading(value=EPOCH_S + self.true_ms // 1000, quality=Quality.GOOD, at_ms=self.now_ms)
            readings["clock.utc_s"] = clock
        image = freeze(self.plan.points.values(), readings, self.now_ms)
        looked = self.decisions[-1].looked if self.decisions else None
        decision = step(self.plan, self.state, image, commands, self.now_ms, looked)
        if self.looks_twice:
            assert step(self.plan, self.state, image, commands, self.now_ms) == decision
        self.state = decision.state
        self.decisions.append(decision)
        return decision

    def run(self, duration_ms: int, *, every_ms: int = SECOND) -> Decision:
        """Time passes; a cycle every second, or whenever the last one asked for it."""
        end_ms = self.now_ms + duration_ms
        while self.now_ms < end_ms:
            wake_ms = self.decisions[-1].wake_at_ms if self.decisions else None
            next_ms = min(end_ms, self.now_ms + every_ms)
            if wake_ms is not None and wake_ms > self.now_ms:
                next_ms = min(next_ms, wake_ms)
            self.true_ms += next_ms - self.now_ms
            self.now_ms = next_ms
            self.step()
        return self.last

    def order(self, kind: CommandKind, target: str = "", *, ttl_ms: int = 0, why: str = "", by: str = "anna") -> str:
        """What the controller answers: "" when it was done."""
        self._orders += 1
        self.now_ms, self.true_ms = self.now_ms + 1, self.true_ms + 1
        command = Command(id=f"o{self._orders}", kind=kind, by=by, target=target, ttl_ms=ttl_ms, why=why)
        (reply,) = self.step(command).replies
        return reply.error if not reply.done else ""

    def restart(self, *, off_ms: int, same_boot: bool = False) -> Decision:
        """The controller is off for a while. Its memory comes back from its file, as the file has it."""
        kept = decode(State, encode(self.state, sparse=True))
        self.true_ms += off_ms
        if same_boot:
            self.state, self.now_ms = kept, self.now_ms + off_ms
        else:
            self.state, self.now_ms = replace(kept, stepped_ms=None), 5_000
        return self.step()

    def step_later(self) -> Decision:
        """One cycle a second later."""
        return self.run(SECOND)

    def without_drills(self) -> Plan:
        """The same plan for a site that has none."""
        return replace(self.plan, drills={})
