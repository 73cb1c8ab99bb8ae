"""One sieve for every text that leaves: logs, reasons, answers, archives. It knows each secret that was read here.

Whatever a far end says may hold our own password, for some repeat the question in their complaint. It must not read
anything itself.
"""

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_plus

STRUCK: Final = "(secret)"
# Of no use to anybody, and in every other sentence: words that devices leave the factory with.
NO_SECRETS: Final = frozenset({"public", "private"})
_SHORTEST = 4  # shorter ones would strike out half of every text; whoever has such a password has none
_WORD_BELOW = 8  # below this only whole words: a community `floor` is no reason to hide `fan.floor1`
_MOST = 256
_SHORT = 200  # longer texts are said once
_USERINFO = re.compile(r"://[^/@\s]+@")
_LOOKS_SECRET = re.compile(
    r"(?i)\b(pass(?:word|wd|phrase)?|pwd|secret|community|token|api_?key)(\s*[=:]\s*)"
    r"(?!\"?(?:credential:|/)|\{secret\}|\(secret\))[^\s&\"']+"
)
_known: dict[str, None] = {}
_current: list[re.Pattern[str] | None] = []  # the pattern of all that is known, once it was asked for
_lessons = [0]


def learn(secret: str) -> None:
    """From now on this text is struck out everywhere; the oldest of very many is forgotten."""
    _lessons[0] += secret not in _known
    _known.pop(secret, None)
    _known[secret] = None
    while len(_known) > _MOST:
        del _known[next(iter(_known))]
    _current.clear()


def lessons() -> int:
    """Another number once something was learnt or forgotten: a text that was looked through before is to be again."""
    return _lessons[0]


def forget() -> None:
    """None is known any more; for tests, whose secrets are words of each other's texts."""
    _known.clear()
    _current.clear()
    _lessons[0] += 1


def redact(text: str, more: Iterable[str] = ()) -> str:
    """The text without what was learnt and without `more`, in clear, quoted for an address or escaped."""
    if len(text) <= _SHORT and not more:
        if ":" in text or "=" in text:
            return _struck(text, tuple(_known))
        # Most of what is said of readings is a number, new each time: without these signs only the learnt can be in it.
        if not _current:
            _current.append(_pattern(tuple(_known)))
        return text if (pattern := _current[0]) is None else pattern.sub(STRUCK, text)
    return _struck.__wrapped__(text, (*_known, *more))


@lru_cache(maxsize=2_048)  # what is said of readings comes again and again, and looking through it costs 10 us
def _struck(text: str, secrets: tuple[str, ...]) -> str:
    if (pattern := _pattern(secrets)) is not None:
        text = pattern.sub(STRUCK, text)
    text = _USERINFO.sub(f"://{STRUCK}@", text)
    return _LOOKS_SECRET.sub(rf"\1\2{STRUCK}", text)


@lru_cache(maxsize=16)
def _pattern(secrets: tuple[str, ...]) -> re.Pattern[str] | None:
    forms = {form for secret in secrets if _counts(secret) for form in _forms(secret)}
    if not forms:
        return None
    return re.compile("|".join(_bounded(form) for form in sorted(forms, key=len, reverse=True)))


def _counts(secret: str) -> bool:
    return len(secret) >= _SHORTEST and secret not in NO_SECRETS


def _forms(secret: str) -> set[str]:
    """As it stands in plain text, in an address, in a form, in JSON with and without ASCII, in Python's repr."""
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    return {secret, quote(secret, safe=""), quote(secret), quote_plus(secret), *escaped}


def _bounded(form: str) -> str:
    found = re.escape(form)
    return rf"(?<![\w.-]){found}(?![\w.-])" if len(form) < _WORD_BELOW else found
