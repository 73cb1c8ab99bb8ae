"""A stamp of the program that runs: what an earlier or a later one has worked out is not believed.

From names, sizes and times of our own files alone, so that it costs a few milliseconds. It must not read them.
"""

import os
from functools import cache
from hashlib import sha256
from pathlib import Path

_HOME = Path(__file__).resolve().parents[2]
_PARTS = ("config", "drivers", "firmware_py", "monitors")
_SUFFIXES = (".py", ".toml", ".json")


@cache
def stamp() -> str:
    """The same for the daemon and the command line of one installation."""
    seen: list[str] = []
    folders = [str(_HOME / part) for part in _PARTS]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.name.endswith(_SUFFIXES):
                    known = entry.stat(follow_symlinks=False)
                    seen.append(f"{entry.path} {known.st_size} {known.st_mtime_ns}")
    return sha256("\n".join(sorted(seen)).encode()).hexdigest()
