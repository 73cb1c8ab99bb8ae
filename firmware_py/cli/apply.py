"""`floorguard apply`: put the site file in force, on probation; it reverts by itself unless `floorguard confirm` comes.

The clock of the probation is the controller's: this process may die, and the line to it too. On a terminal it waits and
asks; elsewhere it returns at once. Exit 6 when it was reverted while we looked.
"""

import argparse
import fcntl
import os
import pwd
import sys
from collections.abc import Mapping
from pathlib import Path

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import differences, judge, read_draft
from firmware_py.cli.probation import follow, running_files
from firmware_py.cli.wire import ask
from firmware_py.runtime.generations import Generation
from firmware_py.wiring.drafts import find_directory, open_store


def run(args: argparse.Namespace) -> int:
    """Check, say what changes, apply, and wait for a word where there is a terminal."""
    path = Path(args.file)
    draft = read_draft(path)
    if draft is None:
        return Code.CHECK
    directory = find_directory(path, os.environ)
    if not Path(args.socket).exists() and is_free(directory):
        return _keep_for_start(directory, draft)
    number, running, code = running_files(args.socket)
    if running is None:
        return code
    if running == draft:
        print(f"{args.file} is generation {number}, which is in force; nothing to do")
        return Code.OK
    try:
        for line in differences(judge(args.socket, path, draft, before=running)):
            print(line)
    except ConfigError:
        print(f"(what differs from generation {number} cannot be said: this release refuses it)")
    answer, code = ask(args.socket, "apply", files=draft, window_ms=args.window_ms)
    if not isinstance(answer, dict):
        return Code.CHECK if code is Code.FAILED else code
    return follow(args.socket, answer)


def is_free(directory: Path) -> bool:
    """True when no controller holds the state directory."""
    try:
        handle = os.open(directory / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _keep_for_start(directory: Path, draft: Mapping[str, str]) -> int:
    """No controller runs: the next start takes this one, since nobody needs a way back from what never ran."""
    try:
        store = open_store(directory)
        if store.book.trial is not None:
            store.revert()
        user = pwd.getpwuid(os.getuid())
        by = f"{user.pw_uid}:{user.pw_name}"
        made = store.add(draft, Generation(number=0, by=by, why="apply, controller stopped"), trial=False)
        _give_away(directory)
    except (OSError, KeyError) as error:
        print(f"no controller runs, and {directory} cannot be written: {error}; try it as root", file=sys.stderr)
        return Code.UNREACHABLE
    print(f"no controller runs; the next start takes generation {made.number}:  systemctl start floorguard")
    return Code.OK


def _give_away(directory: Path) -> None:
    """What root wrote belongs to whom the state directory belongs to, else the controller could not add to it."""
    if os.geteuid() != 0:
        return
    owner = directory.stat()
    for path in (directory / "generations", *(directory / "generations").rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
