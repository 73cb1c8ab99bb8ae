"""The socket to one SNMP agent: one open question, and what comes from the agent and answers it; all else is counted.

It must not know versions, credentials or what a value means.
"""

import asyncio
import socket
from collections.abc import Callable

from drivers.snmp_wire import Malformed
from firmware_py.ports import DeviceError

Take = Callable[[bytes], None]  # a datagram of the agent's; Malformed for what is no answer


class Port(asyncio.DatagramProtocol):
    """`wait_for` what is to become of the next datagrams, `send`, `close`."""

    def __init__(self, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.dropped = 0
        self._take: Take | None = None
        self._fail: Callable[[DeviceError], None] | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # what asyncio promises for datagrams

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._take is None or addr[:2] != self.peer:
            self.dropped += 1
            return
        try:
            self._take(data)
        except Malformed:
            self.dropped += 1

    def error_received(self, exc: Exception) -> None:
        if self._fail is not None:
            self._fail(DeviceError(f"cannot send: {exc}"))

    def expect(self, take: Take | None, fail: Callable[[DeviceError], None] | None = None) -> None:
        """Who gets datagrams and errors of the socket from now on; nobody after `expect(None)`."""
        self._take, self._fail = take, fail

    def send(self, datagram: bytes) -> None:
        """To the agent."""
        assert self._transport is not None
        self._transport.sendto(datagram, self.peer)

    def close(self) -> None:
        """Give the socket back."""
        if self._transport is not None:
            self._transport.close()


async def open_port(host: str, port: int) -> Port:
    """Resolve and open. Raises DeviceError when the name cannot be found."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, address = found[0][0], (str(found[0][4][0]), int(found[0][4][1]))
        local = ("::", 0) if family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - an unbound client socket
        _, wire = await loop.create_datagram_endpoint(lambda: Port(address), local_addr=local, family=family)
    except (OSError, UnicodeError) as error:
        raise DeviceError(f"{host}:{port} cannot be reached: {error}; check the address and the name server") from error
    return wire
