"""Where an agent is: an address is taken as it is, a name is looked for, and what is neither is the device's fault."""

from __future__ import annotations

import asyncio
import socket

import pytest

from drivers.snmp_socket import open_port
from firmware_py.ports import DeviceError


def peer_of(host: str) -> tuple[tuple[str, int], int]:
    """The peer, and how often a resolver was asked for it."""
    asked: list[str] = []

    async def scenario() -> tuple[tuple[str, int], int]:
        loop = asyncio.get_running_loop()
        resolve = loop.getaddrinfo

        async def counted(name: str, port: int, **how: int) -> object:
            asked.append(name)
            return await resolve(name, port, **how)

        loop.getaddrinfo = counted  # type: ignore[method-assign, assignment]  # to count, no more
        port = await open_port(host, 161)
        try:
            return port.peer, len(asked)
        finally:
            port.close()

    return asyncio.run(scenario())


@pytest.mark.parametrize("address", ["127.0.0.1", "10.255.255.254", "0.0.0.0"])
def test_an_address_needs_nobody_who_looks_for_it(address: str) -> None:
    assert peer_of(address) == ((address, 161), 0)


def test_a_name_and_an_unusual_spelling_are_looked_for() -> None:
    found = {one[4][0] for one in socket.getaddrinfo("localhost", 161, type=socket.SOCK_DGRAM)}
    peer, asked = peer_of("localhost")
    assert (peer[0] in found, peer[1], asked) == (True, 161, 1)
    assert peer_of("127.1") == (("127.0.0.1", 161), 1)


def test_what_cannot_be_found_is_the_devices_fault() -> None:
    with pytest.raises(DeviceError, match="cannot be reached"):
        peer_of("no-such-host.invalid")
    with pytest.raises(DeviceError, match="cannot be reached"):
        peer_of("a" * 64 + ".example")
