"""What the controller talks to: UPSs, Modbus endpoints with their units, exchanges with their trunks.

Says how a device is reached and how often it is read; what its values mean stands in its profile. Knows no driver.
"""

from enum import StrEnum
from typing import Annotated, Literal

from config.model_common import AbsolutePath, DelayMs, FastMs, SecretRef, Section, SlowMs, TimeoutMs
from config.shape import Field
from config.strict import DurationMs, Host, Name, Port, Text, Watts, fits

# The name of a file without .toml; profiles are searched beside the site file first, then in the package.
ProfileName = Annotated[
    str,
    fits(r"[a-z0-9][a-z0-9_-]{0,63}", "must be the name of a profile without .toml: small letters, digits, _ and -"),
]


class Polled(Section):
    """What every polled device has. A reading older than `stale_after` is BAD."""

    fast_ms: FastMs = Field(default=1_000, description="period of the points that decide")
    slow_ms: SlowMs = Field(default=10_000, description="period of all other points")
    stale_after_ms: DurationMs | None = Field(
        default=None, description="age at which a reading counts as lost; default 5 x fast"
    )

    @property
    def stale_ms(self) -> int:
        """Age in ms at which a reading of the fast group is BAD."""
        return 5 * self.fast_ms if self.stale_after_ms is None else self.stale_after_ms

    @property
    def slow_stale_ms(self) -> int:
        """The same for the slow group: two of its periods beyond the fast group's patience."""
        return self.stale_ms + 2 * self.slow_ms


class SnmpVersion(StrEnum):
    """Protocol versions of SNMP."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


class SnmpV3(Section):
    """The user of SNMPv3 (RFC 3414, RFC 3826, RFC 7860). Protocol "none" means no such protection."""

    user: Text = Field(description="user name on the UPS's card")
    auth_protocol: Literal["none", "md5", "sha1", "sha224", "sha256", "sha384", "sha512"] = Field(
        default="sha256", description="hash that authenticates"
    )
    auth_secret_file: SecretRef | None = Field(default=None, description="pass phrase of at least 8 characters")
    privacy_protocol: Literal["none", "des", "aes128", "aes192", "aes256"] = Field(
        default="aes128", description="cipher that hides the content"
    )
    privacy_secret_file: SecretRef | None = Field(default=None, description="pass phrase of at least 8 characters")


class Ups(Polled):
    """One UPS behind an SNMP agent."""

    id: Name = Field(description="first part of its points' ids, like ups1")
    name: Text | None = Field(default=None, description="what people call it")
    address: Host = Field(description="host name or IP address of its SNMP card")
    port: Port = Field(default=161, description="UDP port")
    profile: ProfileName = Field(default="ups_auto", description="which objects mean what")
    version: SnmpVersion = Field(default=SnmpVersion.V2C, description="SNMP version")
    community_file: SecretRef | None = Field(default=None, description="holds the read community; without it: public")
    v3: SnmpV3 | None = Field(default=None, description="the user, for version 3")
    outlets: tuple[Annotated[int, Field(ge=1, le=64)], ...] = Field(
        default=(), max_length=64, description="groups of outlets that may be switched; none without this list"
    )
    write_community_file: SecretRef | None = Field(
        default=None, description="holds the community that may write, for `outlets` alone; never the read community"
    )
    write_v3: SnmpV3 | None = Field(default=None, description="the user that may write, for version 3")
    timeout_ms: TimeoutMs = Field(default=800, description="patience for one answer")
    endurance_ms: DurationMs | None = Field(
        default=None, description="how long its battery is to last; default power.endurance"
    )
    rating_w: Watts | None = Field(
        default=None, description="its rated output; with it the load in percent shows what nobody declared"
    )


class SnmpTraps(Section):
    """The port for what UPSs say of themselves. A notification only makes us read at once; only configured UPSs are
    heard, and port 162 needs the right to bind it."""

    enabled: bool = Field(default=False, description="listen; it is one more open port")
    address: Host = Field(default="0.0.0.0", description="our own address to listen at")  # noqa: S104 - off by default
    port: Port = Field(default=162, description="UDP port")


class UnitClass(StrEnum):
    """What a Modbus unit is; must agree with its profile. A unit of class fire is never written to."""

    HVAC = "hvac"
    FIRE = "fire"
    RELAYS = "relays"
    GENERIC = "generic"


class ModbusUnit(Polled):
    """One device on a Modbus endpoint."""

    id: Name = Field(description="first part of its points' ids, like hvac1")
    name: Text | None = Field(default=None, description="what people call it")
    unit: Annotated[int, Field(ge=0, le=255)] = Field(
        description="unit identifier on the line: 1 to 247; TCP also 0, 255"
    )
    profile: ProfileName = Field(description="which registers mean what")
    kind: UnitClass = Field(alias="class", description="what it is")
    room: Name | None = Field(default=None, description="where it works; first part of the room's points")
    spacing_ms: DelayMs = Field(default=0, description="silence before each request to this unit, for a slow one")
    safety_timer_ms: DelayMs = Field(
        default=0, description="a board's own timer: it lets go of its relays when it hears nothing for so long; 0: not"
    )
    parameters: dict[Name, Annotated[int, Field(ge=0, le=65_535)]] = Field(
        default_factory=dict, description="numbers that the profile leaves to the site"
    )


class Transport(StrEnum):
    """How Modbus frames travel."""

    TCP = "tcp"
    RTU_TCP = "rtu-tcp"
    SERIAL = "serial"


class ModbusEndpoint(Section):
    """One line or gateway. Its units are read one after the other."""

    id: Name = Field(description="name of the endpoint in logs")
    transport: Transport = Field(description="frames on the wire")
    address: Host | None = Field(default=None, description="for tcp and rtu-tcp")
    port: Port = Field(default=502, description="TCP port")
    device: AbsolutePath | None = Field(default=None, description="for serial, like /dev/ttyUSB0")
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = Field(default=9600, description="for serial")
    parity: Literal["even", "odd", "none"] = Field(
        default="even", description="for serial; even is Modbus's own default"
    )
    stop_bits: Literal[1, 2] = Field(default=1, description="for serial")
    timeout_ms: TimeoutMs = Field(default=800, description="patience for one answer")
    spacing_ms: DelayMs = Field(default=0, description="silence between two requests, for slow devices")
    gateway_wait_ms: TimeoutMs | None = Field(
        default=None, description="how long a gateway waits for its units; timeout must be longer than all its tries"
    )
    gateway_retries: Annotated[int, Field(ge=0, le=10)] = Field(default=0, description="how often it tries again")
    unit: tuple[ModbusUnit, ...] = Field(default=(), max_length=64, description="devices on this endpoint")

    @property
    def units(self) -> tuple[ModbusUnit, ...]:
        """The devices on this endpoint."""
        return self.unit


PbxName = Annotated[
    str, fits(r"[A-Za-z0-9_.:+-]{1,80}", "must be a name as the exchange has it: letters, digits and _ . : + -")
]
PbxGroup = Annotated[
    str,
    fits(r"[A-Za-z0-9_.-]{1,80}(@[A-Za-z0-9_.-]{1,80})?", "must be a group as GROUP() has it, like out-main@trunks"),
]


class Trunk(Section):
    """One trunk as the exchange names it."""

    name: Name = Field(description="our id for it")
    endpoint: PbxName = Field(description="the PJSIP endpoint in the exchange")
    group: Name = Field(description="id of its [[trunk_group]]")
    capacity: Annotated[int, Field(ge=0, le=10_000)] = Field(
        default=0, description="calls that it carries at once; 0: not known"
    )
    aor: PbxName | None = Field(default=None, description="its address of record; default the endpoint's name")
    registration: PbxName | None = Field(default=None, description="its outbound registration, where it has one")
    counted_in: tuple[PbxGroup, ...] = Field(default=(), description="groups of the dialplan that count its calls")


class Exchange(Section):
    """One exchange behind its manager interface (AMI)."""

    id: Name = Field(description="first part of its points' ids, like pbx1")
    name: Text | None = Field(default=None, description="what people call it")
    host: Host = Field(description="host name or IP address")
    port: Port = Field(default=5038, description="TCP port of the manager interface")
    user: Annotated[
        str, fits(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", "must be a manager user's name: letters, digits and _ . -")
    ] = Field(description="manager user")
    secret_file: SecretRef = Field(description="holds the manager user's secret")
    tls: bool = Field(default=False, description="speak TLS")
    cleartext: bool = Field(default=False, description="allow to speak in the clear to another machine")
    ca_file: AbsolutePath | None = Field(default=None, description="authority for TLS; without it the system's")
    timeout_ms: TimeoutMs = Field(default=1_500, description="patience for one answer")
    fast_ms: FastMs = Field(default=2_000, description="period of the trunk states, beside the exchange's own events")
    stale_after_ms: DurationMs | None = Field(
        default=None, description="age at which a reading counts as lost; default 5 x fast"
    )
    outbound_gate: PbxName = Field(default="outbound-gate", description="custom device state that the dialplan asks")
    backup_gate: PbxName = Field(
        default="trunk-backup", description="custom device state that sends calls over the backup"
    )
    surge_gate: PbxName | None = Field(default=None, description="custom device state for the emergency announcement")
    emergency_numbers: tuple[
        Annotated[str, fits(r"[0-9*#]{2,15}", "must be the digits of a telephone number")], ...
    ] = Field(default=(), description="numbers that are never blocked, beside the country's")
    country: Annotated[str, fits(r"[A-Z]{2}", "must be the two letters of a country, like CN")] | None = Field(
        default=None, description="whose emergency numbers are never blocked"
    )
    emergency_group: PbxGroup = Field(default="emergency@trunks", description="group that counts emergency calls")
    desk_context: PbxName = Field(default="from-desk", description="where the dialplan begins for a desk")
    queues: tuple[PbxName, ...] = Field(default=(), max_length=32, description="inbound queues whose callers count")
    pause_queues: tuple[PbxName, ...] = Field(
        default=(), max_length=32, description="queues whose members the switch members pauses"
    )
    agents_from: tuple[PbxName, ...] = Field(
        default=(), max_length=32, description="queues whose members the switch agents adds to agents_to"
    )
    agents_to: PbxName | None = Field(default=None, description="the inbound queue that they are to help in a surge")
    agents_penalty: Annotated[int, Field(ge=0, le=100)] = Field(
        default=5, description="their penalty there: calls reach them after those who are always there"
    )
    timer_b_ms: DurationMs = Field(
        default=32_000, description="SIP timer B of the exchange (timer_b in pjsip.conf; 32 s unless set there)"
    )
    dial_timeout_ms: DurationMs | None = Field(
        default=None, description="how long the dialplan dials a trunk before it goes on to the backup"
    )
    dial_test: Annotated[str, fits(r"[0-9*#]{2,20}", "must be digits")] | None = Field(
        default=None, description="an outside number whose way through the dialplan is looked at, never dialled"
    )
    trunk: tuple[Trunk, ...] = Field(default=(), max_length=256, description="trunks that are watched")

    @property
    def trunks(self) -> tuple[Trunk, ...]:
        """The trunks that are watched."""
        return self.trunk

    @property
    def stale_ms(self) -> int:
        """Age in ms at which a reading is BAD."""
        return 5 * self.fast_ms if self.stale_after_ms is None else self.stale_after_ms


class Direction(StrEnum):
    """Which calls a trunk group carries."""

    IN = "in"
    OUT = "out"
    BOTH = "both"


class TrunkGroup(Section):
    """Trunks that stand in for one another. Fewer than `minimum_up` starts conservation for the trunk cause."""

    id: Name = Field(description="its name, like main")
    name: Text | None = Field(default=None, description="what people call it")
    direction: Direction = Field(default=Direction.BOTH, description="calls that it carries")
    minimum_up: Annotated[int, Field(ge=1, le=1000)] = Field(default=1, description="trunks that must be up")
    conserve: bool = Field(default=True, description="whether its loss starts conservation")
