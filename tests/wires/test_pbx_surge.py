"""A surge from its first waiting caller to its end, with SIPp callers at a real exchange: agents lent, taken back."""

import contextlib
import subprocess
from collections.abc import Iterator

import pytest

from drivers.ami import Packet
from drivers.ami_link import AmiLink
from firmware_py.core.volume import Volume, declare, week_point
from monitors import volume
from tests.conftest import find_udp_port, run
from tests.wires.asterisk import Asterisk, find_starter
from tests.wires.pbx_floor import PhoneFloor
from tests.wires.test_pbx import caller

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
REGULARS = ("Local/1001@desk-sim", "Local/1002@desk-sim")
COUNTED = Volume(id="pbx1", offered="pbx1.queue.offered", abandoned="pbx1.queue.abandoned")
ACTIONS = ("outbound_paused", "surge_announcement", "agents_moved")


def floor(exchange: Asterisk) -> PhoneFloor:
    watched = volume.Watched(
        volume=COUNTED,
        wait_limit_s=1,
        off_delay_ms=1_500,
        outbound=("outbound_paused",),
        announcement="surge_announcement",
        agents="agents_moved",
        call_in=("call_in.present",),
    )
    config = exchange.configure(queues=("inbound",), agents_from=("outbound",), agents_to="inbound")
    return PhoneFloor(config, (volume.cause(("pbx1",)), volume.watch(watched)), (*declare("pbx1"), week_point(15_000)))


@contextlib.contextmanager
def callers(exchange: Asterisk, count: int) -> Iterator[None]:
    """So many callers over the main trunk, who talk for as long as the block lasts."""
    scenario = find_starter().parent / "sipp" / "caller.xml"
    command = [str(exchange.folder / "sipp"), "-sf", str(scenario), f"127.0.0.1:{exchange.sip_port}", "-s", "771"]
    command += ["-m", str(count), "-r", "5", "-d", "60000", "-i", "127.0.0.1", "-p", str(find_udp_port())]
    command += ["-mp", str(find_udp_port()), "-nostdin"]
    with (exchange.folder / "log" / "callers").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def test_a_surge_lends_agents_announces_and_pauses_and_gives_all_of_it_back(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with caller(healthy) as wide, floor(healthy).running() as phones:

            async def inbound() -> set[str]:
                items = (await wide.call("QueueStatus", {"Queue": "inbound"})).items
                return {item.get("Location") for item in items if item.event == "QueueMember"}

            await phones.until(lambda: phones.reads("pbx1.queue.waiting") == 0, 15, "the queue is read")
            await pause(wide, True)
            try:
                with callers(healthy, 2):
                    await phones.until(lambda: phones.holds("pbx1.surge"), 20, "a caller waits for too long")
                    for action in ACTIONS:
                        await phones.until(lambda action=action: phones.reads(f"pbx1.{action}") is True, 15, action)
                    with callers(healthy, 1):
                        await heard(phones, wide, "SurgeAnnouncement")
                    assert {"calls.surge", "calls.call_in"} <= {event.type for event in phones.events}
                    await phones.until(lambda: phones.reads("pbx1.queue.waiting") == 0, 30, "lent agents answer")
                    await phones.until(lambda: not phones.holds("pbx1.surge"), 15, "the surge is over")
                    for action in ACTIONS:
                        await phones.until(lambda action=action: phones.reads(f"pbx1.{action}") is False, 15, action)
                    assert await inbound() == set(REGULARS)
            finally:
                await pause(wide, False)

    run(scenario(), within_s=150)


async def pause(link: AmiLink, on: bool) -> None:
    for member in REGULARS:
        wish = {"Interface": member, "Paused": "true" if on else "false"}
        assert (await link.call("QueuePause", wish)).ok


async def heard(phones: PhoneFloor, link: AmiLink, name: str) -> None:
    """The dialplan's own event: what a caller of this moment is played."""
    seen: list[Packet] = []

    def told() -> bool:
        seen.extend(link.events())
        return any(event.get("UserEvent") == name for event in seen)

    await phones.until(told, 10, name)
