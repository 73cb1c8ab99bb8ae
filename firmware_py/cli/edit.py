"""`floorguard edit`: change a copy of the site file in an editor, check it, and put it back only when it is sound.

Then offers to apply it. A copy that is not taken is kept and named. It must not judge the file itself.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from firmware_py.cli import apply
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import read_draft


def run(args: argparse.Namespace) -> int:
    """Edit until it is sound or given up."""
    path = Path(args.file)
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        print(f"{path} cannot be written by you; try: sudo floorguard edit", file=sys.stderr)
        return Code.FAILED
    editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "nano")
    # In the same folder, so that profiles beside it are found and the last step is one rename.
    handle, name = tempfile.mkstemp(prefix=".site-", suffix=".toml", dir=path.parent)
    os.close(handle)
    copy = Path(name)
    if path.exists():
        shutil.copy2(path, copy)
    before = copy.read_bytes()
    while True:
        if fault := _open(editor, copy):
            return _leave(copy, before, fault)
        if copy.read_bytes() == before:
            copy.unlink()
            print("nothing was changed")
            return Code.OK
        if read_draft(copy) is not None:
            break
        if not ask_yes("Edit again?"):
            return _leave(copy, before, "not taken")
    copy.replace(path)
    print(f"{path} is saved")
    if not ask_yes("Apply it now, on probation?"):
        print("when it suits:  floorguard apply")
        return Code.OK
    return apply.run(args)


def _open(editor: list[str], copy: Path) -> str:
    """Why the editor did not do its work, "" where it did."""
    try:
        return "" if subprocess.call([*editor, str(copy)]) == 0 else f"{editor[0]} ended with an error"
    except OSError as error:
        return f"{editor[0]} cannot be started: {error.strerror}; name another in EDITOR"


def ask_yes(question: str) -> bool:
    """Yes, no, or the end of the input, which is no."""
    try:
        return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _leave(copy: Path, before: bytes, why: str) -> int:
    if copy.read_bytes() == before:
        copy.unlink()
        print(f"{why}; nothing was changed", file=sys.stderr)
    else:
        print(f"{why}; your text is in {copy}, the site file is as it was", file=sys.stderr)
    return Code.FAILED
