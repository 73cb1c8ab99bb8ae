"""The demo's terminal: it fits, it can be read without colour, and it says what the floor says."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from config.site import Site, load_site
from firmware_py.core.output import PATTERN_STEPS, Pattern
from firmware_py.demo.day import DAY
from firmware_py.demo.floor import make_world
from firmware_py.demo.folder import SHIPPED
from firmware_py.demo.play import Play, Result
from firmware_py.demo.screen import View, draw
from firmware_py.demo.script import Sight
from firmware_py.demo.words import age_text, day_time, event_text, hours, lamp_text, quality_text, value_text, wall_time

SITE = load_site(SHIPPED)
NOW_MS = 1_000_000


class Nobody:
    """A stage that nothing happens on."""

    count = 0

    def sight(self, after: int) -> Sight:
        return Sight(picture={})

    async def perform(self, act: object) -> str:
        return ""

    async def refresh_events(self) -> None: ...

    def check_alive(self) -> None: ...


def outputs(site: Site, **wanted: Any) -> dict[str, Any]:
    told = {output.id: False for output in site.output} | {name.replace("__", "."): on for name, on in wanted.items()}
    return {name: {"wanted": on, "because": []} for name, on in told.items()}


def picture(**wanted: Any) -> dict[str, Any]:
    good = {"unit": "", "quality": "good", "reason": None, "age_ms": 400}
    lost = {"unit": "%", "quality": "bad", "reason": "no_communication", "age_ms": 12_000}
    return {
        "mode": "conservation",
        "stage": 2,
        "because": ["ups1.on_battery"],
        "clock": {"now_ms": NOW_MS - 700, "utc_ms": 1_795_309_409_000, "clk": "ntp"},
        "points": {
            "ups1.output_source": good | {"value": "battery"},
            "ups1.battery.charge_pct": lost | {"value": 81.0},
            "room1.temp_c": good | {"value": 27.25, "unit": "C"},
            "mqtt.connected": good | {"value": True},
        },
        "outputs": outputs(SITE, **wanted),
    }


def render(
    *,
    width: int = 80,
    height: int = 24,
    now_ms: int = NOW_MS,
    over: bool = False,
    encoding: str = "utf-8",
    **wanted: Any,
) -> str:
    world = make_world(SITE, haste=60)
    world.mains = False
    world.coils[2] = True  # the pantry
    world.advance(9_000)
    play = Play(Nobody(), DAY, fast=False)
    play.scene = DAY[1]
    play.results.append(Result(scene="x", what="y", took_ms=1))
    event = {"type": "stage.shed", "severity": "critical", "utc_ms": 1_795_309_409_000}
    events = [event | {"data": {"stage": f"power.stage{n}", "because": ["ups1.on_battery"]}} for n in range(50)]
    view = View(
        site=SITE, world=world, picture=picture(**wanted), events=events, play=play, broker="mosquitto", over=over
    )
    console = Console(
        file=io.TextIOWrapper(io.BytesIO(), encoding=encoding), width=width, height=height, no_color=True, _environ={}
    )
    with console.capture() as captured:
        console.print(draw(view, console, now_ms))
    return captured.get().rstrip("\n")


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (132, 50), (200, 60)])
def test_the_screen_fills_its_terminal_and_never_more(width: int, height: int) -> None:
    lines = render(width=width, height=height).splitlines()
    assert len(lines) == height
    assert max(map(len, lines)) == width


def test_all_that_matters_is_there_in_eighty_columns_without_colour() -> None:
    shown = render(outbound_paused=True, beacon=True)
    assert "\x1b[" not in shown
    for words in (
        "FLOORGUARD demo", "1 of 43 came true", "broker up", "01:03:29 UTC",
        "CONSERVATION  2 stages shed", "because ups1.on_battery", "now  The mains fails", "next 0:00 A quiet floor",
        "DRAINING at 3.7 kW", "lasts 1 h", "Outbound calls          PAUSED", "○ Pantry: kettles, fridge OFF",
        "● Wall displays           450 W", "● beacon", "○ fans", "ups1.source      battery 1.1 s good",
        "ups1.charge_pct     81 %  12 s SILENT", "room1.temp_c      27.2 C", "stage.shed power.stage49 because ups1.on",
    ):  # fmt: skip
        assert words in shown, words


def test_a_wide_terminal_gives_the_whole_reason_of_a_bad_point() -> None:
    assert "BAD no_communication" in render(width=120)


def test_the_six_rows_hang_as_on_the_wall_with_their_patterns_in_words() -> None:
    shown = render(lamp__power="conserve", lamp__phones="flash", lamp__cooling=True, lamp__controller="alive")
    rows = [line.split("│")[1].strip() for line in shown.splitlines()[2:8]]
    assert [row.split()[1] for row in rows] == ["POWER", "PHONES", "COOLING", "FIRE", "LINK", "CONTROLLER"]
    assert rows[0].endswith("2 flashes: conserving")
    assert rows[2] == "● COOLING    on: seen, not over"
    assert rows[3] == "○ FIRE       dark"


@pytest.mark.parametrize("pattern", [pattern for pattern in Pattern if not pattern.startswith("sound")])
def test_a_lamp_blinks_as_its_pattern_does(pattern: Pattern) -> None:
    steps = PATTERN_STEPS[pattern]
    whole = sum(steps)
    lit = render(lamp__fire=pattern.value, now_ms=whole * 1_000)
    dark = render(lamp__fire=pattern.value, now_ms=whole * 1_000 + steps[0])
    assert "● FIRE" in lit
    assert "○ FIRE" in dark
    assert lamp_text(pattern.value) != pattern.value


def test_a_terminal_that_knows_only_ascii_gets_ascii() -> None:
    assert render(encoding="ascii", lamp__fire=True).isascii()


def test_after_the_day_it_says_how_to_end() -> None:
    shown = render(over=True)
    assert "day over" in shown
    assert "a quiet floor" in shown
    assert "Ctrl-C ends it" in shown


def test_before_the_first_picture_there_is_something_to_see() -> None:
    view = View(
        site=SITE, world=make_world(SITE, haste=1), picture={}, events=[], play=Play(Nobody(), DAY, fast=True),
        broker="amqtt", over=False,
    )  # fmt: skip
    console = Console(file=io.StringIO(), width=80, height=24)
    with console.capture() as captured:
        console.print(draw(view, console, 0))
    assert "STARTING" in captured.get()
    assert "BROKER LOST" in captured.get()


# ------------------------------------------------------------------------------------------------------------- words
def test_numbers_are_written_as_people_write_them() -> None:
    assert [day_time(ms) for ms in (0, 65_400, 600_000)] == ["0:00", "1:05", "10:00"]
    assert [hours(minutes) for minutes in (0, 59, 60, 125)] == ["0 min", "59 min", "1 h 00 min", "2 h 05 min"]
    assert [age_text(ms) for ms in (0, 9_960, 10_000, 119_999, 120_000, None)] == [
        "0.0 s", "10.0 s", "10 s", "119 s", "2 min", "never",
    ]  # fmt: skip
    assert [value_text(value) for value in (None, True, False, 3)] == ["-", "yes", "no", "3"]
    assert [value_text(value, "C") for value in (22.0, 22.25)] == ["22 C", "22.2 C"]
    assert [value_text(seconds, "s") for seconds in (119.0, 3_540.0)] == ["119 s", "59 min"]
    assert wall_time(None) == "00:00:00"


def test_an_event_says_what_it_is_about_and_why() -> None:
    data = {"output": "outbound_paused", "value": True, "because": ["ups1.on_battery"], "owners": ["power"]}
    assert event_text({"type": "output.changed", "data": data}) == (
        "output.changed outbound_paused on because ups1.on_battery"
    )
    assert event_text({"type": "mode.changed", "data": {"from": "a", "to": "b"}}) == "mode.changed to b"
    assert event_text({"type": "incident.escalated", "data": {"cause": "power", "tier": 2}}) == (
        "incident.escalated power tier 2"
    )
    assert event_text({"type": "bare"}) == "bare"


def test_an_unknown_reason_is_cut_rather_than_lost() -> None:
    strange = {"quality": "uncertain", "reason": "something_new"}
    assert quality_text(strange, short=True) == "UNCERTA"
    assert quality_text(strange, short=False) == "UNCERTAIN something_new"
