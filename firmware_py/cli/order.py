"""All verbs that give an order: acknowledge, silence, override and the like.

The daemon knows who asks from the socket's peer; it decides and says why when it refuses.
"""

import argparse
import sys

from firmware_py.cli.codes import Code
from firmware_py.cli.wire import ask
from firmware_py.core.command import CommandKind


def run(args: argparse.Namespace) -> int:
    """Give the order and tell what became of it."""
    kind, value = args.kind, args.value
    if kind == CommandKind.DRILL.value:
        if args.target == "stop":
            kind, args.target = CommandKind.END_DRILL.value, ""
        elif not args.yes:
            print("a drill acts: loads are shed, outbound pauses, lamps and sounder go. Add --yes.", file=sys.stderr)
            return Code.USAGE
    if kind == CommandKind.OVERRIDE.value and value == "auto":
        kind, value = CommandKind.RELEASE_OVERRIDE.value, None
    target = f"{args.target}={args.word}" if kind == CommandKind.TRUNK.value else args.target
    on = None if value is None else value == "on"
    why = getattr(args, "why", "")
    answer, code = ask(args.socket, "command", kind=kind, target=target, value=on, ttl_ms=args.ttl_ms, why=why)
    if not isinstance(answer, dict):
        return code
    if not answer.get("done"):
        print(f"refused: {answer.get('error')}", file=sys.stderr)
        return Code.FAILED
    print("done")
    return Code.OK
