"""What all parts of the site model share: key naming, bounded durations, references to secrets and files.

In the file a key carries its unit in the value (`on_delay = "2 s"`), in Python in its name (`on_delay_ms`).
Must not know any section of the site.
"""

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

from config import units
from config.shape import AfterValidator, BeforeValidator
from config.strict import Bytes, DurationMs, Model

_SUFFIX = re.compile(r"_(?:ms|pct|c|c_per_min|w|bytes)$")
_CREDENTIAL = r"credential:[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


def key_of(name: str) -> str:
    """The key in the file for a field of the model: without the unit."""
    return _SUFFIX.sub("", name)


class Section(Model, spell=key_of):
    """A table of the site file."""


class OnOff(StrEnum):
    """The value of an output as people write it."""

    ON = "on"
    OFF = "off"


def within(unit: units.Unit, low: str, high: str) -> AfterValidator:
    """A narrower range for one use of a quantity; ends as people write them."""

    def judge(number: float) -> float:
        if not unit.parse(low) <= number <= unit.parse(high):
            raise ValueError(f"must be between {low} and {high}")
        return number

    return AfterValidator(judge)


def _text(judge: Callable[[str], bool], sentence: str) -> BeforeValidator:
    def check(given: object) -> object:
        if isinstance(given, str) and not judge(given):
            raise ValueError(sentence)
        return given

    return BeforeValidator(check)


def _is_path(text: str) -> bool:
    return text.startswith("/") and len(text) <= 255 and text.isprintable() and ".." not in text.split("/")


# A reply that is awaited for longer than this would hold up an endpoint's other units.
TimeoutMs = Annotated[DurationMs, within(units.DURATION, "50 ms", "30 s")]
FastMs = Annotated[DurationMs, within(units.DURATION, "250 ms", "60 s")]
SlowMs = Annotated[DurationMs, within(units.DURATION, "1 s", "1 h")]
DelayMs = Annotated[DurationMs, within(units.DURATION, "0 s", "24 h")]
StoreBytes = Annotated[Bytes, within(units.BYTES, "64 kB", "1000 MB")]
AbsolutePath = Annotated[str, _text(_is_path, "must be an absolute path without .., like /etc/floorguard/ca.pem")]
SecretRef = Annotated[
    str,
    _text(
        lambda text: re.fullmatch(_CREDENTIAL, text) is not None or _is_path(text),
        "must be the absolute path of a file that holds the secret, or credential:NAME for one that systemd loads",
    ),
]
