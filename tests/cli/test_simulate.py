"""A made-up outage on a shadow: the course it takes, and that nothing but arithmetic happens."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.shadow import Shadow, sound_value, spell_event
from firmware_py.cli.simulate import parse_value
from firmware_py.core.event import Event, Severity
from firmware_py.core.plan import Plan
from firmware_py.wiring.building import build_floor
from tests.cli.documents import held_against
from tests.conftest import PROJECT

DEMO = PROJECT / "config" / "sites" / "demo.toml"
EXAMPLE = PROJECT / "config" / "sites" / "example.toml"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return build_floor(EXAMPLE)[0].plan


def test_a_floor_that_nobody_has_seen_is_made_up_sound(plan: Plan) -> None:
    shadow = Shadow(plan=plan)
    assert shadow.mode == "normal"
    assert not [name for name, alarm in shadow.state.alarms.items() if alarm.active]


def test_a_cut_conserves_sheds_in_order_and_ends_normal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "mains", str(DEMO), "--for", "15 s", "--json", "--socket", "/nowhere"]) == 0
    told = held_against("simulate", capsys.readouterr().out)
    what = [one["what"] for one in told["timeline"]]
    places = [
        what.index(next(one for one in what if one.startswith(start)))
        for start in (
            "mode.changed normal conservation",
            "stage.shed power.stage1",
            "stage.shed power.stage2",
            "stage.shed power.stage3",
            "that ends",
            "mode.changed conservation recovery",
            "stage.restored power.stage1",
            "mode.changed recovery normal",
        )
    ]
    assert places == sorted(places)
    assert told["ends_as"] == "normal" and told["v"] == 1 and not told["live"]
    times = [one["at_ms"] for one in told["timeline"]]
    assert times == sorted(times) and times[0] == 0


def test_what_was_seen_counts_more_than_what_is_made_up(plan: Plan) -> None:
    shadow = Shadow(plan=plan, seen={"ups1.battery.charge_pct": 40, "room1.temp_c": 30.0})
    assert shadow.values["room1.temp_c"] == 30.0 and shadow.cells[0].left == pytest.approx(0.4)
    assert shadow.state.alarms["room1.warm"].active


def test_a_battery_lasts_longer_with_less_on_it(plan: Plan) -> None:
    whole, half = Shadow(plan=plan), Shadow(plan=plan)
    for shadow in (whole, half):
        shadow.lose_mains()
    half.cells[0].load_w = whole.cells[0].load_w * 2  # it was seen at twice this load
    for shadow in (whole, half):
        list(shadow.run(60_000, shadow.now_ms))
    assert half.cells[0].left > whole.cells[0].left


def test_a_made_up_reading_acts_and_one_that_cannot_be_is_refused(plan: Plan) -> None:
    shadow = Shadow(plan=plan)
    shadow.put("room1.temp_c", 36.0)
    assert any("room1" in moment.what for moment in shadow.run(60_000, shadow.now_ms))
    with pytest.raises(ValueError, match="no point is called"):
        shadow.put("room9.temp_c", 1)
    with pytest.raises(ValueError, match="cannot be"):
        shadow.put("ups1.output_source", "sideways")


def test_every_point_has_a_value_that_its_point_can_have(plan: Plan) -> None:
    assert all(point.fits(sound_value(plan, point)) for point in plan.points.values())


@pytest.mark.parametrize(
    ("text", "value"), [("yes", True), ("no", False), ("3", 3), ("3.5", 3.5), ("battery", "battery")]
)
def test_values_are_read_as_people_write_them(text: str, value: object) -> None:
    assert parse_value(text) == value


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["simulate", "reading", "--set", "nothing"], 2, "POINT=VALUE"),
        (["simulate", "mains", "--ups", "ups9"], 2, "there is no UPS ups9"),
    ],
)
def test_a_slip_is_answered_with_what_to_do(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words[:2], str(DEMO), *words[2:]]) == code
    assert said in capsys.readouterr().err


def test_no_driver_and_no_pin_is_even_loaded(tmp_path: Path) -> None:
    """Proof that no output can be touched: what drives them is not in the process, and no socket is opened."""
    script = f"""
import socket, sys
def refuse(*_): raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.bind = socket.socket.sendto = refuse
from firmware_py.cli import main
code = main(["simulate", "mains", {str(DEMO)!r}, "--for", "8 s", "--socket", "/nowhere"])
loaded = {{"gpiozero", "lgpio", "pymodbus", "pysnmp", "paho"}} & set(sys.modules)
assert not loaded, loaded
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "no output is touched" in done.stdout


def test_names_in_an_event_stand_as_people_write_them() -> None:
    event = Event(
        type="stage.restored", severity=Severity.INFO, at_ms=0,
        data={"stage": "power.stage3", "loads": ("Office", "Desks")},
    )  # fmt: skip
    assert spell_event(event) == "stage.restored power.stage3 Office, Desks"
