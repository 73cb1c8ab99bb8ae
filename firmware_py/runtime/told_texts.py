"""What moved in a group, as the recording tells it: the texts of readings that come again are kept, as most do.

Byte for byte what `json.dumps` would write of number, value and detail, one after the other. It must not know times,
nor which points stand in a group.
"""

import json
from collections.abc import Mapping
from itertools import compress
from json.encoder import encode_basestring_ascii
from math import isfinite
from operator import not_

from firmware_py.core.reading import Reading

_MOST = 2_048  # readings whose text is kept


class Heads(dict[str, str]):
    """The number of a point that stands in a group, as a list goes on with it; "" of any other."""

    __slots__ = ("_group_of", "_numbers")

    def __init__(self, numbers: Mapping[str, int], group_of: Mapping[str, int]) -> None:
        super().__init__()
        self._numbers, self._group_of = numbers, group_of

    def __missing__(self, name: str) -> str:
        head = self[name] = f",{self._numbers[name]}," if name in self._group_of else ""
        return head


class Texts:
    """By the identity of readings, each of which is held, so that no other can have it."""

    __slots__ = ("_held", "_known")

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        self._held: list[Reading] = []

    def __len__(self) -> int:
        return len(self._held)

    def of(self, readings: list[Reading]) -> tuple[list[str | None], list[int]]:
        """Value and detail of each; and the places of those that are not sound, which have none."""
        known = self._known
        texts, odd = [*map(known.get, map(id, readings))], list[int]()
        for place in [*compress(range(len(texts)), map(not_, texts))]:
            reading = readings[place]
            text = texts[place] = known.get(id(reading)) or self._admit(reading)
            if text is None:
                odd.append(place)
        return texts, odd

    def _admit(self, reading: Reading) -> str | None:
        if reading.because is not None:
            return None
        if len(self._held) >= _MOST:
            self._known.clear()
            self._held.clear()
        text = self._known[id(reading)] = f"{_value(reading.value)},{_text(reading.detail)}"
        self._held.append(reading)
        return text


def joined(heads: list[str], texts: list[str | None]) -> str:
    """One list of all, as a member of the step; "" of none. TypeError where a text is not there."""
    if not heads:
        return ""
    parts: list[str | None] = [None] * (2 * len(heads))
    parts[::2], parts[1::2] = heads, texts
    return f'"v":[{"".join(parts)[1:]}]'  # type: ignore[arg-type]  # none is None, else it raises


def _value(value: object) -> str:
    kind = type(value)
    if kind is float:
        assert isinstance(value, float)
        return float.__repr__(value) if isfinite(value) else "null"
    if kind is int:
        return str(value)
    return json.dumps(value)


def _text(detail: str) -> str:
    return encode_basestring_ascii(detail)
