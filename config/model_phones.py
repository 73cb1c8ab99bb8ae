"""Telephones beyond the exchange itself: lines that others tell of, what a surge does, and the move to the backup.

Plain frozen values; this knows no device and no decision.
"""

from enum import StrEnum
from typing import Annotated, Literal

from config.model_common import DelayMs, FastMs, OnOff, SecretRef, Section, TimeoutMs
from config.model_devices import ProfileName, SnmpV3, SnmpVersion
from config.shape import Field
from config.strict import Host, Name, Percent, PointId, Port, Text


class LineSource(StrEnum):
    """Who tells of a line that is no trunk of an exchange that we can ask."""

    CONTACT = "contact"
    LINE_CARD = "line_card"
    MANUAL = "manual"


class Line(Section):
    """One trunk that is watched past the exchange: by a contact, by a line card, or by people alone."""

    name: Name = Field(description="our id for it")
    group: Name = Field(description="id of its [[trunk_group]]")
    source: LineSource = Field(description="who tells of it")
    contact: PointId | None = Field(
        default=None, description="for contact: id of an [[input]], or a flag of a Modbus unit like sense1.input3.on"
    )
    alive: OnOff = Field(default=OnOff.ON, description="for contact: its value while the line lives")
    card: Name | None = Field(default=None, description="for line_card: id of the [[line_card]]")
    index: Annotated[int, Field(ge=1, le=2_147_483_647)] | None = Field(
        default=None, description="for line_card: index of the line in the card's table (ifIndex)"
    )


class LineCard(Section):
    """A gateway or exchange that tells of its E1/T1 lines over SNMP."""

    id: Name = Field(description="its name in logs")
    name: Text | None = Field(default=None, description="what people call it")
    address: Host = Field(description="host name or IP address of its SNMP agent")
    port: Port = Field(default=161, description="UDP port")
    profile: ProfileName = Field(default="line_ds1", description="which object and bits mean what")
    version: SnmpVersion = Field(default=SnmpVersion.V2C, description="SNMP version")
    community_file: SecretRef | None = Field(default=None, description="holds the read community; without it: public")
    v3: SnmpV3 | None = Field(default=None, description="the user, for version 3")
    timeout_ms: TimeoutMs = Field(default=800, description="patience for one answer")
    fast_ms: FastMs = Field(default=2_000, description="period of the line states")

    @property
    def stale_ms(self) -> int:
        """Age in ms at which a reading is BAD."""
        return 5 * self.fast_ms


class Surge(Section):
    """More callers than usual: procedures, part 2. Watched where an exchange names `queues`."""

    pause_outbound: bool = Field(default=False, description="whether a surge pauses outbound")
    announcement: PointId | None = Field(default=None, description="output that plays the emergency announcement")
    agents: PointId | None = Field(default=None, description="output that moves outbound agents to inbound")
    busy_pct: Percent = Field(
        default=40.0, description="share of 20 min with every inbound line taken that is a surge; 0 %: not watched"
    )
    wait_ms: DelayMs = Field(default=180_000, description="longest wait in a queue that is a surge; 0 s: not watched")
    abandoned_pct: Percent = Field(
        default=25.0, description="share of the callers of 20 min who gave up that is a surge; 0 %: not watched"
    )
    off_delay_ms: DelayMs = Field(default=300_000, description="as usual for this long before its actions end")


class Failover(Section):
    """Moving calls to the backup trunks. Off: the controller advises, people act."""

    enabled: bool = Field(default=False, description="whether the controller acts by itself")
    output: PointId | None = Field(default=None, description="transfer relay or the exchange's backup switch")
    group: Name | None = Field(default=None, description="id of the trunk group whose loss starts it")
    back: Literal["hand", "stable"] = Field(default="hand", description="how it comes back")
    stable_ms: DelayMs = Field(default=600_000, description="for stable: group sound for this long")
    minimum_stay_ms: DelayMs = Field(default=300_000, description="shortest time that calls stay on the backup")
    in_use: PointId | None = Field(
        default=None, description="of a transfer relay: [[input]] that is on while one of its lines is in use"
    )
    steps: tuple[Name, ...] = Field(
        default=("see_lines", "tell_floor", "move_trunks", "test_inbound", "voice_menu", "note_lines"),
        max_length=20,
        description="the hand procedure, told when trunks fail and ticked item by item: keys of the checklist texts",
    )
