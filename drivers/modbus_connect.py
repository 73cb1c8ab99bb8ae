"""Connecting one Modbus endpoint, by the library's client or ours: one attempt, and what it is told beforehand.

It must not know who asks what over it.
"""

import asyncio
import termios
from typing import TYPE_CHECKING, TypeAlias

from drivers.modbus_alive import keep_alive
from drivers.modbus_profile import Endpoint
from drivers.modbus_tcp import PlainTcp
from firmware_py.ports import DeviceError

if TYPE_CHECKING:
    from drivers.modbus_library import Library

Client: TypeAlias = "Library | PlainTcp"

_NEVER = 10**9  # silent requests after which the library would hang up: ours to decide
_MOST_UNREAD = 4_096


async def connect(client: Client, end: Endpoint) -> None:
    """Connect it. Raises DeviceError; whatever it raises, the client is the caller's to close."""
    client.set_max_no_responses(_NEVER)  # only counts when set before connecting
    client.ctx.max_buffer_size = _MOST_UNREAD  # 264 would drop a good reply that shares its segment with a late one
    try:
        async with asyncio.timeout(end.connect_ms / 1000):
            connected = await client.connect()
    except (TimeoutError, OSError, ValueError, termios.error) as error:  # termios.error is no OSError
        raise DeviceError(f"{end.name} cannot be opened: {error}", unit_only=False) from error
    if not connected:
        why = "cannot be opened; is it there, and its group (dialout) ours?" if end.serial else ""
        raise DeviceError(f"{end.name} {why or 'does not accept a connection'}", unit_only=False)
    if isinstance(client, PlainTcp):
        keep_alive(client.sock)
    else:
        transport = client.ctx.transport
        assert transport is not None, "it is connected"
        keep_alive(transport.get_extra_info("socket"))
