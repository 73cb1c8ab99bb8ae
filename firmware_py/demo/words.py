"""How the demo writes things down for people: times, durations, values, events, each in a few letters.

Pure. It must not know the terminal.
"""

from collections.abc import Iterator, Mapping, Sequence

from firmware_py.core.output import Pattern
from firmware_py.demo.script import Json, Table

LONG_S = 120
_SHOWN_KEYS = ("cause", "condition", "alarm", "stage", "output", "command", "to", "value", "tier", "why")
PATTERNS: Mapping[str, str] = {
    Pattern.FLASH: "flashes: new",
    Pattern.SLOW: "slow: over, unseen",
    Pattern.ALIVE: "blinks: alive",
    Pattern.CONSERVE: "2 flashes: conserving",
    Pattern.MANUAL: "3 flashes: on paper",
    Pattern.RECOVER: "short gaps: recovery",
    Pattern.FIRST: "double: first, new",
    Pattern.FIRST_SEEN: "2 gaps: first, seen",
    Pattern.DRILL: "4 flashes: drill",
}
# Where there is no room for the whole reason.
_SHORT_REASONS = {
    "no_communication": "SILENT",
    "stale": "STALE",
    "not_yet": "NOT YET",
    "bad_reply": "GARBLED",
    "doubtful": "DOUBT",
    "source_lost": "NO UPS",
}


def lamp_text(wanted: Json) -> str:
    """What a lamp's value means."""
    if isinstance(wanted, str):
        return PATTERNS.get(wanted, wanted)
    return "on: seen, not over" if wanted else "dark"


def day_time(ms: int) -> str:
    """1:05 for a minute and five seconds."""
    return f"{ms // 60_000}:{ms // 1000 % 60:02d}"


def wall_time(utc_ms: Json) -> str:
    """Hours, minutes and seconds of UTC."""
    seconds = utc_ms // 1000 % 86_400 if isinstance(utc_ms, int) else 0
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def hours(minutes: int) -> str:
    """2 h 05 min, or 55 min."""
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


def kilowatts(power_w: int) -> str:
    """1.5 kW."""
    return f"{power_w / 1000:.1f} kW"


def value_text(value: Json, unit: Json = "") -> str:
    """A point's value with its unit."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case float() if unit == "s" and value >= LONG_S:
            shown, unit = f"{value / 60:.0f}", "min"
        case float():
            shown = f"{value:.1f}" if value % 1 else f"{value:.0f}"
        case _:
            shown = str(value)
    return f"{shown} {unit}".strip()


def age_text(age_ms: Json) -> str:
    """0.4 s, 12 s, 3 min."""
    if not isinstance(age_ms, int):
        return "never"
    if age_ms < 10_000:
        return f"{age_ms / 1000:.1f} s"
    return f"{age_ms // 1000} s" if age_ms < 120_000 else f"{age_ms // 60_000} min"


def quality_text(point: Table, *, short: bool) -> str:
    """good, or what is wrong and why; in at most 7 letters where it must be short."""
    quality, reason = str(point.get("quality")), str(point.get("reason"))
    if quality == "good":
        return quality
    return _SHORT_REASONS.get(reason, quality.upper()[:7]) if short else f"{quality.upper()} {reason}"


def event_text(event: Table) -> str:
    """Type, what it is about, and why."""
    data = event.get("data")
    data = data if isinstance(data, Mapping) else {}
    about = " ".join(part for part in _about(data) if part)
    because = data.get("because")
    reasons = ", ".join(str(one) for one in because) if isinstance(because, Sequence) else ""
    return f"{event.get('type')} {about}".strip() + (f" because {reasons}" if reasons else "")


def _about(data: Table) -> Iterator[str]:
    for key in _SHOWN_KEYS:
        value = data.get(key)
        if key == "to" and value:
            yield f"to {value}"
        elif isinstance(value, bool):
            yield "on" if value else "off"
        elif isinstance(value, str | int) and value != "":
            yield f"tier {value}" if key == "tier" else str(value)
