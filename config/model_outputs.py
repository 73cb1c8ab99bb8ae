"""What the controller acts on: pins, relay boards, set points, outlets, the exchange, campaigns; each with safe values.

Says what is wired where. Who decides about it, and how, is the core's; this knows no wire.
"""

import re
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias

from config import units
from config.model_common import AbsolutePath, DelayMs, OnOff, SecretRef, Section, TimeoutMs, within
from config.shape import AfterValidator, Field
from config.strict import CelsiusC, DurationMs, Name, PointId, Text, fits

# BCM numbers of the 40-pin header; 0 and 1 belong to the identification memory of add-on boards.
Pin = Annotated[int, Field(ge=2, le=27)]
LeaseMs = Annotated[DurationMs, within(units.DURATION, "1 s", "1 h")]


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression, but must be one: {error}") from error
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
