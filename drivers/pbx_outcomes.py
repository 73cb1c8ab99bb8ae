"""What became of the calls that went out over a trunk: the only signal for a provider that answers and refuses.

Counts from the exchange's own events, in bounded memory. After the network effectiveness ratio of ITU-T E.411: a busy
or silent person is no fault of the network. Pure: time is an argument; it must not know connections.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable

from config.valued import dataclass
from drivers.ami import Packet

ATTEMPTS_LIMIT = 400  # per trunk; older ones say nothing about now
OPEN_LIMIT = 512  # calls under way whose end is awaited
WINDOW_MS = 300_000
MEMORY_MS = 3_600_000
ENOUGH = 10  # attempts that make a judgement; or this few, when they took at least WINDOW_MS
FEW = 3
REFUSING_AT = 0.5  # share of failures that makes a trunk degraded
SOUND_BELOW = 0.2  # share among the latest ENOUGH that ends it
SOUND_RUN = 5  # or so many in a row that went well
# Causes of Q.850 that speak of the called person or number, not of the way there.
PERSONS = frozenset({1, 16, 17, 18, 19, 21, 22, 23, 26, 28, 31})
# Not judged: who calls hung up first, or the dialplan went elsewhere.
NEITHER = frozenset({"CANCEL", "ABORT", "CONTINUE", "GOTO"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One attempt that has ended or was answered."""

    at_ms: int
    failed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`share` of failures over the `attempts` looked at; None while they are too few. `refusing` outlives its window:
    only calls that go well end it."""

    attempts: int
    failed: int
    share: float | None
    refusing: bool


class Record:
    """One trunk's attempts."""

    def __init__(self) -> None:
        self._outcomes: deque[Outcome] = deque(maxlen=ATTEMPTS_LIMIT)
        self._since: deque[bool] = deque(maxlen=ENOUGH)  # failed or not, since it counts as refusing
        self._refusing = False

    def note(self, outcome: Outcome) -> None:
        """One more attempt, not earlier than the last."""
        self._outcomes.append(outcome)
        if self._refusing:
            self._since.append(outcome.failed)
            run = list(self._since)
            sound = len(run) == ENOUGH and sum(run) / ENOUGH < SOUND_BELOW
            if sound or (len(run) >= SOUND_RUN and not any(run[-SOUND_RUN:])):
                self._refusing = False
                self._outcomes.clear()
                self._outcomes.append(outcome)
        elif (share := _share(self._sample(outcome.at_ms))) is not None and share >= REFUSING_AT:
            self._refusing = True
            self._since.clear()

    def judge(self, now_ms: int) -> Verdict:
        """What the attempts say now."""
        sample = self._sample(now_ms)
        failed = sum(one.failed for one in sample)
        return Verdict(attempts=len(sample), failed=failed, share=_share(sample), refusing=self._refusing)

    def _sample(self, now_ms: int) -> list[Outcome]:
        """The last five minutes, or the last ten attempts of an hour where that is more."""
        recent = [one for one in self._outcomes if now_ms - one.at_ms <= WINDOW_MS]
        if len(recent) >= ENOUGH:
            return recent
        return [one for one in self._outcomes if now_ms - one.at_ms <= MEMORY_MS][-ENOUGH:]


def _share(sample: list[Outcome]) -> float | None:
    took_ms = sample[-1].at_ms - sample[0].at_ms if sample else 0
    if len(sample) >= ENOUGH or (len(sample) >= FEW and took_ms >= WINDOW_MS):
        return sum(one.failed for one in sample) / len(sample)
    return None


@dataclass(slots=True, kw_only=True)
class _Attempt:
    endpoint: str
    rang: bool = False
    status: str = ""


class Outcomes:
    """The attempts of all trunks, out of DialBegin, DialState, DialEnd and Hangup (manager class `call`)."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._records = {endpoint: Record() for endpoint in endpoints}
        self._open: OrderedDict[str, _Attempt] = OrderedDict()

    def judge(self, endpoint: str, now_ms: int) -> Verdict:
        """The verdict on one trunk's attempts."""
        return self._records[endpoint].judge(now_ms)

    def forget(self) -> None:
        """The connection was lost: the ends of the calls under way will not be seen. What was counted stays."""
        self._open.clear()

    def take(self, event: Packet, now_ms: int) -> None:
        """One event; everything else than the four is passed over."""
        match event.event:
            case "DialBegin":
                self._begin(event)
            case "DialState":
                attempt = self._open.get(event.get("DestUniqueid"))
                if attempt is not None:
                    attempt.rang = True
            case "DialEnd":
                self._end(event, now_ms)
            case "Hangup":
                attempt = self._open.pop(event.get("Uniqueid"), None)
                if attempt is not None and attempt.status:
                    self._close(attempt, event.get("Cause"), now_ms)
            case _:
                pass

    def _begin(self, event: Packet) -> None:
        endpoint = endpoint_of(event.get("DestChannel"))
        number = event.get("DestUniqueid")
        if endpoint in self._records and number:
            self._open[number] = _Attempt(endpoint=endpoint)
            while len(self._open) > OPEN_LIMIT:
                self._open.popitem(last=False)

    def _end(self, event: Packet, now_ms: int) -> None:
        number, status = event.get("DestUniqueid"), event.get("DialStatus")
        attempt = self._open.get(number)
        if attempt is None:
            return
        if status == "ANSWER":
            self._records[attempt.endpoint].note(Outcome(at_ms=now_ms, failed=False))
        if status == "ANSWER" or status in NEITHER:
            del self._open[number]
        else:
            attempt.status = status or "?"  # why it ended is in the Hangup that follows

    def _close(self, attempt: _Attempt, cause: str, now_ms: int) -> None:
        number = int(cause) if cause.isascii() and cause.isdigit() and len(cause) < 4 else 0
        refused = number not in PERSONS and number != 0
        swallowed = not attempt.rang and (number in (0, 18) or attempt.status in ("CHANUNAVAIL", "CONGESTION"))
        self._records[attempt.endpoint].note(Outcome(at_ms=now_ms, failed=refused or swallowed))


def endpoint_of(channel: str) -> str:
    """`trunk-main` of `PJSIP/trunk-main-0000001f`; '' for any other technology."""
    technology, _, rest = channel.partition("/")
    return rest.rpartition("-")[0] if technology == "PJSIP" else ""
