"""The few file operations that everything stored is made of, each as durable as its name says.

One place, so that a test can put a failing or forgetful disk underneath every store. Knows bytes and paths; must not
know what a record, a state or an incident is.
"""

import os
from contextlib import suppress
from errno import ENOENT, EROFS
from pathlib import Path

DIRECTORY_MODE = 0o750
FILE_MODE = 0o640


class Disk:
    """The real one. Every operation raises OSError and nothing else; paths are absolute or relative to the process."""

    def make_directory(self, path: Path) -> None:
        """Create a directory and what is missing above it; one that exists is left as it is."""
        path.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)

    def names(self, directory: Path) -> list[str]:
        """Names of the plain files in a directory, sorted."""
        with os.scandir(directory) as entries:
            return sorted(entry.name for entry in entries if entry.is_file(follow_symlinks=False))

    def exists(self, path: Path) -> bool:
        """True when the name is there and can be seen."""
        return path.exists()

    def size(self, path: Path) -> int:
        """Bytes in a file."""
        return path.stat().st_size

    def read(self, path: Path, limit: int) -> bytes:
        """At most `limit` bytes from the start."""
        with path.open("rb") as file:
            return file.read(limit)

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        """Write at the end, creating the file if need be; with `sync` it returns only when the bytes are on the medium.

        After an error any part of `data` may be there: the caller cuts the file back before it writes again.
        """
        self._write(path, os.O_APPEND, data, sync=sync)

    def write_whole(self, path: Path, data: bytes) -> None:
        """Replace the content and sync it. Not atomic: for temporary names only (see `replace`)."""
        self._write(path, os.O_TRUNC, data, sync=True)

    def truncate(self, path: Path, size: int) -> None:
        """Cut a file back to `size` bytes, on the medium when this returns."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.ftruncate(descriptor, size)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def sync(self, path: Path) -> None:
        """Bring what is already written to the medium."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        """Give `source` the name of `target` in one step; durable only after `sync_directory`."""
        source.replace(target)

    def remove(self, path: Path) -> None:
        """Take a name away; durable only after `sync_directory`. A name that is not there is no error."""
        path.unlink(missing_ok=True)

    def sync_directory(self, directory: Path) -> None:
        """Make new, changed and removed names durable."""
        self.sync(directory)

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flag, FILE_MODE)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            if sync:
                # fdatasync also brings the new length, which is all that reading an appended file back needs.
                os.fdatasync(descriptor)
        finally:
            os.close(descriptor)


class ReadOnlyDisk(Disk):
    """For looking at somebody else's files: everything that would change them fails, whatever rights we have."""

    def make_directory(self, path: Path) -> None:
        """Fails unless it is there."""
        if not path.is_dir():
            raise FileNotFoundError(ENOENT, os.strerror(ENOENT), str(path))

    def truncate(self, path: Path, size: int) -> None:
        """Fails."""
        raise _read_only(path)

    def sync(self, path: Path) -> None:
        """Fails."""
        raise _read_only(path)

    def replace(self, source: Path, target: Path) -> None:
        """Fails."""
        raise _read_only(source)

    def remove(self, path: Path) -> None:
        """Fails."""
        raise _read_only(path)

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        raise _read_only(path)


def _read_only(path: Path) -> OSError:
    return OSError(EROFS, os.strerror(EROFS), str(path))


def write_atomic(disk: Disk, path: Path, data: bytes) -> None:
    """Give `path` a new content, whole or not at all after any crash: temporary file, sync, rename, directory sync."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        disk.write_whole(temporary, data)
        disk.replace(temporary, path)
    except OSError:
        with suppress(OSError):  # a full disk gets its space back at once; what stays is removed at the next start
            disk.remove(temporary)
        raise
    disk.sync_directory(path.parent)


def remove_temporaries(disk: Disk, directory: Path) -> None:
    """Clear away what a crash left between `write_whole` and `replace`; such a file was never anyone's truth."""
    for name in disk.names(directory):
        if name.endswith(".tmp"):
            disk.remove(directory / name)
