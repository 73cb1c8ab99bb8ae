"""`floorguard schema VERB`: the JSON Schema (draft 2020-12) of what a reading verb prints with --json.

The shipped files, as they are; a test holds every verb's output against them. It must not make one up.
"""

import argparse
import sys
from difflib import get_close_matches
from pathlib import Path

from firmware_py.cli.codes import Code

FOLDER = Path(__file__).resolve().parent / "schemas"


def run(args: argparse.Namespace) -> int:
    """Print one, or the names of all."""
    known = sorted(file.stem for file in FOLDER.glob("*.json"))
    if not args.of:
        print("\n".join(known))
        return Code.OK
    if args.of not in known:
        near = get_close_matches(args.of, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        print(f"floorguard: {args.of} has no schema; {hint}", file=sys.stderr)
        return Code.USAGE
    print((FOLDER / f"{args.of}.json").read_text(encoding="utf-8"), end="")
    return Code.OK
