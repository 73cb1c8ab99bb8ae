"""Which way an agent is spoken to: by our own codec, or by the library where only that has the cipher (DES, AES-192).

Both ways are one shape. It must not know what is asked, nor what an answer means.
"""

import asyncio
from types import ModuleType
from typing import Protocol, assert_never

from drivers import snmp_plain
from drivers.snmp_access import Access, Community, User
from drivers.snmp_fetch import Answer, Link


# What a floor does not speak is not loaded: the library takes 300 ms of a server's core and 18 MiB, the ciphers 8 MiB.
def _library() -> ModuleType:
    from drivers import snmp

    return snmp


def _secure() -> ModuleType:
    from drivers import snmp_secure

    return snmp_secure


class Session(Link, Protocol):
    """One agent, reached. All questions raise DeviceError and otherwise wait; the caller bounds them."""

    @property
    def peer(self) -> str:
        """The address that the agent's name was found to mean."""

    @property
    def dropped(self) -> int:
        """Datagrams thrown away so far: foreign, oversize, late or unreadable."""

    async def put(self, oid: str, number: int) -> Answer:
        """SET of one INTEGER, sent once."""

    def close(self) -> None:
        """Give the socket back."""


async def connect(access: Access, host: str, port: int) -> Session:
    """A session with the agent. Raises DeviceError when its name cannot be found or the engine does not start."""
    match access:
        case Community():
            return await snmp_plain.connect(access, host, port)
        case User():
            load = _secure if access.privacy in (None, "aes") else _library
            connected: Session = await (await asyncio.to_thread(load)).connect(access, host, port)
            return connected
        case _:
            assert_never(access)
