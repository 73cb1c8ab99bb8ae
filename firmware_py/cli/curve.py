"""The forecast of each battery as a curve of a line: how full it is from now until it is empty, and what is asked.

Drawn from the points that the daemon works out; straight, as its own forecast is between two stages. It must not judge.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firmware_py.cli.spell import span

_BARS, _PLAIN = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
_COLUMNS = 16


def forecasts(seen: Mapping[str, Any], width: int, *, letters: bool) -> Iterator[str]:
    """A line for each battery that can be forecast, those that drain first."""
    points = seen.get("points", {})
    names = [name.removesuffix(".forecast.runtime_s") for name in points if name.endswith(".forecast.runtime_s")]
    for name in sorted(names, key=lambda one: _get(points, f"{one}.forecast.on_battery") is not True):
        line = forecast(points, name, letters=letters)
        if line:
            yield line[:width]


def forecast(points: Mapping[str, Any], name: str, *, letters: bool) -> str:
    """`ups1  83 % ▇▆▅▄▃▂▁ empty in 2 h 10 min of 4 h asked`; "" where nothing is known."""
    runtime_s, charge = _get(points, f"{name}.forecast.runtime_s"), _get(points, f"{name}.battery.charge_pct")
    if charge is None:
        charge = _get(points, f"{name}.forecast.charge_pct")
    if not isinstance(runtime_s, int | float) or not isinstance(charge, int | float):
        return ""
    short_s = _get(points, f"{name}.plan.short_s")
    drains = _get(points, f"{name}.forecast.on_battery") is True
    text = f"{name:<10}{charge:>4.0f} % |{curve(float(charge), letters=letters)}| "
    text += ("empty in " if drains else "would last ") + span(runtime_s * 1000)
    return text + (f", SHORT by {span(short_s * 1000)}" if isinstance(short_s, int | float) and short_s > 0 else "")


def curve(charge_pct: float, *, letters: bool, columns: int = _COLUMNS) -> str:
    """From this charge to nothing, left to right."""
    marks = _BARS if letters else _PLAIN
    last = len(marks) - 1
    heights = [charge_pct / 100 * (1 - column / columns) * last for column in range(columns)]
    return "".join(marks[max(0, min(last, round(height)))] for height in heights)


def _get(points: Mapping[str, Any], name: str) -> object:
    one = points.get(name) or {}
    return one.get("value") if one.get("quality") in ("good", "uncertain") else None
