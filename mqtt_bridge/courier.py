"""Carries numbered events from the journal to the broker: in order, a bounded number at once, until they are done.

Done means the server's cursor has passed them; until a server has ever written one, that the broker took them. It must
not know how the journal keeps them, and never sees one that is not on the medium.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial

from mqtt_bridge import payload
from mqtt_bridge.client import Session
from mqtt_bridge.messages import Heard, Message
from mqtt_bridge.ports import Outbox, Record, WallClock
from mqtt_bridge.settings import Bridge
from mqtt_bridge.topics import Topics
from mqtt_bridge.window import Step, Window

RESERVED = 4  # places in flight that events leave to states and alarms
_BATCH = 32
_LONGEST_RESEND_S = 60.0  # a server that is away for a day is not woken by hammering
_ASK_AGAIN_S = 5.0  # a journal that says it has more, and was too busy to give it
_OPENS_S = 1.0
_log = logging.getLogger(__name__)


class Courier:
    """`refused` hears each answer of the broker, `ahead` whether a server's cursor is beyond our journal."""

    def __init__(
        self,
        settings: Bridge,
        outbox: Outbox,
        *,
        boot: str,
        clock: WallClock,
        refused: Callable[[str, str], None],
        ahead: Callable[[bool], None],
    ) -> None:
        self._settings, self._outbox, self._refused, self._ahead = settings, outbox, refused, ahead
        self._boot, self._clock = boot, clock
        self._topics = Topics(site=settings.site, root=settings.root)
        self._news = asyncio.Event()
        self._journal = ""
        self._window: Window | None = None
        self._size = settings.event_window
        self._replay_to = 0  # all up to here was journalled before this session, or sent before in it
        self._cursor: tuple[str, int] | None = None
        self._moved_s = 0.0
        self._resend_s = settings.resend_ms / 1000
        self._next_s = 0.0
        self._hold_s = 0.0

    def notify(self) -> None:
        """There are new events on the medium."""
        self._news.set()

    async def begin(self, session: Session) -> None:
        """A session has just begun: ask for the cursor, forget what was in flight. Raises DeviceError."""
        places = max(1, session.window - RESERVED)
        self._cursor = None
        self._size = min(self._settings.event_window, places)
        if self._window is not None:  # knows more than the journal, whose answers lag behind
            self._window.size = self._size
            self._window.rewind()
        self._replay_to = self._outbox.last
        self._next_s = self._hold_s = 0.0
        self._resend_s = self._settings.resend_ms / 1000
        self._refused(self._topics.cursor, await session.subscribe(self._topics.cursor, self._hear_cursor))

    async def run(self, session: Session) -> None:
        """Keep carrying until the session ends (DeviceError)."""
        while True:
            self._news.clear()
            await self._fill(session)
            try:
                async with asyncio.timeout(self._wait_s()):
                    await self._news.wait()
            except TimeoutError:
                self._again()

    def _open(self) -> Window | None:
        """The window over the journal as it is now; None while the journal is not open."""
        outbox = self._outbox
        if not outbox.log:
            return None
        if self._window is None or self._journal != outbox.log:
            self._journal = outbox.log
            self._window = Window(acked=outbox.ack, size=self._size, by_cursor=outbox.cursor_seen)
            self._moved_s = asyncio.get_running_loop().time()
            if self._cursor is not None:
                self._follow(self._window, *self._cursor)
        return self._window

    async def _fill(self, session: Session) -> None:
        """Send what there is, as far as the window allows."""
        while (window := self._open()) is not None and window.room > 0 and not self._on_hold():
            log, before = self._journal, window.sent
            records = await self._outbox.pending(window.sent, min(window.room, _BATCH))
            if log != self._outbox.log or window.sent != before:
                continue  # a cursor came in between
            if not records:
                return
            await self._send(session, window, records)

    async def _send(self, session: Session, window: Window, records: Sequence[Record]) -> None:
        loop = asyncio.get_running_loop()
        for record in records:
            await asyncio.sleep(max(0.0, self._next_s - loop.time()))
            self._next_s = max(self._next_s, loop.time()) + 1 / self._settings.events_per_s
            seq = record["seq"]
            assert isinstance(seq, int)
            if seq <= window.sent or window.room <= 0:
                return
            replay = seq <= self._replay_to
            message = payload.event(
                self._settings.site, record, ack=window.acked, replay=replay, fixed=self._corrected(record)
            )
            if not window.waiting:
                self._moved_s = loop.time()
            window.send(seq)
            receipt = await session.send(Message(topic=self._topics.event, payload=payload.encode(message)))
            receipt.add_done_callback(partial(self._hear_broker, window, seq))
            if window.sent != seq:
                return  # a cursor moved the window in between

    def _corrected(self, record: Record) -> str:
        """The wall time of an event of this run that was stamped before the time was known; "" where that stands."""
        up_ms = record["up_ms"]
        if record["boot"] != self._boot or record["clk"] == "ntp" or not isinstance(up_ms, int):
            return ""
        return self._clock.corrected(up_ms)

    def _hear_broker(self, window: Window, seq: int, receipt: "asyncio.Future[str]") -> None:
        if receipt.cancelled() or receipt.exception() is not None or window is not self._window:
            return
        reason = receipt.result()
        self._refused(self._topics.event, reason)
        if reason:
            self._hold_s = asyncio.get_running_loop().time() + self._settings.state_every_ms / 1000
            self._rewind(window)
            self._news.set()  # so that the end of the hold is waited for
        elif window.take(seq):
            self._outbox.acknowledged(window.acked, cursor=False)
            self._news.set()

    def _hear_cursor(self, heard: Heard) -> None:
        raw = heard.payload
        cursor = payload.read_cursor(raw)
        if cursor is None:
            _log.warning("mqtt: a cursor that is none was ignored (%d bytes)", len(raw))
            return
        self._cursor = cursor
        if (window := self._window) is not None:
            self._follow(window, *cursor)
        self._news.set()

    def _follow(self, window: Window, log: str, seq: int) -> None:
        if log != self._journal:
            return  # about another journal: a card that was replaced
        top = window.sent
        # What was sent is in the journal even where its latest number has not reached us yet.
        step = window.follow(seq, last=max(self._outbox.last, top))
        self._ahead(step is Step.AHEAD)
        if step is Step.AHEAD:
            return
        if step is Step.BACK:
            self._replay_to = max(self._replay_to, top)
        if step is not Step.NONE:
            self._moved_s = asyncio.get_running_loop().time()
            self._resend_s = self._settings.resend_ms / 1000
        self._outbox.acknowledged(seq, cursor=True)

    def _on_hold(self) -> bool:
        return asyncio.get_running_loop().time() < self._hold_s

    def _wait_s(self) -> float | None:
        now_s = asyncio.get_running_loop().time()
        if now_s < self._hold_s:
            return self._hold_s - now_s
        window = self._window
        if window is None:
            return _OPENS_S  # a journal that opens without a new event tells nobody
        if window.by_cursor and window.waiting:
            return max(0.0, self._moved_s + self._resend_s - now_s)
        return _ASK_AGAIN_S if window.room > 0 and self._outbox.last > window.sent else None

    def _again(self) -> None:
        """No movement for too long: from the lowest, and the next time later."""
        if self._window is not None and self._window.waiting and self._window.by_cursor:
            self._rewind(self._window)
            self._resend_s = min(2 * self._resend_s, _LONGEST_RESEND_S)
            self._moved_s = asyncio.get_running_loop().time()

    def _rewind(self, window: Window) -> None:
        self._replay_to = max(self._replay_to, window.sent)
        window.rewind()
