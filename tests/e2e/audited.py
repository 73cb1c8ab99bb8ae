"""Runs the real daemon and writes down what it had done when it first touched the network, seen by an audit hook.

`python -m tests.e2e.audited NOTES run --config FILE`: NOTES becomes JSON with the mock pins' levels, the picture of the
first cycle and the event that was about to happen. Nothing of the daemon is replaced.
"""

from __future__ import annotations

import gc
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

NETWORK = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"})


def note_first_packet(notes: Path) -> None:
    done = False

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        if done or event not in NETWORK:
            return
        if event != "socket.getaddrinfo" and arguments[0].family == socket.AF_UNIX:
            return
        done = True
        seen = {"event": event, **look(), "at_s": time.monotonic()}
        notes.with_suffix(".new").write_text(json.dumps(seen))
        notes.with_suffix(".new").replace(notes)

    sys.addaudithook(hook)


def look() -> dict[str, Any]:
    """What stands in this process now, found among its objects; nothing where it does not exist yet."""
    from firmware_py.runtime.board import Board

    gc.unfreeze()  # what was there at the first cycle is kept out of collections, and of this list
    boards = [one for one in gc.get_objects() if isinstance(one, Board)]
    pins = {str(number): bool(pin.state) for number, pin in find_pins().items()}
    return {"pins": pins, "picture": boards[0].snapshot() if boards else None}


def find_pins() -> dict[int, Any]:
    """The mock pins that a controller in this process has claimed, by BCM number."""
    from gpiozero.pins.mock import MockFactory

    factories = [one for one in gc.get_objects() if isinstance(one, MockFactory) and one.pins]
    return {int(pin.info.name.removeprefix("GPIO")): pin for factory in factories for pin in factory.pins.values()}


if __name__ == "__main__":
    from firmware_py.cli import main

    note_first_packet(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
