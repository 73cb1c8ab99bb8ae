"""What a line card's status means: a sum of bits to one word of a trunk, by a profile (`config/profiles/line_*.toml`).

Pure. It must not know sockets, nor which line is asked when.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from config.shape import Field
from config.strict import ConfigError, Document, Fault, Model, check
from config.valued import dataclass
from drivers.pbx_trunks import STATE_WORDS
from drivers.snmp_decode import Gap, Raw
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Reason, Sample, bad

_OID = re.compile(r"[0-9]+(\.[0-9]+){4,30}")
_WORST = ("up", "degraded", "maintenance", "down")


class _Bit(Model):
    word: Literal["up", "degraded", "maintenance", "down"]
    about: Annotated[str, Field(min_length=1, max_length=80)]


class _File(Model):
    title: str
    document: str
    revision: str
    verified: str
    gap: str
    status: str
    bits: Mapping[str, _Bit]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineProfile:
    """`status`: the table's column, to which a line's index is added. `bits`: word and meaning of each."""

    status: str
    bits: Mapping[int, tuple[str, str]]

    def judge(self, raw: Raw) -> Sample:
        """The trunk's state. No bit at all, and bits that the profile does not list, are never "up"."""
        if isinstance(raw, Gap):
            return bad(Reason.NOT_SUPPORTED, "the card has no line of this index")
        if not isinstance(raw, int) or raw <= 0 or raw.bit_length() > 31:
            return bad(Reason.BAD_REPLY, f"status {raw!r:.40}")
        found = [self.bits.get(1 << place) for place in range(raw.bit_length()) if raw >> place & 1]
        known = [one for one in found if one is not None]
        if len(known) < len(found):
            return bad(Reason.UNKNOWN_WORD, f"status {raw}")
        word = max((word for word, _ in known), key=_WORST.index)
        return Sample(value=word, detail=f"status {raw}: " + ", ".join(about for _, about in known))


def compile_profile(document: Document) -> LineProfile:
    """The checked profile. ConfigError with all faults."""
    file = check(document, _File)
    faults: list[Fault] = []
    if not _OID.fullmatch(file.status):
        faults.append(document.fault(("status",), "must be an object id in digits", file.status))
    bits: dict[int, tuple[str, str]] = {}
    for text, bit in file.bits.items():
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 11 else 0
        if number.bit_count() != 1:
            faults.append(document.fault(("bits", text), "must be a power of two", text))
        bits[number] = (bit.word, bit.about)
    if faults:
        raise ConfigError(faults)
    return LineProfile(status=file.status, bits=bits)


def declare(trunk: str, stale_ms: int) -> Point:
    """The point of one line's state."""
    return Point(
        id=f"trunks.{trunk}.state", kind=Kind.WORD, words=STATE_WORDS, urgent=True, stale_after_ms=stale_ms
    )  # fmt: skip
