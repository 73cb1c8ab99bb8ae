"""How alarms behave, who is told by which panel, what is tried in drills, and the services that are looked at.

Says nothing about what an alarm means: that is its monitor's. Plain frozen values; this knows no device.
"""

from enum import StrEnum
from typing import Annotated, Literal

from config import units
from config.model_common import AbsolutePath, DelayMs, Section, TimeoutMs, within
from config.shape import Field
from config.strict import DurationMs, Host, Name, Port, Text, fits

AlarmId = Annotated[str, fits(r"[a-z0-9_.*-]{1,96}", "must be an alarm's id, or *.ending for all that end so")]
DeviceId = Annotated[str, fits(r"[a-z0-9_.]{1,96}", "must be how its alarms' ids begin, like hvac1 or fire1.zone2")]
Count = Annotated[int, Field(ge=2, le=100)]


class Importance(StrEnum):
    """How soon people must act."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Alarms(Section):
    """Nuisance is tamed for all alarms alike. Figures after ISA-18.2 and EEMUA 191."""

    remind_high_ms: DelayMs = Field(
        default=3_600_000, description="a high alarm that was acknowledged and goes on is shown anew; 0 s: never"
    )
    remind_medium_ms: DelayMs = Field(default=28_800_000, description="the same for a medium one")
    remind_low_ms: DelayMs = Field(default=0, description="the same for a low one")
    chatter_count: Count = Field(default=3, description="activations within chatter_window that are chatter")
    chatter_window_ms: DelayMs = Field(default=60_000, description="see chatter_count")
    chatter_hold_ms: DelayMs = Field(default=300_000, description="how long a chattering alarm must be clear to return")
    flood_count: Count = Field(default=10, description="more alarms than this within flood_window are a flood")
    flood_end_count: Count = Field(default=5, description="fewer than this end it")
    flood_window_ms: DelayMs = Field(default=600_000, description="see flood_count")
    settle_ms: DelayMs = Field(
        default=120_000, description="how long a consequence stays suppressed after its cause has ended"
    )


class AlarmEntry(Section):
    """One alarm (or, with `*.ending`, several) that this floor wants otherwise."""

    id: AlarmId = Field(description="as `floorguard legend --all` lists it, or *.ending")
    priority: Importance | None = Field(default=None, description="how soon people must act")
    on_delay_ms: DelayMs | None = Field(default=None, description="seen for this long before it counts")
    off_delay_ms: DelayMs | None = Field(default=None, description="over for this long before it returns")
    remind_ms: DelayMs | None = Field(default=None, description="shown anew after so long; 0 s: never")


class Suppression(Section):
    """While `cause` holds, these alarms are its expected consequences: recorded, not shown."""

    cause: AlarmId = Field(description="id of the alarm whose condition is the cause, like ups1.on_battery")
    alarms: Annotated[tuple[AlarmId, ...], Field(min_length=1)] = Field(description="ids, or *.ending")


class LampPanel(Section):
    """A panel that speaks of a part of the floor only. Fire is shown on every panel."""

    id: Name = Field(description="as the lamps name it")
    name: Text | None = Field(default=None, description="where it hangs")
    devices: Annotated[tuple[DeviceId, ...], Field(min_length=1)] = Field(
        description="how the ids of its alarms begin: devices, zones, trunks, rooms"
    )


class Drills(Section):
    """Drills: procedures, part 6."""

    every_ms: DurationMs = Field(default=180 * 86_400_000, description="a drill that is older is overdue; 0 s: never")


class Check(StrEnum):
    """What proves that a service answers."""

    TCP = "tcp"  # it takes a connection
    TLS = "tls"  # and shows a certificate that is sound
    HTTP = "http"
    HTTPS = "https"


class Service(Section):
    """A service that agents need, with its standby: procedures, part 5."""

    id: Name = Field(description="its name, like crm")
    name: Text | None = Field(default=None, description="what people call it")
    check: Check = Field(description="tcp, tls, http or https")
    main: Host = Field(description="host that serves it")
    standby: Host | None = Field(default=None, description="host that takes over")
    port: Port = Field(description="TCP port on both")
    path: Annotated[str, fits(r"/[\x21-\x7e]{0,200}", "must be a path that begins with /")] = Field(
        default="/", description="of the request, for http and https"
    )
    status: tuple[Annotated[int, Field(ge=100, le=599)], ...] = Field(
        default=(200, 204, 301, 302, 303, 307, 308, 401, 403), description="status codes that mean that it works"
    )
    server_name: Host | None = Field(default=None, description="name in the certificate, where it is not the host's")
    ca_file: AbsolutePath | None = Field(default=None, description="authority; without it the system's")
    every_ms: Annotated[DurationMs, within(units.DURATION, "5 s", "1 h")] = Field(
        default=30_000, description="looked at this often"
    )
    timeout_ms: TimeoutMs = Field(default=3_000, description="for one look at one host")
    on_delay_ms: DelayMs = Field(default=60_000, description="both down for this long before people turn to paper")
    off_delay_ms: DelayMs = Field(default=60_000, description="up for this long before it counts as back")
    cert_warn: Literal["on", "off"] = Field(default="on", description="whether an ending certificate is an alarm")
