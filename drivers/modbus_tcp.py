"""A Modbus TCP connection that is only read from: the socket, and what has been heard since the last request.

Stands where pymodbus's client stands for lines that are written to, and is called by the same names: what may leave and
what of a reply is believed is `modbus_link`'s and its guard's, there as here. It must not know what a reply says.
"""

import asyncio
from collections.abc import Callable
from typing import Final

_LAST_ID: Final = 65_000
# Shared by all connections: what is read into it is taken out before the loop looks at another one. Left to itself the
# loop asks the system for 256 KiB and gives them back with each reply.
_ROOM: Final = bytearray(8_192)
_VIEW: Final = memoryview(_ROOM)


class PlainTcp(asyncio.BufferedProtocol):
    """One connection, made once. `watch` gets all that was heard since the last request, whenever there is more;
    `note` that the connection has come or gone, unless we have closed it."""

    def __init__(
        self, host: str, port: int, watch: Callable[[bool, bytes], bytes], note: Callable[[bool], None]
    ) -> None:
        self._host, self._port, self._watch, self._note = host, port, watch, note
        self._heard, self._last_id = b"", 0
        self.transport: asyncio.Transport | None = None
        self.max_buffer_size = 0

    @property
    def ctx(self) -> "PlainTcp":
        """The library keeps client and connection apart."""
        return self

    @property
    def connected(self) -> bool:
        """True from the connection on until it is lost or closed."""
        return self.transport is not None and not self.transport.is_closing()

    def set_max_no_responses(self, count: int) -> None:
        """Nothing here hangs up by itself."""

    async def connect(self) -> bool:
        """One attempt; False where nobody accepts it. Whoever asks sets the limit."""
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, self._host, self._port)
        except OSError:
            return False
        return self.connected

    def close(self) -> None:
        """Give the connection back."""
        transport, self.transport = self.transport, None
        self._heard = b""
        if transport is not None:
            transport.close()

    def getNextTID(self) -> int:  # noqa: N802 - the library's name
        """The next transaction identifier."""
        self._last_id = 1 if self._last_id >= _LAST_ID else self._last_id + 1
        return self._last_id

    def send(self, packet: bytes) -> None:
        """A request, which makes all that was heard before it a thing of the past."""
        self._heard = b""
        if self.transport is not None:
            self.transport.write(packet)

    # ------------------------------------------------------------------------------------------------ called by asyncio
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is there."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._note(True)

    def connection_lost(self, _: Exception | None) -> None:
        """It is gone, by the far end's will."""
        if self.transport is not None:
            self.transport, self._heard = None, b""
            self._note(False)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the socket is read into."""
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        """More than fits is noise: forgotten whole, as the library does."""
        self._heard += _VIEW[:nbytes]
        if len(self._heard) > self.max_buffer_size:
            self._heard = b""
        else:
            self._watch(False, self._heard)
