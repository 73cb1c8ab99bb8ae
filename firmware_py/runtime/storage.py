"""Everything that is kept, behind one door: journal, state, incident book and recording, in the storage thread.

The loop hands over and goes on; what was synced comes back to it. A medium that fails makes `status` degraded and
nothing else. Must not know MQTT, alarms, or why something is worth keeping.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from config.valued import dataclass
from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Backlog, Stamp, Unwritten
from firmware_py.runtime.book import Book
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document
from firmware_py.runtime.recorder import Inputs, Recorder
from firmware_py.runtime.segments import Damage, number_of
from firmware_py.runtime.spare import Spare
from firmware_py.runtime.state_file import MAX_BYTES, NOTHING, StateFile, Stored, same_matter
from firmware_py.runtime.storage_thread import StorageThread

T = TypeVar("T")

BATCH_MS = 500  # with rounds each BUSY_S an event that is not critical is synced within a second
# Between two rounds while something waits to be written, and while nothing does: then a round takes in what the last
# seconds' steps had, and one that has to be on the medium wakes the thread anyway.
BUSY_S, QUIET_S = 0.25, 5.0
SOON_S = 0.1  # until a state is written that came without an event
RETRY_MS = 1000
HOUSEKEEPING_MS = 10_000
MAX_INPUTS = 300
MAX_BESIDE = 200  # events beside a state: far more than a step has, and still one line
_CATCH_UP = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """`degraded`: what cannot be written now, and why. `damage`: found at the start, each for the first time.

    `last`: highest event number; `ack`: delivered up to; `cursor_seen`: whether a server ever wrote its cursor.
    """

    degraded: Mapping[str, str]
    damage: tuple[Damage, ...]
    log: str
    last: int
    ack: int
    cursor_seen: bool


class Storage:
    """`on_synced` gets records that are on the medium and may be published, in order; `on_status` every change of
    `degraded` or `damage`. Both are called on the loop. Methods are called on the loop and never wait."""

    def __init__(
        self,
        directory: Path,
        boot: str,
        now_ms: Callable[[], int],
        *,
        disk: Disk | None = None,
        spare: Path | None = None,
        on_synced: Callable[[Sequence[Document]], None] = lambda _: None,
        on_status: Callable[[Status], None] = lambda _: None,
        on_failure: Callable[[BaseException], None] = lambda _: None,
    ) -> None:
        disk = disk or Disk()
        self._boot, self._now_ms, self._on_synced, self._on_status = boot, now_ms, on_synced, on_status
        self._backlog = Backlog()
        self._journal = Journal(disk, directory / "journal", self._backlog)
        self._state_file = StateFile(disk, directory / "state", None if spare is None else Spare(spare, MAX_BYTES))
        self._book = Book(disk, directory / "book")
        self._recorder = Recorder(disk, directory / "inputs")
        self._thread = StorageThread(self._duty, now_ms, rest_s=self._rest_s, on_failure=on_failure)
        self._handover = threading.Lock()
        self._owed = NOTHING
        self._state: tuple[State, int] | None = None
        self._tried: tuple[State, int] | None = None
        self._inputs: deque[Inputs] = deque()
        self._inputs_lost = False
        self._waiting_since_ms: int | None = None
        self._retry_ms = self._housekeeping_ms = now_ms()
        self._in_book = ""  # the log that the book is being made from, and how far it has got
        self._in_book_seq = 0
        self._opened = False
        self._passed = 0
        self._status = self._look()

    # ------------------------------------------------------------------------------------------------- for the loop
    def restore(self) -> Stored | None:
        """The last kept state; called once, before the loop and any network. A bad or missing medium gives None."""
        stored = self._state_file.load(self._boot)
        self._owed = stored.unwritten if stored else NOTHING
        self._status = self._look()
        return stored

    def start(self) -> None:
        """Start the thread, which opens the rest; call it on the running loop."""
        self._thread.start()

    def record(self, events: Sequence[Event], stamp: Stamp) -> None:
        """Number and keep events: at once if one is critical, else within a second."""
        for event in events:
            self._backlog.add(event, stamp)
        if events:
            self._thread.wake()

    def keep(self, state: State, now_ms: int, events: Sequence[Event], stamp: Stamp) -> None:
        """Keep one step: its state (one that has not been written yet is replaced) and the events that led to it.

        They reach the medium together: a kill leaves both or neither, never an event whose state is not known. Where
        nothing but running timers differs the thread is left asleep: its own rounds are often enough for those.
        """
        with self._handover:
            for event in events:
                self._backlog.add(event, stamp)
            before, self._state = self._state, (state, now_ms)
        if events or before is None:
            self._thread.wake()
        elif not same_matter(before[0], state):
            # Nothing has happened yet: a first reading, and the one that confirms it is on its way.
            self._thread.wake_within(SOON_S)

    def remember(self, inputs: Inputs) -> None:
        """Record a step's inputs for replay; when the thread is stuck, the recording has a hole."""
        if len(self._inputs) >= MAX_INPUTS:
            self._inputs_lost = True
            return
        self._inputs.append(inputs)
        if len(self._inputs) * 2 == MAX_INPUTS:
            self._thread.wake()

    def pending(self, after: int, limit: int) -> "asyncio.Future[list[Document]]":
        """Synced records above a number, in order, gaps told. DeviceError when the thread is too busy."""
        return self._thread.submit(lambda: self._journal.pending(after, limit))

    def acknowledged(self, seq: int, *, cursor: bool) -> "asyncio.Future[bool]":
        """Delivered up to `seq`, by the server's cursor or by PUBACK; False for one that is ahead of the journal."""
        return self._thread.submit(lambda: self._journal.acknowledged(seq, cursor=cursor))

    def book(self, question: Callable[[Book], T]) -> "asyncio.Future[T]":
        """Ask or tell the incident book, in the thread: `storage.book(lambda book: book.incidents(state="open"))`."""
        return self._thread.submit(lambda: question(self._book))

    @property
    def status(self) -> Status:
        """As of the thread's last round."""
        return self._status

    @property
    def unwritten(self) -> bool:
        """True while something that was told has no number in `status` yet."""
        return self._passed < self._backlog.arrivals

    @property
    def beat_ms(self) -> int:
        """Monotonic time of the thread's last sign of life, for the watchdog."""
        return self._thread.beat_ms

    async def stop(self, timeout_s: float = 3.0) -> bool:
        """Write all that waits and end; False when the medium did not allow it in time."""
        ended = await self._thread.stop(timeout_s)
        return ended and not len(self._backlog)

    # ----------------------------------------------------------------------------------------------- for the thread
    def _duty(self, final: bool) -> None:
        now_ms = self._now_ms()
        if not self._opened:
            self._journal.open()
            self._book.open()
            self._opened = True
        if self._owed.drafts and self._journal.log:
            self._backlog.owe(self._owed.missing(self._journal.log, self._journal.last))
            self._owed = NOTHING
        with self._handover:
            state, waiting = self._state, self._backlog.waiting()
            after = self._journal.last + self._backlog.lost_total
        # The state first, with the events beside it: whatever is cut off then, the next start has both.
        beside = Unwritten(log=self._journal.log, after=after, drafts=waiting[:MAX_BESIDE])
        self._write_state(state, beside, now_ms, final)
        self._write_events(now_ms, final, len(waiting))
        self._write_inputs()
        if final or now_ms - self._housekeeping_ms >= HOUSEKEEPING_MS:
            self._housekeeping_ms = now_ms
            self._journal.save_position()
            self._recorder.flush()
            self._book.flush()
        before, self._status = self._status, self._look()
        self._passed = self._backlog.passed
        if (before.degraded, before.damage) != (self._status.degraded, self._status.damage):
            self._thread.call_on_loop(self._on_status, self._status)

    def _rest_s(self) -> float:
        """How long the thread may sleep when nobody wakes it."""
        journal, told = self._journal, self._status
        waits = len(self._backlog) or told.degraded or not journal.log
        waits = waits or (journal.ack, journal.cursor_seen) != (told.ack, told.cursor_seen)
        return BUSY_S if waits else QUIET_S

    def _write_events(self, now_ms: int, final: bool, limit: int) -> None:
        """At most the `limit` oldest: what has come since may belong to a state that is not on the medium yet."""
        if not len(self._backlog):
            self._waiting_since_ms = None
        elif self._waiting_since_ms is None:
            self._waiting_since_ms = now_ms
        waiting = self._waiting_since_ms is not None and now_ms - self._waiting_since_ms >= BATCH_MS
        if final or (now_ms >= self._retry_ms and (waiting or self._backlog.urgent or not self._journal.log)):
            records = self._journal.commit(limit)
            if self._journal.degraded:
                self._retry_ms = now_ms + RETRY_MS
            if records:
                self._thread.call_on_loop(self._on_synced, records)
        if self._journal.log:
            self._write_book()

    def _write_book(self) -> None:
        """Bring the book up to the journal, from which it is made; after a crash it may be some records behind."""
        if not self._book.open():
            return
        log = self._journal.log
        if self._in_book != log:
            self._in_book, self._in_book_seq = log, self._book.entered(log)
        if self._in_book_seq >= self._journal.last:
            return
        # One window a round: a book that was lost takes its time, and the heartbeat and the events go on meanwhile.
        if records := self._journal.pending(self._in_book_seq, _CATCH_UP):
            self._book.enter(records)
            self._in_book_seq = number_of(records[-1])
            self._thread.wake()

    def _write_state(self, wanted: tuple[State, int] | None, beside: Unwritten, now_ms: int, final: bool) -> None:
        retry = bool(self._state_file.degraded) and now_ms >= self._retry_ms
        if wanted is None or (wanted is self._tried and not (retry or final)):
            return
        self._tried = wanted
        self._state_file.save(wanted[0], self._boot, wanted[1], unwritten=beside, force=final)
        if self._state_file.degraded:
            self._retry_ms = max(self._retry_ms, now_ms + RETRY_MS)

    def _write_inputs(self) -> None:
        for _ in range(len(self._inputs)):
            self._recorder.remember(self._inputs.popleft())
        self._recorder.rest()
        if self._inputs_lost:
            self._inputs_lost = False
            self._recorder.skip()

    def _look(self) -> Status:
        stores = (
            ("journal", self._journal),
            ("state", self._state_file),
            ("book", self._book),
            ("inputs", self._recorder),
        )
        return Status(
            degraded={
                name: store.degraded for name, store in stores if store.degraded and (self._opened or name == "state")
            },
            damage=(*self._state_file.damage, *self._journal.damage, *self._book.damage),
            log=self._journal.log,
            last=self._journal.last,
            ack=self._journal.ack,
            cursor_seen=self._journal.cursor_seen,
        )


def damage_event(damage: Damage, at_ms: int) -> Event:
    """The event that tells of one damaged stretch found at the start."""
    return Event(
        type="storage.damaged",
        severity=Severity.WARNING,
        at_ms=at_ms,
        data={
            "file": damage.file,
            "offset": damage.offset,
            "length": damage.length,
            "what": damage.what,
            "aside": damage.aside or None,
        },
    )
