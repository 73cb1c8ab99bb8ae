"""The trap port against net-snmp's own senders: a hint to read now, whatever version, and nothing more than that."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from config.strict import parse
from drivers.snmp_access import Access, User
from drivers.snmp_signals import points
from drivers.snmp_traps import SPACING_S, TrapPort
from firmware_py.core.reading import Sample
from firmware_py.ports import DeviceError
from firmware_py.runtime.clock import SystemClock
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.table import PointTable
from tests.conftest import eventually_async, find_udp_port, require_program, run
from tests.wires.snmp_peers import HOST, Snmpd, make_bus, read, snmpd

pytestmark = pytest.mark.wire
V3 = User(name="floor", auth="sha", auth_phrase="a phrase for auth", privacy="aes", privacy_phrase="a phrase for priv")
UPTIME = "1.3.6.1.2.1.1.3.0"
ON_BATTERY = "1.3.6.1.2.1.33.2.1"
V3_WORDS = (
    "-v3", "-u", "floor", "-l", "authPriv", "-a", "SHA", "-A", "a phrase for auth", "-x", "AES", "-X",
    "a phrase for priv",
)  # fmt: skip


@pytest.fixture
def agent(tmp_path: Path, free_udp_port: int) -> Iterator[Snmpd]:
    (tmp_path / "agent").mkdir()
    with snmpd(tmp_path / "agent", free_udp_port) as running:
        yield running


@dataclass
class Site:
    """A bus with a trap port, the hints that came, and the port's number."""

    port: int
    traps: TrapPort
    bus: Any
    hints: list[float] = field(default_factory=list)


@asynccontextmanager
async def site(agent: Snmpd, access: Access | None = None) -> AsyncIterator[Site]:
    port = find_udp_port()
    traps = TrapPort(HOST, port)
    bus = make_bus(agent.port, access, traps=traps)
    made = Site(port=port, traps=traps, bus=bus)
    loop = asyncio.get_running_loop()
    bus.listen(lambda device: made.hints.append(loop.time()))
    try:
        await eventually_async(lambda: _answers(bus))
        await eventually_async(lambda: traps._transport is not None)
        yield made
    finally:
        await bus.close()


async def _answers(bus: Any) -> object:
    with suppress(DeviceError):
        return await read(bus)
    return None


async def send(program: str, *words: str, folder: Path) -> int:
    process = await asyncio.create_subprocess_exec(
        require_program(program, "snmp"), *words, stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "MIBS": "", "SNMP_PERSISTENT_DIR": str(folder / "sender"), "SNMPCONFPATH": str(folder)},
    )  # fmt: skip
    return await process.wait()


def target(port: int) -> str:
    return f"udp:{HOST}:{port}"


TRAPS = {
    "version 1": ("-v1", "-c", "any", "TARGET", "1.3.6.1.2.1.33.2", HOST, "6", "1", ""),
    "version 1, APC": ("-v1", "-c", "any", "TARGET", "1.3.6.1.4.1.318", HOST, "6", "5", ""),
    "version 1, cold start": ("-v1", "-c", "any", "TARGET", "1.3.6.1.4.1.9999", HOST, "0", "0", ""),
    "version 2c": ("-v2c", "-c", "any", "TARGET", "", "1.3.6.1.2.1.33.2.1"),
    "version 2c, converted": ("-v2c", "-c", "any", "TARGET", "", "1.3.6.1.2.1.33.2.0.3"),
    "version 2c, Eaton": ("-v2c", "-c", "any", "TARGET", "", "1.3.6.1.4.1.534.1.11.4.1.0.3"),
    "version 2c, CyberPower": ("-v2c", "-c", "any", "TARGET", "", "1.3.6.1.4.1.3808.0.5"),
    "version 3": (*V3_WORDS, "-e", "0x8000000001020304", "TARGET", "", ON_BATTERY),
}


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_a_hint(agent: Snmpd, tmp_path: Path, name: str) -> None:
    async def scenario() -> None:
        async with site(agent) as made:
            words = [target(made.port) if word == "TARGET" else word for word in TRAPS[name]]
            assert await send("snmptrap", *words, folder=tmp_path) == 0
            await eventually_async(lambda: made.hints)

    run(scenario())


@pytest.mark.parametrize(
    ("access", "words"), [(None, ("-v2c", "-c", "any")), (V3, V3_WORDS)], ids=["version 2c", "version 3"]
)
def test_an_inform_is_a_hint_and_is_acknowledged(
    agent: Snmpd, tmp_path: Path, access: Access | None, words: tuple[str, ...]
) -> None:
    async def scenario() -> None:
        async with site(agent, access) as made:
            every = (*words, "-r", "5", target(made.port), "", ON_BATTERY)
            assert await send("snmpinform", *every, folder=tmp_path) == 0
            assert made.hints

    run(scenario())


def test_the_read_that_a_trap_asks_for_happens_at_once(agent: Snmpd, tmp_path: Path) -> None:
    """A UPS polled every 30 s is seen on battery within a moment of its trap, and it is the read that says so."""

    async def scenario() -> None:
        port = find_udp_port()
        bus = make_bus(agent.port, traps=TrapPort(HOST, port), fast_period_ms=30_000, slow_period_ms=60_000)
        loop, clock = asyncio.get_running_loop(), SystemClock()
        table = PointTable(
            {point.id: point for point in points("ups1", fast_period_ms=30_000)}, clock, lambda: None
        )  # fmt: skip
        task = loop.create_task(Poller(bus=bus, clock=clock, table=table).run())

        def source() -> object:
            reading = table.readings.get("ups1.output_source")
            return None if reading is None else reading.value

        try:
            await eventually_async(lambda: source() == "mains", within_s=35)
            agent.give(_4_1_0=("integer", "5"))
            sent_s = loop.time()
            await send("snmptrap", "-v2c", "-c", "any", target(port), "", ON_BATTERY, folder=tmp_path)
            await eventually_async(lambda: source() == "battery")
            assert loop.time() - sent_s < 2  # most of it is the start of snmptrap
        finally:
            task.cancel()
            await asyncio.wait({task})
            await bus.close()

    run(scenario(), within_s=60)


def test_a_trap_is_no_truth(agent: Snmpd, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(agent) as made:
            await send("snmptrap", "-v2c", "-c", "any", target(made.port), "", ON_BATTERY, folder=tmp_path)
            await eventually_async(lambda: made.hints)
            samples: dict[str, Sample] = dict(await read(made.bus))
            assert samples["output_source"].value == "mains"

    run(scenario())


def datagram() -> bytes:
    from tests.drivers.test_snmp_notice import second

    return second(ON_BATTERY)


def test_a_flood_costs_at_most_ten_reads_a_second_and_its_last_trap_is_not_lost(agent: Snmpd) -> None:
    async def scenario() -> None:
        async with site(agent) as made:
            loop = asyncio.get_running_loop()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                started_s, stalled_s = loop.time(), 0.0
                while loop.time() - started_s < 1.5:
                    for _ in range(200):
                        sender.sendto(datagram(), (HOST, made.port))
                    slept_s = loop.time()
                    await asyncio.sleep(0.01)
                    stalled_s = max(stalled_s, loop.time() - slept_s)  # for so long others may have had our processor
                ended_s = loop.time()
            await eventually_async(lambda: made.hints[-1] >= ended_s)
            assert len(made.hints) <= (made.hints[-1] - started_s) / SPACING_S + 2
            assert min(later - sooner for sooner, later in pairwise(made.hints)) >= SPACING_S - stalled_s
            assert 1 / SPACING_S + 1 < 10

    run(scenario())


def test_the_poller_under_a_flood_reads_fewer_than_ten_times_a_second(agent: Snmpd) -> None:
    async def scenario() -> None:
        port = find_udp_port()
        bus = make_bus(agent.port, traps=TrapPort(HOST, port))
        await eventually_async(lambda: _answers(bus))
        loop, clock, reads = asyncio.get_running_loop(), SystemClock(), [0.0]
        table = PointTable({point.id: point for point in points("ups1")}, clock, lambda: None)

        class Counted:
            """The bus, and how often it is read."""

            name, groups, listen, close = bus.name, bus.groups, bus.listen, bus.close

            async def read(self, group: Any) -> Any:
                reads.append(loop.time())
                return await bus.read(group)

        task = loop.create_task(Poller(bus=Counted(), clock=clock, table=table).run())
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                started_s = loop.time()
                while loop.time() - started_s < 3:
                    for _ in range(50):
                        sender.sendto(datagram(), (HOST, port))
                    await asyncio.sleep(0.01)
            flooded = [at_s for at_s in reads if started_s + 1 <= at_s < started_s + 3]
            assert 4 <= len(flooded) <= 20  # two seconds; the lower limit: the hints are followed
        finally:
            task.cancel()
            await asyncio.wait({task})
            await bus.close()

    run(scenario())


def test_rubbish_and_strangers_give_no_hint_and_do_no_harm(agent: Snmpd, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with site(agent) as made:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for size in (0, 1, 2, 30, 300, 9000):
                    for _ in range(20):
                        sender.sendto(os.urandom(size), (HOST, made.port))
                sender.sendto(b"\x30\x84\xff\xff\xff\xff", (HOST, made.port))
                sender.sendto(datagram()[:-3], (HOST, made.port))
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                stranger.bind(("127.0.0.9", 0))  # not the UPS's address
                stranger.sendto(datagram(), (HOST, made.port))
            await eventually_async(lambda: made.traps.ignored >= 100)
            await asyncio.sleep(0.1)
            seen = made.traps.ignored
            words = ("-v2c", "-c", "any", target(made.port), "", "1.3.6.1.6.3.1.1.5.3")  # a link went down
            await send("snmptrap", *words, folder=tmp_path)
            await eventually_async(lambda: made.traps.ignored > seen)
            assert made.hints == []
            assert (await read(made.bus))["output_source"].value == "mains"

    run(scenario())


def test_rubbish_of_version_3_does_no_harm(agent: Snmpd) -> None:
    from tests.drivers.test_snmp_notice import element, number

    async def scenario() -> None:
        async with site(agent, V3) as made:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                for _ in range(30):
                    await asyncio.sleep(0.03)
                    sender.sendto(element(0x30, number(3), os.urandom(40)), (HOST, made.port))
            await asyncio.sleep(0.3)
            assert (await read(made.bus))["output_source"].value == "mains"

    run(scenario())


def test_a_port_that_is_taken_is_said_once_and_polling_goes_on(agent: Snmpd, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind((HOST, 0))
            bus = make_bus(agent.port, traps=TrapPort(HOST, taken.getsockname()[1]))
            try:
                await eventually_async(lambda: _answers(bus))
                await read(bus)
                await eventually_async(lambda: "cannot be had" in caplog.text)
                assert caplog.text.count("cannot be had") == 1
            finally:
                await bus.close()

    run(scenario())


def test_without_the_key_in_the_site_no_port_is_opened() -> None:
    from config.model_devices import SnmpTraps
    from config.strict import check

    assert check(parse("", "x.toml"), SnmpTraps).enabled is False
