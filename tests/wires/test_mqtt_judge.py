"""The ear on all that bridges say in tests: it hears what goes out, the will too, and finds what the schemas forbid."""

from __future__ import annotations

import asyncio

import pytest

from mqtt_bridge import payload
from mqtt_bridge.settings import Bridge, Broker
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE, TOPIC, ListOutbox, make_publisher, power_cut
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_fixtures import mosquitto
from tests.wires.mqtt_judge import EAR, find_fault

pytestmark = pytest.mark.wire
__all__ = ["mosquitto"]


def say_all(port: int) -> set[str]:
    """Let a bridge say something of everything; which topics the ear heard."""
    outbox = ListOutbox()
    outbox.append()

    async def scenario() -> None:
        settings = Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port), tele_ms=100, discovery=True)
        bridge = make_publisher(settings, outbox=outbox)
        bridge.offer(power_cut())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: outbox.ack == 1 and f"{TOPIC}/tele" in {topic for topic, _ in EAR._noted})
        await bridge.stop("test")
        await task

    run(scenario())
    return {topic for topic, _ in EAR._noted}


def test_the_ear_hears_every_kind_of_message(mosquitto: Mosquitto) -> None:
    kinds = ("status", "info", "state", "alarm/ups1/on_battery", "event", "tele")
    heard = say_all(mosquitto.port)
    assert heard == {*(f"{TOPIC}/{kind}" for kind in kinds), f"homeassistant/device/{SITE}/config"}
    assert {raw.split(b'"state":"')[1].split(b'"')[0] for topic, raw in EAR._noted if topic == f"{TOPIC}/status"} == {
        b"online", b"lost", b"offline",
    }  # fmt: skip


def test_a_message_that_breaks_its_schema_is_found(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = payload.will
    monkeypatch.setattr(payload, "will", lambda who, *, n: honest(who, n=n) | {"stray": 1})
    say_all(mosquitto.port)
    (fault,) = EAR.take_faults()
    assert fault.startswith(f"{TOPIC}/status") and "stray" in fault


@pytest.mark.parametrize(
    ("kind", "raw", "word"),
    [
        ("event", b'{"v":1}', "required"),
        ("reply", b'{"v":1,"id":null,"status":"done","error":null,"seq":0,"a.b":1}', "'a.b'"),
        ("status", b"", "empty"),
        ("state", b"{", "not JSON"),
        ("fire", b"{}", "no schema"),
    ],
)
def test_each_kind_of_breach_has_its_word(kind: str, raw: bytes, word: str) -> None:
    assert word in find_fault(f"{TOPIC}/{kind}", raw)
