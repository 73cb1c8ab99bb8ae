"""One record as one line of text: a CRC, a space, a JSON object, a newline.

Shared by journal, recorder, state file and incident book. A reader finds every line that is whole, names the others,
and never raises whatever the bytes are. Must not know what a line is about.
"""

import json
import math
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from config.valued import dataclass

Document: TypeAlias = dict[str, object]

MAX_LINE_BYTES = 256 * 1024
_SHORT = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_PREFIX_BYTES = 9  # eight hex digits and a space
_START = re.compile(rb"[0-9a-f]{8} \{")
_TORN_PREFIX = re.compile(rb"[0-9a-f]{1,8}( (\{[\x20-\x7e]*)?)?")
_MAX_SALVAGE_TRIES = 64


class Verdict(StrEnum):
    """What a reader thinks of a line."""

    SOUND = "sound"
    TORN = "torn"  # the end of the file, written in part: nobody was told that it was stored
    BAD = "bad"  # damaged after it was written


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line as found. `raw` without its newline; `document` only when SOUND; `offset` and `end` in bytes."""

    offset: int
    end: int
    raw: bytes
    verdict: Verdict
    document: Document | None = None

    @property
    def records_at_most(self) -> int:
        """How many records a line that is not SOUND may once have been; 0 for a write that was merely cut short."""
        if self.verdict is Verdict.SOUND or (self.verdict is Verdict.TORN and _TORN_PREFIX.fullmatch(self.raw)):
            return 0
        return 1 + len(self.raw) // 64


def encode_line(document: Mapping[str, object], more: str = "") -> bytes:
    """The line for one JSON object, newline included. A number that JSON does not have (NaN, infinity) becomes null.
    `more`: further members of an object that has some, as the text that they are."""
    try:
        text = _SHORT(document)
    except ValueError:
        text = _SHORT(_finite(document))
    if more:
        text = f"{text[:-1]},{more}}}"
    body = text.encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(body), body)


def parse_lines(data: bytes) -> Iterator[Line]:
    """Every line of `data` in order. Only the last can be TORN; a sound line that lost its newline is still SOUND."""
    offset = 0
    while offset < len(data):
        newline = data.find(b"\n", offset)
        end = len(data) if newline < 0 else newline + 1
        raw = data[offset : end if newline < 0 else newline]
        document = _document(raw)
        if document is not None:
            yield Line(offset=offset, end=end, raw=raw, verdict=Verdict.SOUND, document=document)
        else:
            yield from _salvage(raw, offset, end, Verdict.TORN if newline < 0 else Verdict.BAD)
        offset = end


def _document(raw: bytes) -> Document | None:
    """The JSON object of a line whose CRC is right."""
    if not _PREFIX_BYTES < len(raw) <= MAX_LINE_BYTES or raw[8:9] != b" ":
        return None
    body = raw[_PREFIX_BYTES:]
    if b"%08x" % zlib.crc32(body) != raw[:8]:
        return None
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _salvage(raw: bytes, offset: int, end: int, verdict: Verdict) -> Iterator[Line]:
    """Sound lines inside a bad stretch: a newline that was hit would else cost its two healthy neighbours."""
    begin = 0
    for tries, match in enumerate(_START.finditer(raw)):
        if tries >= _MAX_SALVAGE_TRIES:
            break
        cut = match.start()
        if cut <= begin:
            continue
        document = _document(raw[begin : cut - 1])
        if document is not None:
            yield _sound(raw[begin : cut - 1], offset + begin, offset + cut, document)
            begin = cut
        elif (document := _document(raw[cut:])) is not None:
            yield Line(offset=offset + begin, end=offset + cut, raw=raw[begin:cut], verdict=Verdict.BAD)
            yield _sound(raw[cut:], offset + cut, end, document)
            return
    rest = raw[begin:]
    if (document := _document(rest)) is not None:
        yield _sound(rest, offset + begin, end, document)
    elif (document := _document(rest[:-1])) is not None:  # the file's last newline itself was hit
        yield _sound(rest[:-1], offset + begin, end, document)
    elif rest:
        yield Line(offset=offset + begin, end=end, raw=rest, verdict=verdict)


def _sound(raw: bytes, offset: int, end: int, document: Document) -> Line:
    return Line(offset=offset, end=end, raw=raw, verdict=Verdict.SOUND, document=document)


def _finite(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(part) for part in value]
    return value
