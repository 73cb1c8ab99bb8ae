"""`floorguard log`: the last events of this run of the daemon, oldest first.

Reads the control socket; the journal itself is read by `report`.
"""

import argparse
import json

from firmware_py.cli.spell import columns
from firmware_py.cli.wire import ask
from firmware_py.report.fold import fold
from firmware_py.runtime.clock import utc_text

_LONGEST = 2_000


def run(args: argparse.Namespace) -> int:
    """Print them."""
    answer, code = ask(args.socket, "events", last=min(max(args.n, 1), 500))
    if not isinstance(answer, list):
        return code
    if args.json:
        print(json.dumps({"v": 1, "events": answer}, ensure_ascii=False))
        return code
    room = columns()
    for event in answer:
        data = ", ".join(
            f"{key}={_shown(value)}" for key, value in event["data"].items() if value not in ("", None, [])
        )
        head = f"{utc_text(event['utc_ms'])[11:19]}  {event['severity']:<8}  {event['type']:<22}  "
        print("\n".join(fold((head + data)[:_LONGEST], room, after=" " * 12)))
    return code


def _shown(value: object) -> str:
    return "+".join(str(part) for part in value) if isinstance(value, list) else str(value)
