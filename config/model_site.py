"""The whole site file: the sections about the place, its people, its timings and the controller's own connections.

Every number that the emergency plans give is a default here. Plain frozen values; this knows no device and no decision.
"""

from typing import Annotated, Literal

from config import units
from config.model_alarms import AlarmEntry, Alarms, Drills, LampPanel, Service, Suppression
from config.model_common import AbsolutePath, DelayMs, Section, StoreBytes, within
from config.model_devices import Exchange, ModbusEndpoint, ModbusUnit, SnmpTraps, Trunk, TrunkGroup, Ups
from config.model_floor import Annunciator, Generator, InputEntry, Lamp, Load, PlannedOutage, StageEntry
from config.model_mqtt import Mqtt
from config.model_outputs import OutputEntry
from config.model_people import CallIn, Escalation, Person, Words
from config.model_phones import Failover, Line, LineCard, Surge
from config.shape import Field
from config.strict import CelsiusC, CelsiusPerMinute, DurationMs, Name, Percent, PointId, Text, fits


class Place(Section):
    """Which floor this is."""

    id: Annotated[str, fits(r"[a-z0-9-]{1,40}", "must be 1 to 40 small letters, digits and -")] = Field(
        description="its name in topics; never changed"
    )
    name: Text = Field(description="what people call it")
    language: Literal["en", "zh"] = Field(default="en", description="of texts that people read")
    timezone: Annotated[str, fits(r"[A-Za-z0-9_+/-]{1,64}", "must be the name of a time zone, like Asia/Shanghai")] = (
        Field(default="UTC", description="for reports")
    )
    exit: Words | None = Field(default=None, description="the way out and the meeting point, told in a fire")


class Power(Section):
    """Power cut: procedures, part 1."""

    on_delay_ms: DelayMs = Field(default=2_000, description="on battery for this long before the floor conserves")
    off_delay_ms: DelayMs = Field(default=30_000, description="mains back for this long before recovery begins")
    endurance_ms: DurationMs = Field(default=14_400_000, description="how long a battery is to last")
    manual_records_lead_ms: DelayMs = Field(
        default=600_000, description="forecast left at which people turn to paper forms"
    )
    announce_lead_ms: DelayMs = Field(default=120_000, description="warning before loads are cut that people sit at")
    low_charge_pct: Percent = Field(default=30.0, description="charge below which the battery counts as low")
    overload_pct: Percent = Field(
        default=95.0, description="load above which a UPS counts as overloaded; no load returns while it is"
    )
    calibration_floor_pct: Percent = Field(
        default=20.0, description="charge at which a calibration run counts as an outage; other tests do after 60 s"
    )
    trust_unwatched_pct: Percent = Field(
        default=25.0,
        description="share of a forecast that is believed beyond the charge that this battery was ever watched to give",
    )
    last_words_lead_ms: DelayMs = Field(
        default=120_000, description="forecast left at which the controller says that its own supply ends"
    )
    notice_ms: DurationMs = Field(default=604_800_000, description="how long before a planned cut it is told")
    estimates: Annotated[tuple[Literal["ups", "slope", "table"], ...], Field(min_length=1, max_length=3)] = Field(
        default=("ups", "slope", "table"), description="forecasts that count; the lowest of them is acted on"
    )


class Trunks(Section):
    """Phones: procedures, part 2."""

    on_delay_ms: DelayMs = Field(
        default=3_000, description="down for this long before it counts; longer than one gap of the exchange's looks"
    )
    looks: Annotated[int, Field(ge=2, le=10)] = Field(
        default=3, description="readings in a row that must agree, beside the delay"
    )
    off_delay_ms: DelayMs = Field(default=30_000, description="enough trunks up for this long before recovery begins")


class Outbound(Section):
    """What pauses outbound calls."""

    outputs: tuple[PointId, ...] = Field(default=(), description="ids of outputs that pause outbound while on")


class Cooling(Section):
    """Air conditioning: procedures, part 3."""

    warm_c: CelsiusC = Field(default=27.0, description="room temperature of the first step")
    hot_c: CelsiusC = Field(default=32.0, description="of the second")
    critical_c: CelsiusC = Field(default=35.0, description="of the third")
    deadband_c: Annotated[CelsiusC, within(units.CELSIUS, "0 C", "10 C")] = Field(
        default=1.0, description="to leave a step"
    )
    rise_c_per_min: CelsiusPerMinute = Field(
        default=0.4, description="rate over 5 min that counts as a fault: 2 C in 5 min; 0: not watched"
    )
    jump_c: Annotated[CelsiusC, within(units.CELSIUS, "1 C", "50 C")] = Field(
        default=5.0, description="change between two samples that is a fault of the sensor"
    )
    dry_pct: Percent = Field(default=20.0, description="humidity below which the air is too dry")
    humid_pct: Percent = Field(default=70.0, description="humidity above which it is too damp")
    on_delay_ms: DelayMs = Field(default=30_000, description="a fault for this long before it counts")
    off_delay_ms: DelayMs = Field(default=60_000, description="sound for this long before the fault ends")
    fans: tuple[PointId, ...] = Field(
        default=(), description="outputs that run while cooling fails; never started in a fire"
    )
    gentle: tuple[PointId, ...] = Field(
        default=(), description="outputs that ask for less in conservation: UPS modes, raised set points"
    )
    min_on_ms: DelayMs = Field(default=300_000, description="shortest time on of a compressor")
    min_off_ms: DelayMs = Field(default=300_000, description="shortest time off of a compressor")
    starts_per_hour: Annotated[int, Field(ge=1, le=20)] = Field(default=6, description="of one compressor")
    restart_spacing_ms: DelayMs = Field(default=30_000, description="between the starts of two compressors")


class Fire(Section):
    """Fire and evacuation: procedures, part 4. The fire panel alone evacuates."""

    sounder: bool = Field(
        default=False, description="whether our sounder sounds for fire; it must not mask the panel's"
    )
    off_on_fire: tuple[Name, ...] = Field(default=(), description="ids of loads that are cut on a confirmed fire")
    lost_after_ms: Annotated[DurationMs, within(units.DURATION, "1 s", "10 s")] = Field(
        default=10_000, description="silence of the panel that is a fault"
    )
    seen_within_ms: Annotated[DurationMs, within(units.DURATION, "1 s", "10 s")] = Field(
        default=10_000, description="how late a fire may be seen, one dead unit on its line included"
    )
    test_limit_ms: DelayMs = Field(default=7_200_000, description="a zone in test for longer is a fault")


class Recovery(Section):
    """How the floor comes back."""

    stable_ms: DelayMs = Field(
        default=300_000, description="evidence stays good for this long before the first load returns"
    )
    restore_spacing_ms: DelayMs = Field(default=30_000, description="between two loads that return")
    stage_dwell_ms: DelayMs = Field(default=300_000, description="shortest time that a stage stays shed")
    relapse_window_ms: DelayMs = Field(
        default=1_800_000, description="a relapse within this time makes the next wait longer"
    )
    relapse_factor: Annotated[int, Field(ge=1, le=8)] = Field(default=2, description="by how much")
    charge_floor_pct: Percent = Field(default=0.0, description="charge needed before loads return")
    runtime_floor_ms: DelayMs = Field(default=0, description="forecast needed before loads return")
    full_pct: Percent = Field(
        default=95.0, description="a battery with so much is full: a runtime beyond it keeps no load off"
    )


class Gpio(Section):
    """This board's pins."""

    factory: Literal["lgpio", "mock"] = Field(description="lgpio on a Pi; mock has no pins and is for trying out")
    chip: Text | None = Field(default=None, description="label of the chip, like pinctrl-rp1; default: found by label")


class Journal(Section):
    """The numbered events."""

    max_size_bytes: StoreBytes = Field(default=16_000_000, description="beyond it the least important events go")
    max_event_bytes: Annotated[StoreBytes, within(units.BYTES, "64 kB", "256 kB")] = Field(
        default=64_000, description="largest event"
    )


class Recorder(Section):
    """The inputs, kept for replay."""

    max_size_bytes: StoreBytes = Field(default=32_000_000, description="beyond it the oldest inputs go")


class Storage(Section):
    """Where the controller keeps what it must remember."""

    directory: AbsolutePath | None = Field(
        default=None, description="default: systemd's state directory, else /var/lib/floorguard"
    )
    export_every_ms: DurationMs = Field(
        default=7 * 86_400_000, description="an export of the site that is older is overdue; 0 s: never"
    )


class Control(Section):
    """The socket of the command line."""

    socket: AbsolutePath | None = Field(
        default=None, description="default: control.sock in systemd's runtime directory, else in /run/floorguard"
    )
    view: tuple[Text, ...] = Field(
        default=(), max_length=16, description="groups that may look; none anywhere: whoever the socket's mode lets in"
    )
    operate: tuple[Text, ...] = Field(default=(), max_length=16, description="groups that may give orders as well")
    configure: tuple[Text, ...] = Field(
        default=(), max_length=16, description="groups that may change the site as well"
    )


class Site(Section):
    """The site file. Lists keep the order of the file."""

    site: Place
    person: tuple[Person, ...] = Field(default=(), max_length=64)
    power: Power = Power()
    trunks: Trunks = Trunks()
    outbound: Outbound = Outbound()
    surge: Surge = Surge()
    cooling: Cooling = Cooling()
    fire: Fire = Fire()
    recovery: Recovery = Recovery()
    escalation: Escalation = Escalation()
    call_in: CallIn = CallIn()
    ups: tuple[Ups, ...] = Field(default=(), max_length=64)
    snmp_traps: SnmpTraps = SnmpTraps()
    modbus: tuple[ModbusEndpoint, ...] = Field(default=(), max_length=256)
    exchange: tuple[Exchange, ...] = Field(default=(), max_length=16)
    line: tuple[Line, ...] = Field(default=(), max_length=64)
    line_card: tuple[LineCard, ...] = Field(default=(), max_length=16)
    trunk_group: tuple[TrunkGroup, ...] = Field(default=(), max_length=64)
    gpio: Gpio | None = None
    output: tuple[OutputEntry, ...] = Field(default=(), max_length=512)
    input: tuple[InputEntry, ...] = Field(default=(), max_length=64)
    lamp: tuple[Lamp, ...] = Field(default=(), max_length=128)
    annunciator: Annunciator = Annunciator()
    panel: tuple[LampPanel, ...] = Field(default=(), max_length=32)
    alarms: Alarms = Alarms()
    alarm: tuple[AlarmEntry, ...] = Field(default=(), max_length=256)
    suppression: tuple[Suppression, ...] = Field(default=(), max_length=64)
    drill: Drills = Drills()
    service: tuple[Service, ...] = Field(default=(), max_length=16)
    load: tuple[Load, ...] = Field(default=(), max_length=256)
    stage: tuple[StageEntry, ...] = Field(default=(), max_length=64)
    planned_outage: tuple[PlannedOutage, ...] = Field(default=(), max_length=64)
    generator: Generator | None = None
    failover: Failover = Failover()
    mqtt: Mqtt | None = None
    journal: Journal = Journal()
    recorder: Recorder = Recorder()
    storage: Storage = Storage()
    control: Control = Control()

    @property
    def units(self) -> tuple[tuple[ModbusEndpoint, ModbusUnit], ...]:
        """All Modbus units with their endpoints."""
        return tuple((endpoint, unit) for endpoint in self.modbus for unit in endpoint.units)

    def trunk_names(self, group: str) -> tuple[str, ...]:
        """The names of all trunks of a group, whoever tells of them."""
        listed = [trunk.name for _, trunk in self.trunks_of(group)]
        return (*listed, *(line.name for line in self.line if line.group == group))

    @property
    def moves_lines(self) -> bool:
        """Whether failover moves the lines themselves, and with them every call, instead of telling an exchange."""
        moved = [output for output in self.output if output.id == self.failover.output]
        return self.failover.enabled and any(output.port != "exchange" for output in moved)

    def calls_of(self, group: str) -> tuple[str, ...]:
        """The points that count the calls of a whole group; none where one of its trunks is not counted."""
        counted = [trunk.name for _, trunk in self.trunks_of(group) if trunk.counted_in]
        whole = len(counted) == len(self.trunk_names(group))
        return tuple(f"trunks.{name}.calls" for name in counted) if whole else ()

    def trunks_of(self, group: str) -> tuple[tuple[Exchange, Trunk], ...]:
        """The trunks of a group that an exchange tells of, with their exchanges."""
        return tuple((one, trunk) for one in self.exchange for trunk in one.trunks if trunk.group == group)
