"""A small floor for tests of the core: one UPS, two trunks, a fire zone, a room, two loads, and a hand on the clock.

It drives `step` as the shell does: put readings in, let time pass, look at the decision.
"""

from dataclasses import replace

from firmware_py.core import derived
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import freeze
from firmware_py.core.mode import Cause
from firmware_py.core.output import Output, OutputValue, StopValue
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.shedplan import Battery, FedLoad
from firmware_py.core.state import State
from firmware_py.core.step import step
from monitors import annunciator, comms, conservation, fire, hvac, power, trunks
from monitors.parts import Part, Row, assemble, join

SECOND = 1_000
MINUTE = 60_000
STALE_MS = 5_000
SOURCE = "ups1.output_source"
CHARGE = "ups1.battery.charge_pct"
RUNTIME = "ups1.battery.runtime_s"
FIRE = "fire1.zone1.fire"
OUTBOUND = "outbound_paused"


def _points() -> list[Point]:
    words = ("mains", "battery", "bypass", "off", "test", "unknown")
    states = ("up", "degraded", "full", "down", "unknown", "maintenance")

    def flag(name: str) -> Point:
        return Point(id=name, kind=Kind.FLAG, stale_after_ms=STALE_MS, urgent=True)

    def number(name: str) -> Point:
        return Point(id=name, kind=Kind.NUMBER, stale_after_ms=STALE_MS)

    return [
        Point(id=SOURCE, kind=Kind.WORD, words=words, stale_after_ms=STALE_MS, urgent=True),
        Point(id="ups1.battery.status", kind=Kind.WORD, words=("normal", "low", "depleted"), stale_after_ms=STALE_MS),
        number(CHARGE),
        number(RUNTIME),
        Point(id="trunks.main.state", kind=Kind.WORD, words=states, stale_after_ms=STALE_MS, urgent=True),
        Point(id="trunks.spare.state", kind=Kind.WORD, words=states, stale_after_ms=STALE_MS, urgent=True),
        Point(id="pbx1.link", kind=Kind.WORD, words=("up", "booting", "refused", "down"), stale_after_ms=STALE_MS),
        *(flag(f"fire1.zone1.{name}") for name in ("fire", "walk_test", "fault")),
        *(flag(f"hvac1.{name}") for name in ("fault", "running", "ordered_off")),
        number("room1.temp_c"),
        *comms.own_points(stale_ms=STALE_MS, mqtt=True, certificate=True),
        comms.follow_point("load.office", STALE_MS),
        comms.follow_point(OUTBOUND, STALE_MS),
        *derived.declare("ups1"),
    ]


def _output(name: str, *, normal: bool = False, shown_only: bool = False) -> Output:
    return Output(id=name, normal=normal, on_stop=StopValue.HOLD, on_fault=StopValue.HOLD, shown_only=shown_only)


BATTERY = Battery(
    id="ups1",
    source=SOURCE,
    charge=CHARGE,
    runtime=RUNTIME,
    loads=(
        FedLoad(id="office", watts_w=1_000, output="load.office", order=1),
        FedLoad(id="kitchen", watts_w=500, output="load.kitchen", order=2),
        FedLoad(id="inbound", watts_w=500),
    ),
)
LAMPS = {row: (f"lamp.{row.value}",) for row in Row}


PANEL = fire.Panel(
    id="fire1",
    zones=(fire.Zone(id="fire1.zone1", flags=frozenset({"walk_test", "fault"})),),
    silent_ms=10 * SECOND,
    off_delay_ms=2 * SECOND,
    test_limit_ms=120 * MINUTE,
)


def _power() -> list[Part]:
    watched = power.Ups(
        id="ups1", on_delay_ms=2 * SECOND, off_delay_ms=30 * SECOND, silent_ms=10 * SECOND, manual_lead_ms=10 * MINUTE
    )
    return [power.watch(watched)]


def _phones() -> list[Part]:
    lines = trunks.Group(
        name="lines",
        trunks=("main", "spare"),
        minimum_up=2,
        on_delay_ms=6 * SECOND,
        off_delay_ms=30 * SECOND,
        failover="trunk_backup",
    )
    single = [trunks.Trunk(name=n, on_delay_ms=6 * SECOND, off_delay_ms=30 * SECOND) for n in lines.trunks]
    return [
        trunks.watch_exchange(trunks.Exchange(id="pbx1", silent_ms=10 * SECOND, gate=OUTBOUND)),
        *(trunks.watch_trunk(trunk) for trunk in single),
        trunks.watch_group(lines),
    ]


def _cooling() -> list[Part]:
    unit = hvac.Unit(
        id="hvac1", on_delay_ms=30 * SECOND, off_delay_ms=60 * SECOND, silent_ms=10 * SECOND, ordered_off=True
    )
    room = hvac.Room(
        id="room1",
        point="room1.temp_c",
        warn_c=27.0,
        alarm_c=32.0,
        critical_c=35.0,
        deadband_c=1.0,
        on_delay_ms=30 * SECOND,
        off_delay_ms=60 * SECOND,
    )
    return [hvac.watch_unit(unit), hvac.watch_room(room), hvac.cool(("hvac1",), ("room1",), ("fan.floor",), fire.SEEN)]


def _conservation() -> list[Part]:
    causes = [
        conservation.Conservation(
            cause=cause,
            conditions=conditions,
            stable_ms=5 * MINUTE,
            spacing_ms=30 * SECOND,
        )
        for cause, conditions in (("power", power.outages("ups1")), ("trunk", ("trunks.lines.below_minimum",)))
    ]
    charge = conservation.Threshold(point=CHARGE, limit=50.0, release=60.0)
    stages = [
        _stage("power", 1, "load.office", after_ms=0),
        _stage("power", 2, "load.kitchen", after_ms=10 * MINUTE, thresholds=(charge,)),
        _stage("trunk", 1, "load.office", after_ms=0),
    ]
    return [conservation.conserve(causes, (OUTBOUND,)), conservation.shed(stages), Part(batteries=(BATTERY,))]


def _outputs() -> list[Output]:
    fan = Output(
        id="fan.floor", on_stop=StopValue.OFF, on_fault=StopValue.OFF, min_on_ms=5 * MINUTE, min_off_ms=5 * MINUTE
    )
    return [
        *(_output(f"lamp.{row.value}", shown_only=True) for row in Row),
        _output("sounder", shown_only=True),
        *(_output(name) for name in ("beacon", OUTBOUND, "trunk_backup")),
        *(_output(name, normal=True) for name in ("load.office", "load.kitchen")),
        fan,
    ]


def build_plan() -> Plan:
    """The plan that the tests run: times as in the procedures, shortened nowhere."""
    parts = [
        *_power(),
        *_phones(),
        *_cooling(),
        fire.watch_panel(PANEL),
        fire.evacuate([PANEL], (), {"load.kitchen": False}, off_delay_ms=2 * SECOND),
        *_conservation(),
    ]
    silent = [a.alarm.condition for part in parts for a in part.alarms if a.alarm.cause == comms.CAUSE]
    parts.append(comms.watch(silent, mqtt=True, delay_ms=10 * SECOND, followed=("load.office",), certificate=True))
    part = join(parts)
    part = replace(part, causes=tuple(_told(cause) for cause in part.causes))
    wall = annunciator.announce(
        annunciator.Panel(lamps=LAMPS, beacons=("beacon",), sounders=("sounder",)),
        part.alarms,
        causes=frozenset(cause.id for cause in part.causes),
        flags=frozenset(rule.flag for rule in part.flags),
    )
    return assemble(_points(), _outputs(), join((part, wall)), outbound=(OUTBOUND,))


def _told(cause: Cause) -> Cause:
    """What a site adds to the causes that people are told of."""
    match cause.id:
        case "power" | "trunk":
            return replace(cause, escalate_ms=(0, 30 * MINUTE, 60 * MINUTE), report_every_ms=30 * MINUTE)
        case "fire":
            return replace(cause, escalate_ms=(0,), report_every_ms=30 * MINUTE)
    return cause


def _stage(
    cause: str, order: int, output: str, *, after_ms: int, thresholds: tuple[conservation.Threshold, ...] = ()
) -> conservation.ShedStage:
    return conservation.ShedStage(
        cause=cause,
        order=order,
        outputs=(output,),
        after_ms=after_ms,
        thresholds=thresholds,
        dwell_ms=5 * MINUTE,
    )


HEALTHY: dict[str, Value] = {
    SOURCE: "mains",
    "ups1.battery.status": "normal",
    CHARGE: 100.0,
    RUNTIME: 14_400.0,
    "trunks.main.state": "up",
    "trunks.spare.state": "up",
    "pbx1.link": "up",
    FIRE: False,
    "fire1.zone1.walk_test": False,
    "fire1.zone1.fault": False,
    "hvac1.fault": False,
    "hvac1.running": True,
    "hvac1.ordered_off": False,
    "room1.temp_c": 22.0,
    "clock.utc_s": 1_795_000_000,  # November 2026
    "storage.sound": True,
    "mqtt.connected": True,
    "mqtt.refused": False,
    "mqtt.duplicate_id": False,
    "mqtt.cursor_ahead": False,
    "out.load.office.follows": True,
    f"out.{OUTBOUND}.follows": True,
}


class Floor:
    """A floor whose devices answer each second with `values`, unless they are `dark`."""

    def __init__(self, state: State | None = None, *, now_ms: int = 1_000_000) -> None:
        self.plan = build_plan()
        self.state = state or State()
        self.now_ms = now_ms
        self.values: dict[str, Value] = dict(HEALTHY)
        self.dark: set[str] = set()
        self.readings: dict[str, Reading] = {}
        self.decisions: list[Decision] = []
        self.looks_twice = False  # each step once more without the hint, and it must say the same
        self._orders = 0

    @property
    def last(self) -> Decision:
        """The latest decision."""
        return self.decisions[-1]

    @property
    def events(self) -> list[str]:
        """Types of all events so far."""
        return [event.type for decision in self.decisions for event in decision.events]

    def poll(self) -> None:
        """Every device that is not dark answers now."""
        for point, value in self.values.items():
            if point not in self.dark:
                self.readings[point] = Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms)

    def lose(self, *points: str, because: Reason = Reason.NO_COMMUNICATION) -> None:
        """These points go BAD and stay so until `find`."""
        for point in points:
            self.dark.add(point)
            old = self.readings.get(point)
            at_ms = old.at_ms if old else 0
            value = old.value if old else None
            self.readings[point] = Reading(value=value, quality=Quality.BAD, at_ms=at_ms, because=because)

    def find(self, *points: str) -> None:
        """These points answer again."""
        self.dark.difference_update(points)

    def step(self, *commands: Command) -> Decision:
        """One cycle with what is known now."""
        image = freeze(self.plan.points.values(), self.readings, self.now_ms)
        looked = self.decisions[-1].looked if self.decisions else None
        decision = step(self.plan, self.state, image, commands, self.now_ms, looked)
        if self.looks_twice:
            assert step(self.plan, self.state, image, commands, self.now_ms) == decision
        self.state = decision.state
        self.decisions.append(decision)
        return decision

    def run(self, duration_ms: int, *, every_ms: int = 0) -> Decision:
        """Poll and step for a while: each second (each five in long runs), and whenever the last decision asked."""
        every_ms = every_ms or (SECOND if duration_ms <= 2 * MINUTE else 5 * SECOND)
        end_ms = self.now_ms + duration_ms
        tick_ms = self.now_ms
        while self.now_ms < end_ms:
            if tick_ms <= self.now_ms:
                tick_ms = self.now_ms + every_ms
            wake_ms = self.decisions[-1].wake_at_ms if self.decisions else None
            self.now_ms = min(tick_ms, end_ms, end_ms if wake_ms is None or wake_ms <= self.now_ms else wake_ms)
            if self.now_ms in (tick_ms, end_ms):
                self.poll()
            self.step()
        return self.last

    def order(self, kind: CommandKind, target: str = "", value: OutputValue | None = None, ttl_ms: int = 0, *,
              by: str = "anna", why: str = "") -> Decision:  # fmt: skip
        """An operator's command, obeyed one millisecond later."""
        self._orders += 1
        self.now_ms += 1
        name = f"order{self._orders}"
        return self.step(Command(id=name, kind=kind, by=by, target=target, value=value, ttl_ms=ttl_ms, why=why))

    def restart(self, off_ms: int = 3_600_000) -> None:
        """The controller dies and comes back in another boot: readings are gone, stamps start anew."""
        self.state = replace(self.state, stepped_ms=None)
        self.readings = {}
        self.now_ms = 5_000
        self.dark = set(self.values)

    def value(self, output: str) -> OutputValue:
        """What an output is to do now."""
        return self.last.outputs[output].value


def healthy(seconds: int = 5) -> Floor:
    """A floor that has run soundly for a while."""
    floor = Floor()
    floor.run(seconds * SECOND)
    return floor
