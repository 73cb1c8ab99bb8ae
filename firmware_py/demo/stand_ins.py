"""A stand-in for every device of a site file, on free ports of the loopback, and the site file that leads to them.

What `floorguard demo --devices` starts: something to try `init`, `check`, `apply` and the daemon on, with no floor
near. One world moves them all. It must not start the daemon.
"""

import asyncio
from collections.abc import Callable
from dataclasses import field
from functools import partial
from pathlib import Path
from typing import TypeVar

from config.model_common import Section
from config.model_devices import ModbusEndpoint, ModbusUnit, UnitClass
from config.site import Site, effective, load_site
from config.valued import dataclass
from firmware_py.demo.exchange import SimExchange, SimTrunk
from firmware_py.demo.modbus_units import ModbusUnits, SimulatedUnit, make_fire_panel, make_hvac, make_relay_board
from firmware_py.demo.peers import HOST, LONG_UP_S, ups_rows, zone_states
from firmware_py.demo.ups_agent import UpsAgent
from firmware_py.demo.world import Trunk, World

SECRET = "a secret of the loopback only"  # noqa: S105 - guards a simulated exchange
COMMUNITY = "public"
S = TypeVar("S", bound=Section)
_TICK_S = 1.0
# Registers that we can play; a site's own profiles are put aside for these.
_PROFILES = {UnitClass.HVAC: "hvac_generic", UnitClass.FIRE: "fire_generic", UnitClass.RELAYS: "relay_board_8"}


@dataclass(slots=True, kw_only=True)
class StandIns:
    """`start`, then `site_file` is what to give to the daemon; `close` in the end."""

    site: Site
    folder: Path
    world: World = field(default_factory=lambda: World(haste=1))
    agents: dict[str, UpsAgent] = field(default_factory=dict)
    lines: dict[str, ModbusUnits] = field(default_factory=dict)
    exchanges: dict[str, SimExchange] = field(default_factory=dict)
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def site_file(self) -> Path:
        """The site file with the loopback's ports in it."""
        return self.folder / "site.toml"

    async def start(self, *, broker: int | None = None) -> None:
        """Listen for all, then write secrets and site file."""
        started_s = asyncio.get_running_loop().time()

        def rows() -> "dict[str, int | str]":
            return dict(ups_rows(self.world, round((asyncio.get_running_loop().time() - started_s) * 1000)))

        ports: dict[str, int] = {}
        for ups in self.site.ups:
            agent = self.agents[ups.id] = UpsAgent(rows)
            ports[ups.id] = await agent.start(HOST)
            self.addresses[ups.id] = f"snmp://{COMMUNITY}@{HOST}:{ports[ups.id]}"
        for endpoint in self.site.modbus:
            line = self.lines[endpoint.id] = ModbusUnits({unit.unit: self._unit(unit) for unit in endpoint.units})
            await line.start()
            ports[endpoint.id] = line.port
            units = ",".join(str(unit.unit) for unit in endpoint.units)
            self.addresses[endpoint.id] = f"modbus+tcp://{HOST}:{line.port}/{units}"
        for exchange in self.site.exchange:
            trunks = [self.world.trunks.setdefault(one.name, Trunk(name=one.name, capacity=one.capacity or 8))
                      for one in exchange.trunks]  # fmt: skip
            shown = tuple(
                SimTrunk(endpoint=one.endpoint, groups=dict.fromkeys(one.counted_in, 0)) for one in exchange.trunks
            )
            far = SimExchange(shown, user=exchange.user, secret=SECRET, on_gate=self.world.gates.__setitem__)
            await far.start(uptime_s=LONG_UP_S)
            self.exchanges[exchange.id] = far
            ports[exchange.id] = far.port
            self.addresses[exchange.id] = f"ami://{exchange.user}@{HOST}:{far.port}"
            assert len(trunks) == len(shown)
        self._write(ports, broker)

    async def run(self) -> None:
        """Let the world's time pass."""
        while True:
            await asyncio.sleep(_TICK_S)
            self.world.advance(round(_TICK_S * 1000))

    async def close(self) -> None:
        """Stop listening."""
        await asyncio.gather(
            *(one.stop() for one in self.exchanges.values()), *(one.close() for one in self.lines.values()),
            *(one.close() for one in self.agents.values()),
        )  # fmt: skip

    def _unit(self, unit: ModbusUnit) -> SimulatedUnit:
        world, saving = self.world, [False]
        makers: dict[UnitClass, Callable[[], SimulatedUnit]] = {
            UnitClass.HVAC: lambda: make_hvac(
                running=lambda: world.cooling_works, fault=lambda: not world.cooling_works, ordered_off=lambda: False,
                temp_c=lambda: world.room.temp_mc / 1000, setpoint_c=lambda: world.room.cooled_mc / 1000,
                humidity_pct=lambda: 45.0, ups_mode=lambda: saving[0], set_ups_mode=partial(saving.__setitem__, 0),
            ),
            UnitClass.FIRE: lambda: make_fire_panel(
                zones=[partial(zone_states, zone) for zone in world.zones],
                panel=lambda: {"fault"} if any(zone.fault for zone in world.zones) else set(),
            ),
        }  # fmt: skip
        if unit.kind in makers:
            return makers[unit.kind]()
        coils = [False] * 32
        return make_relay_board(
            relays=[partial(coils.__getitem__, coil) for coil in range(len(coils))], set_relay=coils.__setitem__
        )

    def _write(self, ports: dict[str, int], broker: int | None) -> None:
        for name, content in (("community", COMMUNITY), ("exchange.secret", SECRET)):
            path = self.folder / name
            path.touch(mode=0o600)
            path.write_text(content + "\n")
        site = self.site
        gpio = None if site.gpio is None else _changed(site.gpio, factory="mock")
        mqtt = None if site.mqtt is None else _changed(
            site.mqtt, enabled=broker is not None, host=HOST, port=broker, tls=None, username=None, password_file=None
        )  # fmt: skip
        local = _changed(
            site,
            ups=tuple(
                _changed(one, address=HOST, port=ports[one.id], profile="ups_rfc1628", version=type(one.version)("2c"),
                         community_file=str(self.folder / "community"), v3=None)
                for one in site.ups
            ),
            modbus=tuple(_changed(one, **_on_loopback(one, ports[one.id])) for one in site.modbus),
            exchange=tuple(
                _changed(one, host=HOST, port=ports[one.id], tls=False, ca_file=None,
                         secret_file=str(self.folder / "exchange.secret"))
                for one in site.exchange
            ),
            gpio=gpio, mqtt=mqtt,
            storage=_changed(site.storage, directory=str(self.folder / "state")),
            control=_changed(site.control, socket=str(self.folder / "control.sock")),
        )  # fmt: skip
        self.site_file.write_text(effective(local))
        load_site(self.site_file)


def _on_loopback(one: ModbusEndpoint, port: int) -> dict[str, object]:
    units = tuple(_changed(unit, profile=_PROFILES.get(unit.kind, unit.profile)) for unit in one.units)
    return {"transport": type(one.transport)("tcp"), "address": HOST, "port": port, "device": None, "unit": units}


def _changed(part: S, **values: object) -> S:
    return part.altered(values)
