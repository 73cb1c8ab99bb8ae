"""Events that wait for the disk: bounded, and when full the least important and oldest goes first, counted.

The control loop adds from its thread and never waits; the storage thread takes. An event has no number here: it gets
one only when it is written. Must not know files.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from config.valued import dataclass
from firmware_py.core.event import Event, Severity
from firmware_py.runtime.lines import Document

DROP_ORDER = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When an event was seen: wall time as RFC 3339 text, what that time is worth (`ntp`, `rtc`, `none`), and boot."""

    ts: str
    clk: str
    boot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An event with its stamp, still without a number. `order` counts arrivals."""

    event: Event
    stamp: Stamp
    order: int = 0

    def record(self, log: str, seq: int) -> Document:
        """The numbered form that is stored and published; `up_ms` is monotonic, `ts` wall time."""
        event = self.event
        return {
            "seq": seq,
            "log": log,
            "ts": self.stamp.ts,
            "clk": self.stamp.clk,
            "up_ms": event.at_ms,
            "boot": self.stamp.boot,
            "type": event.type,
            "sev": event.severity.value,
            "incident": event.incident,
            "drill": event.drill,
            "data": {key: list(value) if isinstance(value, tuple) else value for key, value in event.data.items()},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """What had to be dropped before it was ever numbered: how many of each class, seen between two monotonic times."""

    counts: Mapping[Severity, int] = field(default_factory=dict)
    from_up_ms: int = 0
    to_up_ms: int = 0

    @property
    def total(self) -> int:
        """How many in all."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwritten:
    """Events that stand beside a state because they had no number yet when it was written.

    `after`: the number in the journal `log` that the first of them comes behind.
    """

    log: str = ""
    after: int = 0
    drafts: tuple[Draft, ...] = ()

    def missing(self, log: str, last: int) -> tuple[Draft, ...]:
        """Those that a journal with this name and highest number does not have. Numbers are given in order, so what was
        used up since tells how many were written."""
        return self.drafts[max(0, last - self.after) :] if log == self.log else self.drafts


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the writer takes at once: drafts in order of arrival, and what was lost since the last batch."""

    drafts: tuple[Draft, ...]
    lost: Lost


class Backlog:
    """At most `limit` drafts. Any thread may call anything; no call waits longer than another's few microseconds."""

    def __init__(self, limit: int = 2000) -> None:
        assert limit > 0
        self._limit = limit
        self._lock = threading.Lock()
        self._queues: dict[Severity, deque[Draft]] = {severity: deque() for severity in DROP_ORDER}
        self._arrivals = 0
        self._lost = Lost()

    def __len__(self) -> int:
        with self._lock:
            return self._length()

    @property
    def lost_total(self) -> int:
        """How many were dropped since the last batch was taken; each will use up a number."""
        with self._lock:
            return self._lost.total

    @property
    def arrivals(self) -> int:
        """How many have been added so far."""
        return self._arrivals

    @property
    def passed(self) -> int:
        """How many arrivals, from the first on without a hole, wait no more: they were taken, or gave way."""
        with self._lock:
            return min((queue[0].order for queue in self._queues.values() if queue), default=self._arrivals + 1) - 1

    @property
    def urgent(self) -> bool:
        """True while a critical event waits."""
        return bool(self._queues[Severity.CRITICAL])

    def add(self, event: Event, stamp: Stamp) -> None:
        """Queue one event; when full, an older one of the lowest class present makes room."""
        with self._lock:
            self._arrivals += 1
            self._queues[event.severity].append(Draft(event=event, stamp=stamp, order=self._arrivals))
            self._shrink()

    def waiting(self) -> tuple[Draft, ...]:
        """All that waits, in order of arrival; it stays where it is."""
        with self._lock:
            return self._in_order()

    def take(self, limit: int | None = None) -> Batch:
        """The `limit` drafts that came first, None for all, in order of arrival; they are gone from here afterwards."""
        with self._lock:
            drafts = self._in_order()[:limit]
            newest = drafts[-1].order if drafts else 0
            for queue in self._queues.values():
                while queue and queue[0].order <= newest:
                    queue.popleft()
            batch = Batch(drafts=drafts, lost=self._lost)
            self._lost = Lost()
            return batch

    def owe(self, drafts: Sequence[Draft]) -> None:
        """Events of an earlier run that never got a number: ahead of all that has come in this one."""
        first = -len(drafts)
        self.put_back([replace(draft, order=first + index) for index, draft in enumerate(drafts)], Lost())

    def put_back(self, drafts: Sequence[Draft], lost: Lost) -> None:
        """Return what could not be written, ahead of what has come since."""
        with self._lock:
            for draft in reversed(drafts):
                self._queues[draft.event.severity].appendleft(draft)
            self._lost = _sum(lost, self._lost)
            self._shrink()

    def _in_order(self) -> tuple[Draft, ...]:
        return tuple(sorted((draft for queue in self._queues.values() for draft in queue), key=lambda one: one.order))

    def _length(self) -> int:
        return sum(len(queue) for queue in self._queues.values())

    def _shrink(self) -> None:
        while self._length() > self._limit:
            victim = next(queue for severity in DROP_ORDER if (queue := self._queues[severity])).popleft()
            seen_ms = victim.event.at_ms
            self._lost = _sum(self._lost, Lost(counts={victim.event.severity: 1}, from_up_ms=seen_ms, to_up_ms=seen_ms))


def _sum(first: Lost, second: Lost) -> Lost:
    if not first.total or not second.total:
        return first if first.total else second
    return Lost(
        counts={severity: first.counts.get(severity, 0) + second.counts.get(severity, 0) for severity in DROP_ORDER},
        from_up_ms=min(first.from_up_ms, second.from_up_ms),
        to_up_ms=max(first.to_up_ms, second.to_up_ms),
    )
