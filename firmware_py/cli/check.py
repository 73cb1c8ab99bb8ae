"""`floorguard check`: every fault of a site file at its line, or one line that says it is sound.

Opens no device and needs no secret.
"""

import argparse
import sys
from pathlib import Path
from textwrap import fill

from config.budget import budget
from config.site import effective
from config.strict import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.wiring.building import build_floor

_INDENT = "    "


def run(args: argparse.Namespace) -> int:
    """Check one file."""
    path = Path(args.file)
    try:
        floor, devices = build_floor(path)
    except ConfigError as error:
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
    print(f"{path}: sound. {len(plan.points)} points, {len(plan.alarms)} alarms, {len(plan.stages)} stages,")
    print(f"{len(plan.outputs)} outputs, {len(plan.rules)} rules.")
    return Code.OK
