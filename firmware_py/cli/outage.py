"""`floorguard outage`: planned power cuts that the running daemon knows; told of, listed, cancelled.

The daemon keeps them with its state and decides what they mean. It must not read a clock.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from typing import Any

from firmware_py.cli.codes import Code
from firmware_py.cli.wire import ask
from firmware_py.core.command import CommandKind


def run(args: argparse.Namespace) -> int:
    """Do what was asked for."""
    if args.what == "list":
        return _list(args)
    if args.what == "add":
        words = {"kind": CommandKind.OUTAGE_ADD.value, "target": f"{args.start}/{args.end}", "why": args.note}
    else:
        words = {"kind": CommandKind.OUTAGE_CANCEL.value, "target": args.id}
    answer, code = ask(args.socket, "command", **words)
    if not isinstance(answer, dict):
        return code
    if not answer.get("done"):
        print(f"refused: {answer.get('error')}", file=sys.stderr)
        return Code.FAILED
    print("done")
    return Code.OK


def _list(args: argparse.Namespace) -> int:
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        return code
    cuts = sorted(answer.get("planned", []), key=lambda cut: int(cut["start_s"]))
    if args.json:
        print(json.dumps({"v": 1, "planned": cuts}, ensure_ascii=False))
        return Code.OK
    if not cuts:
        print("no planned outage is known")
    for cut in cuts:
        print(_line(cut))
    return Code.OK


def _line(cut: dict[str, Any]) -> str:
    said = cut["by"] or "site file"
    return f"{cut['id']:<8} {_utc(cut['start_s'])} to {_utc(cut['end_s'])}  {cut['note']}  ({said})"


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%MZ}"
