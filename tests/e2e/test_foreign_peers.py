"""The whole way with peers that we did not write: net-snmp, pyModbusTCP, Asterisk, mosquitto. The mains fails once."""

from __future__ import annotations

import asyncio
import contextlib
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import eventually_async, find_tcp_port, find_udp_port, run
from tests.e2e.rig import Rig, find_bad, is_sound, tell
from tests.e2e.site import COILS, Exchange, Ports, Times
from tests.wires.asterisk import Asterisk
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates as every_message_validates
from tests.wires.mqtt_fixtures import mosquitto as mosquitto
from tests.wires.snmp_peers import Snmpd, snmpd

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
IDENTITY = [0x4647, 1]
SHED = [COILS["feed.displays"], COILS["feed.pantry"]]


@contextlib.contextmanager
def modbus_units() -> Iterator[dict[str, Any]]:
    """Three pyModbusTCP servers with the maps of the generic profiles: `{"fire": server, ...}`."""
    from pyModbusTCP.server import DataBank, ModbusServer

    banks = {name: DataBank(coils_size=200, d_inputs_size=200) for name in ("cooling", "fire", "relays")}
    banks["cooling"].set_holding_registers(0, IDENTITY)
    banks["cooling"].set_input_registers(0, [231, 220, 450])
    banks["cooling"].set_discrete_inputs(0, [True])
    banks["fire"].set_holding_registers(10, IDENTITY)
    servers = {
        name: ModbusServer("127.0.0.1", find_tcp_port(), no_block=True, data_bank=bank) for name, bank in banks.items()
    }
    try:
        for server in servers.values():
            server.start()
        yield servers
    finally:
        for server in servers.values():
            server.stop()


def gate_of(exchange: Asterisk) -> str:
    """The gate's state as the exchange's own console has it; what the dialplan asks."""
    command = [str(exchange.folder / "cli"), "devstate list"]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    found = re.search(r"Custom:outbound-gate'?\s+State: '?(\w+)", shown)
    return found[1] if found else ""


async def until_gate(exchange: Asterisk, wanted: str) -> None:
    await eventually_async(
        lambda: asyncio.to_thread(lambda: gate_of(exchange) == wanted), every_s=0.05, within_s=10, what=f"gate {wanted}"
    )


async def follow(rig: Rig, agent: Snmpd, exchange: Asterisk, relays: Any, collector: Collector) -> None:
    """Mains fails at the agent and returns; what comes of it at the other three."""
    await rig.until(is_sound, within_s=30, what="everything is read")
    assert rig.picture["points"]["room1.temp_c"]["value"] == pytest.approx(23.1)
    began_s = time.monotonic()
    agent.give(_4_1_0=("integer", "5"))
    await until_gate(exchange, "INUSE")
    tell(f"gate closed in Asterisk {1000 * (time.monotonic() - began_s):.0f} ms after snmpd's value changed")
    await eventually_async(lambda: all(relays.data_bank.get_coils(coil, 1) == [True] for coil in SHED), what="relays")
    state = await asyncio.to_thread(
        collector.wait_for,
        lambda heard: (heard.last("state") or {}).get("mode") == "conservation" and heard.last("state"),
    )
    assert state["because"] == ["ups1.on_battery"]
    assert state["ups1"]["output_source"]["v"] == "battery"
    assert state["outputs"]["outbound_paused"] == {"v": True, "because": ["ups1.on_battery"]}
    assert not find_bad(rig.picture)
    agent.give(_4_1_0=("integer", "3"))
    await rig.until(is_sound, within_s=20, what="normal again")
    await until_gate(exchange, "NOT_INUSE")
    await eventually_async(lambda: not any(relays.data_bank.get_coils(0, 8)), what="relays released")


def test_mains_lost_at_net_snmp_closes_the_gate_in_a_real_asterisk(
    tmp_path: Path, healthy: Asterisk, mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    async def scenario(agent: Snmpd, servers: dict[str, Any]) -> None:
        rig = Rig(tmp_path, mosquitto.port)
        lines = {name: server.port for name, server in servers.items()}
        rig.ports = Ports(ups=agent.port, exchange=healthy.port, broker=mosquitto.port, **lines)
        trunks = (("main", "trunk-main"), ("backup", "trunk-backup"))
        account = healthy.account()
        rig.exchange = Exchange(user=account.user, secret=account.secret, trunks=trunks, minimum_up=1)
        rig.write_site(Times())
        (rig.folder / "community").write_text("floor\n")  # as this agent has it
        collector = every_message_validates(mosquitto.port)
        await rig.start()
        try:
            await follow(rig, agent, healthy, servers["relays"], collector)
            assert await rig.stop() == 0
        finally:
            await rig.kill()
        assert "Traceback" not in rig.log, rig.log

    (tmp_path / "agent").mkdir()
    with snmpd(tmp_path / "agent", find_udp_port()) as agent, modbus_units() as servers:
        run(scenario(agent, servers), within_s=90)
