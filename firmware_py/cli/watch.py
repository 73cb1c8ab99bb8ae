"""`floorguard watch`: the screen of `status`, live, until Ctrl-C; without a terminal a line for each change of mode.

Reads the control socket's stream; a daemon that is started anew is found again. It must not give orders.
"""

import argparse
import asyncio
import json
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from firmware_py.cli.codes import Code
from firmware_py.cli.screen import draw, visible
from firmware_py.cli.spell import stamp
from firmware_py.cli.status import look_of
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control_wire import ControlClient

_IN, _OUT = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_GAP_S = 0.2
_AGAIN_S = 1.0


def run(args: argparse.Namespace) -> int:
    """Show it until somebody has seen enough."""
    drawn = sys.stdout.isatty() and not args.json
    if drawn:
        print(_IN, end="", flush=True)
    try:
        with suppress(KeyboardInterrupt):
            return asyncio.run(_follow(Path(args.socket), drawn=drawn, as_json=args.json))
        return Code.OK
    finally:
        if drawn:
            print(_OUT, end="", flush=True)


async def _follow(socket: Path, *, drawn: bool, as_json: bool) -> int:
    told, reached = "", False
    while True:
        try:
            async with ControlClient(socket) as client:
                reached = True
                async for picture in client.stream("watch"):
                    assert isinstance(picture, dict)
                    if drawn:
                        _paint(picture)
                        await asyncio.sleep(_GAP_S)
                    elif as_json:
                        print(json.dumps({"v": 1, **picture}, ensure_ascii=False), flush=True)
                    elif (line := _line(picture)) != told:
                        told = line
                        print(f"{stamp(picture['clock']['utc_ms'])}  {line}", flush=True)
        except CommandRefused as error:
            if not reached:
                print(f"floorguard: {error}", file=sys.stderr)
                return Code.UNREACHABLE
            if drawn:
                print(f"\x1b[H\x1b[7m {error}; waiting for it \x1b[0m\x1b[K", end="", flush=True)
            await asyncio.sleep(_AGAIN_S)


def _paint(picture: Mapping[str, Any]) -> None:
    size = shutil.get_terminal_size((80, 24))
    lines = draw(picture, look_of(width=size.columns, height=size.lines))
    shown = [line if visible(line) <= size.columns else line[: size.columns] for line in lines[: size.lines]]
    print("\x1b[H" + "\x1b[K\r\n".join(shown) + "\x1b[K\x1b[J", end="", flush=True)


def _line(picture: Mapping[str, Any]) -> str:
    because = ", ".join(picture.get("because", ()))
    alarms = len(picture.get("alarms", {}))
    return f"{picture['mode']}" + (f" because {because}" if because else "") + f"; {alarms} alarms"
