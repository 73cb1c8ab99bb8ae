"""The one screen of `status` and `watch`: what must be on it fits into 80 columns and 24 lines, whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from firmware_py.cli.screen import Look, draw, visible
from firmware_py.cli.spell import age, lamp, span, value
from firmware_py.core.output import Pattern

ROWS = ("POWER", "PHONES", "COOLING", "FIRE", "LINK", "CONTROLLER")


def picture(**changes: Any) -> dict[str, Any]:
    lamps = [{"panel": "main", "row": row, "output": f"lamp.{row.lower()}"} for row in ROWS]
    outputs = {
        one["output"]: {"wanted": False, "level": False, "follows": True, "port": "gpio", "because": []}
        for one in lamps
    }
    outputs["beacon"] = {"wanted": True, "level": True, "follows": True, "port": "gpio", "because": ["ups1.on_battery"]}
    points = {
        "ups1.forecast.runtime_s": {"value": 7_800, "quality": "good"},
        "ups1.battery.charge_pct": {"value": 83, "quality": "good"},
        "ups1.forecast.on_battery": {"value": True, "quality": "good"},
        "ups1.plan.short_s": {"value": 6_600, "quality": "good"},
        "mqtt.connected": {"value": False, "quality": "good"},
    }
    seen: dict[str, Any] = {
        "boot": "b1",
        "mode": "conservation",
        "flags": ["planned"],
        "because": ["ups1.on_battery"],
        "stage": 2,
        "clock": {"now_ms": 0, "utc_ms": 1_790_000_000_000, "clk": "ntp"},
        "storage": {"degraded": {}, "last": 1234},
        "lamps": lamps,
        "outputs": outputs,
        "points": points,
        "config": {"generation": 7, "on_probation": True, "left_ms": 42_000},
        "devices": {
            "ups1": {"alive": True, "age_ms": 400, "latency_ms": 3, "error": ""},
            "pbx1": {"alive": False, "age_ms": 90_000, "latency_ms": 0, "error": "no answer"},
        },
        "alarms": {
            "ups1.on_battery": {"acked": False, "priority": "high", "state": "active_unack", "elapsed_ms": 61_000}
        },
    }
    return seen | changes


def shown(seen: dict[str, Any], **how: Any) -> str:
    return "\n".join(draw(seen, Look(**how)))


def test_everything_that_people_ask_first_is_on_it() -> None:
    text = shown(picture())
    for said in (
        "CONSERVATION +planned, 2 stages shed",
        "because ups1.on_battery",
        "LINK DOWN",
        "ON PROBATION, 42 s left",
        "storage ok, event 1234",
        "ups1.on_battery",
        "SILENT",
        "beacon",
        "83 %",
        "empty in 2 h 10 min",
        "SHORT by 1 h 50 min",
        *ROWS,
    ):
        assert said in text, said


@pytest.mark.parametrize("count", [0, 1, 7, 60])
def test_it_fits_whatever_happens(count: int) -> None:
    alarms = {
        f"room{n}.temperature.critical": {"acked": False, "priority": "high", "state": "active_unack", "elapsed_ms": n}
        for n in range(count)
    }
    devices = {f"hvac{n}": {"alive": n % 2 == 0, "age_ms": n, "latency_ms": n, "error": ""} for n in range(count)}
    lines = draw(picture(alarms=alarms, devices=devices), Look(colour=True))
    assert len(lines) <= 24 and all(visible(line) <= 80 for line in lines)
    assert count < 8 or any("more (status --all)" in line for line in lines)
    assert any("empty in" in line for line in lines), "the forecast is not what gives way"


def test_the_whole_of_it_leaves_nothing_out() -> None:
    alarms = {f"a{n}": {"acked": True, "priority": "low", "state": "active_ack", "elapsed_ms": n} for n in range(60)}
    text = shown(picture(alarms=alarms), whole=True)
    assert all(f"a{n} " in text for n in range(60)) and "more (status" not in text


def test_lamps_are_as_on_the_wall_at_this_moment() -> None:
    seen = picture()
    seen["outputs"]["lamp.power"]["wanted"] = "flash"
    dark = picture()
    dark["outputs"]["lamp.power"]["wanted"] = "flash"
    dark["clock"]["now_ms"] = 300
    assert "● POWER      flashes: new" in shown(seen) and "○ POWER      flashes: new" in shown(dark)
    assert "* POWER" in shown(seen, letters=False), "a terminal without UTF-8 gets letters that it has"


def test_no_escape_is_written_without_colour() -> None:
    assert "\x1b" not in shown(picture()) and "\x1b" in shown(picture(), colour=True)


def test_an_output_that_does_not_follow_comes_first_and_shouts() -> None:
    seen = picture()
    seen["outputs"]["zfan"] = {"wanted": True, "level": False, "follows": False, "port": "remote", "because": []}
    assert "zfan               on     off DOES NOT FOLLOW" in shown(seen)


def test_before_the_first_cycle_it_says_that_it_starts() -> None:
    assert shown({"mode": "starting", "boot": "b1"}) == "starting   run b1"


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (None, "never"),
        (400, "0.4 s"),
        (12_000, "12 s"),
        (180_000, "3 min"),
        (5 * 3_600_000, "5 h"),
        (3 * 86_400_000, "3 d"),
    ],
)
def test_an_age_takes_few_letters(ms: int | None, text: str) -> None:
    assert age(ms) == text


def test_a_span_says_hours_and_minutes() -> None:
    assert (span(7_800_000), span(300_000), span(40_000)) == ("2 h 10 min", "5 min", "40 s")


@pytest.mark.parametrize(
    ("wanted", "said"), [("sound_high", "high"), (True, "on"), (False, "off"), (None, "-"), (21.25, "21.2"), (3, "3")]
)
def test_a_value_takes_few_letters(wanted: object, said: str) -> None:
    assert value(wanted) == said


def test_every_rhythm_of_a_lamp_is_told_in_words_that_fit() -> None:
    spelt = [lamp(pattern.value) for pattern in Pattern if not pattern.value.startswith("sound")]
    assert all(" " in said and len(said) <= 20 for said in spelt), spelt
    assert len(set(spelt)) == len(spelt)


def test_one_stage_is_no_plural() -> None:
    assert draw(picture(stage=1), Look())[0].split("  ")[0].endswith(", 1 stage shed")


def test_many_flags_push_neither_the_clock_nor_the_stages_off_the_first_line() -> None:
    seen = picture(stage=3, flags=["checklist", "cut_announced", "drill", "planned"])
    first, second = draw(seen, Look())[:2]
    assert first.startswith("CONSERVATION, 3 stages shed") and first.endswith(")") and len(first) <= 80
    assert second.startswith("+checklist +cut_announced +drill +planned because ups1.on_battery")


def test_without_lamps_the_alarms_have_room() -> None:
    base = picture()
    alarms = {f"room{n}.hot": next(iter(base["alarms"].values())) for n in range(5)}
    lines = draw({**base, "lamps": [], "alarms": alarms}, Look())
    assert sum("room" in line and ".hot" in line for line in lines) == 5 and len(lines) <= 24
