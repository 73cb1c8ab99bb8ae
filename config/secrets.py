"""Secrets from files or from systemd's credentials, in a type that never shows them.

A secret stands in no configuration, log, error or representation. Must not know what a secret is for.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from config.faults import ConfigError, Fault
from config.redact import learn

MAX_BYTES = 4096
_PREFIX = "credential:"
_UNIT_PREFIX = "site_"  # LoadCredential=site:FOLDER in our unit names each file of the folder so


class Secret:
    """Text that is shown only by `reveal()`. Cannot be pickled, formatted or compared with text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the one call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(not shown)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not written anywhere")


def locate(ref: str, environ: Mapping[str, str]) -> Path:
    """The file that `ref` means: an absolute path, or `credential:NAME` in $CREDENTIALS_DIRECTORY."""
    if not ref.startswith(_PREFIX):
        return Path(ref)
    folder = environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise _refuse(ref, "systemd has loaded no credentials ($CREDENTIALS_DIRECTORY is not set); add LoadCredential=")
    name = ref.removeprefix(_PREFIX)
    own = Path(folder) / f"{_UNIT_PREFIX}{name}"
    return own if own.exists() else Path(folder) / name


def read_secret(ref: str, environ: Mapping[str, str]) -> Secret:
    """The secret that `ref` names: one line of UTF-8, at most 4096 bytes, in a file that others cannot read.

    One line break at the end is dropped. ConfigError, which never holds any of the content, when it cannot be used.
    """
    path = locate(ref, environ)
    name = str(path)
    try:
        # Without O_NONBLOCK a fifo in this place would hold up the start for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "not a usable path"
        raise _refuse(
            name, f"the secret cannot be read: {reason}; put it there, readable for the group floorguard"
        ) from None
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _refuse(name, "the secret must be in a regular file")
        if found.st_mode & stat.S_IRWXO:
            raise _refuse(name, f"everybody can read this secret; run: chmod o= {name}")
        raw = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    secret = _one_line(raw, name)
    learn(secret)
    return Secret(secret)


def _one_line(raw: bytes, name: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _refuse(name, f"the secret is longer than {MAX_BYTES} bytes; one line is wanted")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise _refuse(name, "the secret is not UTF-8 text; write it as one line of text") from None
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise _refuse(name, "the secret is empty; write it into the file, as one line")
    if any(letter < " " or letter == "\x7f" for letter in text):
        # A line break in a secret would add lines of its own to a text protocol such as AMI.
        raise _refuse(name, "the secret must be one line without control characters")
    return text


def _refuse(name: str, message: str) -> ConfigError:
    return ConfigError([Fault(file=name, line=1, col=1, key="", message=message)])
