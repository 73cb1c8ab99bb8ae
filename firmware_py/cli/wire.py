"""One question to the daemon, with the answer or a sentence and an exit code for people.

Knows no verb's meaning.
"""

import sys
from pathlib import Path

from firmware_py.cli.codes import Code
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_line import Line


def ask(socket: str, verb: str, **fields: object) -> tuple[object, Code]:
    """The answer's data, or None with the code after the reason was printed."""
    code = Code.UNREACHABLE
    try:
        with Line(Path(socket)) as line:
            code = Code.FAILED
            return line.ask(verb, **fields), Code.OK
    except CommandRefused as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return None, code


def ask_quietly(socket: str, verb: str, **fields: object) -> object:
    """The same for whoever can do without: None where nobody answers, or not now, or not to us."""
    if not Path(socket).exists():
        return None
    try:
        with Line(Path(socket)) as line:
            return line.ask(verb, **fields)
    except CommandRefused:
        return None
