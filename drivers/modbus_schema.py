"""The format of a Modbus profile: what may stand in a file of config/profiles that describes a Modbus device.

Only shapes and limits; what the numbers come to is `drivers/modbus_profile.py`. Made to be written by hand in 30 to 60
lines, with the document beside you.
"""

from enum import StrEnum
from typing import Annotated, Literal

from config.shape import Field
from config.strict import DurationMs, Model, Text
from drivers.modbus_decode import Form, Order
from drivers.modbus_plan import Table

Address = Annotated[int, Field(ge=0, le=499_999)]
Cells = Annotated[int, Field(ge=1, le=2000)]
PointName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+|\{n\}|[a-z0-9_])*$", max_length=64)]
Bit = Annotated[int, Field(ge=0, le=15)]


class DeviceClass(StrEnum):
    """What a unit is. A `fire` unit is watched and nothing else."""

    HVAC = "hvac"
    FIRE = "fire"
    RELAYS = "relays"
    GENERIC = "generic"


class Pace(StrEnum):
    """How often a point is read."""

    FAST = "fast"
    SLOW = "slow"


class Parameter(Model):
    """A number that each site sets for itself: a base address, how many zones there are."""

    default: int
    least: int = 0
    most: int = 65_535
    about: Text


class PointEntry(Model):
    """One point, or with `bits` several flags of one register; with `repeat` one for each n of that parameter.

    `address` counts from `base` where one is named; the copies of a repeated point lie `step` cells apart. `room`: what
    it measures belongs to the room, not to the device. The rest is in `drivers/modbus_decode.py`.
    """

    name: PointName | None = None
    bits: dict[PointName, Bit] | None = None
    table: Table
    address: Address
    base: str | None = None
    repeat: str | None = None
    step: Cells = 1
    type: Form | None = None
    order: Order = Order.ABCD
    count: Cells = 1
    bit: Bit | None = None
    mask: int | None = None
    equals: tuple[int, ...] = ()
    invert: bool = False
    words: dict[str, str] | None = None
    scale: float = 1.0
    offset: float = 0.0
    fahrenheit: bool = False
    unit: str = ""
    sentinels: tuple[float, ...] = ()
    range: tuple[float, float] | None = None
    group: Pace = Pace.SLOW
    urgent: bool = False
    room: bool = False


class SpanEntry(Model):
    """Neighbouring cells, in the numbers of the profile's document."""

    table: Table
    address: Address
    count: Cells


class ReadEntry(Model):
    """How far reads may be merged (`drivers/modbus_plan.py`)."""

    max_registers: Annotated[int, Field(ge=1, le=125)] = 125
    max_bits: Annotated[int, Field(ge=1, le=2000)] = 256
    max_gap: Annotated[int, Field(ge=0, le=124)] = 8
    ranges: tuple[SpanEntry, ...] = ()
    fast: DurationMs = 1_000
    slow: DurationMs = 10_000


class QuirkEntry(Model):
    """What is odd about this device. `transaction_zero`: it answers Modbus/TCP with transaction id 0."""

    discard_first_reads: Annotated[int, Field(ge=0, le=10)] = 0
    not_ready: DurationMs = 0
    zero_fill_suspect: bool = False
    spacing: DurationMs = 0
    transaction_zero: bool = False


class CanaryEntry(SpanEntry):
    """Registers that never change: proof that replies belong to questions. `expect`: what they hold, if known."""

    count: Annotated[int, Field(ge=2, le=16)]
    expect: tuple[int, ...] = ()


class SetpointEntry(Model):
    """A point that a site may have set, within `range` in the point's own unit. `function`: 6 or 16, as the device has
    it; a value of several registers always goes with 16."""

    point: PointName
    range: tuple[float, float]
    function: Literal[6, 16] = 6


class SafetyTimerEntry(Model):
    """A board's own timer: it lets go of all its relays when it is asked nothing for so long. One holding register
    that counts in `step`, at most `most` of them."""

    address: Address
    step: DurationMs
    most: Annotated[int, Field(ge=1, le=65_535)] = 65_535
    function: Literal[6, 16] = 6


class ProfileFile(Model):
    """One file of config/profiles. `numbers`: how it counts addresses (from 0, from 1, or 10001/30001/40001)."""

    about: Text
    document: Text
    revision: Text
    verified: Text
    gap: Text
    device_class: DeviceClass = Field(alias="class")
    numbers: Literal["from_0", "from_1", "modicon"]
    parameters: dict[str, Parameter] = Field(default_factory=dict)
    points: Annotated[tuple[PointEntry, ...], Field(min_length=1)]
    writable: tuple[SpanEntry, ...] = ()
    setpoints: tuple[SetpointEntry, ...] = ()
    safety_timer: SafetyTimerEntry | None = None
    read: ReadEntry = ReadEntry()
    quirks: QuirkEntry = QuirkEntry()
    canary: CanaryEntry | None = None
