"""`floorguard diff`: what the site file would change in what is in force, by key, and what that would do to the floor.

Exit 0 when nothing differs, 1 when something does. Changes nothing.
"""

import argparse
import json
from pathlib import Path

from config.changes import changes, consequences
from config.strict import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import differences, load_texts, profile_differences, read_draft
from firmware_py.cli.probation import running_files
from firmware_py.runtime.generations import SITE_FILE


def run(args: argparse.Namespace) -> int:
    """Compare a site file with the generation in force, or with an earlier one."""
    draft = read_draft(Path(args.file))
    if draft is None:
        return Code.CHECK
    number, running, code = running_files(args.socket, args.generation)
    if running is None:
        return code
    try:
        before, after = load_texts(running), load_texts(draft)
    except ConfigError as error:
        print(f"generation {number} is refused by this release: {error}")
        return Code.CHECK
    found = changes(before, after)
    profiles = profile_differences(running, draft)
    if args.json:
        keys = [{"key": one.key, "was": one.was, "now": one.now} for one in found]
        effects = list(consequences(before, after)) if found else []
        document = {"v": 1, "generation": number, "changes": keys, "profiles": profiles, "consequences": effects}
        print(json.dumps(document, ensure_ascii=False))
        return Code.FAILED if found or profiles else Code.OK
    if not found and not profiles:
        same = draft[SITE_FILE] == running[SITE_FILE]
        print(f"{args.file} is generation {number}" if same else f"{args.file} says the same as generation {number}")
        return Code.OK
    print(f"{args.file} against generation {number}, which is in force:")
    for line in (*differences(before, after), *profiles):
        print(line)
    return Code.FAILED
