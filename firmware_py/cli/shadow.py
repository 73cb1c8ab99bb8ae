"""A shadow of the floor: the same plan and the same `step`, on made-up readings, with nothing behind its outputs.

Batteries drain with the load that is not shed; everything else stays as it was seen, or as the plan calls sound. Pure
arithmetic in virtual time: no device, no socket, no clock.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import assert_never

from config.valued import dataclass
from firmware_py.core.check import Test, evaluate, points_of
from firmware_py.core.event import Event
from firmware_py.core.image import InputImage, freeze
from firmware_py.core.looked import Looked
from firmware_py.core.output import OutputValue
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Value
from firmware_py.core.shedplan import Battery, fed_w
from firmware_py.core.state import State
from firmware_py.core.step import CLOCK_POINT, step

STEP_MS, LONG_STEP_MS = 1_000, 15_000
_CALM_MS = 20_000
SETTLE_MS = 90_000  # all is sound for this long before anything is made up
_FULL_PCT, _IDLE_RUNTIME_S = 100.0, 14_400
_ON_BATTERY, _ON_MAINS = ("battery",), ("normal", "mains", "online")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Something that a person would notice, `at_ms` after the made-up event began."""

    at_ms: int
    what: str
    why: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Cell:
    """One battery of the shadow: `left` of its content, which lasts `runtime_s` in whole at `load_w`."""

    battery: Battery
    left: float
    runtime_s: float
    load_w: float
    on: bool = False


@dataclass(slots=True, kw_only=True)
class Shadow:
    """`seen`: values as a running controller has them. `utc_s`: the wall time to begin with."""

    plan: Plan
    seen: Mapping[str, Value] = field(default_factory=dict)
    utc_s: int = 1_780_000_000
    now_ms: int = 1_000_000
    state: State = field(default_factory=State)
    looked: Looked | None = None
    values: dict[str, Value] = field(default_factory=dict)
    cells: list[Cell] = field(default_factory=list)
    outputs: dict[str, OutputValue] = field(default_factory=dict)
    told_ms: int = 0
    wake_ms: int | None = None

    def __post_init__(self) -> None:
        derived = {name for name in self.plan.points if ".forecast." in name or ".plan." in name}
        for name, point in self.plan.points.items():
            if name in derived or name in {trend.rise for trend in self.plan.trends.values()}:
                continue
            self.values[name] = sound_value(self.plan, point)
            given = self.seen.get(name)
            if given is not None and point.fits(given):
                self.values[name] = given
        self._mend()
        for battery in self.plan.batteries.values():
            self.cells.append(self._cell(battery))
        self._run(SETTLE_MS, lambda moment: None, 0)

    def _mend(self) -> None:
        """What was made up is made to suit the conditions that read several points at once."""
        for condition in self.plan.conditions.values():
            for name in points_of(condition.test):
                if not self._holds(condition.test):
                    break
                if name in self.values and name not in self.seen:
                    self.values[name] = self._kinder(condition.test, self.plan.points[name])

    def _kinder(self, test: Test, point: Point) -> Value:
        """Another value with which the test does not hold and fewer do than before; else the old one."""
        old, worst = self.values[point.id], self._count()
        for value in _values(point):
            self.values[point.id] = value
            if not self._holds(test) and self._count() < worst:
                return value
        return old

    def _count(self) -> int:
        return sum(self._holds(condition.test) for condition in self.plan.conditions.values())

    def _holds(self, test: Test) -> bool:
        return evaluate(test, self._image(), holding=False) is True

    @property
    def mode(self) -> str:
        """The mode now."""
        from firmware_py.core import mode

        return mode.derive(self.plan.causes, self.state.causes)[0].word

    def lose_mains(self, upses: frozenset[str] | None = None) -> None:
        """These UPSs (or all) go on battery."""
        self.told_ms = self.now_ms
        for cell in self.cells:
            if upses is None or cell.battery.id in upses:
                cell.on = True
                self._say_source(cell.battery.source, _ON_BATTERY)

    def restore_mains(self) -> None:
        """All are back."""
        self.told_ms = self.now_ms
        for cell in self.cells:
            cell.on = False
            self._say_source(cell.battery.source, _ON_MAINS)

    def put(self, point: str, value: Value) -> None:
        """Any other made-up reading. ValueError for one that the point cannot have."""
        known = self.plan.points.get(point)
        if known is None:
            raise ValueError(f"no point is called {point}; `floorguard status --all` lists them")
        if not known.fits(value):
            raise ValueError(f"{point} cannot be {value!r}; it is {' or '.join(known.words) or known.kind.value}")
        self.values[point] = value
        self.told_ms = self.now_ms

    def run(self, ms: int, since_ms: int) -> Iterator[Moment]:
        """So much later; what happened meanwhile, counted from `since_ms`."""
        found: list[Moment] = []
        self._run(ms, found.append, since_ms)
        yield from found

    def _run(self, ms: int, tell: Callable[[Moment], object], since_ms: int) -> None:
        end_ms = self.now_ms + ms
        while self.now_ms < end_ms:
            calm = self.now_ms - self.told_ms > _CALM_MS
            dt_ms = min(LONG_STEP_MS if calm else STEP_MS, end_ms - self.now_ms)
            if self.wake_ms is not None:
                dt_ms = max(1, min(dt_ms, self.wake_ms - self.now_ms))
            self.now_ms += dt_ms
            self._drain(dt_ms)
            self.values[CLOCK_POINT] = self.utc_s + self.now_ms // 1_000
            before = self.outputs
            image = self._image()
            decision = step(self.plan, self.state, image, (), self.now_ms, self.looked)
            self.state, self.looked = decision.state, decision.looked
            self.outputs = {name: drive.value for name, drive in decision.outputs.items()}
            at_ms, self.wake_ms = self.now_ms - since_ms, decision.wake_at_ms
            if decision.events or self.outputs != before:
                self.told_ms = self.now_ms
            for event in decision.events:
                if event.type == "output.changed":
                    continue  # said below, with its name
                tell(Moment(at_ms=at_ms, what=spell_event(event), why=_because(event)))
            for name, drive in decision.outputs.items():
                if before and before.get(name) != drive.value and name not in self._shown():
                    shown = drive.value.value if isinstance(drive.value, str) else "on" if drive.value else "off"
                    tell(Moment(at_ms=at_ms, what=f"output {name} {shown}", why=drive.because))

    def _shown(self) -> frozenset[str]:
        """Lamps blink with everything; their turn is `status`."""
        return frozenset(name for name in self.plan.outputs if name.startswith("lamp."))

    def _image(self) -> InputImage:
        readings = {
            name: Reading(value=value, quality=Quality.GOOD, at_ms=self.now_ms) for name, value in self.values.items()
        }
        return freeze(self.plan.points.values(), readings, self.now_ms)

    def _cell(self, battery: Battery) -> Cell:
        charge = self._number(battery.charge, _FULL_PCT) if battery.charge in self.seen else _FULL_PCT
        off = frozenset(load.output for load in battery.loads if self.outputs.get(load.output) is False)
        load_w = float(fed_w(battery, off) or 1_000)
        known = battery.runtime in self.seen
        runtime_s = self._number(battery.runtime, _IDLE_RUNTIME_S) if known else _IDLE_RUNTIME_S
        return Cell(battery=battery, left=charge / 100, runtime_s=float(runtime_s), load_w=load_w)

    def _drain(self, dt_ms: int) -> None:
        for cell in self.cells:
            battery = cell.battery
            off = frozenset(load.output for load in battery.loads if self.outputs.get(load.output) is False)
            load_w = max(1.0, float(fed_w(battery, off) or cell.load_w))
            whole_s = cell.runtime_s * cell.load_w / load_w
            if cell.on:
                cell.left = max(0.0, cell.left - dt_ms / 1_000 / whole_s)
            for point, number in (
                (battery.charge, cell.left * 100), (battery.runtime, cell.left * whole_s), (battery.power, load_w),
                (battery.load, load_w * 100 / battery.rating_w if battery.rating_w else None),
            ):  # fmt: skip
                self._set_number(point, number)

    def _number(self, point: str, otherwise: float) -> float:
        value = self.values.get(point)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else otherwise

    def _set_number(self, name: str, number: float | None) -> None:
        point = self.plan.points.get(name)
        if point is None or number is None:
            return
        value: Value = round(number) if point.kind is Kind.INTEGER else round(number, 1)
        if point.fits(value):
            self.values[name] = value

    def _say_source(self, name: str, words: tuple[str, ...]) -> None:
        point = self.plan.points.get(name)
        if point is not None:
            self.values[name] = next(word for word in (*words, *point.words) if word in point.words)


def sound_value(plan: Plan, point: Point) -> Value:
    """A value with which no condition holds that reads this point alone, as far as there is one."""
    tests = [one.test for one in plan.conditions.values() if set(points_of(one.test)) == {point.id}]
    for value in _values(point):
        if not any(_trips(test, point, value) for test in tests):
            return value
    return next(iter(_values(point)))


def _trips(test: Test, point: Point, value: Value) -> bool:
    reading = Reading(value=value, quality=Quality.GOOD, at_ms=1)
    return evaluate(test, InputImage(now_ms=1, readings={point.id: reading}), holding=False) is True


def _values(point: Point) -> Iterator[Value]:
    match point.kind:
        case Kind.FLAG:
            yield from (False, True)
        case Kind.WORD:
            usual = ("normal", "mains", "up", "ok", "none", "yes", "on", "closed")
            yield from [word for word in usual if word in point.words]
            yield from point.words
        case Kind.TEXT:
            yield ""
        case Kind.INTEGER | Kind.NUMBER:
            low = point.low if point.low is not None else 0
            high = point.high if point.high is not None else 100_000
            for share in (0.0, 0.22, 0.45, 0.5, 0.75, 1.0, 0.1, 0.3, 0.9):
                number = low + (high - low) * share
                yield round(number) if point.kind is Kind.INTEGER else round(number, 1)
        case _ as never:
            assert_never(never)


def spell_event(event: Event) -> str:
    """Type and what it is about."""
    keys = ("cause", "condition", "alarm", "stage", "from", "to", "tier", "loads", "class")
    about = [_plain(event.data[key]) for key in keys if event.data.get(key) not in (None, "", ())]
    return " ".join([event.type, *dict.fromkeys(about)])


def _plain(told: object) -> str:
    return ", ".join(map(str, told)) if isinstance(told, tuple | list) else f"{told}"


def _because(event: Event) -> tuple[str, ...]:
    because = event.data.get("because")
    return because if isinstance(because, tuple) else (str(because),) if because else ()
