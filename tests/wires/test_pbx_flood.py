"""A controller that cannot read for a while: the exchange cuts it off, and the next look is a fresh snapshot."""

import asyncio

import pytest

from drivers.ami_link import AmiLink, Phase
from drivers.pbx import PbxBus
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires.asterisk import Asterisk
from tests.wires.test_pbx import connected, state

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
EVENT = {"UserEvent": "Flood", "Text": "x" * 900}
BATCH = 200
MOST_BATCHES = 150  # 30,000 events, about 30 MB; the exchange gave up after 4.2 MB


def transport_of(bus: PbxBus) -> asyncio.Transport:
    link = bus._link
    assert link is not None and link._writer is not None
    transport = link._writer.transport
    assert isinstance(transport, asyncio.Transport)
    return transport


def test_a_reader_that_stops_is_cut_off_and_sees_the_truth_afterwards(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus:
            assert (await state(bus, "main")).value == "up"
            stopped = bus._link
            transport_of(bus).pause_reading()
            wide = AmiLink(healthy.account("edge", answer_ms=20_000), lambda event: None)
            await wide.open(3_000)
            assert (await wide.call("Events", {"EventMask": "off"})).ok
            try:
                sent = 0
                while sent < MOST_BATCHES and sessions(healthy) > 1:
                    await asyncio.gather(*(wide.call("UserEvent", EVENT) for _ in range(BATCH)))
                    sent += 1
                assert sent < MOST_BATCHES, "nobody was cut off"
            finally:
                wide.close()
            assert stopped is not None and stopped.phase is not Phase.CLOSED, "it cannot know yet"
            with pytest.raises(DeviceError):
                await bus.read(bus.groups[1])

            async def seen() -> bool:
                try:
                    return (await state(bus, "main")).value == "up"
                except DeviceError:
                    return False

            await eventually_async(seen, within_s=15, every_s=0.2, what="a connection of its own again")
            assert bus._link is not stopped and stopped.phase is Phase.CLOSED

    run(scenario(), within_s=120)


def sessions(exchange: Asterisk) -> int:
    """Established connections to the manager's port, ours and the flooding one."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(row[1].endswith(f":{exchange.port:04X}") and row[3] == "01" for row in rows)
