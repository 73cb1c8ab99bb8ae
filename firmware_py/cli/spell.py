"""How the command line writes values down: ages, times, values, what a lamp's rhythm means.

Pure but for how wide the terminal is.
"""

import os
import sys

from firmware_py.core.output import Pattern

_DAY_S = 86_400
_LAMPS = {
    Pattern.FLASH: "flashes: new",
    Pattern.SLOW: "slow: over, unseen",
    Pattern.ALIVE: "blinks: alive",
    Pattern.CONSERVE: "2 flashes: saving",
    Pattern.MANUAL: "3 flashes: paper",
    Pattern.RECOVER: "gaps: recovery",
    Pattern.FIRST: "2 blinks: the first",
    Pattern.FIRST_SEEN: "2 gaps: first, seen",
    Pattern.DRILL: "4 flashes: drill",
}


def columns() -> int:
    """How wide the terminal is that we write to; 0 for a file or another program, which want long lines whole."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or 80 if sys.stdout.isatty() else 0


def age(age_ms: object) -> str:
    """0.4 s, 12 s, 3 min, 5 h, 2 d; never for what has not happened."""
    if not isinstance(age_ms, int | float):
        return "never"
    seconds = int(age_ms) // 1000
    if seconds < 10:
        return f"{age_ms / 1000:.1f} s"
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7_200:
        return f"{seconds // 60} min"
    return f"{seconds // 3_600} h" if seconds < 2 * _DAY_S else f"{seconds // _DAY_S} d"


def span(ms: float) -> str:
    """2 h 05 min, 55 min, 40 s."""
    seconds = int(ms) // 1000
    if seconds >= 3_600:
        return f"{seconds // 3_600} h {seconds // 60 % 60:02d} min"
    return f"{seconds // 60} min" if seconds >= 120 else f"{seconds} s"


def stamp(utc_ms: int) -> str:
    """2026-11-26 10:55:03, of UTC."""
    from firmware_py.runtime.clock import utc_text

    return utc_text(utc_ms)[:19].replace("T", " ")


def lamp(wanted: object) -> str:
    """What a lamp's value means."""
    if isinstance(wanted, str) and wanted in set(Pattern):
        return _LAMPS.get(Pattern(wanted), wanted)
    return "on: seen, not over" if wanted else "dark"


def plain(given: object) -> str:
    """A value whole, as a probe shows it."""
    match given:
        case None:
            return "-"
        case bool():
            return "yes" if given else "no"
        case float():
            return f"{given:g}"
        case _:
            return str(given)


def value(given: object) -> str:
    """A value in a few letters."""
    match given:
        case None:
            return "-"
        case bool():
            return "on" if given else "off"
        case str():
            return given.removeprefix("sound_")
        case float():
            return f"{given:.1f}" if given % 1 else f"{given:.0f}"
        case _:
            return str(given)
