"""SNMPv3 without the library against two agents that we did not write: pysnmp's here, net-snmp's in test_snmp_snmpd."""

from __future__ import annotations

import asyncio

import pytest

from drivers import snmp, snmp_secure
from drivers.snmp_access import User
from drivers.snmp_fetch import Answer
from firmware_py.ports import DeviceError
from tests.conftest import run
from tests.wires.snmp_v3_agent import HOST, USERS, agent

pytestmark = pytest.mark.wire
SYSTEM = tuple(f"1.3.6.1.2.1.1.{n}.0" for n in (1, 2, 4, 5, 6, 7, 99))


async def ask_all(session: snmp_secure.SecureSession | snmp.Session) -> list[Answer]:
    found = [await session.get(SYSTEM, 2.0), await session.following(("1.3.6.1.2.1.1.1", *SYSTEM[2:5]), 2.0)]
    return [*found, await session.after("1.3.6.1.6.3.15.1.1", 4, 2.0)]


QUICK = {"nobody", "md5-none", "sha-aes", "sha512-aes"}  # the others with the slower evidence
EACH = [pytest.param(one, id=one.name, marks=() if one.name in QUICK else pytest.mark.acceptance) for one in USERS]


@pytest.mark.parametrize("user", EACH)
def test_every_answer_is_the_one_that_the_library_reads(user: User) -> None:
    async def scenario() -> None:
        with agent() as port:
            ours, theirs = await snmp_secure.connect(user, HOST, port), await snmp.connect(user, HOST, port)
            try:
                async with asyncio.timeout(15):
                    mine, library = await ask_all(ours), await ask_all(theirs)
            finally:
                ours.close()
                theirs.close()
        assert mine[:2] == library[:2]
        assert [name for name, _ in mine[2].values] == [name for name, _ in library[2].values]  # counters count
        assert len(mine[0].values) == len(SYSTEM)

    run(scenario())


def test_an_agent_that_was_exchanged_for_another_is_found_within_one_question() -> None:
    async def scenario() -> None:
        user = USERS[-1]
        with agent() as port:
            session = await snmp_secure.connect(user, HOST, port)
            before = await session.get(SYSTEM[:1], 2.0)
        await asyncio.sleep(0.1)
        with agent(port):
            try:
                async with asyncio.timeout(15):
                    assert await session.get(SYSTEM[:1], 2.0) == before
            finally:
                session.close()

    run(scenario())


@pytest.mark.parametrize(
    ("user", "said"),
    [
        (User(name="stranger", auth="sha", auth_phrase="a phrase for auth"), "does not know this SNMPv3 user"),
        (User(name="sha-aes", auth="sha", auth_phrase="another phrase"), "authentication failed"),
    ],
)
def test_what_an_agent_reports_is_an_error_that_says_what_to_check(user: User, said: str) -> None:
    async def scenario() -> None:
        with agent() as port:
            session = await snmp_secure.connect(user, HOST, port)
            try:
                async with asyncio.timeout(10):
                    with pytest.raises(DeviceError, match=said):
                        await session.get(SYSTEM[:1], 1.0)
            finally:
                session.close()

    run(scenario())
