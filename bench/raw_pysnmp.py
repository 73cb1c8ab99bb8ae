"""A minimal poller on pysnmp: one engine, one GETBULK of twenty values a second from each agent, no MIB look-up.

`python -m bench.raw_pysnmp PORT...`; the library at its best, for comparison.
"""

from __future__ import annotations

import asyncio
import sys

from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    bulk_cmd,
)

from bench.raw import ROOT


async def follow(engine: SnmpEngine, target: UdpTransportTarget) -> None:
    """One agent, for ever."""
    loop, community, context = asyncio.get_running_loop(), CommunityData("public", mpModel=1), ContextData()  # noqa: S508 - of the bench
    wanted = ObjectType(ObjectIdentity(ROOT))
    while True:
        await bulk_cmd(engine, community, target, context, 0, 20, wanted, lookupMib=False)
        await asyncio.sleep(1 - loop.time() % 1)  # all agents in the same tick


async def run(ports: list[int]) -> None:
    """All agents."""
    engine = SnmpEngine()
    targets = [await UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=0) for port in ports]
    await asyncio.gather(*(follow(engine, target) for target in targets))


if __name__ == "__main__":
    asyncio.run(run([int(word) for word in sys.argv[1:]]))
