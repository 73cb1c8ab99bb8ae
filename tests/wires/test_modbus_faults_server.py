"""The lying server itself, asked by hand: sound while told to be, and each fault is on the wire as its name says."""

from __future__ import annotations

import asyncio
import struct

import pytest

from tests.conftest import run
from tests.wires import modbus_faults as faults


async def ask(server: faults.FaultServer, within_s: float = 0.2) -> bytes:
    """What comes back for: unit 3, holding registers 7 and 8, transaction 1."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = struct.pack(">BBHH", 3, 3, 7, 2)
    request = struct.pack(">HHH", 1, 0, len(body)) + body if server.framing == faults.TCP else body + faults.crc(body)
    writer.write(request)
    heard = b""
    try:
        async with asyncio.timeout(within_s):
            while data := await reader.read(1_000_000):
                heard += data
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return heard


SOUND = struct.pack(">BBBHH", 3, 3, 4, 1007, 1008)


@pytest.mark.wire
def test_a_sound_answer_carries_what_its_address_says() -> None:
    async def scenario() -> None:
        async with faults.FaultServer() as server:
            assert await ask(server) == struct.pack(">HHH", 1, 0, 7) + SOUND
        async with faults.FaultServer(framing=faults.RTU) as server:
            assert await ask(server) == SOUND + faults.crc(SOUND)

    run(scenario())


@pytest.mark.wire
@pytest.mark.parametrize(
    ("framing", "fault"),
    [pytest.param(f, c, id=f"{f}: {c.name}") for c in faults.FAULTS for f in c.framings if f != faults.SERIAL],
)
def test_every_fault_differs_from_the_sound_answer_unless_it_is_harmless(framing: str, fault: faults.Fault) -> None:
    async def scenario() -> None:
        async with faults.FaultServer(framing=framing) as server:
            sound = await ask(server, 0.05)
            server.answer = fault.answer
            heard = await ask(server, 0.05)
            assert fault.harmless or heard != sound
            server.answer = None
            assert await ask(server, 0.05) == sound

    run(scenario())


def test_the_names_of_the_faults_are_their_own() -> None:
    names = [fault.name for fault in faults.FAULTS]
    assert len(set(names)) == len(names)
    assert len(names) >= 37
