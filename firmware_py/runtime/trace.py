"""What stands for one step in a recording: a digest of all that it decided and changed in the memory.

The same step on the same memory has the same, whether it looked at all or only at what had moved. Must not know files.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import TypeAlias

from firmware_py.core.codec import difference, digest
from firmware_py.core.decision import Decision
from firmware_py.core.image import Shared
from firmware_py.core.reading import Reading
from firmware_py.core.state import State
from firmware_py.runtime.recorded import FORMAT

_BY_SHARES = 4  # the form from which on what is worked out is told share by share
Known: TypeAlias = dict[str, tuple[Mapping[str, Reading], str]]


def trace(before: State, decision: Decision, form: int = FORMAT, known: Known | None = None) -> str:
    """16 hex digits that stand for one step, as a recording of this form has them.

    `known` keeps from call to call the digests of shares, which at rest are the very same ones.
    """
    decided = (decision.mode, decision.flags, decision.because, decision.stage, decision.wake_at_ms)
    derived: object = decision.derived
    if form >= _BY_SHARES and isinstance(derived, Shared):
        derived = (_shares(derived, {} if known is None else known), derived.rest)
    return digest((*decided, decision.events, decision.replies, derived, difference(before, decision.state)))


def _shares(derived: Shared, known: Known) -> str:
    told = list[str]()
    for owner, (content, at_ms) in derived.shares.items():
        last = known.get(owner)
        if last is None or last[0] is not content:
            last = known[owner] = content, _digest(content)
        told.append(f"{owner} {last[1]} {at_ms}")
    return "\n".join(told)


def _digest(content: Mapping[str, Reading]) -> str:
    """As `codec.digest`, for what is there by the hundred and of one kind; their order is that of their making."""
    told = [
        f"{name} {one.value!r} {one.quality.value} {one.because and one.because.value} {one.detail!r} {one.at_ms}"
        for name, one in content.items()
    ]
    return blake2b("\n".join(told).encode("utf-8", "replace"), digest_size=8).hexdigest()
