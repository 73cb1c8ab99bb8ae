"""Reads a unit file as systemd.syntax(7) says: repeated keys add up, an empty value starts anew, # is a comment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_UNITS_S = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


class Unit:
    """Keys of all sections together, for no key means two things in the sections used here."""

    def __init__(self, files: Iterable[Path]) -> None:
        self.keys: dict[str, list[str]] = {}
        self.sections: dict[str, str] = {}
        for file in files:
            self._read(file.read_text())

    def _read(self, text: str) -> None:
        section = ""
        for line in text.splitlines():
            line = line.strip()
            if not line or line[0] in "#;":
                continue
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, found, value = line.partition("=")
            assert found and section, line
            self.sections[key] = section
            self.keys.setdefault(key, [])
            if value:
                self.keys[key].append(value)
            else:
                self.keys[key] = []

    def last(self, key: str, default: str = "") -> str:
        """The value that counts where only one does."""
        return self.keys.get(key, [default])[-1]

    def words(self, key: str) -> list[str]:
        """All values, split at blanks."""
        return [word for value in self.keys.get(key, []) for word in value.split()]

    def seconds(self, key: str) -> float:
        """A time span of systemd.time(7), as far as it is used here."""
        found = re.fullmatch(r"(\d+)(ms|s|min|h|)", self.last(key))
        assert found, f"{key}={self.last(key)}"
        return int(found[1]) * _UNITS_S[found[2]]
