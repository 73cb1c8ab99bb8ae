"""One screen of the floor for `status` and `watch`: lamps as on the wall, mode, alarms, sources, outputs, what is left.

Pure: a picture and a size in, lines out, at most as many and as wide as asked. It must not know sockets or terminals.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from config.valued import dataclass
from firmware_py.cli.curve import forecasts
from firmware_py.cli.spell import age, lamp, stamp, value
from firmware_py.core.output import Pattern, level

Picture = Mapping[str, Any]
WIDTH, HEIGHT = 80, 24
_LEFT = 34
_ALARM_ROWS = 7  # at least, where no lamps stand beside them
_LAMP_ROWS = ("POWER", "PHONES", "COOLING", "FIRE", "LINK", "CONTROLLER")
_RED, _YELLOW, _GREEN, _BOLD, _DIM, _END = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[1m", "\x1b[2m", "\x1b[0m"
_MODES = {"normal": _GREEN, "recovery": _YELLOW, "conservation": _YELLOW, "evacuation": _RED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to draw. `whole`: everything there is, however long. `letters`: the terminal has UTF-8."""

    width: int = WIDTH
    height: int = HEIGHT
    colour: bool = False
    letters: bool = True
    whole: bool = False


def draw(seen: Picture, look: Look) -> list[str]:
    """The whole screen."""
    if seen.get("mode", "starting") == "starting":
        return [f"starting   run {seen.get('boot', '')}"]
    head = list(_head(seen, look))
    curves = list(forecasts(seen, look.width, letters=look.letters))[: None if look.whole else 3]
    lamps, alarms = _lamps(seen, look), _alarms(seen)
    upper = max(len(lamps), min(len(alarms), _ALARM_ROWS))
    room = 10_000 if look.whole else look.height - len(head) - len(curves) - 1 - upper
    body = _beside(lamps, alarms if look.whole else _cut(alarms, upper), look)
    sources, outputs = _sources(seen), _outputs(seen, look)
    lower = _beside(_cut(sources, room), _cut(outputs, room), look)
    lines = [*head, *body, *lower, *curves]
    return lines if look.whole else lines[: look.height]


def _head(seen: Picture, look: Look) -> Iterator[str]:
    mode, clock, storage, config = seen["mode"], seen["clock"], seen["storage"], seen.get("config", {})
    shed = int(seen.get("stage") or 0)
    stages = f", {shed} stage{'s' * (shed != 1)} shed" if shed else ""
    flags = "".join(f" +{flag}" for flag in seen.get("flags", ()))
    at = f" {stamp(clock['utc_ms'])} UTC ({clock['clk']})"
    room = look.width - len(at)
    fits = len(mode) + len(flags) + len(stages) <= room
    word = mode.upper() + (flags if fits else "") + stages
    yield _paint(f"{word:<{room}}"[:room], _BOLD + _MODES.get(mode, ""), look) + at
    because = ", ".join(seen.get("because", ()))
    second = " ".join([*([] if fits else [flags.strip()]), *([f"because {because}"] if because else [])])
    if second:
        yield second[: look.width]
    link = (seen.get("points", {}).get("mqtt.connected") or {}).get("value")
    parts = [{True: "link up", False: "LINK DOWN"}.get(link, "no link")] if link is not None else ["no broker"]
    degraded = ", ".join(storage["degraded"])
    parts.append(f"STORAGE {degraded}" if degraded else f"storage ok, event {storage['last']}")
    if config.get("on_probation"):
        parts.append(f"configuration {config['generation']} ON PROBATION, {config['left_ms'] // 1000} s left")
    elif config:
        parts.append(f"configuration {config['generation']}")
    yield ("  ".join(parts))[: look.width]


def _lamps(seen: Picture, look: Look) -> list[str]:
    """The first panel of the wall, from top to bottom; where several hang, they show the same."""
    lamps = seen.get("lamps", ())
    panel = next((one["panel"] for one in lamps), "")
    rows = {one["row"]: one["output"] for one in lamps if one["panel"] == panel}
    lit, dark = ("●", "○") if look.letters else ("*", ".")
    lines = ["LAMPS"]
    for row in _LAMP_ROWS:
        if row not in rows:
            continue
        wanted = seen["outputs"].get(rows[row], {}).get("wanted")
        on = wanted is True or (wanted in set(Pattern) and level(Pattern(wanted), int(seen["clock"]["now_ms"])))
        colour = {"alive": _GREEN, "recover": _GREEN, "slow": _YELLOW, "conserve": _YELLOW}.get(str(wanted), _RED)
        mark = _paint(lit if on else dark, colour if wanted else _DIM, look)
        lines.append(f"{mark} {row:<11}{lamp(wanted)}")
    return lines if rows else ["LAMPS", "  none on this site"]


def _alarms(seen: Picture) -> list[str]:
    alarms = seen.get("alarms", {})
    order = sorted(alarms.items(), key=lambda one: (one[1]["acked"], one[1]["priority"] != "high", one[0]))
    lines = [f"ALARMS ({len(alarms)})"]
    lines += [f"{name:<26}{one['state'].replace('_', ' ')[:12]:<13}{age(one['elapsed_ms']):>6}" for name, one in order]
    lines += [f"  {name}: {one['aside']}" for name, one in order if one.get("aside")]
    return lines if order else [*lines, "  none"]


def _sources(seen: Picture) -> list[str]:
    lines = ["SOURCES            age   takes"]
    devices = sorted(seen.get("devices", {}).items(), key=lambda one: (one[1]["alive"], one[0]))
    for name, one in devices:
        state = f"{one['latency_ms']:>4} ms" if one["alive"] else "SILENT"
        lines.append(f"{name[:15]:<15}{age(one['age_ms']):>7} {state:>9}")
    return lines


def _outputs(seen: Picture, look: Look) -> list[str]:
    shown = {one["output"] for one in seen.get("lamps", ())}
    lines = ["OUTPUTS            wanted is"]
    rest: list[str] = []
    for name, one in seen.get("outputs", {}).items():
        if name in shown and not look.whole:
            continue
        wanted, back = one["wanted"], one["level"]
        is_level = "?" if back is None else "on" if back else "off"
        stuck = "" if one["follows"] else " DOES NOT FOLLOW"
        because = "" if stuck else " " + ", ".join(one["because"][:1])
        line = f"{name[:18]:<19}{value(wanted)[:6]:<6} {is_level:<3}{stuck}{because}"
        (lines if one["because"] or stuck else rest).append(line)
    return lines + rest


def _cut(lines: Sequence[str], room: int) -> list[str]:
    if len(lines) <= room:
        return list(lines)
    left = len(lines) - room + 1
    return [*lines[: max(0, room - 1)], f"  ... {left} more (status --all)"]


def _beside(left: Sequence[str], right: Sequence[str], look: Look) -> list[str]:
    count = max(len(left), len(right))
    lines = []
    for index in range(count):
        one = left[index] if index < len(left) else ""
        other = right[index] if index < len(right) else ""
        pad = _LEFT - visible(one)
        lines.append((one + " " * max(1, pad) + other[: look.width - _LEFT]).rstrip())
    return lines


def visible(text: str) -> int:
    """Columns that a text takes without its colours."""
    count, inside = 0, False
    for letter in text:
        if letter == "\x1b":
            inside = True
        elif inside:
            inside = letter != "m"
        else:
            count += 1
    return count


def _paint(text: str, colour: str, look: Look) -> str:
    return f"{colour}{text}{_END}" if look.colour and colour else text
