"""Home Assistant's device: what its validator asks for, what its templates make of a state, and nothing to press."""

from __future__ import annotations

import re
from typing import Any

import pytest

from firmware_py.core.point import Kind, Point
from mqtt_bridge import payload
from mqtt_bridge.discovery import COMPONENTS, describe
from mqtt_bridge.topics import Topics
from tests.mqtt_bridge.floors import ABOUT, BOOT, SITE, see

TOPICS = Topics(site=SITE)
FLAG = Point(id="v.on", kind=Kind.FLAG, stale_after_ms=1)
# From Home Assistant's documentation: device discovery, and what each platform requires.
REQUIRED = {"sensor": {"state_topic"}, "binary_sensor": {"state_topic"}, "button": {"command_topic"}}
CLASSES = {"enum", "temperature", "voltage", "current", "power", "apparent_power", "frequency", "duration", "pressure"}


def parts(**more: Any) -> dict[str, Any]:
    about = payload.About(version="1", schema="x", points=(*ABOUT.points, FLAG))
    found = describe(TOPICS, about, boot=BOOT, senders=more.get("senders", {}))["components"]
    assert isinstance(found, dict)
    return found


def test_the_device_has_what_device_discovery_requires() -> None:
    device: Any = describe(TOPICS, ABOUT, boot=BOOT, senders={})
    assert device["device"]["identifiers"] == [f"floorguard_{SITE}"]
    assert device["origin"]["name"] == "floorguard"
    assert device["availability"][0]["topic"] == TOPICS.status
    for key, part in parts().items():
        assert re.fullmatch(r"[a-z0-9_]+", key)
        assert REQUIRED[part["platform"]] <= part.keys()
        assert part.get("device_class", "enum") in CLASSES
    names = [part["unique_id"] for part in parts().values()]
    assert len(names) == len(set(names))
    assert len(payload.encode(device)) < payload.STATE_BYTES


def test_nothing_can_be_pressed_unless_home_assistant_may_order() -> None:
    assert not any("command_topic" in part for part in parts(senders={"ops@noc": frozenset({"ack"})}).values())
    allowed = parts(senders={"homeassistant": frozenset({"ack", "lamp-test"})})
    buttons = {key: part for key, part in allowed.items() if part["platform"] == "button"}
    assert set(buttons) == {"do_ack", "do_lamp_test"}
    assert buttons["do_lamp_test"]["command_topic"] == f"{TOPICS}/cmd/lamp-test"
    assert buttons["do_ack"]["retain"] is False and BOOT in buttons["do_ack"]["command_template"]


def test_a_great_floor_stays_within_the_limit() -> None:
    points = tuple(Point(id=f"u{number}.a.b.c", kind=Kind.NUMBER, unit="C", stale_after_ms=1) for number in range(900))
    about = payload.About(version="1", schema="x", points=points)
    device = describe(TOPICS, about, boot=BOOT, senders={})
    assert len(device["components"]) == COMPONENTS + 1  # type: ignore[arg-type]  # it is a dictionary
    assert len(payload.encode(device)) < 2 * payload.STATE_BYTES


def test_the_templates_show_good_values_and_nothing_for_stale_ones() -> None:
    jinja2 = pytest.importorskip("jinja2")
    seen = see(charge_pct=42)
    who = payload.Identity(site=SITE, log="7f3a", boot=BOOT)
    stamp = payload.Stamp(ts="2026-01-01T00:00:00.000Z", clk="ntp")
    state = payload.state(who, stamp=stamp, seq=0, seen=seen, points=ABOUT.points, utc=lambda _: stamp.ts)

    def show(key: str) -> str:
        return str(jinja2.Template(parts()[key]["value_template"]).render(value_json=state))

    assert show("mode") == "normal"
    assert show("ups1_battery_charge_pct") == "42"
    assert show("room1_temp_c") == "None"  # which Home Assistant shows as unknown
    assert show("v_on") == "None"
