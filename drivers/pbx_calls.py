"""Calls as the exchange tells of them: emergency calls one by one, and what became of the callers of its queues.

Bounded tallies over events; numbers from the wire are cut to what a number may be. Pure: time is an argument. It must
not know connections, nor what anybody does about a call.
"""

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping

from config.valued import dataclass
from drivers.ami import Packet
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Reason, Sample, bad

SLOTS = 4  # emergency calls told apart at one time; each begin is an event of its own
SHOWN_MS = 60_000  # the shortest time that a call is shown: people must be able to see it
LONGEST_MS = 4 * 3_600_000  # a call whose end was never told
WAITING_LIMIT = 2_000  # callers in queues
NUMBER_CHARACTERS = frozenset("0123456789*#+")
COUNT_LIMIT = 1_000_000_000
COUNTED = ("offered", "answered", "abandoned")


@dataclass(slots=True, kw_only=True)
class _Call:
    number: str
    caller: str
    channel: str
    began_ms: int
    ended: bool = False


def plain_number(text: str) -> str:
    """At most 20 characters of a telephone number, `unknown` when nothing is left."""
    return "".join(c for c in text[:60] if c in NUMBER_CHARACTERS)[:20] or "unknown"


class EmergencyCalls:
    """Up to SLOTS calls at a time; more take the place of the oldest, and count."""

    def __init__(self) -> None:
        self.count = 0
        self._slots: list[_Call | None] = [None] * SLOTS

    def begin(self, number: str, caller: str, channel: str, now_ms: int) -> None:
        """A call was placed. The same channel twice is one call."""
        if channel and any(call is not None and call.channel == channel for call in self._slots):
            return
        self.count = min(self.count + 1, COUNT_LIMIT)
        free = next((place for place, call in enumerate(self._slots) if call is None), None)
        if free is None:
            free = min(range(SLOTS), key=self._age_key)
        self._slots[free] = _Call(
            number=plain_number(number), caller=plain_number(caller), channel=channel, began_ms=now_ms
        )

    def end(self, channel: str) -> None:
        """A channel was hung up."""
        for call in self._slots:
            if call is not None and channel and call.channel == channel:
                call.ended = True

    def compare(self, counted: int | None, now_ms: int) -> None:
        """What the dialplan counts just now: none means that all are over; more than were told of are calls too."""
        if counted is None:
            return
        living = [call for call in self._slots if call is not None and not call.ended]
        for _ in range(min(counted - len(living), SLOTS)):
            self.begin("", "", "", now_ms)
        if counted == 0:
            for call in living:
                call.ended = True

    def look(self, now_ms: int) -> tuple[_Call | None, ...]:
        """The slots now; what is over and was shown for long enough is gone."""
        for place, call in enumerate(self._slots):
            if call is not None:
                age_ms = now_ms - call.began_ms
                if age_ms >= LONGEST_MS or (call.ended and age_ms >= SHOWN_MS):
                    self._slots[place] = None
        return tuple(self._slots)

    def _age_key(self, place: int) -> tuple[bool, int]:
        call = self._slots[place]
        assert call is not None, "only asked when every slot is taken"
        return (not call.ended, call.began_ms)


class QueueCounts:
    """Callers of the queues that are watched: offered, answered, abandoned since our start; waiting now."""

    def __init__(self, queues: Iterable[str]) -> None:
        self.counts: dict[str, int] = dict.fromkeys(COUNTED, 0)
        self._queues = frozenset(queues)
        self._waiting: OrderedDict[str, int] = OrderedDict()

    def take(self, event: Packet, now_ms: int) -> None:
        """QueueCallerJoin, AgentConnect, QueueCallerAbandon, QueueCallerLeave (manager class `agent`)."""
        if event.get("Queue") not in self._queues:
            return
        caller = event.get("Uniqueid")
        match event.event:
            case "QueueCallerJoin":
                self._count("offered")
                self._waiting[caller] = now_ms
                while len(self._waiting) > WAITING_LIMIT:
                    self._waiting.popitem(last=False)
            case "AgentConnect":
                self._count("answered")
                self._waiting.pop(caller, None)
            case "QueueCallerAbandon":
                self._count("abandoned")
                self._waiting.pop(caller, None)
            case "QueueCallerLeave":
                self._waiting.pop(caller, None)
            case _:
                pass

    def longest_ms(self, now_ms: int) -> int:
        """How long the first of those who wait has waited, as far as we saw it."""
        return now_ms - min(self._waiting.values(), default=now_ms)

    def forget(self) -> None:
        """The connection was lost: who waits is no longer known one by one."""
        self._waiting.clear()

    def _count(self, what: str) -> None:
        self.counts[what] = min(self.counts[what] + 1, COUNT_LIMIT)


def declare(name: str, stale_ms: int, *, queues: bool) -> tuple[Point, ...]:
    """The points of one exchange's calls."""
    prefix = f"{name}.emergency"
    points = [Point(id=f"{prefix}.calls", kind=Kind.INTEGER, low=0, high=COUNT_LIMIT, stale_after_ms=stale_ms)]
    for slot in range(1, SLOTS + 1):
        points += [
            Point(id=f"{prefix}.line{slot}", kind=Kind.FLAG, urgent=True, stale_after_ms=stale_ms),
            Point(id=f"{prefix}.number{slot}", kind=Kind.TEXT, stale_after_ms=stale_ms),
            Point(id=f"{prefix}.caller{slot}", kind=Kind.TEXT, stale_after_ms=stale_ms),
        ]
    if queues:
        counted = [*COUNTED, "waiting"]
        points += [
            Point(id=f"{name}.queue.{what}", kind=Kind.INTEGER, low=0, high=COUNT_LIMIT, stale_after_ms=stale_ms)
            for what in counted
        ]
        points.append(
            Point(
                id=f"{name}.queue.longest_s", kind=Kind.INTEGER, unit="s", low=0, high=86_400, stale_after_ms=stale_ms
            )
        )
    return tuple(points)


def emergency_samples(name: str, calls: EmergencyCalls, now_ms: int) -> Mapping[str, Sample]:
    """Samples for the emergency points of `declare`."""
    prefix = f"{name}.emergency"
    samples = {f"{prefix}.calls": Sample(value=calls.count)}
    for slot, call in enumerate(calls.look(now_ms), start=1):
        samples[f"{prefix}.line{slot}"] = Sample(value=call is not None)
        samples[f"{prefix}.number{slot}"] = Sample(value=call.number if call else "")
        samples[f"{prefix}.caller{slot}"] = Sample(value=call.caller if call else "")
    return samples


def queue_samples(
    name: str, counts: QueueCounts, summaries: Iterable[Packet], now_ms: int
) -> Iterator[tuple[str, Sample]]:
    """Samples for the queue points; `summaries` are the QueueSummary items of the queues that are watched."""
    for what in COUNTED:
        yield f"{name}.queue.{what}", Sample(value=counts.counts[what])
    listed = list(summaries)
    numbers = [_whole(item.get("Callers")) for item in listed]
    known: list[int] = [number for number in numbers if number is not None]
    complete = bool(listed) and len(known) == len(numbers)
    waiting = sum(known, 0)
    lost = bad(Reason.NOT_SUPPORTED, "the exchange does not list the queue")
    yield f"{name}.queue.waiting", Sample(value=waiting) if complete else lost
    longest_ms = counts.longest_ms(now_ms) if complete and waiting else 0
    yield f"{name}.queue.longest_s", Sample(value=min(86_400, longest_ms // 1000)) if complete else lost


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None
