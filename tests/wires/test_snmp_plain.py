"""Our own way to speak version 1 and 2c beside the library's: the same agents, the same questions, the same answers."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import snmp, snmp_plain
from drivers.snmp_access import Community
from drivers.snmp_fetch import Answer
from drivers.snmp_link import Session
from firmware_py.ports import DeviceError
from tests.conftest import PROJECT, find_udp_port, run
from tests.wires import ups_oracles
from tests.wires.snmp_peers import HOST, UPS, Snmpd, recorded, snmpd

pytestmark = pytest.mark.wire
ROOTS = ("1.3.6.1.2.1.1", "1.3.6.1.2.1.33", "1.3.6.1.4.1")
PATIENCE_S = 1.0


@pytest.fixture(name="agent")
def agent_fixture(tmp_path: Path, free_udp_port: int) -> Iterator[Snmpd]:
    with snmpd(tmp_path, free_udp_port) as agent:
        yield agent


async def until_up(session: Session) -> None:
    """An agent takes a moment to start."""
    for _ in range(60):
        try:
            await asyncio.wait_for(session.following(["1.3"], PATIENCE_S), 2 * PATIENCE_S)
            return
        except (TimeoutError, DeviceError):
            continue
    pytest.fail("the agent never answered")


async def walked(session: Session, root: str, steps: int) -> list[Answer]:
    """Some GETBULKs of 16 rows behind a root, then what was found in one GET and one GETNEXT."""
    found: list[Answer] = []
    at = root
    for _ in range(steps):
        found.append(await asyncio.wait_for(session.after(at, 16, PATIENCE_S), 10))
        if not found[-1].values or not found[-1].values[-1][0].startswith(root) or found[-1].values[-1][0] == at:
            break
        at = found[-1].values[-1][0]
    names = [name for name, _ in found[0].values][:16]
    if names:
        found.append(await asyncio.wait_for(session.get(names, PATIENCE_S), 10))
        found.append(await asyncio.wait_for(session.following(names, PATIENCE_S), 10))
    return found


@pytest.mark.parametrize(
    ("steps", "share"),
    [pytest.param(1, 5, marks=pytest.mark.acceptance), pytest.param(12, 1, marks=pytest.mark.proof)],
)
def test_every_recording_reads_the_same_by_our_codec_and_by_the_library(
    shared: Path, tmp_path: Path, steps: int, share: int
) -> None:
    walks = ups_oracles.walks(shared)[::share]

    async def scenario(port: int) -> int:
        compared = 0
        for walk in walks:
            access = Community(name=walk.stem)
            ours, theirs = await snmp_plain.connect(access, HOST, port), await snmp.connect(access, HOST, port)
            try:
                await until_up(ours)
                for root in ROOTS:
                    mine, judge = await walked(ours, root, steps), await walked(theirs, root, steps)
                    assert mine == judge, f"{walk.stem} behind {root}"
                    compared += sum(len(answer.values) for answer in mine)
            finally:
                ours.close()
                theirs.close()
        return compared

    with recorded(tmp_path, find_udp_port(), walks) as port:
        compared = run(scenario(port), within_s=240)
    sys.stdout.write(f"{compared} values of {len(walks)} recordings\n")
    assert compared > 30 * len(walks)


@pytest.mark.parametrize("version", ["1", "2c"])
def test_a_real_agent_answers_all_four_questions_as_it_answers_the_library(agent: Snmpd, version: str) -> None:
    agent.give_outlets(_318_1_1_1_12_1_2_1_3_1=1, _318_1_1_1_12_3_2_1_3_1=1)
    outlet = "1.3.6.1.4.1.318.1.1.1.12.3.2.1.3.1"

    async def scenario() -> None:
        reader, writer = (Community(name=name, version=version) for name in ("floor", "writer"))
        ours, theirs = await snmp_plain.connect(reader, HOST, agent.port), await snmp.connect(reader, HOST, agent.port)
        hand = await snmp_plain.connect(writer, HOST, agent.port)
        try:
            await until_up(ours)
            names = [f"{UPS}.2.4.0", f"{UPS}.4.1.0", f"{UPS}.99.0"]
            for ask in ("get", "following"):
                mine = await asyncio.wait_for(getattr(ours, ask)(names, PATIENCE_S), 10)
                judge = await asyncio.wait_for(getattr(theirs, ask)(names, PATIENCE_S), 10)
                assert (mine.status, mine.index) == (judge.status, judge.index)
                # What stands beside an error is of no use to anybody: the library puts words of version 2 there.
                assert mine.status != 0 or mine.values == judge.values
            assert (await asyncio.wait_for(ours.get(names[:1], PATIENCE_S), 10)).values == ((names[0], 100),)
            assert (await asyncio.wait_for(hand.put(outlet, 2), 10)).status == 0
            refused = await asyncio.wait_for(ours.put(outlet, 2), 10)
            assert refused.status != 0, "the reading credential may not write"
        finally:
            for session in (ours, theirs, hand):
                session.close()

    run(scenario())
    assert agent.sets == [f"{outlet} 2"]


def test_a_late_answer_is_not_taken_for_the_next_one_and_silence_is_asked_again() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.bind((HOST, 0))
            far.setblocking(False)
            session = await snmp_plain.connect(Community(name="floor"), HOST, far.getsockname()[1])
            asking = asyncio.ensure_future(session.get(["1.3.6.1.2.1.1.3.0"], 0.05))
            first, _ = await loop.sock_recvfrom(far, 2000)
            again, address = await loop.sock_recvfrom(far, 2000)
            assert first == again, "asked again with the same number"
            asking.cancel()
            await asyncio.wait({asking})
            late = bytearray(first)
            late[late.index(0xA0)] = 0xA2
            following = asyncio.ensure_future(session.get(["1.3.6.1.2.1.1.3.0"], 5.0))
            await loop.sock_recvfrom(far, 2000)
            await loop.sock_sendto(far, bytes(late), address)
            await asyncio.wait({following}, timeout=0.2)
            assert not following.done()
            assert session.dropped == 1
            following.cancel()
            session.close()

    run(scenario())


def test_a_network_that_cannot_be_sent_to_is_a_device_error() -> None:
    async def scenario() -> None:
        session = await snmp_plain.connect(Community(name="floor"), "255.255.255.255", 161)
        with pytest.raises(DeviceError, match="cannot send"):
            await asyncio.wait_for(session.get(["1.3.6.1.2.1.1.3.0"], 1.0), 5)
        session.close()

    run(scenario())


def test_a_floor_without_version_3_never_loads_the_library() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, drivers.snmp_bus; print(*(name for name in sys.modules if 'pysnmp' in name))",
        ],
        cwd=PROJECT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.strip() == ""
