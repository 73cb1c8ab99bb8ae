"""`floorguard check`: every fault of a site file at its line, or one line that says it is sound.

Opens no device and needs no secret. A running controller of this release, which has the schema loaded, judges it.
"""

import argparse
import json
from pathlib import Path
from textwrap import fill

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import judge, show_faults
from firmware_py.wiring.drafts import gather

_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    """Check one file."""
    path = Path(args.file)
    try:
        if args.effective or args.budget:
            return _print_more(path, args)
        counts = judge(args.socket, path, gather(path)).counts
    except ConfigError as error:
        if args.json:
            print(json.dumps(_refusal(args.file, error), ensure_ascii=False))
        else:
            show_faults(error)
        return Code.CHECK
    if args.json:
        print(json.dumps({"v": 1, "file": args.file, "sound": True, "faults": [], **counts}, ensure_ascii=False))
        return Code.OK
    print(f"{path}: sound. {counts['points']} points, {counts['alarms']} alarms, {counts['stages']} stages,")
    print(f"{counts['outputs']} outputs, {counts['rules']} rules.")
    return Code.OK


def _print_more(path: Path, args: argparse.Namespace) -> int:
    from config.budget import budget
    from config.site import effective
    from firmware_py.wiring.building import build_floor

    floor, devices = build_floor(path)
    if args.effective:
        print(effective(floor.site), end="")
        return Code.OK
    for late in budget(floor.site, devices):
        print(late.text)
        print(fill(", ".join(late.points), width=110, initial_indent=_INDENT, subsequent_indent=_INDENT))
    return Code.OK


def _refusal(file: str, error: ConfigError) -> dict[str, object]:
    faults = [
        {
            "file": one.file, "line": one.line, "col": one.col, "key": one.key, "message": one.message,
            "got": None if one.got is None else str(one.got),
        }
        for one in error.faults
    ]  # fmt: skip
    return {"v": 1, "file": file, "sound": False, "faults": faults}
