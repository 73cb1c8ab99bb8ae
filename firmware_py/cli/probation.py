"""What the controller says of its generations: their texts, and how the probation of the newest one goes.

Loads nothing of the site model, so that `confirm` and `rollback` answer at once. It must not judge a configuration.
"""

import select
import sys
from collections.abc import Mapping

from firmware_py.cli.codes import Code
from firmware_py.cli.wire import ask

_LOOK_S = 1.0


def running_files(socket: str, number: int = 0) -> tuple[int, Mapping[str, str] | None, Code]:
    """Number and texts of a generation, asked of the controller; 0: of the one in force."""
    answer, code = ask(socket, "config", number=number)
    if not isinstance(answer, dict):
        return 0, None, code
    files = answer.get("files")
    return int(answer["generation"]), files if isinstance(files, dict) else None, code


def follow(socket: str, answer: Mapping[str, object]) -> int:
    """Say what is on probation now; on a terminal wait for Enter, for the controller, or for Ctrl-C."""
    number, window_s = answer["generation"], int(str(answer["window_ms"])) // 1000
    print(f"generation {number} is in force, on probation for {window_s} s. Keep it:  floorguard confirm")
    print(f"Otherwise generation {answer['back_to']} comes back by itself; at once:  floorguard rollback")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Code.OK
    print("Enter keeps it; Ctrl-C leaves it running on probation.")
    try:
        return _wait(socket, number)
    except KeyboardInterrupt:
        print(f"\ngeneration {number} stays on probation")
        return Code.OK


def _wait(socket: str, number: object) -> int:
    while True:
        answer, code = ask(socket, "generations")
        if not isinstance(answer, dict):
            return code
        if answer["generation"] != number:
            print(f"\nreverted: generation {answer['generation']} is in force")
            return Code.ROLLED_BACK
        if not answer["on_probation"]:
            print(f"\ngeneration {number} was confirmed")
            return Code.OK
        silent = f"; silent: {', '.join(answer['silent'])}" if answer["silent"] else ""
        print(f"\r\033[K{int(answer['left_ms']) // 1000} s left{silent} ", end="", flush=True)
        if select.select([sys.stdin], [], [], _LOOK_S)[0]:
            sys.stdin.readline()
            kept, code = ask(socket, "confirm")
            if isinstance(kept, dict):
                print(f"generation {number} is kept")
                return Code.OK
            if code is not Code.FAILED:
                return code
