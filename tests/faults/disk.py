"""A disk in memory that can fail at any chosen operation, and can lose its power with all that this takes away.

Stands in for the operating system, not for our code. What was not synced survives a cut in part: a prefix of the
writes to a file or any of them (the last one torn, or as zeros), a prefix of the changes of names in a directory.
"""

import errno
import random
from dataclasses import dataclass, field
from pathlib import Path

from firmware_py.runtime.disk import Disk


@dataclass(slots=True)
class _File:
    """Content as the process sees it, as the medium has it, and what lies between: (offset, data) or a new length."""

    now: bytearray = field(default_factory=bytearray)
    durable: bytes = b""
    waiting: list[tuple[int, bytes] | int] = field(default_factory=list)

    def write(self, offset: int, data: bytes) -> None:
        self.now[offset : offset + len(data)] = data
        self.waiting.append((offset, data))

    def cut(self, size: int) -> None:
        del self.now[size:]
        self.waiting.append(size)

    def sync(self) -> None:
        self.durable = bytes(self.now)
        self.waiting.clear()

    def after_power_cut(self, chance: random.Random) -> bytes:
        content = bytearray(self.durable)
        survivors = self._survivors(chance)
        for change in survivors:
            if isinstance(change, int):
                del content[change:]
                continue
            offset, data = change
            if change is survivors[-1]:
                kind = chance.choice(("torn", "zeros", "whole"))
                if kind == "torn":
                    data = data[: chance.randint(0, len(data))]
                elif kind == "zeros":
                    start = chance.randint(0, len(data))
                    data = data[:start] + bytes(len(data) - start)
            content += bytes(max(0, offset - len(content)))  # a hole, where what came before is lost
            content[offset : offset + len(data)] = data
        return bytes(content)

    def _survivors(self, chance: random.Random) -> list[tuple[int, bytes] | int]:
        """The first few, or, as a card that reorders them, any."""
        if chance.random() < 0.5:
            return self.waiting[: chance.randint(0, len(self.waiting))]
        return [change for change in self.waiting if chance.random() < 0.5]


class PowerFailed(BaseException):
    """The power failed in the middle of an operation; nothing after it happened."""


class FaultyDisk(Disk):
    """`fail_at` counts elementary operations (write, sync, rename, cut, remove, read ...): that one raises `error`.

    `fail_for` how many in a row; a failing write leaves `torn` of its bytes. `operations` tells what was done.
    """

    def __init__(self) -> None:
        self.files: dict[Path, _File] = {}
        self.durable_names: dict[Path, _File] = {}
        self.waiting_names: list[tuple[Path, _File | None]] = []
        self.operations: list[str] = []
        self.fail_at = -1
        self.fail_for = 0
        self.error = errno.EIO
        self.torn = 0.5
        self.read_only = False
        self.cut = False

    # ---------------------------------------------------------------------------------------------------- faults
    def fail(self, at: int, *, times: int = 1, error: int = errno.EIO, torn: float = 0.5) -> None:
        """Fail operation number `at` from now on (0: the next one)."""
        self.operations.clear()
        self.fail_at, self.fail_for, self.error, self.torn = at, times, error, torn

    def cut_power(self, at: int, *, torn: float = 0.5) -> None:
        """Lose the power in operation number `at` from now on: it raises PowerFailed. What is left: `power_cut`."""
        self.fail(at, times=1 << 30, torn=torn)
        self.cut = True

    def heal(self) -> None:
        self.fail_at, self.read_only = -1, False

    def _fails(self, what: str) -> bool:
        index = len(self.operations)
        self.operations.append(what)
        if self.read_only and what not in ("read", "names", "size"):
            raise OSError(errno.EROFS, "Read-only file system")
        if self.error == errno.ENOSPC and what in ("read", "names", "size", "remove", "truncate", "syncdir"):
            return False  # a full disk can still be read and emptied
        fails = 0 <= self.fail_at <= index < self.fail_at + self.fail_for
        if fails and self.cut and what != "write":
            raise PowerFailed
        return fails

    def _do(self, what: str) -> None:
        if self._fails(what):
            raise OSError(self.error, f"injected at {what}")

    def power_cut(self, seed: int) -> "FaultyDisk":
        """The same medium after its power failed and came back."""
        chance = random.Random(seed)
        after = FaultyDisk()
        names = dict(self.durable_names)
        for path, file in self.waiting_names[: chance.randint(0, len(self.waiting_names))]:
            if file is None:
                names.pop(path, None)
            else:
                names[path] = file
        for path, file in names.items():
            content = file.after_power_cut(chance)
            after.files[path] = _File(now=bytearray(content), durable=content)
        after.durable_names = dict(after.files)
        return after

    def killed(self) -> "FaultyDisk":
        """The same disk after kill -9: the operating system still has everything that was written."""
        self.heal()
        return self

    # ------------------------------------------------------------------------------------------------ operations
    def make_directory(self, path: Path) -> None:
        self._do("mkdir")

    def names(self, directory: Path) -> list[str]:
        self._do("names")
        return sorted(path.name for path in self.files if path.parent == directory)

    def exists(self, path: Path) -> bool:
        return path in self.files

    def size(self, path: Path) -> int:
        self._do("size")
        return len(self._file(path).now)

    def read(self, path: Path, limit: int) -> bytes:
        self._do("read")
        return bytes(self._file(path).now[:limit])

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        file = self._create(path)
        self._write(file, len(file.now), data)
        if sync:
            self._do("sync")
            file.sync()

    def write_whole(self, path: Path, data: bytes) -> None:
        file = self._create(path)
        file.cut(0)
        self._write(file, 0, data)
        self._do("sync")
        file.sync()

    def truncate(self, path: Path, size: int) -> None:
        self._do("truncate")
        file = self._file(path)
        file.cut(size)
        self._do("sync")
        file.sync()

    def sync(self, path: Path) -> None:
        self._do("sync")
        self._file(path).sync()

    def replace(self, source: Path, target: Path) -> None:
        self._do("rename")
        file = self._file(source)
        del self.files[source]
        self.files[target] = file
        self.waiting_names += [(target, file), (source, None)]

    def remove(self, path: Path) -> None:
        self._do("remove")
        if self.files.pop(path, None):
            self.waiting_names.append((path, None))

    def sync_directory(self, directory: Path) -> None:
        self._do("syncdir")
        for path, file in self.waiting_names:
            if file is None:
                self.durable_names.pop(path, None)
            else:
                self.durable_names[path] = file
        self.waiting_names.clear()

    def _file(self, path: Path) -> _File:
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file", str(path))
        return self.files[path]

    def _create(self, path: Path) -> _File:
        self._do("open")
        if path not in self.files:
            self.files[path] = _File()
            self.waiting_names.append((path, self.files[path]))
        return self.files[path]

    def _write(self, file: _File, offset: int, data: bytes) -> None:
        if self._fails("write"):
            file.write(offset, data[: int(len(data) * self.torn)])
            if self.cut:
                raise PowerFailed
            raise OSError(self.error, "injected at write")
        file.write(offset, data)
