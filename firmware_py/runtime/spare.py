"""The newest memory kept beside the medium while that takes nothing: on a file system in memory, as /run is.

It outlives the process, not the machine's power. Nothing that goes wrong here is told: the medium's own fault is. What
another hand may have written is not read. Must not know what it holds.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path


class Spare:
    """One file, whole or absent."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        self._path, self._limit_bytes = path, limit_bytes
        self._written = True  # by the process before, for all we know

    def write(self, line: bytes) -> None:
        """In the place of what was there."""
        fresh = self._path.with_suffix(".tmp")
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
            with open(handle, "wb") as file:
                file.write(line)
            fresh.replace(self._path)
            self._written = True

    def read(self) -> bytes:
        """What was written last; nothing where there is none that is ours alone."""
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return b""
        with open(handle, "rb") as file:
            known = os.fstat(file.fileno())
            sound = stat.S_ISREG(known.st_mode) and known.st_uid == os.geteuid() and not known.st_mode & stat.S_IWOTH
            return file.read(self._limit_bytes) if sound else b""

    def forget(self) -> None:
        """The medium has it."""
        if self._written:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
                self._written = False
