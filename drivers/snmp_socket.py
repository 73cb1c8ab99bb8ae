"""The socket to one SNMP agent: one open question, and what comes from the agent and answers it; all else is counted.

It must not know versions, credentials or what a value means.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from drivers.snmp_guard import MAX_BYTES
from drivers.snmp_wire import Malformed
from firmware_py.ports import DeviceError

Take = Callable[[bytes], None]  # a datagram of the agent's; Malformed for what is no answer
# Shared by all sockets: what is read into it is taken out before another one is looked at. One octet more than may be,
# so that what is cut off is seen to be too long. The loop's own way asks the system for 256 KiB for each datagram.
_ROOM: Final = bytearray(MAX_BYTES + 1)
_VIEW: Final = memoryview(_ROOM)


class Port:
    """`expect` what is to become of the next datagrams, `send`, `close`. `sock` does not block, and is ours now. `take`
    and `fail` are what is expected."""

    def __init__(self, sock: socket.socket, peer: tuple[str, int]) -> None:
        self.peer = peer
        self.dropped = 0
        self.take: Take | None = None
        self.fail: Callable[[DeviceError], None] | None = None
        self._sock, self._loop = sock, asyncio.get_running_loop()
        self._is_open = True
        self._loop.add_reader(sock.fileno(), self.receive)

    def receive(self) -> None:
        """One datagram; the loop comes back for the next one."""
        try:
            size, sender = self._sock.recvfrom_into(_ROOM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._complain(error)
            return
        take = self.take
        if take is None or (sender != self.peer and sender[:2] != self.peer):
            self.dropped += 1
            return
        try:
            take(bytes(_VIEW[:size]))
        except Malformed:
            self.dropped += 1

    def _complain(self, error: OSError) -> None:
        if self.fail is not None:
            self.fail(DeviceError(f"cannot send: {error}"))

    def expect(self, take: Take | None, fail: Callable[[DeviceError], None] | None = None) -> None:
        """Who gets datagrams and errors of the socket from now on; nobody after `expect(None)`."""
        self.take, self.fail = take, fail

    def send(self, datagram: bytes) -> bool:
        """To the agent. One for which there is no room now is lost like any other; False where that was refused."""
        try:
            self._sock.sendto(datagram, self.peer)
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._complain(error)
            return False
        return True

    def close(self) -> None:
        """Give the socket back."""
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()


async def open_port(host: str, port: int) -> Port:
    """Resolve and open. Raises DeviceError when the name cannot be found."""
    try:
        family, address = _numeric(host, port) or await _resolve(host, port)
        local = ("::", 0) if family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - an unbound client socket
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.bind(local)
        except BaseException:
            sock.close()
            raise
        return Port(sock, address)
    except (OSError, UnicodeError) as error:
        raise DeviceError(f"{host}:{port} cannot be reached: {error}; check the address and the name server") from error


def _numeric(host: str, port: int) -> tuple[int, tuple[str, int]] | None:
    """An IPv4 address needs no thread that looks for it."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except OSError:
        return None
    return socket.AF_INET, (host, port)


async def _resolve(host: str, port: int) -> tuple[int, tuple[str, int]]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    return found[0][0], (str(found[0][4][0]), int(found[0][4][1]))
