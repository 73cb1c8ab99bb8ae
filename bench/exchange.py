"""The phone exchange of the benchmark, in a process of its own: tells when its outbound gate is closed or opened.

`python -m bench.exchange` prints its port, then `gate NAME CLOSED NS` for each. It is the demo's stand-in, which a test
holds against a real Asterisk.
"""

from __future__ import annotations

import asyncio
import time

from firmware_py.demo.exchange import SimExchange, SimTrunk

USER, SECRET = "floorguard", "only on the loopback"


async def run() -> None:
    """For ever."""
    exchange = SimExchange((SimTrunk(endpoint="trunk-main"),), user=USER, secret=SECRET, on_gate=_tell)
    await exchange.start()
    print(exchange.port, flush=True)
    await asyncio.Event().wait()


def _tell(name: str, closed: bool) -> None:
    print(f"gate {name} {closed:d} {time.monotonic_ns()}", flush=True)


if __name__ == "__main__":
    asyncio.run(run())
