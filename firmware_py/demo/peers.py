"""The far ends of the floor's wires, all on free ports of the loopback: UPS agent, Modbus units, exchange.

Shows the world on the wires and hands what is written there to the world. It must not know the daemon.
"""

import asyncio
from collections.abc import Collection, Mapping
from functools import partial

from config.valued import dataclass
from firmware_py.demo.exchange import SimExchange, SimTrunk
from firmware_py.demo.modbus_units import ModbusUnits, SimulatedUnit, make_fire_panel, make_hvac, make_relay_board
from firmware_py.demo.ups_agent import Gauge32, Oid, TimeTicks, UpsAgent
from firmware_py.demo.world import Trunk, World, Zone

HOST = "127.0.0.1"
UPS_MIB = "1.3.6.1.2.1.33.1"  # RFC 1628
SYSTEM = "1.3.6.1.2.1.1"  # RFC 3418
LOW_PCT = 20
RATED_W = 6_000
LONG_UP_S = 86_400.0  # an exchange that has just booted is believed less


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where they listen."""

    ups: int
    cooling: int
    fire: int
    relays: int
    exchange: int


class Peers:
    """Everything that the controller talks to but the broker."""

    def __init__(self, world: World, *, user: str, secret: str) -> None:
        self._world = world
        self.ups = UpsAgent(self._ups_rows)
        self.cooling = ModbusUnits({1: _cooling_unit(world)})
        self.fire = ModbusUnits({1: _fire_panel(world)})
        self.relays = ModbusUnits({1: _relay_board(world)})
        self._shown = {name: sim_trunk(trunk) for name, trunk in world.trunks.items()}
        shown = tuple(self._shown.values())
        self.exchange = SimExchange(shown, user=user, secret=secret, on_gate=world.gates.__setitem__)
        self._started_s = 0.0

    async def start(self) -> Ports:
        """Listen on free ports."""
        self._started_s = asyncio.get_running_loop().time()
        ups = await self.ups.start(HOST)
        for units in (self.cooling, self.fire, self.relays):
            await units.start()
        await self.exchange.start(uptime_s=LONG_UP_S)
        return Ports(
            ups=ups,
            cooling=self.cooling.port,
            fire=self.fire.port,
            relays=self.relays.port,
            exchange=self.exchange.port,
        )

    async def close(self) -> None:
        """Stop listening, also after a start that failed half-way."""
        await asyncio.gather(
            self.exchange.stop(), self.relays.close(), self.fire.close(), self.cooling.close(), self.ups.close()
        )

    def show(self) -> None:
        """Bring the exchange to what the world has; the other peers look for themselves when they are asked."""
        for name, trunk in self._world.trunks.items():
            self._shown[name].groups |= counts(self._world, trunk)
            self.exchange.set_status(self._shown[name].endpoint, "Reachable" if trunk.up else "Unreachable")

    def _ups_rows(self) -> Mapping[str, int | str]:
        up_s = asyncio.get_running_loop().time() - self._started_s
        return ups_rows(self._world, round(up_s * 1000))


def ups_rows(world: World, up_ms: int) -> Mapping[str, int | str]:
    """The agent's table after `up_ms` of its own uptime; the numbers are those of the MIB."""
    charge_pct = world.charge_pct
    dead = not world.mains and charge_pct == 0
    ours: dict[str, int | str] = {
        "1.1.0": "Floorguard demo",
        "1.2.0": "Simulated UPS",
        "2.1.0": 4 if charge_pct == 0 else 3 if charge_pct < LOW_PCT else 2,
        "2.2.0": world.on_battery_ms // 1000,
        "2.3.0": world.runtime_min(world.load_w),
        "2.4.0": charge_pct,
        "2.5.0": 2_700 if world.mains else 2_300 + 3 * charge_pct,
        "2.7.0": 25,
        "3.2.0": 1,
        "3.3.1.2.1": 500 if world.mains else 0,
        "3.3.1.3.1": 230 if world.mains else 0,
        "4.1.0": 3 if world.mains else 2 if dead else 5,
        "4.2.0": 500,
        "4.3.0": 1,
        "4.4.1.2.1": 0 if dead else 230,
        "4.4.1.4.1": 0 if dead else world.load_w,
        "4.4.1.5.1": 0 if dead else world.load_w * 100 // RATED_W,
        "6.1.0": Gauge32(0),
    }
    system: dict[str, int | str] = {
        f"{SYSTEM}.1.0": "Simulated UPS of the demo",
        f"{SYSTEM}.2.0": Oid("1.3.6.1.4.1.99999.1"),
        f"{SYSTEM}.3.0": TimeTicks(up_ms // 10),
        f"{SYSTEM}.5.0": "demo-ups",
    }
    return system | {f"{UPS_MIB}.{oid}": value for oid, value in ours.items()}


def sim_trunk(trunk: Trunk) -> SimTrunk:
    """A trunk as the exchange has it, with the groups that count its calls."""
    return SimTrunk(
        endpoint=f"trunk-{trunk.name}", groups={f"in-{trunk.name}@trunks": 0, f"out-{trunk.name}@trunks": 0}
    )


def counts(world: World, trunk: Trunk) -> dict[str, int]:
    """Calls of one trunk by the groups of the dialplan."""
    calls_in, calls_out = world.calls_on(trunk.name)
    return {f"in-{trunk.name}@trunks": calls_in, f"out-{trunk.name}@trunks": calls_out}


def zone_states(zone: Zone) -> Collection[str]:
    """The names of what a zone's word shows."""
    return {name for name in ("fire", "fault", "walk_test") if getattr(zone, name)}


def _cooling_unit(world: World) -> SimulatedUnit:
    return make_hvac(
        running=lambda: world.cooling_works,
        fault=lambda: not world.cooling_works,
        ordered_off=lambda: False,
        temp_c=lambda: world.room.temp_mc / 1000,
        setpoint_c=lambda: world.room.cooled_mc / 1000,
        humidity_pct=lambda: 45.0,
        ups_mode=lambda: False,
        set_ups_mode=lambda _: None,
    )


def _fire_panel(world: World) -> SimulatedUnit:
    return make_fire_panel(
        zones=[partial(zone_states, zone) for zone in world.zones],
        panel=lambda: {"fault"} if any(zone.fault for zone in world.zones) else set(),
    )


def _relay_board(world: World) -> SimulatedUnit:
    return make_relay_board(
        relays=[partial(world.coils.__getitem__, coil) for coil in range(len(world.coils))],
        set_relay=world.coils.__setitem__,
    )
