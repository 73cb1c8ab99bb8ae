"""Whether the slow group is asked for in the fast group's question, where both are due and the agent is quick.

One datagram each way instead of two. An agent that takes its time is asked for the fast group alone, so that this is
never late for the other's sake. Pure bookkeeping; it must not know sockets (times are integer milliseconds, given).
"""

from collections.abc import Mapping

from drivers.snmp_decode import Raw
from drivers.snmp_fetch import MOST_VARBINDS
from drivers.snmp_signals import Group

FRESH_MS = 50  # so long an answer may wait to be taken: its readings are stamped when they are
QUICK_SHARE = 8  # an agent is quick that answers within this part of the fast group's deadline


class Beside:
    """`periods_ms` of the groups, and the fast one's `deadline_ms`."""

    def __init__(self, periods_ms: Mapping[Group, int], deadline_ms: int) -> None:
        self._after_ms = periods_ms[Group.SLOW] - periods_ms[Group.FAST] // 2
        self._quick_ms = deadline_ms // QUICK_SHARE
        self._taken_ms: int | None = None
        self._took_ms: int | None = None
        self._held: tuple[tuple[str, ...], dict[str, Raw], int] | None = None

    def wanted(self, which: Group, asked: tuple[str, ...], more: tuple[str, ...], now_ms: int) -> bool:
        """Whether the slow group's objects, `more`, shall go into this question."""
        if which is not Group.FAST or self._taken_ms is None or self._took_ms is None or not more:
            return False
        due = now_ms - self._taken_ms >= self._after_ms and self._took_ms <= self._quick_ms
        return due and not self._is_held(now_ms) and len({*asked, *more}) <= MOST_VARBINDS

    def begin(self) -> None:
        """A question for both, or for the slow group, goes out; until its end the agent does not count as quick."""
        self._took_ms = None

    def end(self, took_ms: int) -> None:
        """It was answered."""
        self._took_ms = took_ms

    def hold(self, more: tuple[str, ...], raws: Mapping[str, Raw], now_ms: int) -> None:
        """What came for the slow group."""
        self._held = more, {oid: raws[oid] for oid in more}, now_ms

    def drop(self) -> None:
        """What came for the slow group is not to be used."""
        self._held = None

    def peek(self, asked: tuple[str, ...], now_ms: int) -> dict[str, Raw] | None:
        """What `take` would give for the slow group."""
        held = self._held
        return held[1] if held is not None and self._is_held(now_ms) and held[0] == asked else None

    def take(self, which: Group, asked: tuple[str, ...], now_ms: int) -> dict[str, Raw] | None:
        """The slow group's answer, if it is here and fresh and of just these objects."""
        if which is not Group.SLOW:
            return None
        self._taken_ms = now_ms
        held, is_fresh = self._held, self._is_held(now_ms)
        self._held = None
        return held[1] if held is not None and is_fresh and held[0] == asked else None

    def _is_held(self, now_ms: int) -> bool:
        return self._held is not None and 0 <= now_ms - self._held[2] <= FRESH_MS
