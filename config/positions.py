"""Where each key of a TOML text stands: path -> (line, column), both counted from 1, columns in characters.

tomllib gives values without positions, so this scanner walks the same text again. It is called only with text that
tomllib has accepted, never judges it, and must not know models or meanings.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import TypeAlias

from config.faults import Path

Positions: TypeAlias = Mapping[Path, tuple[int, int]]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_LITERAL = re.compile(r"'([^']*)'")
# The closing delimiter may be preceded by one or two quotes that belong to the text, hence the greedy tail.
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"""(?:"{0,2})', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'(?!''))*'''(?:'{0,2})")
_SCALAR = re.compile(r"[^,\]}#\r\n]*")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))", re.DOTALL)
_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b", '"': '"', "\\": "\\"}


def scan(text: str) -> Positions:
    """Positions of every key, table, array element and inline-table key of a valid TOML document."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._starts = [0] + [match.end() for match in re.finditer("\n", text)]
        self._found: dict[Path, tuple[int, int]] = {}
        self._counts: dict[Path, int] = {}  # tables seen so far of each [[array]]

    def run(self) -> Positions:
        table: Path = ()
        while self._skip(_BLANK) < len(self._text):
            if self._text.startswith("[", self._at):
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self._at)
        assert match is not None, pattern
        self._at = match.end()
        return self._at

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1

    def _header(self) -> Path:
        array = self._text.startswith("[[", self._at)
        self._at += 2 if array else 1
        path: Path = ()
        keys = self._dotted()
        for part, offset in keys[:-1]:
            path = self._inside((*path, part))
            self._found.setdefault(path, self._place(offset))
        part, offset = keys[-1]
        path = (*path, part)
        if array:
            self._found.setdefault(path, self._place(offset))
            self._counts[path] = self._counts.get(path, 0) + 1
            path = self._inside(path)
        self._found[path] = self._place(offset)
        self._at += 2 if array else 1
        return path

    def _inside(self, path: Path) -> Path:
        """The table that `path` means: for an array of tables its newest element."""
        count = self._counts.get(path)
        return path if count is None else (*path, count - 1)

    def _dotted(self) -> list[tuple[str, int]]:
        parts = []
        while True:
            self._skip(_SPACE)
            offset = self._at
            parts.append((self._key(), offset))
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return parts
            self._at += 1

    def _key(self) -> str:
        for pattern in (_BASIC, _LITERAL, _BARE):
            match = pattern.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return _unescape(match[1]) if pattern is _BASIC else match[match.lastindex or 0]
        raise AssertionError(f"no key at offset {self._at} of a text that tomllib accepted")

    def _pair(self, table: Path) -> None:
        path = table
        for part, offset in self._dotted():
            path = (*path, part)
            self._found.setdefault(path, self._place(offset))
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        match self._text[self._at : self._at + 1]:
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case '"' | "'":
                self._string()
            case _:
                self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while self._text[self._skip(_BLANK)] != "]":
            self._found[(*path, index)] = self._place(self._at)
            self._value((*path, index))
            index += 1
            if self._text[self._skip(_BLANK)] == ",":
                self._at += 1
        self._at += 1

    def _inline(self, path: Path) -> None:
        self._at += 1
        while self._text[self._skip(_BLANK)] != "}":
            self._pair(path)
            if self._text[self._skip(_BLANK)] == ",":
                self._at += 1
        self._at += 1

    def _string(self) -> None:
        for pattern in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL):
            match = pattern.match(self._text, self._at)
            if match is not None:
                self._at = match.end()
                return
        raise AssertionError(f"no string at offset {self._at} of a text that tomllib accepted")


def _unescape(text: str) -> str:
    def one(match: re.Match[str]) -> str:
        digits = match[1] or match[2]
        return chr(int(digits, 16)) if digits else _SHORT[match[3]]

    return _ESCAPE.sub(one, text)
