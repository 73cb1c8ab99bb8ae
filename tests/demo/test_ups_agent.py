"""The demo's UPS card, asked by net-snmp's own tools and by our bus: types, order, silence and rubbish."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from firmware_py.demo.ups_agent import Counter32, Gauge32, Oid, TimeTicks, UpsAgent
from firmware_py.ports import DeviceError
from tests.conftest import require_program, run
from tests.wires.snmp_peers import make_bus, read

pytestmark = pytest.mark.wire
HOST, UPS = "127.0.0.1", "1.3.6.1.2.1.33.1"
VALUES: dict[str, int | str] = {
    "1.3.6.1.2.1.1.5.0": "floor",
    f"{UPS}.2.4.0": 100,
    f"{UPS}.2.6.0": -129,
    f"{UPS}.3.1.0": Counter32(4294967295),
    f"{UPS}.4.1.0": 3,
    f"{UPS}.6.1.0": Gauge32(2),
    f"{UPS}.6.2.1.2.2": Oid(f"{UPS}.6.3.2"),
    f"{UPS}.6.2.1.2.10": Oid("1.3.6.1.4.1.318.4294967295"),
    f"{UPS}.6.2.1.3.2": TimeTicks(137),
}


async def ask(tool: str, port: int, *what: str, community: str = "public") -> tuple[str, str]:
    """What one of net-snmp's tools prints: numbers, not names."""
    program = require_program(tool, "snmp")
    command = [program, "-v2c", "-c", community, "-t", "1", "-r", "0", "-On", "-m", "", f"{HOST}:{port}", *what]
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await process.communicate()
    return out.decode(), error.decode()


def with_agent(scenario: Callable[[UpsAgent, int], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        agent = UpsAgent(lambda: VALUES)
        try:
            await scenario(agent, await agent.start(HOST))
        finally:
            await agent.close()
            await agent.close()

    run(whole())


def test_each_kind_of_value_is_sent_with_its_type() -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        out, error = await ask("snmpget", port, *VALUES)
        assert error == ""
        assert [line.partition(" = ")[2] for line in out.splitlines()] == [
            'STRING: "floor"',
            "INTEGER: 100",
            "INTEGER: -129",
            "Counter32: 4294967295",
            "INTEGER: 3",
            "Gauge32: 2",
            f"OID: .{UPS}.6.3.2",
            "OID: .1.3.6.1.4.1.318.4294967295",
            "Timeticks: (137) 0:00:01.37",
        ]

    with_agent(scenario)


@pytest.mark.parametrize("tool", ["snmpwalk", "snmpbulkwalk"])
def test_a_walk_gives_every_object_in_numeric_order_and_ends(tool: str) -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        out, error = await ask(tool, port, "1.3.6.1")
        named = [line.partition(" = ")[0].lstrip(".") for line in out.splitlines() if "No more variables" not in line]
        assert named == sorted(VALUES, key=lambda oid: [int(part) for part in oid.split(".")])
        assert error == ""

    with_agent(scenario)


def test_an_object_that_does_not_exist_is_said_not_to() -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        out, _ = await ask("snmpget", port, f"{UPS}.4.1.0", f"{UPS}.4.2.0")
        assert "INTEGER: 3" in out and "No Such Object" in out

    with_agent(scenario)


def test_a_wrong_community_and_silence_look_alike() -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        assert "Timeout" in (await ask("snmpget", port, f"{UPS}.4.1.0", community="wrong"))[1]
        agent.silent = True
        assert "Timeout" in (await ask("snmpget", port, f"{UPS}.4.1.0"))[1]
        agent.silent = False
        assert "INTEGER: 3" in (await ask("snmpget", port, f"{UPS}.4.1.0"))[0]

    with_agent(scenario)


def test_rubbish_on_demand_is_no_answer_for_our_bus_and_its_end_is_noticed() -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        from drivers.snmp_access import Community

        bus = make_bus(port, Community(name="public"))
        try:
            assert (await read(bus))["alarms_present"].value == 2
            agent.garbage = True
            with pytest.raises(DeviceError):
                await read(bus)
            agent.garbage = False
            samples = await read(bus)
            assert (samples["output_source"].value, samples["card_link"].value) == ("mains", "ok")
        finally:
            await bus.close()

    with_agent(scenario)


def test_rubbish_from_outside_does_not_end_the_agent() -> None:
    async def scenario(agent: UpsAgent, port: int) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for size in (0, 1, 2, 30, 300, 5000):
                for _ in range(50):
                    stranger.sendto(os.urandom(size), (HOST, port))
            for rubbish in (b"\x30\x84\xff", b"\x30\x02\x02\x7f", b"\x30\x00", b"\x30\x80" * 100):
                stranger.sendto(rubbish, (HOST, port))
        for _ in range(5):  # what was sent before is read before: on a busy machine a question may wait too long
            answer = (await ask("snmpget", port, f"{UPS}.4.1.0"))[0]
            if answer:
                break
        assert "INTEGER: 3" in answer

    with_agent(scenario)
