"""Home Assistant's own schemas judge our discovery payload: what it takes, and that it would not take just anything."""

from __future__ import annotations

import copy
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from firmware_py.wiring.building import build_floor
from mqtt_bridge.commands import NAMES
from mqtt_bridge.discovery import describe
from mqtt_bridge.payload import About
from mqtt_bridge.schema import digest
from mqtt_bridge.topics import Topics
from tests.conftest import PROJECT, require
from tests.mqtt_bridge.floors import BOOT, SITE

pytestmark = pytest.mark.wire
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
VENV = CACHE / "floorguard-tests" / "homeassistant-2024.12.5"
JUDGE = PROJECT / "tests" / "wires" / "homeassistant_judge.py"
EXAMPLE = PROJECT / "config" / "sites" / "example.toml"


def judge(payload: dict[str, Any]) -> dict[str, Any]:
    require((VENV / "complete").exists(), "Home Assistant's schemas are not there (.ci/peers-homeassistant)")
    done = subprocess.run(
        [VENV / "bin" / "python", "-I", JUDGE], input=json.dumps(payload).encode(), capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def make_payload() -> dict[str, Any]:
    """Of the example site, with every button."""
    floor, _ = build_floor(EXAMPLE)
    about = About(version="1", schema=digest(), points=tuple(floor.plan.points.values()))
    made = describe(Topics(site=SITE), about, boot=BOOT, senders={"homeassistant": frozenset(NAMES)})
    assert isinstance(made["components"], dict) and len(made["components"]) > 30
    return made


def test_home_assistant_takes_the_device_and_each_of_its_components() -> None:
    said = judge(make_payload())
    assert said["refused"] == {}
    # The last release for Python 3.11 had no device discovery: there the components alone are judged.
    require(said["device"] is not None, f"no Python 3.12 here, and Home Assistant {said['version']} knows no devices")
    assert said["device"] == ""


def test_it_would_have_refused_a_wrong_word_a_wrong_topic_and_a_device_without_a_name_for_it() -> None:
    wrong = copy.deepcopy(make_payload())
    keys = list(wrong["components"])
    wrong["components"][keys[0]]["device_class"] = "mood"
    wrong["components"][keys[1]]["state_topic"] = "floor/#"
    wrong["components"][keys[2]]["value_template"] = "{{ nothing"
    del wrong["components"]["do_ack"]["command_topic"]
    del wrong["device"]["identifiers"]
    said = judge(wrong)
    assert set(said["refused"]) >= {*keys[:3], "do_ack"}
    assert said["device"] or said["device"] is None
