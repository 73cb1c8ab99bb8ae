"""The building and what hangs in it, in whole milliseconds, watts and watt-milliseconds: mains, battery, room, lines.

Knows nothing of the controller but the levels of the outputs that have an effect: a load that was shed draws nothing,
so that a good decision visibly buys minutes.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from firmware_py.core.plan import Plan
from firmware_py.core.reading import Value
from tests.sim.faults import SECOND, Fault, Kind, Script

WH = 3_600_000  # watt-milliseconds
CHARGER_W = 500
RATING_W = 8_000
GENERATOR_MS = 12 * SECOND
COOL_UC, HOT_UC = 23_000_000, 41_000_000  # millionths of a degree
WARMS_UC_MS, COOLS_UC_MS = 4, 12  # 0.24 and 0.72 degrees a minute
FLAP_MS = {Kind.BROWN_OUT: 3 * SECOND, Kind.TRUNK_FLAPS: 8 * SECOND}

_UNHURT: frozenset[Kind] = frozenset()


def wired(plan: Plan) -> tuple[str, ...]:
    """Outputs behind a wire, which are read back."""
    return tuple(name for name in plan.outputs if f"out.{name}.follows" in plan.points)


def _cuts(script: Script) -> list[tuple[int, int]]:
    """When no power comes in, with what the generator takes over taken away."""
    raw: list[tuple[int, int]] = []
    for fault in script.faults:
        if fault.kind is Kind.MAINS_CUT:
            raw.append((fault.at_ms, fault.until_ms))
        elif fault.kind is Kind.BROWN_OUT:
            pace_ms = FLAP_MS[fault.kind]
            raw += [(at, at + pace_ms) for at in range(fault.at_ms, fault.until_ms, 2 * pace_ms)]
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(raw):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    broken = [(f.at_ms, f.until_ms) for f in script.faults if f.kind is Kind.GENERATOR_FAILS]

    def starts(at_ms: int) -> bool:
        return script.generator and not any(begin <= at_ms < end for begin, end in broken)

    return [(a, min(b, a + GENERATOR_MS) if starts(a) else b) for a, b in merged]


@dataclass(slots=True, kw_only=True)
class World:
    """`levels`: what the wired outputs really are. `values`: what sound devices would answer now."""

    script: Script
    plan: Plan
    now_ms: int = 0
    charge: int = 0  # watt-milliseconds
    temp_uc: int = COOL_UC
    levels: dict[str, bool] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    active: dict[tuple[Kind, str], Fault] = field(default_factory=dict)
    edges: list[int] = field(default_factory=list)
    outages: list[tuple[int, int]] = field(default_factory=list)
    _hurts: dict[str, frozenset[Kind]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.charge = self.capacity
        self.levels = {name: self.plan.outputs[name].normal for name in wired(self.plan)}
        self.outages = _cuts(self.script)
        edges = {edge for fault in self.script.faults for edge in (fault.at_ms, fault.until_ms)}
        edges |= {edge for outage in self.outages for edge in outage}
        for fault in self.script.faults:
            if fault.kind is Kind.TRUNK_FLAPS:
                edges |= set(range(fault.at_ms, fault.until_ms, FLAP_MS[fault.kind]))
        self.edges = sorted(edges)
        self.values = {point.id: rest(self.plan, point.id) for point in self.plan.points.values()}
        self._settle()

    @property
    def capacity(self) -> int:
        """Of the battery, in watt-milliseconds."""
        return self.script.capacity_wh * WH

    @property
    def supplied(self) -> bool:
        """Power comes in, from the mains or the generator."""
        index = bisect.bisect_right(self.outages, (self.now_ms, 1 << 62)) - 1
        return index < 0 or self.now_ms >= self.outages[index][1]

    @property
    def load_w(self) -> int:
        """What the UPS carries."""
        loads = [load for battery in self.plan.batteries.values() for load in battery.loads]
        return self.script.undeclared_w + sum(load.watts_w for load in loads if self.levels.get(load.output, True))

    @property
    def empty(self) -> bool:
        """Nothing is fed any more, the controller neither."""
        return self.charge <= 0 and not self.supplied

    @property
    def cooled(self) -> bool:
        """The air conditioner runs; it has no UPS."""
        return self.supplied and self.levels["feed.compressor"] and not self.is_active(Kind.COOLING_FAILS)

    @property
    def warming(self) -> bool:
        """The room's temperature is on the move."""
        return self.temp_uc != (COOL_UC if self.cooled else HOT_UC)

    def is_active(self, kind: Kind, target: str = "") -> bool:
        """Whether a fault is under way."""
        return (kind, target) in self.active

    def hurts(self, target: str) -> frozenset[Kind]:
        """The faults under way at one device, output or point."""
        return self._hurts.get(target, _UNHURT)

    def next_edge_ms(self) -> int | None:
        """When a fault begins or ends next."""
        index = bisect.bisect_right(self.edges, self.now_ms)
        return self.edges[index] if index < len(self.edges) else None

    def next_change_ms(self) -> int | None:
        """When the battery's gauge moves next, rounded up to a whole second; None while it does not."""
        if self.supplied:
            shown = self.charge * 100 // self.capacity
            if shown >= 100:
                return None
            missing = -(-(shown + 1) * self.capacity // 100) - self.charge
            left_ms = -(-missing // CHARGER_W)
        elif self.charge > 0:
            left_ms = -(-self.charge // self.load_w)
        else:
            return None
        return -(-(self.now_ms + max(1, left_ms)) // SECOND) * SECOND

    def advance(self, to_ms: int) -> bool:
        """Time passes; no edge may lie in between. True when a fault has begun or ended at `to_ms`."""
        dt_ms = to_ms - self.now_ms
        if self.supplied:
            self.charge = min(self.capacity, self.charge + CHARGER_W * dt_ms)
        else:
            self.charge = max(0, self.charge - self.load_w * dt_ms)
        target_uc = COOL_UC if self.cooled else HOT_UC
        if self.temp_uc < target_uc:
            self.temp_uc = min(target_uc, self.temp_uc + WARMS_UC_MS * dt_ms)
        elif self.temp_uc > target_uc:
            self.temp_uc = max(target_uc, self.temp_uc - COOLS_UC_MS * dt_ms)
        self.now_ms = to_ms
        edge = bool(self.edges) and self.edges[min(bisect.bisect_left(self.edges, to_ms), len(self.edges) - 1)] == to_ms
        self._settle(edge=edge)
        return edge

    def _settle(self, *, edge: bool = True) -> None:
        if edge:
            self.active = {
                (fault.kind, fault.target): fault
                for fault in self.script.faults
                if fault.at_ms <= self.now_ms < fault.until_ms
            }
            targets = {target for _, target in self.active}
            self._hurts = {to: frozenset(kind for kind, target in self.active if target == to) for to in targets}
        self._show_power()
        self._show_rest()

    def _show_power(self) -> None:
        shown, load_w = self.charge * 100 // self.capacity, self.load_w
        source = "mains" if self.supplied else "battery" if self.charge > 0 else "off"
        if source == "mains" and self.is_active(Kind.UPS_TEST):
            source = "test"
        left_ms = shown * self.capacity // 100 // max(1, load_w)
        self.values |= {
            "ups1.output_source": source,
            "ups1.test_running": source == "test",
            "ups1.battery.status": "normal" if shown >= 20 else "low" if shown >= 5 else "depleted",
            "ups1.battery.charge_pct": float(shown),
            "ups1.battery.runtime_s": float(left_ms // 60_000 * 60),
            "ups1.output.load_pct": float(round(load_w * 100 / RATING_W)),
            "ups1.output.power_w": float(load_w),
        }

    def _show_rest(self) -> None:
        for trunk in ("main1", "backup1"):
            flaps = self.active.get((Kind.TRUNK_FLAPS, trunk))
            down = self.is_active(Kind.TRUNK_DOWN, trunk)
            if flaps is not None:
                down = down or (self.now_ms - flaps.at_ms) // FLAP_MS[Kind.TRUNK_FLAPS] % 2 == 0
            self.values[f"trunks.{trunk}.state"] = "down" if down else "up"
        self.values |= {
            "hvac1.running": self.cooled,
            "hvac1.fault": self.is_active(Kind.COOLING_FAILS),
            "hvac1.ordered_off": not self.levels["feed.compressor"],
            "hvac1.ups_mode": self.levels["cooling.ups_mode"],
            "room1.temp_c": self.temp_uc // 100_000 / 10,
            "fire1.zone1.fire": self.is_active(Kind.FIRE),
            "fire1.zone1.test": self.is_active(Kind.FIRE_TEST),
            "pbx1.outbound_paused": self.levels["outbound_paused"],
            "pbx1.trunk_backup": self.levels["trunk_backup"],
            "storage.sound": not self.is_active(Kind.STORE_BAD),
            "mqtt.connected": not self.is_active(Kind.BROKER_AWAY),
        }


_AT_REST: dict[str, Value] = {
    "ups1.card_link": "ok", "ups1.input.voltage_v": 230.0, "ups1.output.voltage_v": 230.0,
    "ups1.battery.voltage_v": 54.0, "ups1.battery.temp_c": 24.0, "hvac1.setpoint_c": 23.0,
    "room1.humidity_pct": 45.0, "pbx1.link": "up", "pbx1.emergency.path": "passes", "mqtt.cert_days": 300.0,
    "storage.sound": True, "mqtt.connected": True,
}  # fmt: skip


def rest(plan: Plan, name: str) -> Value:
    """What a point reads on a floor where all is well."""
    point = plan.points[name]
    if name in _AT_REST:
        return _AT_REST[name]
    if name.endswith(".follows"):
        return True
    low = point.low or 0
    values: dict[str, Value] = {
        "flag": False, "integer": int(low), "number": float(low), "text": "",
        "word": str(point.words[0]) if point.words else "",
    }  # fmt: skip
    return values[point.kind.value]
