"""`floorguard handover`: what is open, the beginning of a hand-over, and the next shift taking it over one by one.

`floorguard tick` without an item lists the open checklists the same way. Asks the control socket; decides nothing.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from firmware_py.cli.codes import Code
from firmware_py.cli.wire import ask
from firmware_py.core.command import CommandKind


def run(args: argparse.Namespace) -> int:
    """List, begin, take, or tick."""
    if args.verb == "tick":
        return _order(args, CommandKind.TICK, args.item) if args.item else _show(args, _lists, "lists")
    match args.what:
        case "begin":
            return _order(args, CommandKind.HANDOVER, "", why=args.name)
        case "take":
            return _order(args, CommandKind.TAKE_OVER, args.matter, why=args.name)
        case _:
            return _show(args, _matters, "matters", "handover")


def _order(args: argparse.Namespace, kind: CommandKind, target: str, why: str = "") -> int:
    if kind is CommandKind.TAKE_OVER and not target:
        print("say which matter; `floorguard handover` lists them", file=sys.stderr)
        return Code.USAGE
    answer, code = ask(args.socket, "command", kind=kind.value, target=target, why=why)
    if not isinstance(answer, dict):
        return code
    if not answer.get("done"):
        print(f"refused: {answer.get('error')}", file=sys.stderr)
        return Code.FAILED
    print("done")
    return Code.OK


def _show(args: argparse.Namespace, lines: Any, *keys: str) -> int:
    answer, code = ask(args.socket, "status")
    if not isinstance(answer, dict):
        return code
    if args.json:
        print(json.dumps({"v": 1, **{key: answer[key] for key in keys if key in answer}}, ensure_ascii=False))
        return Code.OK
    for line in lines(answer):
        print(line)
    return Code.OK


def _matters(seen: Mapping[str, Any]) -> Iterator[str]:
    handover = seen.get("handover", {})
    left, taken = set(handover.get("left", ())), {one["matter"]: one["by"] for one in handover.get("taken", ())}
    if left:
        yield f"{handover['by']} hands over; {len(left)} left to take over"
    matters = seen.get("matters", [])
    yield f"OPEN ({len(matters)})"
    for one in matters:
        mark = "[ ]" if one["id"] in left else "[x]" if one["id"] in taken else "   "
        about = ", ".join(part for part in (one["why"], one["by"] and f"by {one['by']}") if part)
        yield f"  {mark} {one['id']:<44} {about}".rstrip()
    gone = sorted(left - {one["id"] for one in matters})
    yield from (f"  [ ] {one:<44} over since it was handed over" for one in gone)


def _lists(seen: Mapping[str, Any]) -> Iterator[str]:
    lists = seen.get("lists", {})
    if not lists:
        yield "no checklist is open"
    for name, one in lists.items():
        yield f"{name}  {one['incident']}".rstrip()
        for item, by in one["items"].items():
            carried = " (carried over)" if item in one["carried"] and not by else ""
            yield f"  [{'x' if by else ' '}] {name}.{item}{carried}" + (f"  by {by}" if by else "")
