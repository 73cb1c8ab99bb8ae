"""A Modbus TCP connection that is only read from: the socket, and what has been heard since the last request.

Stands where pymodbus's client stands for lines that are written to, and is called by the same names: what may leave and
what of a reply is believed is `modbus_link`'s and its guard's, there as here. It must not know what a reply says.
"""

import asyncio
import socket
from collections.abc import Callable
from struct import Struct
from typing import Final

from drivers.modbus_exchange import Exchange

_LAST_ID: Final = 65_000
_NUMBER: Final = Struct(">H")
# Shared by all connections: what is read into it is taken out before the loop looks at another one. Left to itself the
# loop asks the system for 256 KiB and gives them back with each reply.
_ROOM: Final = bytearray(8_192)
_VIEW: Final = memoryview(_ROOM)


class PlainTcp:
    """One connection, made once. `watch` gets all that was heard since the last request, whenever there is more;
    `note` that the connection has come or gone, unless we have closed it. `sound` gets first what begins and is as long
    as an exchange that was put by `begin` says, with the bytes; False leaves it to `watch`.

    Reads and writes the socket itself, as the loop's own way does it, which costs as much as all the rest here.
    """

    __slots__ = (
        "_begun", "_heard", "_host", "_last_id", "_loop", "_note", "_port", "_sound", "_unsent", "_watch", "connected",
        "max_buffer_size", "sock",
    )  # fmt: skip

    def __init__(
        self, host: str, port: int, watch: Callable[[bool, bytes], bytes], note: Callable[[bool], None],
        sound: Callable[[Exchange, bytearray], bool],
    ) -> None:  # fmt: skip
        self._host, self._port, self._watch, self._note, self._sound = host, port, watch, note, sound
        self._heard, self._unsent, self._last_id = b"", b"", 0
        self._begun: Exchange | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.sock: socket.socket | None = None
        self.connected = False  # from the connection on until it is lost or closed
        self.max_buffer_size = 0

    @property
    def ctx(self) -> "PlainTcp":
        """The library keeps client and connection apart."""
        return self

    def set_max_no_responses(self, count: int) -> None:
        """Nothing here hangs up by itself."""

    async def connect(self) -> bool:
        """One attempt; False where nobody accepts it. Whoever asks sets the limit."""
        loop = self._loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: _Connecting(self._take), self._host, self._port)
        except OSError:
            return False
        return self.connected

    def _take(self, sock: socket.socket) -> None:
        assert self._loop is not None, "it connects"
        self.sock, self.connected = sock, True
        self._loop.add_reader(sock.fileno(), self._receive)
        self._note(True)

    def close(self) -> None:
        """Give the connection back."""
        self._let_go()
        self._heard = b""
        sock, self.sock = self.sock, None
        if sock is not None:
            sock.close()

    def getNextTID(self) -> int:  # noqa: N802 - the library's name
        """The next transaction identifier."""
        self._last_id = 1 if self._last_id >= _LAST_ID else self._last_id + 1
        return self._last_id

    def send(self, packet: bytes) -> None:
        """A request, which makes all that was heard before it a thing of the past."""
        self._begun, self._heard = None, b""
        self._write(packet)

    def begin(self, exchange: Exchange) -> None:
        """The request of an exchange that is put again and again."""
        last = self._last_id
        number = exchange.transaction = self._last_id = last + 1 if last < _LAST_ID else 1
        packed = _NUMBER.pack(number)
        exchange.head = packed + exchange.tail
        self._begun, self._heard = exchange, b""
        self._write(packed + exchange.frame)

    def _write(self, packet: bytes) -> None:
        if not self.connected or self.sock is None:
            return
        if not self._unsent:
            try:
                packet = packet[self.sock.send(packet) :]
            except (BlockingIOError, InterruptedError):
                pass
            except OSError:
                self._lose()
                return
        if packet:
            self._wait_for_room(packet)

    def _wait_for_room(self, rest: bytes) -> None:
        assert self._loop is not None and self.sock is not None, "it is connected"
        if not self._unsent:
            self._loop.add_writer(self.sock.fileno(), self._go_on)
        self._unsent += rest

    def _go_on(self) -> None:
        """There is room again for what the far end did not take at once."""
        assert self.sock is not None and self._loop is not None, "else nobody calls"
        try:
            sent = self.sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            self._lose()
            return
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self._loop.remove_writer(self.sock.fileno())

    def _receive(self) -> None:
        """Something came, or the end. More than fits is noise: forgotten whole, as the library does."""
        assert self.sock is not None, "else nobody calls"
        try:
            size = self.sock.recv_into(_ROOM)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            size = 0
        if not size:
            self._lose()
            return
        try:
            begun = self._begun
            if begun is not None and size == begun.whole and not self._heard and _ROOM.startswith(begun.head):
                self._begun = None
                if self._sound(begun, _ROOM):
                    return
            self._heard += _VIEW[:size]
            if len(self._heard) > self.max_buffer_size:
                self._heard = b""
            else:
                self._watch(False, self._heard)
        except BaseException:
            self._lose()  # our own bug: nobody knows what has become of the reply
            raise

    def _let_go(self) -> None:
        self.connected, self._begun, self._unsent = False, None, b""
        if self.sock is not None and self._loop is not None:
            self._loop.remove_reader(self.sock.fileno())
            self._loop.remove_writer(self.sock.fileno())

    def _lose(self) -> None:
        """It is gone, by the far end's will. Told in the next turn of the loop, as the loop itself does it."""
        if self.connected and self._loop is not None:
            self._let_go()
            self._loop.call_soon(self._tell_lost)

    def _tell_lost(self) -> None:
        if self.sock is not None:
            self.close()
            self._note(False)


class _Connecting(asyncio.Protocol):
    """Hands over the socket as soon as it is connected; the loop's own end of it is closed."""

    def __init__(self, take: Callable[[socket.socket], None]) -> None:
        self._take = take

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there, and nothing was read from it."""
        assert isinstance(transport, asyncio.Transport)
        try:
            sock: socket.socket = transport.get_extra_info("socket").dup()
        finally:
            transport.abort()  # also where there is no room for one descriptor more: else nobody would close it
        sock.setblocking(False)
        self._take(sock)
