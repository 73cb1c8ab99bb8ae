"""Switching a UPS's outlets against net-snmp's agent: the listed ones, with the write credential, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.strict import ConfigError, parse
from drivers.snmp_access import Access, Community, User
from drivers.snmp_outlets import OutletPort
from drivers.snmp_profile import NEVER, compile_profile
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.drivers.snmp_profiles import profile
from tests.wires.snmp_peers import HOST, Snmpd, make_bus, read, snmpd

pytestmark = pytest.mark.wire
APC = "1.3.6.1.4.1.318.1.1.1.12"


@pytest.fixture
def agent(tmp_path: Path, free_udp_port: int) -> Iterator[Snmpd]:
    with snmpd(tmp_path, free_udp_port) as running:
        running.give_outlets(_318_1_1_1_12_1_2_1_3_1=1, _318_1_1_1_12_1_2_1_3_2=1, _318_1_1_1_12_3_2_1_3_2=1)
        yield running


def outlets(agent: Snmpd, access: Access | None = None, name: str = "ups_auto") -> OutletPort:
    return OutletPort(
        name="ups1", host=HOST, port=agent.port, access=access or Community(name="writer"),
        mibs=profile(name).outlets, outlets={"printers": 2},
    )  # fmt: skip


async def up(agent: Snmpd) -> None:
    bus = make_bus(agent.port)

    async def answers() -> object:
        try:
            return await read(bus)
        except DeviceError:
            return None

    try:
        await eventually_async(answers)
    finally:
        await bus.close()


def test_a_listed_group_is_switched_once_and_read_back(agent: Snmpd) -> None:
    async def scenario() -> None:
        await up(agent)
        port = outlets(agent)
        try:
            assert await port.read_back("printers") is True
            await port.write("printers", False)
            await port.write("printers", False)  # it is off already
            assert await port.read_back("printers") is False
            await port.write("printers", True)
            assert await port.read_back("printers") is True
        finally:
            await port.close()
        assert agent.sets == [f"{APC}.3.2.1.3.2 2", f"{APC}.3.2.1.3.2 1"]

    run(scenario())


def test_the_read_credential_cannot_switch(agent: Snmpd) -> None:
    async def scenario() -> None:
        await up(agent)
        port = outlets(agent, Community(name="floor"))
        try:
            with pytest.raises(DeviceError, match="write credential may write"):
                await port.write("printers", False)
            assert await port.read_back("printers") is True
        finally:
            await port.close()
        assert agent.sets == []

    run(scenario())


def test_a_wrong_write_credential_is_silence_and_said_so(agent: Snmpd) -> None:
    async def scenario() -> None:
        await up(agent)
        port = outlets(agent, Community(name="wrong"))
        try:
            for _ in range(4):  # long enough for the engine to be built anew
                with pytest.raises(DeviceError, match="no answer to the write credential"):
                    await port.write("printers", False)
        finally:
            await port.close()

    run(scenario())


def test_a_group_that_no_mib_knows_is_a_device_error(agent: Snmpd) -> None:
    async def scenario() -> None:
        await up(agent)
        agent.give_outlets()
        port = outlets(agent)
        try:
            with pytest.raises(DeviceError, match="no outlet 2"):
                await port.write("printers", False)
        finally:
            await port.close()

    run(scenario())


def test_eatons_receptacles_are_switched_by_delays_that_can_be_called_back(agent: Snmpd) -> None:
    async def scenario() -> None:
        await up(agent)
        agent.give_outlets(_534_1_12_2_1_2_2=1, _534_1_12_2_1_3_2=-1)
        port = outlets(agent, name="ups_xups")
        try:
            await port.write("printers", False)
        finally:
            await port.close()
        assert agent.sets == ["1.3.6.1.4.1.534.1.12.2.1.3.2 0"]

    run(scenario())


@pytest.mark.parametrize("command", NEVER)
def test_a_profile_cannot_name_a_command_that_cannot_be_called_back(command: str) -> None:
    text = (
        'name = "x"\n[signals]\non_battery_s = [{ name = "a", oid = "1.3" }]\n[outlets]\nstate = "1.4"\n'
        'on_states = [1]\noff_states = [2]\non = { oid = "1.5", value = 1 }\n'
        f'off = {{ oid = "{command}", value = 60 }}\n'
    )
    with pytest.raises(ConfigError, match="never sent"):
        compile_profile(parse(text, "x.toml"), lambda name: parse("", name))


def test_no_shipped_profile_can_send_one() -> None:
    for switches in profile("ups_auto").outlets:
        assert not switches.on[0].startswith(NEVER) and not switches.off[0].startswith(NEVER)
    assert [switches.mib for switches in profile("ups_auto").outlets] == ["powernet", "xups", "cps"]


def test_credentials_that_cannot_work_are_a_config_error() -> None:
    with pytest.raises(ConfigError, match="at least 8"):
        OutletPort(
            name="ups1", host=HOST, port=1, access=User(name="u", auth="sha", auth_phrase="short"), mibs=(), outlets={}
        )
