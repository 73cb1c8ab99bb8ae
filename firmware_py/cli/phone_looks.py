"""What the running controller knows of its exchanges that somebody should mend: rights, emergency numbers, failover.

For `doctor`: reads a picture of the daemon's points, asks no exchange. It must not decide what is bad about the rest.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from config.valued import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneLook:
    """One finding; `fix` is what to do, '' where it is sound. `grave`: it would spoil the controller's work."""

    what: str
    found: str
    fix: str = ""
    grave: bool = False


_PATH = {
    "passes": "",
    "gated": "match emergency numbers before the gate and every limit on lines: docs/asterisk-gate.md, 1",
    "missing": "an emergency number leads nowhere in the dialplan: docs/asterisk-gate.md, 1",
    "unproven": "test by hand that emergency numbers pass, and keep their branch of the dialplan plain",
}
_WAY = {
    "works": "",
    "never": "set timer_b in pjsip.conf below the dial's limit (and in the site file), or dial for longer",
    "none": "let the dialplan dial the backup after the main trunk: docs/asterisk-gate.md, 1",
    "unproven": "test by hand that a call goes on to the backup when the trunk is dead",
}
_GRAVE = frozenset({"gated", "missing", "never", "none"})


def look_at_phones(exchanges: Iterable[str], points: Mapping[str, Any]) -> list[PhoneLook]:
    """Every finding for these exchanges out of `points` (id: {"value":, "quality":, "detail":})."""
    return [look for exchange in exchanges for look in _exchange(exchange, points)]


def _exchange(exchange: str, points: Mapping[str, Any]) -> Iterator[PhoneLook]:
    wide = _good(points, f"{exchange}.account.too_wide")
    if wide is not None:
        excess = str(_good(points, f"{exchange}.account.excess") or "")
        fix = "give it write = call,agent,reporting and no more: docs/asterisk-gate.md, 3" if wide else ""
        yield PhoneLook(what=f"{exchange} account", found=f"may {excess}" if wide else "may what it needs", fix=fix)
    for what, point, fixes in (("emergency", "emergency.path", _PATH), ("failover", "failover.dialplan", _WAY)):
        word = _good(points, f"{exchange}.{point}")
        if word is not None:
            detail = str(points[f"{exchange}.{point}"].get("detail", ""))
            yield PhoneLook(
                what=f"{exchange} {what}", found=f"{word} {detail}".strip(), fix=fixes.get(str(word), ""),
                grave=word in _GRAVE,
            )  # fmt: skip


def _good(points: Mapping[str, Any], point: str) -> object:
    entry = points.get(point)
    return entry.get("value") if isinstance(entry, Mapping) and entry.get("quality") == "good" else None
