"""`floorguard simulate`: a made-up outage on a shadow of the configuration, and the timeline of what would happen.

Opens no device and gives no order: the daemon is asked for its files and its picture, and the rest is arithmetic in
this process.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.shadow import Moment, Shadow
from firmware_py.cli.spell import columns, span
from firmware_py.cli.wire import ask
from firmware_py.core.reading import Value
from firmware_py.report.fold import fold
from firmware_py.runtime.generations import SITE_FILE

_SETTLED_MS = 120_000
_QUIET_MS = 1_800_000  # this long without anything new after the end, and nothing more is to be seen


def run(args: argparse.Namespace) -> int:
    """Print what would happen."""
    from firmware_py.wiring.building import build_floor

    live = Path(args.socket).exists() and not args.file
    try:
        with tempfile.TemporaryDirectory(prefix="floorguard-") as folder:
            path = Path(args.file) if args.file else _fetch(args.socket, Path(folder)) if live else None
            floor, _ = build_floor(path or Path(args.default))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return Code.CHECK
    shadow = Shadow(plan=floor.plan, seen=_seen(args.socket) if live else {})
    since_ms = shadow.now_ms
    try:
        _begin(shadow, args)
    except ValueError as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return Code.USAGE
    moments = [Moment(at_ms=0, what=_title(args)), *shadow.run(args.for_ms, since_ms)]
    _end(shadow, args)
    moments.append(Moment(at_ms=args.for_ms, what="that ends"))
    quiet_ms = 0
    while quiet_ms < _QUIET_MS and shadow.now_ms - since_ms < args.for_ms + 2 * 3_600_000:
        fresh = list(shadow.run(60_000, since_ms))
        moments += fresh
        quiet_ms = 0 if fresh else quiet_ms + 60_000
        if shadow.mode == "normal" and quiet_ms >= _SETTLED_MS:
            break
    _print(moments, shadow, args, live=live)
    return Code.OK


def _fetch(socket: str, folder: Path) -> Path | None:
    answer, _ = ask(socket, "config")
    if not isinstance(answer, dict):
        return None
    for name, text in answer["files"].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / SITE_FILE


def _seen(socket: str) -> Mapping[str, Value]:
    answer, _ = ask(socket, "status")
    points: Mapping[str, Any] = answer.get("points", {}) if isinstance(answer, dict) else {}
    return {name: one["value"] for name, one in points.items() if one["quality"] == "good"}


def _begin(shadow: Shadow, args: argparse.Namespace) -> None:
    for given in args.set:
        name, equals, text = given.partition("=")
        if not equals:
            raise ValueError(f"--set wants POINT=VALUE, not {given!r}")
        shadow.put(name, parse_value(text))
    if args.what == "mains":
        if not shadow.cells:
            raise ValueError("this site has no UPS that can be forecast; use --set POINT=VALUE")
        known = {cell.battery.id for cell in shadow.cells}
        if args.ups and args.ups not in known:
            raise ValueError(f"there is no UPS {args.ups}; there are {', '.join(sorted(known))}")
        shadow.lose_mains(frozenset({args.ups}) if args.ups else None)


def _end(shadow: Shadow, args: argparse.Namespace) -> None:
    if args.what == "mains":
        shadow.restore_mains()
    from firmware_py.cli.shadow import sound_value

    for given in args.set:
        name = given.partition("=")[0]
        shadow.put(name, sound_value(shadow.plan, shadow.plan.points[name]))


def parse_value(text: str) -> Value:
    """yes and no, numbers, else a word."""
    if text in ("yes", "true", "no", "false"):
        return text in ("yes", "true")
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _title(args: argparse.Namespace) -> str:
    mains = ["mains lost" + (f" at {args.ups}" if args.ups else "")] if args.what == "mains" else []
    return ", ".join([*mains, *args.set]) + f", for {span(args.for_ms)}"


def _print(moments: list[Moment], shadow: Shadow, args: argparse.Namespace, *, live: bool) -> None:
    if args.json:
        told = [{"at_ms": one.at_ms, "what": one.what, "because": list(one.why)} for one in moments]
        print(json.dumps({"v": 1, "live": live, "ends_as": shadow.mode, "timeline": told}, ensure_ascii=False))
        return
    print(f"A shadow of {'the floor as it is now' if live else 'a sound floor'}; no output is touched.")
    for one in moments:
        why = f"  because {', '.join(one.why)}" if one.why else ""
        print("\n".join(fold(f"{clock(one.at_ms):>8}  {one.what}{why}", columns(), after=" " * 12)))
    print(f"It ends in mode {shadow.mode}.")


def clock(ms: int) -> str:
    """0:00:00 after the beginning."""
    seconds = ms // 1_000
    return f"{seconds // 3_600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
