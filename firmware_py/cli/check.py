"""`floorguard check`: every fault of a site file at its line, or one line that says it is sound.

Opens no device and needs no secret.
"""

import argparse
import json
import sys
from pathlib import Path
from textwrap import fill

from config.budget import budget
from config.faults import ConfigError
from config.site import effective
from firmware_py.cli.codes import Code
from firmware_py.wiring.building import build_floor

_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    """Check one file."""
    path = Path(args.file)
    try:
        floor, devices = build_floor(path)
    except ConfigError as error:
        if args.json:
            print(json.dumps(_refusal(args.file, error), ensure_ascii=False))
            return Code.CHECK
        print(error, file=sys.stderr)
        print(f"{len(error.faults)} fault{'s' * (len(error.faults) != 1)}; nothing was changed", file=sys.stderr)
        return Code.CHECK
    if args.effective:
        print(effective(floor.site), end="")
        return Code.OK
    if args.budget:
        for late in budget(floor.site, devices):
            print(late.text)
            print(fill(", ".join(late.points), width=110, initial_indent=_INDENT, subsequent_indent=_INDENT))
        return Code.OK
    plan = floor.plan
    if args.json:
        counts = {name: len(getattr(plan, name)) for name in ("points", "alarms", "stages", "outputs", "rules")}
        print(json.dumps({"v": 1, "file": args.file, "sound": True, "faults": [], **counts}, ensure_ascii=False))
        return Code.OK
    print(f"{path}: sound. {len(plan.points)} points, {len(plan.alarms)} alarms, {len(plan.stages)} stages,")
    print(f"{len(plan.outputs)} outputs, {len(plan.rules)} rules.")
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
