"""`floorguard diff`: what the site file would change in what is in force, by key, and what that would do to the floor.

Exit 0 when nothing differs, 1 when something does. Changes nothing.
"""

import argparse
import json
from pathlib import Path

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import Judged, differences, judge, profile_differences, show_faults
from firmware_py.cli.probation import running_files
from firmware_py.runtime.generations import SITE_FILE
from firmware_py.wiring.drafts import gather


def run(args: argparse.Namespace) -> int:
    """Compare a site file with the generation in force, or with an earlier one."""
    path = Path(args.file)
    try:
        draft = gather(path)
        number, running, code = running_files(args.socket, args.generation)
        if running is None:
            return code
        judged = judge(args.socket, path, draft, args.generation, running) if draft != running else Judged()
    except ConfigError as error:
        show_faults(error)
        return Code.CHECK
    profiles = profile_differences(running, draft)
    if args.json:
        keys = [{"key": key, "was": was, "now": now} for key, was, now in judged.changes]
        effects = list(judged.consequences)
        document = {"v": 1, "generation": number, "changes": keys, "profiles": profiles, "consequences": effects}
        print(json.dumps(document, ensure_ascii=False))
        return Code.FAILED if keys or profiles else Code.OK
    if not judged.changes and not profiles:
        same = draft[SITE_FILE] == running[SITE_FILE]
        print(f"{args.file} is generation {number}" if same else f"{args.file} says the same as generation {number}")
        return Code.OK
    print(f"{args.file} against generation {number}, {'which was' if args.generation else 'which is'} in force:")
    for line in (*differences(judged), *profiles):
        print(line)
    return Code.FAILED
