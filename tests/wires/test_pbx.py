"""The exchange's driver against a real Asterisk with the least user: trunks, gates, rights, and what a call does."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from drivers.ami import Packet
from drivers.ami_link import AmiLink
from drivers.pbx import PbxBus
from drivers.pbx_config import PbxConfig, declare_points
from drivers.pbx_trunks import Trunk
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires.asterisk import TRUNKS, Asterisk
from tests.wires.sip_far_end import sip_far_end

pytestmark = pytest.mark.wire
EMERGENCY = ("110", "112", "119", "911")


@asynccontextmanager
async def connected(config: PbxConfig) -> AsyncIterator[PbxBus]:
    bus = PbxBus(config)
    try:
        yield bus
    finally:
        await bus.close()


@asynccontextmanager
async def caller(exchange: Asterisk) -> AsyncIterator[AmiLink]:
    """A wide user that places calls as a desk would, and hangs all of them up at the end."""
    link = AmiLink(exchange.account("edge"), lambda event: None)
    await link.open(3000)
    assert (await link.call("Events", {"EventMask": "call,user"})).ok
    try:
        yield link
    finally:
        await link.call("Hangup", {"Channel": "/^(Local|PJSIP)/.*/", "Cause": "16"})
        link.close()


async def snapshot(bus: PbxBus) -> Mapping[str, Sample]:
    return await bus.read(bus.groups[1])


async def state(bus: PbxBus, trunk: str) -> Sample:
    return (await snapshot(bus))[f"trunks.{trunk}.state"]


async def dial(link: AmiLink, number: str) -> Packet:
    """Let a desk dial; the end of the attempt."""
    call = {"Channel": f"Local/{number}@from-desk", "Context": "desk-sim", "Exten": "hold", "Priority": "1"}
    link.events()
    assert (await link.call("Originate", call | {"Async": "true", "Timeout": "6000"})).ok
    seen: list[Packet] = []

    def ended() -> Packet | None:
        seen.extend(link.events())
        return next((event for event in seen if event.event == "OriginateResponse"), None)

    found = await eventually_async(ended, within_s=8, what=f"call to {number} ends or connects")
    assert found is not None
    return found


def test_both_trunks_are_seen_up_by_the_least_user(healthy: Asterisk) -> None:
    async def scenario() -> None:
        config = healthy.configure()
        async with connected(config) as bus:
            link = await bus.read(bus.groups[0])
            assert link["pbx1.link"] == Sample(value="up")

            async def good() -> Mapping[str, Sample] | None:
                samples = await snapshot(bus)
                known = [
                    one.quality is Quality.GOOD for name, one in samples.items() if not name.endswith(".failed_pct")
                ]
                return samples if all(known) else None

            fast = await eventually_async(good, within_s=12, every_s=0.2, what="everything is known, after a boot")
            assert fast is not None
            points = {point.id: point for point in declare_points(config)}
            assert set(link) | set(fast) == set(points)
            assert all(points[name].fits(sample.value) for name, sample in fast.items() if sample.value is not None)
            assert {fast[f"trunks.{name}.state"].value for name in ("main", "backup")} == {"up"}
            assert fast["trunks.backup.registered"].value is True
            rtt_ms = fast["trunks.main.rtt_ms"].value
            assert isinstance(rtt_ms, float) and 0 < rtt_ms < 1000

    run(scenario())


def test_a_wrong_secret_is_refused_and_not_tried_again(healthy: Asterisk) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with connected(healthy.configure(account=healthy.account(secret="wrong"))) as bus:
            with pytest.raises(DeviceError, match="refused the login of 'edge-min'"):
                await snapshot(bus)
            started = loop.time()
            assert (await bus.read(bus.groups[0]))["pbx1.link"].value == "refused"
            assert loop.time() - started < 0.5, "a real attempt takes a second"

    run(scenario())


def test_an_account_that_may_only_look_reads_and_cannot_write(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure(account=healthy.account("edge-readonly"))) as bus:
            assert (await state(bus, "main")).value == "up"
            with pytest.raises(DeviceError, match="Permission denied"):
                await bus.write("outbound_paused", True)
            assert await bus.read_back("outbound_paused") is False

    run(scenario())


def test_the_least_user_can_neither_originate_nor_write_the_database(healthy: Asterisk) -> None:
    async def scenario() -> None:
        link = AmiLink(healthy.account(), lambda event: None)
        await link.open(3000)
        database = {"Family": "controller", "Key": "outbound", "Val": "paused"}
        for action, headers in (("Originate", {"Channel": "Local/1@desk-sim"}), ("DBPut", database)):
            answer = await link.call(action, headers)
            assert not answer.ok and answer.message == "Permission denied"
        link.close()

    run(scenario())


def test_names_that_the_exchange_does_not_know_are_not_called_down(healthy: Asterisk) -> None:
    async def scenario() -> None:
        wrong = (
            Trunk(name="nobody", endpoint="trunk-none"),
            Trunk(name="aorless", endpoint="trunk-main", aor="none"),
            Trunk(name="unregistered", endpoint="trunk-main", registration="none"),
        )
        async with connected(healthy.configure(trunks=wrong, settle_ms=0)) as bus:
            samples = await snapshot(bus)
            for name in ("nobody", "aorless"):
                assert samples[f"trunks.{name}.state"].because is Reason.NOT_SUPPORTED, name
            assert samples["trunks.unregistered.registered"].because is Reason.NOT_SUPPORTED
            assert samples["trunks.unregistered.state"].value != "up"

    run(scenario())


@pytest.mark.parametrize("how", ["silent", "gone"])
def test_a_provider_that_is_lost_is_one_trunk_down_within_seconds(healthy: Asterisk, how: str) -> None:
    async def scenario() -> None:
        hints: list[str] = []
        async with connected(healthy.configure(settle_ms=0)) as bus:
            bus.listen(hints.append)
            assert (await state(bus, "main")).value == "up"
            hints.clear()
            healthy.signal("provider-main", signal.SIGSTOP if how == "silent" else signal.SIGKILL)
            await eventually_async(lambda: "pbx1" in hints, within_s=5, what="a hint, without any reading")
            lost = await snapshot(bus)
            assert lost["trunks.main.state"].value == "down" and lost["trunks.main.state"].quality is Quality.GOOD
            assert lost["trunks.main.rtt_ms"].because is Reason.SOURCE_LOST
            assert lost["trunks.backup.state"].value == "up"
            if how == "silent":
                healthy.signal("provider-main", signal.SIGCONT)

                async def back() -> bool:
                    return (await state(bus, "main")).value == "up"

                await eventually_async(back, within_s=5, every_s=0.1)

    run(scenario())


def test_a_registration_that_is_lost_makes_a_reachable_trunk_degraded(healthy: Asterisk) -> None:
    async def scenario() -> None:
        healthy.kill("provider-backup")
        async with (
            connected(healthy.configure(settle_ms=0)) as bus,
            caller(healthy) as link,
            sip_far_end(healthy.provider_port("backup")) as provider,
        ):
            for status_line, registered, word in (("403 Forbidden", False, "degraded"), ("200 OK", True, "up")):
                provider.register = status_line
                assert (await link.call("PJSIPRegister", {"Registration": "trunk-backup-reg"})).ok

                async def settled(registered: bool = registered, word: str = word) -> bool:
                    samples = await snapshot(bus)
                    found = samples["trunks.backup.registered"].value, samples["trunks.backup.state"].value
                    return found == (registered, word)

                await eventually_async(settled, within_s=6, every_s=0.1, what=status_line)

    run(scenario())


def test_a_closed_gate_refuses_new_calls_and_neither_emergencies_nor_calls_in_progress(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            assert (await dial(link, "5550001")).get("Response") == "Success"
            await bus.write("outbound_paused", True)
            assert await bus.read_back("outbound_paused") is True
            samples = await snapshot(bus)
            assert samples["pbx1.outbound_paused"].value is True
            assert samples["trunks.main.calls"].value == 1, "the call in progress was left alone"
            assert (await dial(link, "5550002")).get("Response") == "Failure"
            for number in EMERGENCY:
                assert (await dial(link, number)).get("Response") == "Success", number
            after = await snapshot(bus)
            assert (after["trunks.main.calls"].value, after["pbx1.calls"].value) == (1, 1 + len(EMERGENCY))
            await bus.write("outbound_paused", False)
            assert (await dial(link, "5550003")).get("Response") == "Success"

    run(scenario())


def test_the_other_switches_move_calls_to_the_backup_and_set_the_announcement(healthy: Asterisk) -> None:
    async def scenario() -> None:
        async with connected(healthy.configure()) as bus, caller(healthy) as link:
            assert bus.outputs == {"outbound_paused", "trunk_backup", "surge_announcement"}
            await bus.write("trunk_backup", True)
            await bus.write("surge_announcement", True)
            assert (await dial(link, "5550004")).get("Response") == "Success"
            samples = await snapshot(bus)
            assert samples["trunks.backup.calls"].value == 1 and samples["trunks.main.calls"].value == 0
            assert samples["pbx1.trunk_backup"].value is True and samples["pbx1.surge_announcement"].value is True
            for output in ("trunk_backup", "surge_announcement"):
                await bus.write(output, False)
                assert await bus.read_back(output) is False

    run(scenario())


def test_a_trunk_with_every_line_taken_is_full_and_not_down(healthy: Asterisk) -> None:
    async def scenario() -> None:
        narrow = Trunk(name="main", endpoint="trunk-main", groups=TRUNKS[0].groups, capacity=2)
        async with connected(healthy.configure(trunks=(narrow,))) as bus, caller(healthy) as link:
            for number, expected in (("5550005", "up"), ("5550006", "full")):
                assert (await dial(link, number)).get("Response") == "Success"
                assert (await state(bus, "main")).value == expected

    run(scenario())
