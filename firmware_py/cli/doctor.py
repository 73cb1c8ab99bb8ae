"""`floorguard doctor`: what around the controller would spoil its work, each with its fix. Exit 1 if anything would.

Reads files and asks the daemon; opens no device and changes nothing.
"""

import argparse
import json
import os
import tomllib
from pathlib import Path

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import judge
from firmware_py.cli.examine import Ground, Look, State, examine
from firmware_py.cli.facts import Facts, facts_of
from firmware_py.cli.kept import find_gist
from firmware_py.cli.wire import ask, ask_quietly
from firmware_py.runtime.generations import SITE_FILE
from firmware_py.wiring.drafts import gather

_MARKS = {State.GOOD: "ok  ", State.POOR: "POOR", State.BAD: "BAD ", State.SKIPPED: "--  "}
_WIDTH = 79


def run(args: argparse.Namespace) -> int:
    """Examine all."""
    site, fault = look_at_site(Path(args.file), args.socket)
    picture: object = None
    if Path(args.socket).exists():
        picture, _ = ask(args.socket, "status")
    ground = Ground(
        root=Path(args.root), site=site, site_fault=fault, environ=os.environ,
        picture=picture if isinstance(picture, dict) else {},
    )  # fmt: skip
    looks = examine(ground)
    if args.json:
        told = [{"what": one.what, "state": one.state.value, "found": one.found, "fix": one.fix} for one in looks]
        print(json.dumps({"v": 1, "looks": told}, ensure_ascii=False))
    else:
        for one in looks:
            _print(one)
    return Code.FAILED if any(one.state is State.BAD for one in looks) else Code.OK


def look_at_site(path: Path, socket: str) -> tuple[Facts | None, str]:
    """Its facts, or its first fault. What runs, or was put in force by this release, needs no judgement."""
    try:
        draft = gather(path)
        running = ask_quietly(socket, "config")
        if not (isinstance(running, dict) and running["files"] == draft) and find_gist(path) is None:
            judge(socket, path, draft)
    except ConfigError as error:
        return None, str(error.faults[0])
    return facts_of(tomllib.loads(draft[SITE_FILE])), ""


def _print(one: Look) -> None:
    print(f"{_MARKS[one.state]} {one.what:<18} {one.found}"[:_WIDTH])
    if one.fix and one.state in (State.POOR, State.BAD):
        words, line = one.fix.split(), ""
        for word in words:
            if len(line) + len(word) > _WIDTH - 30:
                print(f"{'':24}{line.strip()}")
                line = ""
            line += f" {word}"
        print(f"{'':24}{line.strip()}")
