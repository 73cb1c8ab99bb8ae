"""A provider for one purpose: answers OPTIONS at once and REGISTER as it is told: reachable, and yet refused.

SIPp cannot play this part: a second REGISTER of the same Call-ID falls on a call that it has ended already.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

COPIED = ("via", "from", "to", "call-id", "cseq", "contact")


class SipFarEnd(asyncio.DatagramProtocol):
    """`register`: the status line that a REGISTER gets."""

    def __init__(self) -> None:
        self.register = "403 Forbidden"
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own is no subclass of it in 3.11

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        first, *lines = data.decode(errors="replace").split("\r\n")
        method = first.split(" ", 1)[0]
        if method not in ("OPTIONS", "REGISTER") or self._transport is None:
            return
        status = self.register if method == "REGISTER" else "200 OK"
        copied = [line for line in lines if line.split(":", 1)[0].strip().lower() in COPIED]
        answer = [f"SIP/2.0 {status}", *copied, "Expires: 60", "Content-Length: 0", "", ""]
        self._transport.sendto("\r\n".join(answer).encode(), addr)


@asynccontextmanager
async def sip_far_end(port: int) -> AsyncIterator[SipFarEnd]:
    """On a UDP port of the loopback for as long as the block lasts."""
    loop = asyncio.get_running_loop()
    transport, far_end = await loop.create_datagram_endpoint(SipFarEnd, local_addr=("127.0.0.1", port))
    try:
        yield far_end
    finally:
        transport.close()
        await asyncio.sleep(0)
