"""What one SNMP question costs by version and by way, against one real net-snmp agent: CPU ms of the asking side.

`python -m bench.snmp_v3 [questions]`; rounds are interleaved, medians and ratios are told.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import defaultdict

from bench.plant import folder
from bench.table import Table, middle, number
from drivers import snmp, snmp_plain, snmp_secure
from drivers.snmp_access import Community, User
from drivers.snmp_fetch import NO_ERROR
from drivers.snmp_link import Session
from tests.conftest import find_udp_port
from tests.wires.snmp_peers import HOST, ON_MAINS, UPS, Snmpd

ROUNDS, QUESTIONS = 7, 300  # a question is 0.2 ms: with 60 of them the rounds of one run differed by half
NAMES = tuple(f"{UPS}.{name}" for name in ON_MAINS)
COMMUNITY = Community(name="floor")
USER = User(
    name="floor", auth="sha", auth_phrase="a phrase for auth", privacy="aes", privacy_phrase="a phrase for priv"
)


async def ask(questions: int) -> dict[str, list[float]]:
    """CPU ms of each question, by way."""
    found: dict[str, list[float]] = defaultdict(list)
    with folder("v3") as place:
        agent = Snmpd(place, find_udp_port())
        agent.start()
        try:
            ways: dict[str, Session] = {
                "version 2c, ours": await snmp_plain.connect(COMMUNITY, HOST, agent.port),
                "version 3 SHA + AES-128, ours": await snmp_secure.connect(USER, HOST, agent.port),
                "version 2c, pysnmp": await snmp.connect(COMMUNITY, HOST, agent.port),
                "version 3 SHA + AES-128, pysnmp": await snmp.connect(USER, HOST, agent.port),
            }
            for turn in range(ROUNDS + 1):
                for name, session in ways.items():
                    began = time.process_time_ns()
                    for _ in range(questions):
                        answer = await session.get(NAMES, 2.0)
                        assert answer.status == NO_ERROR and len(answer.values) == len(NAMES)
                    if turn:
                        found[name].append((time.process_time_ns() - began) / 1e6 / questions)
            for session in ways.values():
                session.close()
        finally:
            agent.stop()
    return found


def measure(questions: int) -> Table:
    """The table."""
    found = asyncio.run(ask(questions))
    first = middle(found["version 2c, ours"])
    rows = tuple(
        (name, number(middle(times)), f"{number(min(times))} to {number(max(times))}", f"{middle(times) / first:.2f}")
        for name, times in found.items()
    )
    return Table(
        name="snmp-v3", title=f"SNMP by version: one GET of {len(NAMES)} values from net-snmp's agent",
        head=("way", "CPU ms", "spread", "it : our version 2c"), rows=rows,
    )  # fmt: skip


if __name__ == "__main__":
    measure(int(sys.argv[1]) if len(sys.argv) > 1 else QUESTIONS).show()
