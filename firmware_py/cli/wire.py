"""One question to the daemon, with the answer or a sentence and an exit code for people.

Knows no verb's meaning.
"""

import asyncio
import sys
from pathlib import Path

from firmware_py.cli.codes import Code
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient


def ask(socket: str, verb: str, **fields: object) -> tuple[object, Code]:
    """The answer's data, or None with the code after the reason was printed."""
    return asyncio.run(_ask(Path(socket), verb, fields))


async def _ask(socket: Path, verb: str, fields: dict[str, object]) -> tuple[object, Code]:
    code = Code.UNREACHABLE
    try:
        async with ControlClient(socket) as client:
            code = Code.FAILED
            return await client.ask(verb, **fields), Code.OK
    except CommandRefused as error:
        print(f"floorguard: {error}", file=sys.stderr)
        return None, code
