"""What the controller acts on: outputs and inputs, lamps, loads, and the stages in which loads are shed.

Says what is wired where and what may be cut when. Who decides, and how, is the core's; this knows no wire.
"""

import re
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from config import units
from config.model_common import AbsolutePath, DelayMs, OnOff, SecretRef, Section, TimeoutMs, within
from config.strict import CelsiusC, DurationMs, Name, Percent, PointId, Text, Watts, fits
from firmware_py.core.calendar import seconds_of

# BCM numbers of the 40-pin header; 0 and 1 belong to the identification memory of add-on boards.
Pin = Annotated[int, Field(ge=2, le=27)]
LeaseMs = Annotated[DurationMs, within(units.DURATION, "1 s", "1 h")]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text


Pattern = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_pattern)]


class Polarity(StrEnum):
    """Which level of the wire means "on"."""

    ACTIVE_HIGH = "active_high"
    ACTIVE_LOW = "active_low"


class Fallback(StrEnum):
    """What an output is left at when the controller stops or fails."""

    OFF = "off"
    ON = "on"
    HOLD = "hold"


class _Output(Section):
    id: PointId = Field(description="what it does, like beacon or lamp.power; never a pin")
    name: Text | None = Field(default=None, description="what people call it")
    normal: OnOff = Field(default=OnOff.OFF, description="its value when nobody asks for anything")
    on_stop: Fallback = Field(description="what it is left at when the controller is stopped")
    on_fault: Fallback = Field(description="what it is left at when the controller fails")
    min_on_ms: DelayMs = Field(default=0, description="shortest time on; life safety does not wait for it")
    min_off_ms: DelayMs = Field(default=0, description="shortest time off; life safety does not wait for it")
    lease_ms: LeaseMs = Field(default=60_000, description="written again at least this often")


class GpioOutput(_Output):
    """A pin of this board."""

    port: Literal["gpio"] = Field(description="a pin of this board")
    pin: Pin = Field(description="BCM number of the pin")
    polarity: Polarity = Field(description="level of the pin that means on")


class ModbusOutput(_Output):
    """A coil of a relay board or of a device."""

    port: Literal["modbus"] = Field(description="a coil behind a Modbus endpoint")
    unit: Name = Field(description="id of the [[modbus.unit]]")
    coil: Annotated[int, Field(ge=0, le=65_535)] = Field(description="number of the coil on the wire, from 0")
    polarity: Polarity = Field(default=Polarity.ACTIVE_HIGH, description="level of the coil that means on")


class SetpointOutput(_Output):
    """A set point of an air conditioner. On: raised, so that it asks for less; off: the usual one, or what people set
    at the unit meanwhile."""

    port: Literal["setpoint"] = Field(description="a set point of a Modbus unit")
    unit: Name = Field(description="id of the [[modbus.unit]]")
    point: PointId = Field(description="name of the set point in the unit's profile")
    raised_c: CelsiusC = Field(description="while it is on")
    usual_c: CelsiusC = Field(description="given back afterwards, where the raised one still stands")


class Switch(StrEnum):
    """What an exchange can be told. `outbound`: on means paused; `backup`: on means calls go over the backup;
    `members`: on means that the members of the exchange's pause_queues are paused; `agents`: that the members of its
    agents_from are in agents_to as well."""

    OUTBOUND = "outbound"
    BACKUP = "backup"
    SURGE = "surge"
    MEMBERS = "members"
    AGENTS = "agents"


class ExchangeOutput(_Output):
    """A device state of the exchange that its dialplan asks."""

    port: Literal["exchange"] = Field(description="a switch in the exchange")
    exchange: Name = Field(description="id of the [[exchange]]")
    switch: Switch = Field(description="which switch")


class OutletOutput(_Output):
    """A group of outlets of a UPS. The UPS must list it, and have a credential of its own for writing."""

    port: Literal["outlet"] = Field(description="a group of outlets of a UPS")
    ups: Name = Field(description="id of the [[ups]]")
    outlet: Annotated[int, Field(ge=1, le=64)] = Field(description="number of the group, as the UPS's card shows it")


Url = Annotated[
    str, fits(r"https?://[!-~]{1,1500}", "must be an address that begins with http:// or https://, without blanks")
]


class CampaignOutput(_Output):
    """A dialler's campaign: on means paused. `{secret}` in an address, a body or `authorization` is filled in."""

    port: Literal["campaign"] = Field(description="a dialler's campaign, by HTTP")
    pause: Url = Field(description="address that pauses it")
    resume: Url = Field(description="address that resumes it")
    pause_body: Annotated[str, Field(max_length=2000)] | None = Field(default=None, description="given: POST this form")
    resume_body: Annotated[str, Field(max_length=2000)] | None = Field(default=None, description="the same to resume")
    look: Url | None = Field(default=None, description="address that tells how it is; without it nobody looks")
    paused: Pattern | None = Field(default=None, description="regular expression that is found while it is paused")
    done: Text | None = Field(default=None, description="what an answer must hold, like SUCCESS; default: anything")
    also_accepts: tuple[Annotated[int, Field(ge=200, le=499)], ...] = Field(
        default=(), description="answers that are as good as 200: some diallers say 409 when it is paused already"
    )
    authorization: Annotated[str, fits(r"[ -~]{1,200}", "must be one printable line")] | None = Field(
        default=None, description="header, like Bearer {secret}"
    )
    secret_file: SecretRef | None = Field(default=None, description="holds the secret")
    cleartext: bool = Field(default=False, description="allow http:// to another machine")
    ca_file: AbsolutePath | None = Field(default=None, description="authority for https; without it the system's")
    timeout_ms: TimeoutMs = Field(default=3_000, description="patience for one answer")


ActionHeader = Annotated[str, fits(r"[A-Za-z][A-Za-z0-9-]{0,40}", "must be the name of a header of the manager")]
ActionValue = Annotated[str, fits(r"[^\r\n\x00]{1,200}", "must be one line")]


class AmiOutput(_Output):
    """A campaign that listens to the exchange: on means that `pause` was done. Our mark lies in the exchange too."""

    port: Literal["ami"] = Field(description="an action of the exchange's manager")
    exchange: Name = Field(description="id of the [[exchange]]")
    pause: dict[ActionHeader, ActionValue] = Field(description="headers of the action that pauses, Action first")
    resume: dict[ActionHeader, ActionValue] = Field(description="headers of the action that resumes")
    look: Annotated[str, fits(r"[A-Za-z_]{1,40}(\([A-Za-z0-9_.:@/,-]{1,120}\))?", "must be a variable or function")] = (
        Field(description="variable or function that tells how it is, like DEVICE_STATE(Custom:campaign1)")
    )
    paused: ActionValue = Field(description="its value while paused")


OutputEntry: TypeAlias = Annotated[
    GpioOutput | ModbusOutput | SetpointOutput | ExchangeOutput | OutletOutput | CampaignOutput | AmiOutput,
    Field(discriminator="port"),
]


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
