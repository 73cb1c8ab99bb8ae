"""One connection to an Asterisk manager, from dialling to its end: login, readiness, one deadline for each action.

It never queues, never sends twice and never reconnects: who wants a new connection dials again, so that nothing old
can reach an exchange that came back. It must not know trunks, gates or what an event means.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Mapping
from enum import StrEnum

from drivers.ami import Answer, Answers, Banner, Decoder, Packet, encode
from drivers.ami_account import Account
from firmware_py.ports import DeviceError

EVENT_LIMIT = 256  # events kept between two reads; after that only "look again" is known
CHUNK = 16 * 1024
LOGIN_MS = 2500  # a wrong secret is answered after exactly one second (measured, Asterisk 16 and 22)
BUFFER_LIMIT = 64 * 1024  # bytes of ours that the far end has not taken
IDLE_S = 120  # the poller asks every few seconds: a line without a byte for this long is dead
# system: FullyBooted, Shutdown, ContactStatus, Registry, Reload. user: emergency calls. agent and call: what became of
# callers and attempts; about 50 small events a call, each looked at once and none kept. What the account may not read
# simply does not come.
EVENT_CLASSES = "system,user,agent,call"
Hear = Callable[[str, Mapping[str, str], Answer], None]  # each question that was answered, with its headers


class Phase(StrEnum):
    """How far a connection is. BOOTING: the login was accepted before the exchange had loaded its modules."""

    BOOTING = "booting"
    UP = "up"
    CLOSED = "closed"


class AmiLink:
    """A logged-in connection. `wake` is called (in the event loop) with an event's name, or '' when the link ended.

    `take`: given, it gets each event as it comes, and none is kept; it must neither wait nor raise. `hear`: the same
    for each answer to `ask`, for captures of exchanges.
    """

    def __init__(
        self,
        account: Account,
        wake: Callable[[str], None],
        take: Callable[[Packet], None] | None = None,
        hear: Hear | None = None,
    ) -> None:
        self.phase = Phase.BOOTING
        self.refused = False  # turned away, not silent: a person has to mend it
        self.why_closed = ""
        self.resync = False  # events were lost: only a fresh snapshot tells the truth
        self.booted_at_s: float | None = None  # loop time at which the exchange had booted
        self._account = account
        self._wake = wake
        self._taker = take
        self._hear = hear
        self._decoder = Decoder()
        self._answers = Answers()
        self._waiting: dict[str, asyncio.Future[Answer]] = {}
        self._events: deque[Packet] = deque(maxlen=EVENT_LIMIT)
        self._booted = asyncio.Event()
        self._greeted = asyncio.Event()
        self._count = 0
        self._where = f"{account.host}:{account.port}"
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    async def open(self, deadline_ms: int, boot_ms: int = 500) -> None:
        """Connect, log in, wait up to `boot_ms` for FullyBooted (else the phase stays BOOTING).

        Raises DeviceError; when the login itself was refused `refused` says so, and dialling again before a minute
        is over fills the far end's authentication log.
        """
        try:
            async with asyncio.timeout(deadline_ms / 1000):
                await self._connect()
                await self._greeted.wait()
                await self._log_in()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._booted.wait(), boot_ms / 1000)
        except TimeoutError as late:
            self.close("no login in time")
            raise DeviceError(f"{self._where} did not let us in within {deadline_ms} ms") from late
        except OSError as fault:  # refused, unreachable, TLS handshake
            self.close(str(fault))
            raise DeviceError(f"{self._where}: {fault}") from fault
        except BaseException:
            self.close("login was given up")
            raise
        if self.phase is Phase.CLOSED:
            raise DeviceError(f"connection ended during the login: {self.why_closed}")

    async def _connect(self) -> None:
        peer = self._account
        name = peer.host if peer.tls is not None else None
        reader, self._writer = await asyncio.open_connection(peer.host, peer.port, ssl=peer.tls, server_hostname=name)
        self._reading = asyncio.create_task(self._receive(reader), name=f"ami {self._where}")

    async def _log_in(self) -> None:
        if self.phase is Phase.CLOSED:
            raise DeviceError(f"connection ended before the login: {self.why_closed}")
        who = self._account
        login = {"Username": who.user, "Secret": who.secret, "Events": EVENT_CLASSES}
        answer = await self.call("Login", login, LOGIN_MS)
        if not answer.ok:
            self.refused = True
            self.close("login refused")
            raise DeviceError(
                f"{self._where} refused the login of {who.user!r} ({answer.message}): "
                "user, secret or permit list in manager.conf and in our configuration differ"
            )

    async def call(self, action: str, headers: Mapping[str, str] | None = None, deadline_ms: int = 0) -> Answer:
        """Send one action and wait for its whole answer. Raises DeviceError when it is late, or at once when closed."""
        limit_s = (deadline_ms or self._account.answer_ms) / 1000
        action_id, future = self._send(action, headers or {})
        try:
            await asyncio.wait((future,), timeout=limit_s)
            if not future.done():
                raise DeviceError(f"no answer to {action} within {limit_s:g} s")
            return future.result()
        finally:
            self._forget(action_id)

    async def ask(self, action: str, headers: Mapping[str, str] | None = None) -> Answer:
        """As `call`, but a late answer gets a second chance: a Ping, whose reply comes behind it on the same line.

        Two deadlines without an answer mean a hung exchange: the connection is closed and DeviceError raised.
        """
        limit_s = self._account.answer_ms / 1000
        action_id, future = self._send(action, headers or {})
        ping_id = ""
        try:
            await asyncio.wait((future,), timeout=limit_s)
            if future.done():
                return self._heard(action, headers, future.result())
            ping_id, pong = self._send("Ping", {})
            await asyncio.wait((future, pong), timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return self._heard(action, headers, future.result())
            if pong.done():
                pong.result()
                raise DeviceError(f"no answer to {action} within {limit_s:g} s, though a Ping was answered")
        finally:
            self._forget(action_id)
            self._forget(ping_id)
        hangs = f"hangs: no answer to {action} nor to a Ping within {2 * limit_s:g} s"
        self.close(hangs)
        raise DeviceError(hangs)

    def _heard(self, action: str, headers: Mapping[str, str] | None, answer: Answer) -> Answer:
        if self._hear is not None:
            self._hear(action, headers or {}, answer)
        return answer

    def events(self) -> list[Packet]:
        """What came since the last call, oldest first; when `resync` is set, some are missing. Clears both."""
        taken = list(self._events)
        self._events.clear()
        self.resync = False
        return taken

    def close(self, why: str = "closed by us") -> None:
        """End it now; everybody who waits learns why. Idempotent, never waits, never raises."""
        if self.phase is Phase.CLOSED:
            return
        self.phase = Phase.CLOSED
        self.why_closed = why
        if self._reading is not None and self._reading is not asyncio.current_task():
            self._reading.cancel()
        if self._writer is not None:
            self._writer.transport.abort()  # nothing of ours may still be under way to an exchange given up
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(DeviceError(f"connection ended: {why}"))
                future.exception()  # taken note of: the caller may have gone already
        self._waiting.clear()
        self._greeted.set()
        self._booted.set()
        self._wake("")

    def _send(self, action: str, headers: Mapping[str, str]) -> tuple[str, asyncio.Future[Answer]]:
        if self.phase is Phase.CLOSED or self._writer is None:
            raise DeviceError(f"not connected: {self.why_closed}")
        if self._writer.transport.get_write_buffer_size() > BUFFER_LIMIT:
            self.close("the far end does not read")
            raise DeviceError("not connected: the far end does not read")
        self._count += 1
        action_id = f"floorguard-{self._count}"
        data = encode(action, headers, action_id)
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[action_id] = future
        self._answers.expect(action_id)
        self._writer.write(data)
        return action_id, future

    def _forget(self, action_id: str) -> None:
        self._answers.forget(action_id)
        self._waiting.pop(action_id, None)

    async def _receive(self, reader: asyncio.StreamReader) -> None:
        why = "the far end closed the connection"
        try:
            while True:
                async with asyncio.timeout(IDLE_S):
                    data = await reader.read(CHUNK)
                if not data:
                    break
                for packet in self._decoder.feed(data):
                    self._take(packet)
        except TimeoutError:
            why = f"silent for {IDLE_S} s"
        except (DeviceError, OSError) as fault:
            why = str(fault) or type(fault).__name__
        finally:  # also for a bug: nobody may wait for a reader that is gone
            self.close(why)

    def _take(self, packet: Banner | Packet) -> None:
        if isinstance(packet, Banner):
            self._greeted.set()
            return
        item = self._answers.belongs(packet)
        answer = self._answers.take(packet)
        if answer is not None:
            future = self._waiting.get(packet.action_id)
            if future is not None and not future.done():
                future.set_result(answer)
        elif packet.event and not item:
            self._notice(packet)

    def _notice(self, event: Packet) -> None:
        if event.event == "FullyBooted":
            # Uptime in seconds: on an exchange that has run for days the event comes right after the login.
            uptime = event.get("Uptime")
            up_s = int(uptime) if uptime.isascii() and uptime.isdigit() and len(uptime) < 12 else 0
            self.booted_at_s = asyncio.get_running_loop().time() - up_s
            if self.phase is Phase.BOOTING:
                self.phase = Phase.UP
            self._booted.set()
        if self._taker is not None:
            self._taker(event)
        else:
            if len(self._events) == EVENT_LIMIT:
                self.resync = True
            self._events.append(event)
        self._wake(event.event)
