"""Getting values out of an agent that may refuse: one GET where it goes, split where the agent cannot take it whole.

Also walks alarm tables, seldom and with a limit. It must not know the SNMP library, nor what a value means.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Protocol

from config.valued import dataclass
from drivers.snmp_decode import Gap, Raw
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

MOST_VARBINDS = 24  # asked in one GET: about 1 KiB each way, below every card's limit that we know of
MOST_ALARMS = 64
BULK_ROWS = 16
ALARM_AGE_MS = 10_000  # an unchanged count of alarms is looked at again after this time
NO_ERROR, TOO_BIG, NO_SUCH_NAME, NO_ACCESS, NOT_AUTHORIZED = 0, 1, 2, 6, 16  # RFC 3416 clause 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One response: the PDU's error-status and error-index, and its values in their order."""

    status: int
    index: int
    values: tuple[tuple[str, Raw], ...]


class Link(Protocol):
    """What can be asked of an agent. All raise DeviceError and otherwise wait; the caller bounds them."""

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET."""

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """The `rows` objects behind `oid`."""

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        """What follows each of `oids`, in their order."""


class Fetch:
    """What one agent was found not to have, so that progress is kept when a deadline cuts a long probe short."""

    def __init__(self, *, bulk: bool) -> None:
        self._rows = BULK_ROWS if bulk else 1
        self._refused: dict[str, Gap] = {}
        self._alarms: dict[str, tuple[int, int, frozenset[str]]] = {}
        self.answers = 0
        self._dropped_before = 0

    def start(self, dropped: int) -> None:
        """A new read begins; `dropped` is the link's count of thrown-away datagrams so far."""
        self.answers, self._dropped_before = 0, dropped

    @property
    def is_learning(self) -> bool:
        """True while what an agent refused is kept of a read that was cut short."""
        return bool(self._refused)

    def forget(self) -> None:
        """The agent was away."""
        self._refused.clear()
        self._alarms.clear()

    def silence(self, where: str, secret: str, deadline_ms: int, dropped: int) -> DeviceError:
        """What a read that ran into its deadline means, and what to look at. `secret`: what may be wrong unnoticed."""
        if self.answers:
            return DeviceError(f"{where} answers too slowly: not all values within {deadline_ms} ms")
        if dropped > self._dropped_before:
            text = f"{dropped - self._dropped_before} datagrams, none of them an answer to what was asked"
            return DeviceError(f"{where}: {text}; is another service there?", because=Reason.BAD_REPLY)
        return DeviceError(
            f"no answer from {where} within {deadline_ms} ms; check address and power, that SNMP is switched on for "
            f"this host, and the version and {secret} (a wrong one looks like silence)"
        )

    async def values(self, link: Link, oids: Sequence[str], patience_s: float) -> dict[str, Raw]:
        """One entry for each of `oids`. At most two requests for each object: every one settles or halves something.

        Raises DeviceError when the agent does not answer as a whole.
        """
        raws: dict[str, Raw] = {oid: self._refused[oid] for oid in oids if oid in self._refused}
        left = [oid for oid in oids if oid not in raws]
        todo = deque(left[start : start + MOST_VARBINDS] for start in range(0, len(left), MOST_VARBINDS))
        while todo:
            part = todo.popleft()
            answer = await link.get(part, patience_s)
            self.answers += 1
            if answer.status == NO_ERROR:
                raws.update(_matched(part, answer.values))
                continue
            if answer.status == NOT_AUTHORIZED:
                raise DeviceError("the agent refuses to be read with these credentials; check their security level")
            gap = Gap.NO_SUCH if answer.status in (NO_SUCH_NAME, NO_ACCESS) else Gap.REFUSED
            culprit = answer.index - 1 if answer.status != TOO_BIG and 1 <= answer.index <= len(part) else None
            if culprit is None and len(part) > 1:
                half = len(part) // 2
                todo.extendleft((part[half:], part[:half]))
                continue
            refused = part[culprit or 0]
            raws[refused] = self._refused[refused] = gap
            rest = [oid for oid in part if oid != refused]
            if rest:
                todo.appendleft(rest)
        # Only a completed round is remembered by whoever asked; the next one may find the agent changed.
        self._refused.clear()
        return raws

    async def roots(self, link: Link, roots: Sequence[str], patience_s: float) -> frozenset[str]:
        """Those of `roots` under which the agent has anything; also those of which it does not say.

        One GETNEXT names them all, so that a card with one MIB is not asked for the objects of twenty.
        """
        found: set[str] = set()
        todo = deque(tuple(roots[start : start + MOST_VARBINDS]) for start in range(0, len(roots), MOST_VARBINDS))
        while todo:
            part = todo.popleft()
            answer = await link.following(part, patience_s)
            self.answers += 1
            if answer.status == NO_ERROR and len(answer.values) == len(part):
                pairs = zip(part, answer.values, strict=True)
                found |= {root for root, (oid, raw) in pairs if oid.startswith(f"{root}.") and raw is not Gap.NO_SUCH}
            elif answer.status == NO_SUCH_NAME and 1 <= answer.index <= len(part):
                rest = (*part[: answer.index - 1], *part[answer.index :])  # behind its last object, in version 1
                todo.extendleft([rest] if rest else [])
            elif len(part) > 1:
                todo.extendleft((part[len(part) // 2 :], part[: len(part) // 2]))
            else:
                found |= set(part)
        return frozenset(found)

    async def alarms(
        self, link: Link, tables: Mapping[str, int], now_ms: int, patience_s: float
    ) -> dict[str, frozenset[str] | None]:
        """The alarms in each table; walked when its count changed or the last walk is old."""
        found: dict[str, frozenset[str] | None] = {}
        for table, count in tables.items():
            before = self._alarms.get(table)
            if before is None or before[0] != count or now_ms - before[1] >= ALARM_AGE_MS:
                rows = await self._walk(link, table, patience_s)
                if rows is None:
                    found[table] = None
                    continue
                before = self._alarms[table] = (count, now_ms, rows)
            found[table] = before[2]
        return found

    async def _walk(self, link: Link, table: str, patience_s: float) -> frozenset[str] | None:
        """The object ids in one column, at most MOST_ALARMS of them; None when the agent refuses."""
        rows: set[str] = set()
        at = table
        for _ in range(MOST_ALARMS):
            answer = await link.after(at, self._rows, patience_s)
            self.answers += 1
            if answer.status == NO_SUCH_NAME:
                return frozenset(rows)  # the end, in version 1
            if answer.status != NO_ERROR:
                return None
            for oid, raw in answer.values:
                if not oid.startswith(f"{table}.") or raw is Gap.NO_SUCH or _order(oid) <= _order(at):
                    return frozenset(rows)  # behind the column, or an agent that runs in circles
                if isinstance(raw, str):
                    rows.add(raw)
                at = oid
            if not answer.values or len(rows) >= MOST_ALARMS:
                break
        return frozenset(rows)


def _matched(asked: Sequence[str], values: Sequence[tuple[str, Raw]]) -> dict[str, Raw]:
    """The values by name; one that was not sent, or sent twice with different values, counts as missing."""
    given: dict[str, Raw] = dict(values)
    if list(given) == asked and len(values) == len(asked):
        return given  # all of it once and in order, as of every agent in its senses
    given.clear()
    for oid, raw in values:
        given[oid] = raw if given.get(oid, raw) == raw else Gap.MISSING
    return {oid: given.get(oid, Gap.MISSING) for oid in asked}


def _order(oid: str) -> tuple[int, ...]:
    return tuple(int(part) for part in oid.split("."))
