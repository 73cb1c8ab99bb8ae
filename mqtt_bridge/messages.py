"""What goes out, what comes in, and how a session ends: plain values between the client and those who use it.

Pure. It must not know paho, topics or payloads.
"""

from config.valued import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One publication, QoS 1. `correlation`: MQTT 5 correlation data of the request that it answers."""

    topic: str
    payload: bytes
    retain: bool = False
    correlation: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message that came in, of at most 64 KiB. `retain`: it was kept by the broker, nobody says it now.

    `correlation` as its sender gave it; `expiry_s`: what is left of the sender's message expiry, None without one.
    """

    topic: str
    payload: bytes
    retain: bool = False
    correlation: bytes = b""
    expiry_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How a session ended. `taken_over`: the broker says that another client came with our id."""

    why: str
    taken_over: bool = False
