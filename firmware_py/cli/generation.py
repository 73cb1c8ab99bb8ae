"""`floorguard confirm` and `floorguard rollback`: keep what is on probation, or go back to what was.

The controller decides and says why when it refuses.
"""

import argparse
import json
import sys

from firmware_py.cli.codes import Code
from firmware_py.cli.probation import follow, running_files
from firmware_py.cli.wire import ask
from firmware_py.runtime.generations import SITE_FILE


def run(args: argparse.Namespace) -> int:
    """Either verb."""
    if args.confirm:
        answer, code = ask(args.socket, "confirm", anyway=args.anyway)
        if isinstance(answer, dict):
            print(f"generation {answer['generation']} is kept")
        return code
    if args.list:
        return _list(args)
    if args.show:
        _, files, code = running_files(args.socket, args.generation)
        if files is not None:
            print(files[SITE_FILE], end="")
        return code
    answer, code = ask(args.socket, "rollback", number=args.generation, window_ms=args.window_ms)
    if not isinstance(answer, dict):
        return code
    if "reverted" in answer:
        print(f"generation {answer['reverted']} is gone, generation {answer['generation']} is in force")
        return Code.OK
    return follow(args.socket, answer)


def _list(args: argparse.Namespace) -> int:
    answer, code = ask(args.socket, "generations")
    if not isinstance(answer, dict):
        return code
    if args.json:
        print(json.dumps({"v": 1, **answer}, ensure_ascii=False))
        return code
    for one in answer["kept"]:
        here = "*" if one["generation"] == answer["generation"] else " "
        state = "BAD: gave up after failed starts" if one["bad"] else one["why"]
        if here == "*" and answer["on_probation"]:
            state += f", ON PROBATION for {answer['left_ms'] // 1000} s"
        print(f"{here} {one['generation']:>4}  {one['utc'][:16] or '(no clock)':<16}  {one['by']:<16}  {state}"[:79])
    if not answer["kept"]:
        print(
            "no generation is kept: the state directory cannot be written; `floorguard doctor` says why",
            file=sys.stderr,
        )
    return code
