"""The demo's terminal: the lamp panel as it hangs on the wall, the mode and why, the script, points, loads and events.

Draws what it is given, readable in 80 columns and 24 lines and without colour. The only file of the demo that knows
rich; it must not ask any device.
"""

import time
from collections.abc import Iterator, Mapping, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table as Grid
from rich.text import Text

from config.site import Site
from config.valued import dataclass
from firmware_py.core.output import Pattern, level
from firmware_py.demo.day import END_MS
from firmware_py.demo.play import Play
from firmware_py.demo.script import Json, Table
from firmware_py.demo.words import (
    age_text,
    day_time,
    event_text,
    hours,
    kilowatts,
    lamp_text,
    quality_text,
    value_text,
    wall_time,
)
from firmware_py.demo.world import World

LEFT = 38
WIDE = 96
LAMP_ROWS = 6
FRAME = 2
LEAST_LINES, LEAST_POINTS = 24, 6
_LAMP_STYLES: Mapping[Json, str] = {
    Pattern.FLASH: "bold red",
    Pattern.SLOW: "yellow",
    Pattern.ALIVE: "bold green",
    Pattern.CONSERVE: "bold yellow",
    Pattern.MANUAL: "bold blue",
    Pattern.RECOVER: "green",
    True: "red",
}
_MODE_STYLES = {
    "normal": "bold green",
    "recovery": "bold cyan",
    "conservation": "bold yellow",
    "evacuation": "bold red",
}
_SEVERITY_STYLES = {"critical": "red", "warning": "yellow"}
_FIRST_POINTS = (
    "ups1.output_source",
    "ups1.battery.charge_pct",
    "ups1.battery.runtime_s",
    "trunks.main1.state",
    "room1.temp_c",
    "fire1.zone3.fire",
    "trunks.main2.state",
    "trunks.main3.state",
    "trunks.backup1.state",
    "trunks.backup1.calls",
    "hvac1.running",
    "hvac1.fault",
    "fire1.zone2.fire",
    "fire1.zone2.walk_test",
    "pbx1.link",
    "mqtt.connected",
    "clock.utc_s",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All that is drawn. `over`: the day is over and the floor goes on quietly."""

    site: Site
    world: World
    picture: Table
    events: Sequence[Table]
    play: Play
    broker: str
    over: bool


def flash_ms() -> int:
    """The flash clock: the daemon's lamps on this machine blink by the same one."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


def draw(view: View, console: Console, now_ms: int) -> RenderableType:
    """The whole screen at `now_ms` of the flash clock, as large as the terminal."""
    lines = max(console.height, LEAST_LINES)
    free = lines - 1 - (LAMP_ROWS + FRAME) - 2 * FRAME
    points = list(_points(view.picture, now_ms, short=console.width < WIDE))
    rows = max(LEAST_POINTS, min(len(points), free * 3 // 5))
    marks = "●○" if console.encoding.lower().startswith("utf") else "*."
    return Group(
        _title(view),
        _beside(
            _framed("LAMPS", _lamps(view, now_ms, marks), LAMP_ROWS), _framed("MODE", list(_mode(view)), LAMP_ROWS)
        ),
        _beside(_framed("LOADS", list(_loads(view, marks)), rows), _framed("POINTS", points, rows)),
        _framed("EVENTS", _events(view, free - rows), free - rows),
    )


def _beside(left: RenderableType, right: RenderableType) -> Grid:
    grid = Grid.grid(expand=True)
    grid.add_column(width=LEFT)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid


def _framed(title: str, rows: Sequence[Text], height: int) -> Panel:
    shown = list(rows[:height]) + [Text("")] * (height - len(rows))
    for row in shown:
        row.no_wrap, row.overflow = True, "ellipsis"
    return Panel(Group(*shown), title=title, title_align="left", box=box.SQUARE, padding=(0, 1))


def _title(view: View) -> Text:
    play = view.play
    done, wanted = len(play.results), sum(len(scene.expects) for scene in play.day)
    clock = _part(view.picture, "clock")
    when = "day over" if view.over else f"{day_time(play.now_ms)} of {day_time(END_MS)}"
    told = f"{done - len(play.missed)} of {wanted} came true"
    told += f", {len(play.missed)} MISSED" if play.missed else ""
    line = Text(" FLOORGUARD demo", style="bold", no_wrap=True, overflow="ellipsis")
    link = "broker up" if _part(view.picture, "points", "mqtt.connected").get("value") is True else "BROKER LOST"
    line.append(f"  {when}  {told}  {link}  ", style="default not bold")
    line.append(f"{wall_time(clock.get('utc_ms'))} UTC", style="default not bold")
    return line


def _lamps(view: View, now_ms: int, marks: str) -> list[Text]:
    rows = []
    for lamp in view.site.lamp:
        wanted = _part(view.picture, "outputs", lamp.output).get("wanted")
        lit = _lit(wanted, now_ms)
        row = Text(f"{marks[0] if lit else marks[1]} ", style=_LAMP_STYLES.get(wanted, "") if lit else "dim")
        row.append(f"{lamp.row:<11}", style="bold default")
        row.append(lamp_text(wanted), style="default" if wanted else "dim")
        rows.append(row)
    return rows


def _lit(wanted: Json, now_ms: int) -> bool:
    if isinstance(wanted, str) and wanted in set(Pattern):
        return level(Pattern(wanted), now_ms)
    return wanted is True


def _mode(view: View) -> Iterator[Text]:
    picture, play, world = view.picture, view.play, view.world
    mode = str(picture.get("mode", "starting"))
    line = Text(mode.upper(), style=_MODE_STYLES.get(mode, "bold"))
    stage = picture.get("stage")
    yield line.append(f"  {stage} stage{'s' if stage != 1 else ''} shed" if stage else "", style="default")
    because = picture.get("because")
    yield Text("because " + ", ".join(map(str, because)) if isinstance(because, Sequence) and because else "")
    yield Text.assemble(("now  ", "dim"), play.scene.title if play.scene and not view.over else "a quiet floor")
    coming = play.next
    if coming is not None and not play.fast and not view.over:
        yield Text.assemble(("next ", "dim"), f"{day_time(coming.at_ms)} {coming.title}")
    else:
        yield Text("Ctrl-C ends it" if view.over else "", style="dim")
    lasts = hours(world.runtime_min(world.load_w))
    state = "charging" if world.mains and world.charge_pct < 100 else "full" if world.mains else "DRAINING"
    yield Text(f"battery {world.charge_pct} % {state} at {kilowatts(world.load_w)}")
    uncut = hours(world.runtime_min(world.whole_load_w))
    yield Text(f"lasts {lasts}; uncut {uncut}", style="dim" if world.mains else "")


def _loads(view: View, marks: str) -> Iterator[Text]:
    world = view.world
    paused = _part(view.picture, "outputs", "outbound_paused").get("wanted")
    yield _switch("Outbound calls", paused is False, f"{world.outbound_now} now", "PAUSED", marks)
    names = {load.id: load.name or load.id.replace("_", " ").capitalize() for load in view.site.load}
    cut_first = sorted(view.site.load, key=lambda load: -load.priority)
    known = {load.name: load for load in world.loads}
    for entry in cut_first:
        load = known[entry.id]
        yield _switch(names[load.name], world.is_fed(load), f"{load.watts_w} W", "OFF", marks)
        if load.name == "outbound_desks":
            yield _extras(view, marks)


def _extras(view: View, marks: str) -> Text:
    backup = _part(view.picture, "outputs", "trunk_backup").get("wanted") is True
    fans, beacon = view.world.fans, _part(view.picture, "outputs", "beacon").get("wanted") is True
    return Text(
        "  ".join(f"{marks[0] if on else marks[1]} {name}" for name, on in
                  (("beacon", beacon), ("fans", fans), ("backup lines", backup)))
    )  # fmt: skip


def _switch(name: str, on: bool, when_on: str, when_off: str, marks: str) -> Text:
    row = Text(f"{marks[0] if on else marks[1]} ", style="green" if on else "yellow")
    return row.append(f"{name[:23]:<24}", style="default").append(
        when_on if on else when_off, style="" if on else "bold"
    )


def _points(picture: Table, now_ms: int, *, short: bool) -> Iterator[Text]:
    taken_ms = _part(picture, "clock").get("now_ms")
    since_ms = max(0, now_ms - taken_ms) if isinstance(taken_ms, int) else 0
    points = _part(picture, "points")
    names = [name for name in _FIRST_POINTS if name in points] + [name for name in points if name not in _FIRST_POINTS]
    for name in names:
        point = _part(picture, "points", name)
        good, age_ms = point.get("quality") == "good", point.get("age_ms")
        shown = f"{_short(name):<{16 if short else 26}}{value_text(point.get('value'), point.get('unit')):>8}"
        age = age_text(age_ms + since_ms if isinstance(age_ms, int) else None)
        row = Text(shown, style="" if good else "bold").append(f"{age:>6} ", style="dim")
        yield row.append(quality_text(point, short=short), style="green" if good else "bold red")


def _short(name: str) -> str:
    return name.replace("battery.", "").replace("output_", "").replace("trunks.", "")


def _events(view: View, height: int) -> list[Text]:
    rows = []
    for event in list(view.events)[-height:]:
        row = Text(f"{wall_time(event.get('utc_ms'))} ", style="dim")
        rows.append(row.append(event_text(event), style=_SEVERITY_STYLES.get(str(event.get("severity")), "default")))
    return rows


def _part(table: Table, *keys: str) -> Table:
    for key in keys:
        found = table.get(key)
        table = found if isinstance(found, Mapping) else {}
    return table
