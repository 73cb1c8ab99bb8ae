"""A checked configuration in compiled form, kept beside its generation: what a start reads instead of checking anew.

Believed only for the same texts, by the same program and the same Python, whole to the last bit, and of nobody else's
hand; anything odd is no error, but the long way. What it may hold are values of our own classes, and nothing that runs.
"""

import io
import logging
import os
import pickle
import stat
import sys
from enum import Enum
from hashlib import sha256
from pathlib import Path
from typing import Final

from config.faults import ConfigError
from config.floor import Devices, Floor
from config.shape import Model
from firmware_py.runtime.disk import Disk, write_atomic
from firmware_py.wiring.drafts import gather
from firmware_py.wiring.gist import seal

log = logging.getLogger(__name__)

FILE: Final = "compiled"
_MOST_BYTES: Final = 32 * 1024 * 1024
# Whatever bytes that are no pickle of ours may lead to.
_ODD: Final = (
    ArithmeticError, AttributeError, EOFError, ImportError, LookupError, MemoryError, OSError, RecursionError,
    TypeError, ValueError, pickle.UnpicklingError,
)  # fmt: skip
_OURS: Final = ("config.", "drivers.", "firmware_py.core.", "monitors.")


def dump(value: object) -> bytes:
    """Values of our own classes as bytes."""
    written = io.BytesIO()
    _Writer(written, 5).dump(value)
    return written.getvalue()


def load(raw: bytes) -> object:
    """What `dump` made. ValueError for anything else, and for any class that is not one of our values."""
    try:
        return _Reader(io.BytesIO(raw)).load()
    except _ODD as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error


class _Writer(pickle.Pickler):
    def reducer_override(self, value: object) -> str | tuple[type[Enum], tuple[object]]:
        """A member of an enum by its value: Python 3.11.0 to 3.11.3, Debian 12's among them, write `getattr`."""
        return (type(value), (value.value,)) if isinstance(value, Enum) else NotImplemented


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        """A dataclass, a model or an enum of ours."""
        if module.startswith(_OURS) and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and (
                issubclass(found, Model | Enum) or "__dataclass_fields__" in found.__dict__
            ):
                return found
        raise ValueError(f"{module}.{name} is no value of ours")


def label(path: Path) -> str:
    """Of the texts of a site file and its profiles, as this program and this Python understand them. ConfigError."""
    return sha256(f"{seal(gather(path))} {path} {sys.version}".encode()).hexdigest()


def wrap(label: str, body: bytes) -> bytes:
    """A body with what it is believed by."""
    return f"{label} {sha256(body).hexdigest()}\n".encode() + body


def unwrap(raw: bytes, label: str) -> tuple[Floor, Devices]:
    """What was wrapped. ValueError unless it is exactly that."""
    head, _, body = raw.partition(b"\n")
    if head != f"{label} {sha256(body).hexdigest()}".encode():
        raise ValueError("it is of other texts or another release, or damaged")
    match load(body):
        case (Floor() as floor, Devices() as devices):
            return floor, devices
        case _:
            raise ValueError("it holds something else")


def find(path: Path) -> tuple[Floor, Devices] | None:
    """The compiled form of a generation's site file, None where there is none that can be believed."""
    kept = path.parent / FILE
    try:
        raw = _read(kept)
        return None if raw is None else unwrap(raw, label(path))
    except (OSError, ValueError, ConfigError) as error:
        log.info("%s is not used, the configuration is checked anew: %s", kept, error)
        return None


def keep(path: Path, wrapped: bytes) -> None:
    """Beside a generation's site file. OSError where it cannot be; then the next start takes longer."""
    write_atomic(Disk(), path.parent / FILE, wrapped)


def _read(path: Path) -> bytes | None:
    """None where there is no such file. ValueError where somebody else may have written it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with open(handle, "rb") as file:
        known = os.fstat(file.fileno())
        if known.st_uid not in (os.geteuid(), 0) or known.st_mode & stat.S_IWOTH:
            raise ValueError("others than the controller can write it")
        return file.read(_MOST_BYTES)
