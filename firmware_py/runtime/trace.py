"""What stands for one step in a recording: a digest of all that it decided and changed in the memory.

The same step on the same memory has the same, whether it looked at all or only at what had moved. Must not know files.
"""

import json
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from typing import TypeAlias

from firmware_py.core.codec import difference, digest, encode
from firmware_py.core.decision import Decision
from firmware_py.core.image import Shared
from firmware_py.core.reading import Reading
from firmware_py.core.state import State
from firmware_py.runtime.recorded import FORMAT

_IN_ORDER = json.JSONEncoder(sort_keys=True).encode  # made once
_BY_TEXT = 4  # the form from which on what is told each second is told by its text
Known: TypeAlias = dict[str, tuple[Mapping[str, Reading], str]]


def trace(before: State, decision: Decision, form: int = FORMAT, known: Known | None = None) -> str:
    """16 hex digits that stand for one step, as a recording of this form has them.

    `known` keeps from call to call the digests of shares, which at rest are the very same ones.
    """
    changed = difference(before, decision.state)
    if form < _BY_TEXT:
        decided = (decision.mode, decision.flags, decision.because, decision.stage, decision.wake_at_ms)
        return digest((*decided, decision.events, decision.replies, decision.derived, changed))
    happened = (decision.events, decision.replies) if decision.events or decision.replies else ()
    told = [
        f"{decision.mode.value} {sorted(decision.flags)} {decision.because} {decision.stage} {decision.wake_at_ms}",
        _IN_ORDER((encode(happened), changed)),
        *_worked_out(decision.derived, {} if known is None else known),
    ]
    return _digest("\n".join(told))


def _worked_out(derived: Mapping[str, Reading], known: Known) -> Iterator[str]:
    if not isinstance(derived, Shared):
        yield _text(derived)
        return
    for owner, content in derived.shares.items():
        last = known.get(owner)
        if last is None or last[0] is not content:
            last = known[owner] = content, _digest(_text(content))
        yield f"{owner} {last[1]} {derived.times[owner]}"
    yield _text(derived.rest)


def _text(readings: Mapping[str, Reading]) -> str:
    """All that they say, in the order of their making."""
    return "\n".join([
        f"{name} {one.value!r} {one.quality} {one.because} {one.detail!r} {one.at_ms}"
        for name, one in readings.items()
    ])  # fmt: skip


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()
