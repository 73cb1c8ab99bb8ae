"""Runs the command as installed, on a header whose pins keep their levels whoever dies: a file with one byte a pin.

`python -m tests.systemd.witness BOARD SITE VERB ...`. That is what the kernel of a Pi does with a line that nobody
holds any more; gpiozero's mock pins, which the product uses here, would forget with their process.
"""

from __future__ import annotations

import mmap
import sys
from pathlib import Path
from typing import Any

PINS = 64


def make_board(path: Path) -> None:
    """All pins inputs that nobody drives."""
    path.write_bytes(b"-" * PINS)


def levels(path: Path) -> dict[int, bool]:
    """The pins that somebody has driven so far."""
    return {pin: level == ord("1") for pin, level in enumerate(path.read_bytes()) if level != ord("-")}


def keep_levels(path: Path) -> None:
    """Let each change of a mock pin reach the board at once, also when nobody gets to say goodbye."""
    from gpiozero.pins.mock import MockPin

    with path.open("r+b") as file:
        board = mmap.mmap(file.fileno(), PINS)
    set_state, set_function = MockPin._set_state, MockPin._set_function

    def note(pin: Any, level: bytes) -> None:
        number = int(pin.info.name.removeprefix("GPIO"))
        board[number : number + 1] = level

    def set_and_note_state(self: Any, value: Any) -> None:
        set_state(self, value)
        note(self, b"1" if value else b"0")

    def set_and_note_function(self: Any, value: str) -> None:
        set_function(self, value)
        if value == "input":
            note(self, b"-")  # floating: nobody drives it any more

    # gpiozero makes properties of these two with lambdas that look them up by name.
    MockPin._set_state, MockPin._set_function = set_and_note_state, set_and_note_function


if __name__ == "__main__":
    from firmware_py.cli import main, verbs

    keep_levels(Path(sys.argv[1]))
    verbs.DEFAULT_SITE = sys.argv[2]
    sys.exit(main(sys.argv[3:]))
