"""The controller's line to the central server: broker, certificates, and who may order what from afar.

Plain frozen values; this knows no socket and no decision.
"""

from enum import StrEnum
from typing import Annotated

from config import units
from config.model_common import AbsolutePath, SecretRef, Section, within
from config.shape import Field
from config.strict import DurationMs, Host, Port, Text, fits


class Tls(Section):
    """Certificates, read at each connect."""

    ca_file: AbsolutePath | None = Field(default=None, description="authority; without it the system's")
    cert_file: AbsolutePath | None = Field(default=None, description="our certificate")
    key_file: AbsolutePath | None = Field(default=None, description="its key")


class MqttVersion(StrEnum):
    """Protocol versions of MQTT."""

    V5 = "5"
    V311 = "3.1.1"


class Order(StrEnum):
    """Commands that may come over MQTT; fire confirmation and configuration are local only."""

    ACK = "ack"
    SILENCE = "silence"
    SHELVE = "shelve"
    UNSHELVE = "unshelve"
    CONSERVE = "conserve"
    RELEASE = "release"
    PAUSE_OUTBOUND = "pause-outbound"
    RESUME_OUTBOUND = "resume-outbound"
    TICK = "tick"
    LAMP_TEST = "lamp-test"
    DRILL = "drill"
    ANNOUNCE = "announce"


class Sender(Section):
    """Somebody who may order over MQTT."""

    by: Annotated[str, fits(r"[\x21-\x7e]{1,64}", "must be 1 to 64 printable characters without spaces")] = Field(
        description="as commands name their sender"
    )
    may: Annotated[tuple[Order, ...], Field(min_length=1)] = Field(description="what")


class MqttCommands(Section):
    """Orders from the far side; off unless switched on here."""

    enabled: bool = Field(default=False, description="whether any command is heard at all")
    sender: tuple[Sender, ...] = Field(default=(), max_length=64, description="who may order what")


class Mqtt(Section):
    """The line to the central server."""

    enabled: bool = Field(default=True, description="whether anything is published")
    host: Host = Field(description="the broker")
    port: Port | None = Field(default=None, description="default 1883, with TLS 8883")
    base: Annotated[
        str,
        fits(r"[A-Za-z0-9_-]{1,40}", "must be one topic level: letters, digits, _ and -; the version level is added"),
    ] = Field(default="floor", description="first level of topics")
    version: MqttVersion = Field(default=MqttVersion.V5, description="MQTT version")
    username: Text | None = Field(default=None, description="default the site's id, where there is a password")
    password_file: SecretRef | None = Field(default=None, description="holds the password")
    tls: Tls | None = Field(default=None, description="given: speak TLS")
    keepalive_ms: Annotated[DurationMs, within(units.DURATION, "5 s", "10 min")] = Field(
        default=15_000, description="keep-alive"
    )
    heartbeat_ms: Annotated[DurationMs, within(units.DURATION, "5 s", "1 h")] = Field(
        default=60_000, description="state is published at least this often"
    )
    inflight: Annotated[int, Field(ge=1, le=100)] = Field(default=32, description="events on the way at once")
    tele_ms: Annotated[DurationMs, within(units.DURATION, "0 s", "1 min")] = Field(
        default=0, description="fast values this often; 0 s: none"
    )
    discovery: bool = Field(default=False, description="whether Home Assistant is told of this floor")
    commands: MqttCommands = Field(default=MqttCommands(), description="orders from the far side")

    @property
    def broker_port(self) -> int:
        """The TCP port in force."""
        return self.port if self.port is not None else 8883 if self.tls else 1883

    @property
    def topic_root(self) -> str:
        """First two levels of every topic; the version level is not configurable."""
        return f"{self.base}/v1"
