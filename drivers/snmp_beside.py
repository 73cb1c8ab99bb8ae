"""Whether the slow group is asked for in the fast group's question, where both are due and the agent is quick.

One datagram each way instead of two. An agent that takes its time is asked for the fast group alone, so that this is
never late for the other's sake. Pure bookkeeping; it must not know sockets (times are integer milliseconds, given).
"""

from collections.abc import Mapping

from drivers.snmp_decode import Raw
from drivers.snmp_fetch import MOST_VARBINDS
from drivers.snmp_signals import Group
from drivers.snmp_told import Pair

FRESH_MS = 50  # so long an answer may wait to be taken: its readings are stamped when they are
QUICK_SHARE = 8  # an agent is quick that answers within this part of the fast group's deadline


class Held:
    """An answer to both groups: `more` are the slow one's objects, `names` those of the question, `values` theirs."""

    __slots__ = ("at_ms", "more", "names", "values")

    def __init__(
        self, more: tuple[str, ...], names: tuple[str, ...], values: tuple[Pair, ...], at_ms: int
    ) -> None:  # fmt: skip
        self.more, self.names, self.values, self.at_ms = more, names, values, at_ms


class Beside:
    """`periods_ms` of the groups, and the fast one's `deadline_ms`."""

    def __init__(self, periods_ms: Mapping[Group, int], deadline_ms: int) -> None:
        self._after_ms = periods_ms[Group.SLOW] - periods_ms[Group.FAST] // 2
        self._quick_ms = deadline_ms // QUICK_SHARE
        self._taken_ms: int | None = None
        self._took_ms: int | None = None
        self._held: Held | None = None

    def wanted(self, which: Group, asked: tuple[str, ...], more: tuple[str, ...], now_ms: int) -> bool:
        """Whether the slow group's objects, `more`, shall go into this question."""
        is_fit = which is Group.FAST and bool(more) and len({*asked, *more}) <= MOST_VARBINDS
        return is_fit and self.due(now_ms)

    def due(self, now_ms: int) -> bool:
        """Whether the slow group is to be asked for along with the fast one, if both go into one question."""
        taken_ms, took_ms, held = self._taken_ms, self._took_ms, self._held
        if taken_ms is None or took_ms is None or now_ms - taken_ms < self._after_ms or took_ms > self._quick_ms:
            return False
        return held is None or not 0 <= now_ms - held.at_ms <= FRESH_MS

    def begin(self) -> None:
        """A question for both, or for the slow group, goes out; until its end the agent does not count as quick."""
        self._took_ms = None

    def end(self, took_ms: int) -> None:
        """It was answered."""
        self._took_ms = took_ms

    def hold(self, more: tuple[str, ...], names: tuple[str, ...], values: tuple[Pair, ...], now_ms: int) -> None:
        """What came for both."""
        self._held = Held(more, names, values, now_ms)

    def drop(self) -> None:
        """What came for the slow group is not to be used."""
        self._held = None

    def peek(self, asked: tuple[str, ...], now_ms: int) -> Held | None:
        """What `take` would take the slow group's answer of."""
        held = self._held
        if held is None or not 0 <= now_ms - held.at_ms <= FRESH_MS or held.more != asked:
            return None
        return held

    def taken(self, now_ms: int) -> None:
        """What was held for the slow group is taken, or it was asked for anew."""
        self._taken_ms, self._held = now_ms, None

    def take(self, which: Group, asked: tuple[str, ...], now_ms: int) -> dict[str, Raw] | None:
        """The slow group's answer, if it is here and fresh and of just these objects."""
        if which is not Group.SLOW:
            return None
        held = self.peek(asked, now_ms)
        self.taken(now_ms)
        if held is None:
            return None
        raws = dict(held.values)
        return {oid: raws[oid] for oid in asked}
