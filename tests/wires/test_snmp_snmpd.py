"""The bus against net-snmp's agent: all versions, changing values, wrong credentials, silence, and a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.snmp_access import Access, Auth, Community, Privacy, User
from drivers.snmp_bus import SnmpBus
from firmware_py.core.reading import Quality, Reason
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires.snmp_peers import UPS, Snmpd, make_bus, read, snmpd

pytestmark = pytest.mark.wire
V3 = User(name="floor", auth="sha", auth_phrase="a phrase for auth", privacy="aes", privacy_phrase="a phrase for priv")
ACCESS = {"v1": Community(name="floor", version="1"), "v2c": Community(name="floor"), "v3": V3}


@pytest.fixture
def agent(tmp_path: Path, free_udp_port: int) -> Iterator[Snmpd]:
    with snmpd(tmp_path, free_udp_port) as running:
        yield running


async def answering(bus: SnmpBus, group: str = "fast") -> object:
    """True once the agent answers; a started process needs a moment."""
    try:
        return await read(bus, group)
    except DeviceError:
        return None


async def told(bus: SnmpBus) -> bool:
    """True once the engine is built, whatever comes of the read; on a busy machine a deadline passes before."""
    try:
        await read(bus)
    except DeviceError as error:
        return "being built" not in str(error)
    return True


@pytest.mark.parametrize("version", ACCESS)
def test_a_ups_on_mains_is_read_and_its_change_to_battery_is_seen(agent: Snmpd, version: str) -> None:
    async def scenario() -> None:
        bus = make_bus(agent.port, ACCESS[version])
        try:
            await eventually_async(lambda: answering(bus))
            fast, slow = await read(bus), await read(bus, "slow")
            assert {name: sample.value for name, sample in fast.items()} == {
                "output_source": "mains",
                "battery.status": "normal",
                "card_link": "ok",
                "alarms_present": 0,
                "overload": False,
                "test_running": False,
                "calibration_running": False,
            }
            values = {name: sample.value for name, sample in slow.items() if sample.quality is Quality.GOOD}
            assert values == {
                "battery.charge_pct": 100.0, "battery.runtime_s": 2580.0, "battery.temp_c": 24.0,
                "battery.voltage_v": 54.5, "output.load_pct": 40.0, "output.power_w": 800.0, "output.voltage_v": 230.0,
                "output.frequency_hz": 50.0, "input.voltage_v": 231.0, "input.frequency_hz": 50.0, "on_battery_s": 0,
                "battery.test": "none", "replace_battery": False, "charger_failed": False, "over_temp": False,
            }  # fmt: skip
            assert slow["battery.current_a"].because is Reason.NOT_SUPPORTED
            assert bus.sources["ups1.output_source"] == "rfc1628"
            agent.give(_4_1_0=("integer", "5"), _2_2_0=("integer", "3"), _3_3_1_3_1=("integer", "0"))
            assert (await read(bus))["output_source"].value == "battery"
            slow = await read(bus, "slow")
            assert (slow["on_battery_s"].value, slow["input.voltage_v"].value) == (3, 0.0)
        finally:
            await bus.close()

    run(scenario())


@pytest.mark.parametrize("version", ACCESS)
def test_the_alarm_table_is_walked_and_a_lost_ups_spoils_every_value(agent: Snmpd, version: str) -> None:
    agent.give(
        _6_1_0=("gauge", "2"),
        _6_2_1_2_7=("objectid", f".{UPS}.6.3.8"),
        _6_2_1_2_9=("objectid", f".{UPS}.6.3.20"),
        _6_2_1_3_7=("timeticks", "100"),
    )

    async def scenario() -> None:
        bus = make_bus(agent.port, ACCESS[version])
        try:
            await eventually_async(lambda: answering(bus))
            fast, slow = await read(bus), await read(bus, "slow")
            assert fast["card_link"].value == "lost"
            assert fast["output_source"].because is Reason.SOURCE_LOST
            assert {sample.because for sample in slow.values()} == {Reason.SOURCE_LOST}
            agent.give(_6_1_0=("gauge", "1"), _6_2_1_2_9=None)
            fast = await read(bus)
            assert (fast["card_link"].value, fast["output_source"].value) == ("ok", "mains")
        finally:
            await bus.close()

    run(scenario())


@pytest.mark.parametrize("version", ["v1", "v2c"])
def test_a_calibration_is_told_from_a_self_test_by_its_name_while_it_runs(agent: Snmpd, version: str) -> None:
    agent.give(
        _4_1_0=("integer", "5"), _6_1_0=("gauge", "1"), _6_2_1_2_7=("objectid", f".{UPS}.6.3.24"),
        _7_1_0=("objectid", f".{UPS}.7.7.5"), _7_3_0=("integer", "5"),
    )  # fmt: skip

    async def scenario() -> None:
        bus = make_bus(agent.port, ACCESS[version])
        try:
            await eventually_async(lambda: answering(bus))
            fast = await read(bus)
            assert (fast["output_source"].value, fast["calibration_running"].value) == ("test", True)
            agent.give(
                _6_1_0=("gauge", "2"), _6_2_1_2_8=("objectid", f".{UPS}.6.3.2"), _7_1_0=("objectid", f".{UPS}.7.7.4")
            )
            fast = await read(bus)
            assert (fast["output_source"].value, fast["calibration_running"].value) == ("test", False)
        finally:
            await bus.close()

    run(scenario())


@pytest.mark.parametrize(("user", "auth", "privacy"), [("strong", "sha256", "aes"), ("stronger", "sha512", "aes256")])
def test_sha_2_and_aes_speak_to_net_snmp(agent: Snmpd, user: str, auth: Auth, privacy: Privacy) -> None:
    access = User(
        name=user, auth=auth, auth_phrase="a phrase for auth", privacy=privacy, privacy_phrase="a phrase for priv"
    )

    async def scenario() -> None:
        bus = make_bus(agent.port, access)
        try:
            await eventually_async(lambda: answering(bus))
            assert (await read(bus))["output_source"].value == "mains"
        finally:
            await bus.close()

    run(scenario())


def test_a_value_that_vanishes_is_absent_and_never_zero_and_a_null_is_not_supported(agent: Snmpd) -> None:
    async def scenario() -> None:
        bus = make_bus(agent.port)
        try:
            await eventually_async(lambda: answering(bus, "slow"))
            agent.give(_2_4_0=None, _2_3_0=("string", "soon"))
            slow = await read(bus, "slow")
            assert (slow["battery.charge_pct"].value, slow["battery.charge_pct"].because) == (
                None,
                Reason.NOT_SUPPORTED,
            )
            assert slow["battery.runtime_s"].because is Reason.BAD_REPLY
            assert slow["output.load_pct"].value == 40.0
        finally:
            await bus.close()

    run(scenario())


@pytest.mark.parametrize("version", ["v2c", "v3"])
def test_an_agent_that_was_restarted_is_found_again(agent: Snmpd, version: str) -> None:
    async def scenario() -> None:
        bus = make_bus(agent.port, ACCESS[version], fast_deadline_ms=300)
        try:
            await eventually_async(lambda: answering(bus))
            for _ in range(2):
                agent.stop()
                for _ in range(7):  # long enough for the engine to be rebuilt twice
                    with pytest.raises(DeviceError, match=r"no answer|clock|being built"):
                        await read(bus)
                agent.give(_4_1_0=("integer", "5"))
                agent.start()
                await eventually_async(lambda: answering(bus), within_s=8)
                assert (await read(bus))["output_source"].value == "battery"
        finally:
            await bus.close()

    run(scenario(), within_s=60)


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (Community(name="wrong"), "community .a wrong one looks like silence"),
        (User(name="nobody", auth="sha", auth_phrase="a phrase for auth"), "does not know this SNMPv3 user"),
        (User(name="floor", auth="sha", auth_phrase="another phrase"), "authentication failed|looks like silence"),
        (
            User(
                name="floor", auth="sha", auth_phrase="a phrase for auth", privacy="aes", privacy_phrase="wrong phrase"
            ),
            "decryption failed|looks like silence",
        ),
        (User(name="floor", auth="sha", auth_phrase="a phrase for auth"), "security level"),
    ],
)
def test_wrong_credentials_are_a_device_error_that_says_what_to_check(agent: Snmpd, access: Access, said: str) -> None:
    async def scenario() -> None:
        right, wrong = make_bus(agent.port), make_bus(agent.port, access)
        try:
            await eventually_async(lambda: answering(right))
            await eventually_async(lambda: told(wrong))
            with pytest.raises(DeviceError, match=said):
                await read(wrong)
        finally:
            await right.close()
            await wrong.close()

    run(scenario())


def test_silence_is_a_device_error_in_time(free_udp_port: int) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        bus = make_bus(free_udp_port, fast_deadline_ms=400)
        try:
            for _ in range(8):
                started = loop.time()
                with pytest.raises(DeviceError, match=r"no answer from 127\.0\.0\.1|engine is still being built"):
                    await read(bus)
                assert loop.time() - started < 0.6
        finally:
            started = loop.time()
            await bus.close()
            assert loop.time() - started < 1

    run(scenario())


def test_a_host_name_that_does_not_resolve_is_a_device_error() -> None:
    async def scenario() -> None:
        bus = SnmpBus(
            name="ups", device="ups1", host="no-such-host.invalid", access=V3, profile=make_bus(1)._choice._profile,
        )  # fmt: skip
        try:
            with pytest.raises(DeviceError, match=r"address|no answer"):
                await read(bus)
        finally:
            await bus.close()

    run(scenario())
