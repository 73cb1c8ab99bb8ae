"""The port on which UPSs may say that something happened. Off unless the site asks for it.

What arrives is a hint to read now, from configured addresses only and never more often than SPACING_S; the read alone
tells what is true. It must not know points or what a notification means.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from config.valued import dataclass
from drivers.snmp_access import User
from drivers.snmp_guard import V3
from drivers.snmp_notice import Notice, look

if TYPE_CHECKING:
    from drivers.snmp import InformDesk

SPACING_S = 0.125  # between two hints of one device: with its own polls fewer than ten reads a second
RETRY_S = 60.0  # a port that cannot be had is tried again
MOST_DESKS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """One UPS: where its notifications come from, whose they are, and what to call. `user` is its SNMPv3 user."""

    device: str
    address: Callable[[], str]
    prefixes: tuple[str, ...]
    hint: Callable[[], None]
    user: User | None = None


class TrapPort(asyncio.DatagramProtocol):
    """One UDP port for all UPSs. Opened by the first that reads, closed by the last that leaves."""

    def __init__(self, address: str, port: int) -> None:
        self._where = address, port
        self._senders: dict[str, Sender] = {}
        self._desks: dict[User, InformDesk] = {}
        self._building: dict[User, asyncio.Task[None]] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._retry_at_s = 0.0
        self._failing = False
        self._ready_at_s: dict[str, float] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}
        self.ignored = 0

    def join(self, sender: Sender) -> None:
        """Take hints for this UPS from now on; opens the port, now or later. Never waits, never raises."""
        self._senders[sender.device] = sender
        loop = asyncio.get_running_loop()
        if self._transport is None and self._opening is None and loop.time() >= self._retry_at_s:
            self._retry_at_s = loop.time() + RETRY_S
            self._opening = loop.create_task(self._open())

    async def leave(self, device: str) -> None:
        """No more hints for this UPS; the last one closes the port."""
        self._senders.pop(device, None)
        waiting = self._waiting.pop(device, None)
        if waiting is not None:
            waiting.cancel()
        if self._senders:
            return
        tasks = {*self._building.values(), *([] if self._opening is None else [self._opening])}
        self._opening = None
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=0.5)
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        for desk in self._desks.values():
            desk.close()
        self._desks.clear()

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=self._where)
        except OSError as error:
            if not self._failing:
                log.error("traps: %s port %d cannot be had: %s; the UPSs are polled all the same", *self._where, error)
            self._failing = True
        else:
            if self._failing:
                log.warning("traps: %s port %d is open now", *self._where)
            self._failing = False
        finally:
            self._opening = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Foreign senders are dropped unread; of the others no more is read than can still give a hint."""
        sent_from = addr[0].removeprefix("::ffff:")
        known = [sender for sender in self._senders.values() if sender.address() == sent_from]
        if not known or all(sender.device in self._waiting for sender in known):
            self.ignored += 1
            return
        notice = look(data)
        concerned = [] if notice is None else [sender for sender in known if notice.concerns(sender.prefixes)]
        if notice is None or not concerned:
            self.ignored += 1
            return
        self._acknowledge(notice, data, addr, concerned)
        for sender in concerned:
            self._hint(sender)

    def error_received(self, exc: Exception) -> None:
        """An acknowledgement found nobody; the sender's trouble."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The next read of any UPS opens the port again."""
        self._transport = None

    def _acknowledge(self, notice: Notice, data: bytes, addr: tuple[str, int], concerned: list[Sender]) -> None:
        if notice.reply is not None:
            self._send(notice.reply, addr)
        if notice.version == V3:
            for user in {sender.user for sender in concerned if sender.user is not None}:
                self._answer(user, data, addr)

    def _answer(self, user: User, data: bytes, addr: tuple[str, int]) -> None:
        """By the user's own engine, which is built when it is needed: an inform comes again until it is answered."""
        desk = self._desks.get(user)
        if desk is not None:
            desk.take(data, addr)
        elif user not in self._building and len(self._desks) + len(self._building) < MOST_DESKS:
            self._building[user] = asyncio.get_running_loop().create_task(self._build(user))

    async def _build(self, user: User) -> None:
        try:
            loop = asyncio.get_running_loop()
            self._desks[user] = await asyncio.to_thread(_make_desk, user, loop, self._send)
        finally:
            del self._building[user]

    def _send(self, datagram: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, addr)

    def _hint(self, sender: Sender) -> None:
        """Now, or once when the spacing is over: the last of a burst is never lost."""
        loop = asyncio.get_running_loop()
        if sender.device in self._waiting:
            return
        ready_at_s = self._ready_at_s.get(sender.device, 0.0)
        if loop.time() >= ready_at_s:
            self._ready_at_s[sender.device] = loop.time() + SPACING_S
            sender.hint()
        else:
            self._waiting[sender.device] = loop.call_at(ready_at_s, self._late, sender)

    def _late(self, sender: Sender) -> None:
        self._waiting.pop(sender.device, None)
        self._ready_at_s[sender.device] = asyncio.get_running_loop().time() + SPACING_S
        sender.hint()


def _make_desk(
    user: User, loop: asyncio.AbstractEventLoop, send: Callable[[bytes, tuple[str, int]], None]
) -> "InformDesk":
    """In a thread: the library is loaded by the first inform of version 3, and an engine takes 100 ms."""
    from drivers.snmp import InformDesk

    return InformDesk(user, loop, send)
