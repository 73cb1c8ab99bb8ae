"""A state directory on a full disk, as far as this user can make one.

Root gets a tmpfs without a free byte; anybody else a directory where nothing can be written.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def full_disk(folder: Path) -> Iterator[tuple[Path, str]]:
    """(the directory, how it is full)."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)]
    mounted = os.geteuid() == 0 and subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        if mounted:
            yield fill(folder), "a tmpfs without a free byte"
        else:
            folder.chmod(0o500)
            yield folder, "a directory that cannot be written" + (" (by anybody but root)" if not os.geteuid() else "")
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)
        else:
            folder.chmod(0o700)


def fill(folder: Path) -> Path:
    """Write until there is no room; where the state goes on that disk."""
    try:
        with (folder / "others.data").open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
    except OSError:
        return folder / "state"
