"""One agent spoken to in SNMP version 1 or 2c without the library: a socket, and one question at a time.

Forty times cheaper than the library's engine and built in a millisecond (decision 0060); version 3 goes through
`drivers.snmp`. It must not know what a value means, nor when to ask.
"""

import asyncio
import random
import socket
from collections.abc import Sequence

from drivers.snmp_access import Community, version_of
from drivers.snmp_fetch import Answer
from drivers.snmp_wire import FIRST_ID, LAST_ID, Malformed, Pdu, Reader, Request
from firmware_py.ports import DeviceError

_MOST_KEPT = 256  # encoded questions; a UPS has some ten


class _Port(asyncio.DatagramProtocol):
    """The socket: what comes from the agent and answers the open question goes there, all else is counted."""

    def __init__(self, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.dropped = 0
        self.open: tuple[Request, int, asyncio.Future[Answer]] | None = None
        self._reader = Reader()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.open is None or addr[:2] != self.peer:
            self.dropped += 1
            return
        request, number, future = self.open
        try:
            answer = self._reader.read(data, request, number)
        except Malformed:
            self.dropped += 1
            return
        if not future.done():
            future.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        if self.open is not None and not self.open[2].done():
            self.open[2].set_exception(DeviceError(f"cannot send: {exc}"))


class PlainSession:
    """What `snmp.Session` is, for communities. Raises DeviceError; waits for ever otherwise, the caller bounds it."""

    def __init__(self, access: Community, port: _Port, transport: asyncio.DatagramTransport) -> None:
        self._version, self._community = version_of(access), access.name.encode()
        self._port, self._transport = port, transport
        self._kept: dict[tuple[Pdu, int, tuple[str, ...]], Request] = {}
        self._number = random.randrange(FIRST_ID, LAST_ID)  # noqa: S311 - tells answers apart, guards nothing

    @property
    def peer(self) -> str:
        """The address that the agent's name was found to mean."""
        return self._port.peer[0]

    @property
    def dropped(self) -> int:
        """Datagrams thrown away so far: foreign, oversize, late or unreadable."""
        return self._port.dropped

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET; asked a second time after `patience_s` of silence."""
        return await self._ask(self._request(Pdu.GET, oids), patience_s)

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GETNEXT: what follows each of `oids`, in their order."""
        return await self._ask(self._request(Pdu.NEXT, oids), patience_s)

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """GETBULK for `rows` rows behind `oid`, GETNEXT for one."""
        if rows == 1:
            return await self.following([oid], patience_s)
        return await self._ask(self._request(Pdu.BULK, [oid], rows), patience_s)

    async def put(self, oid: str, number: int) -> Answer:
        """SET of one INTEGER, sent once."""
        return await self._ask(Request(self._version, self._community, Pdu.SET, [oid], value=number), None)

    def close(self) -> None:
        """Give the socket back."""
        self._transport.close()

    def _request(self, pdu: Pdu, oids: Sequence[str], rows: int = 0) -> Request:
        key = pdu, rows, tuple(oids)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # a walk asks for each name once
            known = self._kept[key] = Request(self._version, self._community, pdu, oids, rows=rows)
        return known

    async def _ask(self, request: Request, patience_s: float | None) -> Answer:
        self._number = self._number + 1 if self._number < LAST_ID else FIRST_ID
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._port.open = request, self._number, future
        datagram = request.numbered(self._number)
        try:
            self._transport.sendto(datagram, self._port.peer)
            if patience_s is not None:
                await asyncio.wait({future}, timeout=patience_s)
                if not future.done():
                    self._transport.sendto(datagram, self._port.peer)  # the same number: either answer will do
            return await future
        finally:
            self._port.open = None


async def connect(access: Community, host: str, port: int) -> PlainSession:
    """Resolve and open the socket. Raises DeviceError when the name cannot be found."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, address = found[0][0], (str(found[0][4][0]), int(found[0][4][1]))
        local = ("::", 0) if family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - an unbound client socket
        transport, wire = await loop.create_datagram_endpoint(lambda: _Port(address), local_addr=local, family=family)
    except (OSError, UnicodeError) as error:
        raise DeviceError(f"{host}:{port} cannot be reached: {error}; check the address and the name server") from error
    return PlainSession(access, wire, transport)
