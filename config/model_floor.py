"""What is on the floor: inputs, lamps, loads, the stages in which they are shed, announced cuts, a generator.

Says what is wired where and what may be cut when. Who decides, and how, is the core's; this knows no wire.
"""

from enum import StrEnum
from typing import Annotated, Literal

from config import units
from config.model_common import DelayMs, Section, within
from config.model_outputs import Pin
from config.shape import AfterValidator, Field
from config.strict import DurationMs, Name, Percent, PointId, Text, Watts
from firmware_py.core.calendar import second_of_day, seconds_of


class InputKind(StrEnum):
    """What a contact or button says."""

    FIRE = "fire"
    FIRE_FAULT = "fire_fault"
    MAINS = "mains"
    GENERATOR = "generator"
    DOOR = "door"
    PANIC = "panic"
    LEAK = "leak"
    SMOKE = "smoke"
    ACK = "ack"
    SILENCE = "silence"
    LAMP_TEST = "lamp_test"
    LINE = "line"  # a telephone line: its life, or that it is in use


class InputEntry(Section):
    """A contact or a button on a pin. Normally closed is fail-safe: a cut wire shows as the alarm."""

    id: PointId = Field(description="id of its point, like contact.fire")
    name: Text | None = Field(default=None, description="what people call it")
    pin: Pin = Field(description="BCM number of the pin")
    kind: InputKind = Field(description="what it says")
    contact: Literal["normally_open", "normally_closed"] = Field(description="how it is wired at rest")
    pull: Literal["up", "down", "none"] = Field(default="up", description="resistor; none where the wiring has its own")
    opposite_pin: Pin | None = Field(
        default=None, description="the other half of a changeover contact: a cut or shorted wire is then a fault"
    )
    debounce_ms: Annotated[DurationMs, within(units.DURATION, "0 s", "5 s")] = Field(
        default=50, description="rest before it counts"
    )


class Row(StrEnum):
    """The rows of the lamp panel, from top to bottom."""

    POWER = "POWER"
    PHONES = "PHONES"
    COOLING = "COOLING"
    FIRE = "FIRE"
    LINK = "LINK"
    CONTROLLER = "CONTROLLER"
    SERVICE = "SERVICE"


class Lamp(Section):
    """One lamp of a panel."""

    row: Row = Field(description="what it speaks of")
    output: PointId = Field(description="id of its [[output]]")
    panel: Name = Field(default="main", description="which panel, where a floor has several")


SoundMs = Annotated[tuple[Annotated[DurationMs, within(units.DURATION, "50 ms", "2 min")], ...], Field(max_length=24)]


class Annunciator(Section):
    """What is seen and heard from afar. A pattern is on, off, on, off ...; none may sound like an evacuation signal."""

    beacons: tuple[PointId, ...] = Field(default=(), description="outputs that flash in conservation and alarm")
    sounders: tuple[PointId, ...] = Field(default=(), description="outputs that sound until somebody acknowledges")
    sound_high: SoundMs = Field(default=(), description="pattern for high alarms; default five short ones every 5 s")
    sound_medium: SoundMs = Field(default=(), description="for medium ones; default three every 15 s")
    sound_low: SoundMs = Field(default=(), description="for low ones; default one a minute")


class LoadKind(StrEnum):
    """What a load is. All but ordinary ones and compressors are never cut; compressors are cut last and spared."""

    ORDINARY = "ordinary"
    EMERGENCY_LIGHTING = "emergency_lighting"
    PHONES = "phones"
    INBOUND = "inbound"
    CONTROLLER = "controller"
    COMPRESSOR = "compressor"


PROTECTED = frozenset(LoadKind) - {LoadKind.ORDINARY, LoadKind.COMPRESSOR}


class Load(Section):
    """Something that draws power."""

    id: Name = Field(description="its name, like office_lights")
    name: Text | None = Field(default=None, description="what people call it")
    kind: LoadKind = Field(default=LoadKind.ORDINARY, description="only ordinary loads and compressors may be cut")
    priority: Annotated[int, Field(ge=1, le=9)] = Field(description="1 is kept longest")
    watts_w: Watts = Field(description="what it draws")
    ups: Name | None = Field(default=None, description="id of the [[ups]] that feeds it; none: fed past every UPS")
    output: PointId | None = Field(default=None, description="id of the [[output]] that feeds it; none: cut by hand")
    people: bool = Field(default=False, description="people sit at it: announced before it is cut")
    unit: Name | None = Field(default=None, description="of a compressor: id of its [[modbus.unit]]")


def _date(text: str) -> str:
    seconds_of(text)
    return text


Instant = Annotated[str, AfterValidator(_date)]


class PlannedOutage(Section):
    """A power cut that somebody has announced."""

    start: Instant = Field(description="when it begins, with the offset from UTC, like 2026-12-01T08:00+08:00")
    end: Instant = Field(description="when the mains is promised back")
    note: Text = Field(default="planned power cut", description="who announced it, and why")


def _time(text: str) -> str:
    second_of_day(text)
    return text


TimeOfDay = Annotated[str, AfterValidator(_time)]


class Generator(Section):
    """A standby generator with a start contact. Each start value has its stop value: asked for beyond the one for so
    long as `start_hold`, let go behind the other for `stop_hold`."""

    output: PointId = Field(description="id of the [[output]] that is its start contact")
    running: PointId = Field(description="id of the [[input]] of kind generator: it runs")
    mains: PointId | None = Field(
        default=None, description="id of the [[input]] of kind mains, ahead of the transfer switch"
    )
    start_after_ms: DelayMs | None = Field(default=None, description="mains lost for so long; needs mains")
    stop_after_ms: DelayMs = Field(default=300_000, description="mains back for so long")
    start_charge_below_pct: Percent | None = Field(default=None, description="charge of any UPS's battery")
    stop_charge_above_pct: Percent = Field(default=90.0, description="its stop value")
    start_runtime_below_ms: DurationMs | None = Field(default=None, description="forecast of any UPS")
    stop_runtime_above_ms: DurationMs | None = Field(default=None, description="its stop value, default twice as much")
    start_load_above_pct: Percent | None = Field(default=None, description="load of any UPS, in an outage")
    stop_load_below_pct: Percent | None = Field(default=None, description="its stop value, default 10 % less")
    start_hold_ms: DelayMs = Field(default=20_000, description="how long a start value must be passed")
    stop_hold_ms: DelayMs = Field(default=60_000, description="how long a stop value must be passed")
    start_within_ms: Annotated[DurationMs, within(units.DURATION, "2 s", "10 min")] = Field(
        default=30_000, description="time of one try until it runs"
    )
    tries: Annotated[int, Field(ge=1, le=5)] = Field(default=3, description="then it has failed to start")
    minimum_run_ms: DelayMs = Field(default=600_000, description="shortest run")
    carries_all: bool = Field(default=False, description="loads and outbound return while it runs")
    test_every_ms: DurationMs = Field(default=2_419_200_000, description="between two trials, 28 d; 0 s: none")
    test_run_ms: DelayMs = Field(default=600_000, description="length of a trial")
    test_at: TimeOfDay | None = Field(default=None, description="trials only in the hour from here, like 09:30+08:00")

    @property
    def runtime_stop_ms(self) -> int | None:
        """Forecast in ms above which the runtime pair ends."""
        if self.stop_runtime_above_ms is not None or self.start_runtime_below_ms is None:
            return self.stop_runtime_above_ms
        return 2 * self.start_runtime_below_ms

    @property
    def load_stop_pct(self) -> float | None:
        """Load in percent below which the load pair ends."""
        if self.stop_load_below_pct is not None or self.start_load_above_pct is None:
            return self.stop_load_below_pct
        return max(0.0, self.start_load_above_pct - 10)


class StageCause(StrEnum):
    """For which cause a stage sheds."""

    POWER = "power"
    TRUNK = "trunk"


class StageEntry(Section):
    """One step of shedding: when any of its conditions holds. `release_above` ends what `below` began."""

    id: Name = Field(description="its name, like power1")
    cause: StageCause = Field(description="power or trunk")
    order: Annotated[int, Field(ge=1, le=20)] = Field(description="1 is shed first; restored in reverse")
    loads: Annotated[tuple[Name, ...], Field(min_length=1)] = Field(description="ids of the [[load]]s that it cuts")
    after_ms: DelayMs | None = Field(default=None, description="age of the cause")
    charge_below_pct: Percent | None = Field(default=None, description="battery charge")
    charge_release_above_pct: Percent | None = Field(default=None, description="default 5 % above charge_below")
    runtime_below_ms: DurationMs | None = Field(default=None, description="runtime left")
    runtime_release_above_ms: DurationMs | None = Field(default=None, description="default 1.25 x runtime_below")
    load_above_pct: Percent | None = Field(default=None, description="load of the UPS in percent of its rating")
    load_release_below_pct: Percent | None = Field(default=None, description="default 5 % below load_above")
    endurance: bool = Field(default=False, description="shed as soon as the UPS would not last for its endurance")
    hold_ms: DelayMs = Field(default=0, description="how long a threshold must be passed before it counts")
    dwell_ms: DelayMs | None = Field(default=None, description="shortest time shed; default recovery.stage_dwell")

    @property
    def charge_release_pct(self) -> float | None:
        """Charge in percent above which the charge condition ends."""
        if self.charge_release_above_pct is not None or self.charge_below_pct is None:
            return self.charge_release_above_pct
        return min(100.0, self.charge_below_pct + 5)

    @property
    def load_release_pct(self) -> float | None:
        """Load in percent below which the load condition ends."""
        if self.load_release_below_pct is not None or self.load_above_pct is None:
            return self.load_release_below_pct
        return max(0.0, self.load_above_pct - 5)

    @property
    def runtime_release_ms(self) -> int | None:
        """Runtime in ms above which the runtime condition ends."""
        if self.runtime_release_above_ms is not None or self.runtime_below_ms is None:
            return self.runtime_release_above_ms
        return self.runtime_below_ms * 5 // 4
