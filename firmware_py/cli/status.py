"""`floorguard status`: mode and reasons, alarms, sources with age, outputs wanted and read back, on one screen.

Reads the control socket. Must not decide what any of it means.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from firmware_py.cli.wire import ask

Picture = Mapping[str, Any]
_WIDTH = 79


def run(args: argparse.Namespace) -> int:
    """Print one picture."""
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        return code
    if args.json:
        print(json.dumps({"v": 1, **answer}, ensure_ascii=False))
        return code
    for line in _lines(answer):
        print(line[:_WIDTH].rstrip())
    return code


def _lines(seen: Picture) -> Iterator[str]:
    because = ", ".join(seen.get("because", ()))
    flags = " ".join(seen.get("flags", ()))
    yield f"{seen['mode'].upper()} {flags}".strip() + (f"  because {because}" if because else "")
    clock, storage = seen["clock"], seen["storage"]
    kept = ", ".join(f"{name}: {why}" for name, why in storage["degraded"].items()) or f"event {storage['last']}"
    yield f"clock {clock['clk']}   storage {kept}   boot {seen['boot']}"
    yield ""
    yield from _alarms(seen.get("alarms", {}))
    yield from _devices(seen.get("devices", {}))
    yield from _points(seen.get("points", {}))
    yield from _outputs(seen.get("outputs", {}))


def _alarms(alarms: Picture) -> Iterator[str]:
    yield f"ALARMS ({len(alarms)})"
    for name, alarm in sorted(alarms.items(), key=lambda item: (item[1]["acked"], item[0])):
        yield f"  {name:<32} {alarm['priority']:<7} {alarm['state']:<17} {_age(alarm['elapsed_ms'])}"
        if alarm.get("aside"):
            yield f"      {alarm['aside']}"
    yield ""


def _devices(devices: Picture) -> Iterator[str]:
    yield "DEVICES"
    for name, device in devices.items():
        state = "answers" if device["alive"] else f"SILENT {device['error']}"
        yield f"  {name:<20} {_age(device['age_ms']):>6}  {device['latency_ms']:>5} ms  {state}"
    yield ""


def _points(points: Picture) -> Iterator[str]:
    yield "POINTS"
    for name, point in points.items():
        doubt = "" if point["quality"] == "good" else f"{point['quality'].upper()} {point['reason']}"
        shown = f"{_value(point['value'])} {point['unit']}".strip()
        yield f"  {name:<32} {shown:>16} {_age(point['age_ms']):>6}  {doubt}"
    yield ""


def _outputs(outputs: Picture) -> Iterator[str]:
    yield "OUTPUTS"
    for name, output in outputs.items():
        stuck = "" if output["follows"] else "DOES NOT FOLLOW "
        because = ", ".join(output["because"][:2])
        yield f"  {name:<24} {_value(output['wanted']):<12} {stuck}{because}"


def _value(value: object) -> str:
    match value:
        case None:
            return "-"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:.1f}"
        case _:
            return str(value)


def _age(age_ms: int | None) -> str:
    if age_ms is None:
        return "never"
    seconds = age_ms // 1000
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
