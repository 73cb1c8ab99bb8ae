"""What is wrong with a configuration: one fault at its place, and the error that carries all of them.

Loads no schema, so that whoever only prints faults is quick. It must not know what any key means.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from config.positions import Path


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
