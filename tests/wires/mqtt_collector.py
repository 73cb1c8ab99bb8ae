"""The far side in tests: a subscriber that keeps every message and checks it against our schemas.

paho in a thread of its own, not our code under test: it decodes with the standard library and judges with jsonschema.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.wires.mqtt_judge import find_fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One message. `kind`: the level behind the site; `data`: JSON, None for an empty payload, bytes for nonsense."""

    topic: str
    kind: str
    data: Any
    retained: bool
    at_s: float
    correlation: bytes = b""


class Collector:
    """Hears `root/v1/#` from the moment it is made. All methods may be called from any thread but paho's."""

    def __init__(
        self, port: int, *, root: str = "floor", username: str = "", password: str = "", new: bool = True
    ) -> None:
        self.heard: list[Heard] = []
        self._raw: list[tuple[str, bytes]] = []
        self._news = threading.Condition()
        self._ready = threading.Event()
        version = MQTTProtocolVersion.MQTTv5 if new else MQTTProtocolVersion.MQTTv311
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self.client.reconnect_delay_set(1, 1)
        if username:
            self.client.username_pw_set(username, password)
        self.client.on_connect = lambda client, *_: client.subscribe(f"{root}/v1/#", qos=1)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._hear
        self.client.connect("127.0.0.1", port, keepalive=30)
        self.client.loop_start()
        assert self._ready.wait(10), "the collector could not subscribe"

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def of(self, kind: str) -> list[Heard]:
        """All messages of one kind, oldest first."""
        with self._news:
            return [one for one in self.heard if one.kind == kind]

    def last(self, kind: str) -> Any:
        """The newest message's content; None when there was none."""
        with self._news:
            return next((one.data for one in reversed(self.heard) if one.kind == kind), None)

    def find_faults(self) -> list[str]:
        """What the schemas do not allow, of all that was heard. Judged late: judging takes longer than hearing."""
        with self._news:
            return [fault for topic, raw in dict.fromkeys(self._raw) if (fault := find_fault(topic, raw))]

    def wait_for(self, ready: Callable[[Collector], Any], *, within_s: float = 10.0, what: str = "") -> Any:
        """Wait until `ready` says so; its answer."""
        deadline_s = time.monotonic() + within_s
        with self._news:
            while not (answer := ready(self)):
                left_s = deadline_s - time.monotonic()
                if left_s <= 0 or not self._news.wait(left_s):
                    if answer := ready(self):
                        return answer
                    pytest.fail(f"not heard within {within_s} s: {what}; heard {self.heard[-8:]}")
            return answer

    def publish(
        self, topic: str, content: object, *, retain: bool = False, correlation: bytes = b"", expiry_s: int = 0
    ) -> None:
        """Say something, as the central server would."""
        raw = content if isinstance(content, bytes) else json.dumps(content)
        about = Properties(PacketTypes.PUBLISH)
        if correlation:
            about.CorrelationData = correlation
        if expiry_s:
            about.MessageExpiryInterval = expiry_s
        self.client.publish(topic, raw, qos=1, retain=retain, properties=about).wait_for_publish(10)

    def _hear(self, client: paho.Client, data: object, message: paho.MQTTMessage) -> None:
        try:
            content = json.loads(message.payload or b"null")
        except ValueError:
            content = message.payload
        with self._news:
            self._raw.append((message.topic, message.payload))
            kind = message.topic.split("/")[3]
            self.heard.append(
                Heard(
                    topic=message.topic,
                    kind=kind,
                    data=content,
                    retained=message.retain,
                    at_s=time.monotonic(),
                    correlation=getattr(message.properties, "CorrelationData", b""),
                )
            )
            self._news.notify_all()
