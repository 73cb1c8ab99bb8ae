"""Telephones that truly dial a real exchange: who passes while the gate is closed and while every line is taken."""

import asyncio

import pytest

from drivers.pbx import PbxBus
from tests.conftest import eventually_async, run
from tests.wires.asterisk import Asterisk
from tests.wires.sip_desk import dialling
from tests.wires.test_pbx import EMERGENCY, caller, connected, snapshot

pytestmark = pytest.mark.wire
LINES = 12  # eight of the main trunk, four of the backup


async def dial(exchange: Asterisk, number: str) -> int:
    """One call; the exchange's final answer to it."""
    with dialling(exchange, number) as desk:
        (call,) = await asyncio.to_thread(desk.finish)
        return call.status


async def taken(bus: PbxBus) -> int:
    samples = await snapshot(bus)
    return sum(int(samples[f"trunks.{name}.calls"].value or 0) for name in ("main", "backup"))


async def is_idle(bus: PbxBus) -> bool:
    return await taken(bus) == 0


def test_emergency_calls_connect_with_the_gate_closed_and_no_other_does(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus:
            assert await dial(healthy, "5557001") == 200
            await bus.write("outbound_paused", True)
            try:
                assert await dial(healthy, "5557002") >= 400
                assert {number: await dial(healthy, number) for number in EMERGENCY} == dict.fromkeys(EMERGENCY, 200)
                assert await dial(healthy, "5557003") >= 400, "and it is still closed"
            finally:
                await bus.write("outbound_paused", False)
            assert await dial(healthy, "5557004") == 200

    run(scenario(), within_s=60)


def test_emergency_calls_connect_with_every_line_taken_and_calls_stay_up_when_the_gate_closes(
    healthy: Asterisk,
) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as wide:
            with dialling(healthy, "5557100", count=LINES, rate=20, talk_ms=60_000) as talking:
                await eventually_async(
                    lambda: sum(call.connected for call in talking.calls()) == LINES, within_s=10, what="all lines"
                )
                assert await taken(bus) == LINES
                assert await dial(healthy, "5557101") >= 400, "no line is left"
                assert {number: await dial(healthy, number) for number in EMERGENCY} == dict.fromkeys(EMERGENCY, 200)
                await bus.write("outbound_paused", True)
                try:
                    assert {number: await dial(healthy, number) for number in EMERGENCY} == dict.fromkeys(
                        EMERGENCY, 200
                    )
                    assert await dial(healthy, "5557102") >= 400
                    assert await taken(bus) == LINES, "calls in progress were not touched"
                finally:
                    await bus.write("outbound_paused", False)
                await wide.call("Hangup", {"Channel": "/^PJSIP/.*/", "Cause": "16"})
            await eventually_async(lambda: is_idle(bus), within_s=10, every_s=0.1, what="every line is free again")

    run(scenario(), within_s=90)
