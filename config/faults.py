"""What is wrong with a configuration: one fault at its place, and the error that carries all of them.

Loads no schema, so that whoever only prints faults is quick. It must not know what any key means.
"""

from collections.abc import Iterable
from dataclasses import field
from pathlib import Path as FilePath
from typing import TypeAlias

from config.valued import dataclass

Path: TypeAlias = tuple[str | int, ...]  # keys, and places in lists
MAX_BYTES = 256 * 1024  # a large site has 40 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong, at `line` and `col` (from 1) of `file`. `got`: the value as it may be shown, None for none."""

    file: str
    line: int
    col: int
    key: str
    message: str
    got: object | None = None
    path: Path = field(default=(), repr=False)

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        got = "" if self.got is None else f" (got {self.got})"
        return f"{self.file}:{self.line}:{self.col}: error: {key}{self.message}{got}"


class ConfigError(Exception):
    """The owner's fault: refuse to apply. `faults` has all of them, in the order of the file."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line, fault.col)))
        assert self.faults
        super().__init__("\n".join(str(fault) for fault in self.faults))


def at(file: str, line: int, col: int, message: str) -> Fault:
    """A fault of no key."""
    return Fault(file=file, line=line, col=col, key="", message=message)


def read_text(path: FilePath) -> str:
    """A file of at most 256 KiB in UTF-8. ConfigError with the place where it is none."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise ConfigError(
            [at(file, 1, 1, f"cannot be read: {reason}; look at the name and at who may read it")]
        ) from error
    if len(raw) > MAX_BYTES:
        raise ConfigError([at(file, 1, 1, f"is larger than {MAX_BYTES} bytes; a site file is text of some 40 kB")])
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        line = before.count(b"\n") + 1
        col = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        raise ConfigError([at(file, line, col, "is not UTF-8 text; save the file as UTF-8")]) from error
