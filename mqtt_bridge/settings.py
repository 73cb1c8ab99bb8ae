"""What the bridge must be told: the broker, how to prove who we are, and the rhythms.

Values only; the site's configuration is compiled into them. It must not know files' contents: certificates are read
again at each connect.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from config.valued import dataclass


class MqttVersion(StrEnum):
    """MQTT 5 tells why something is refused; 3.1.1 is for old brokers and tells nothing."""

    V5 = "5"
    V311 = "3.1.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Names of PEM files. `ca` empty: the system's authorities. `cert` and `key` go together."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def __post_init__(self) -> None:
        assert bool(self.cert) == bool(self.key), "a certificate and its key go together"


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where and how. `password` is the secret itself, never shown. `window`: messages in flight at most, less where the
    broker says so. `username` empty: the site's name, if there is a password.
    """

    host: str
    port: int
    version: MqttVersion = MqttVersion.V5
    username: str = ""
    password: str = field(default="", repr=False)
    tls: Tls | None = None
    keep_alive_ms: int = 15_000
    connect_within_ms: int = 10_000
    puback_within_ms: int = 10_000
    window: int = 40

    def __post_init__(self) -> None:
        assert self.keep_alive_ms >= 1_000 and self.keep_alive_ms % 1_000 == 0, "keep-alive is in whole seconds"
        assert 1 <= self.window <= 1_000 and self.connect_within_ms > 0 and self.puback_within_ms > 0

    @property
    def idle_ms(self) -> int:
        """Half-open after so much silence: a ping was due and its answer is late (25 s with 15 s keep-alive)."""
        return self.keep_alive_ms * 5 // 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """One controller's side of the contract. `site` is client id, user name and topic level in one."""

    site: str
    broker: Broker
    root: str = "floor"
    state_gap_ms: int = 1_000  # between two states when only values changed
    state_every_ms: int = 60_000
    events_per_s: int = 50
    event_window: int = 32
    resend_ms: int = 5_000  # without movement of the cursor
    stop_within_ms: int = 2_000
    senders: Mapping[str, frozenset[str]] = field(default_factory=dict)  # who may order what; empty: commands are off
    discovery: bool = False  # tell Home Assistant
    tele_ms: int = 0  # between two `tele`; 0: none


def where(broker: Broker) -> str:
    """As errors name it."""
    return f"mqtt {broker.host}:{broker.port}"
