"""What the controller reads and tells: points that are read together on a grid of whole seconds, outputs behind a wire.

A source is quiet while each further read would bring the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_py.core.plan import Plan
from firmware_py.core.reading import Quality, Reason, Value
from tests.sim.faults import SECOND, Kind
from tests.sim.world import World, wired

CLOCK = "clock.utc_s"
_PERIODS_MS = {25_000: 10_000, 70_000: 30_000, 130_000: 30_000, 50_000: 10_000, 15_000: 1_000}
_DEVICES = {"trunks": "pbx1", "room1": "hvac1", "cooling_line": "hvac1", "fire_line": "fire1", "relay_line": "relays1"}
_DERIVED = (".forecast.", ".plan.", "planned.", ".rise_c", ".volume.", "clock.")
_OF_OUTPUT = {
    "surge_announcement": "pbx1",
    "agents_moved": "pbx1",
    "fan.floor": "relays1",
    "cooling.ups_mode": "hvac1",
    "outbound_paused": "pbx1",
    "trunk_backup": "pbx1",
}

Answer = tuple[Value | None, Quality, Reason | None]


@dataclass(slots=True, kw_only=True)
class Source:
    """Points that are read together. `dirty`: the next read may bring something else."""

    device: str
    points: tuple[str, ...]
    period_ms: int
    stale_ms: int
    dirty: bool = True
    silent_since_ms: int | None = None
    dead: bool = False
    stamped_ms: int = -1
    last: dict[str, Answer] = field(default_factory=dict)
    frozen: dict[str, Answer] | None = None
    shown: Mapping[str, Answer] = field(default_factory=dict)  # what the point table has of it
    old: bool = False  # the same was read again since, and the point table does not have the time of it yet

    def pace_ms(self, world: World) -> int:
        """Between two reads, as things are."""
        return self.period_ms * (4 if Kind.SLOW in world.hurts(self.device) else 1)

    def next_read_ms(self, world: World) -> int:
        """The first read on the grid after now."""
        pace_ms = self.pace_ms(world)
        return (world.now_ms // pace_ms + 1) * pace_ms


@dataclass(slots=True, kw_only=True)
class Follow:
    """An output behind a wire: told and read back at its lease, again soon where it failed."""

    output: str
    device: str
    next_ms: int = 0
    wanted: bool | None = None
    sound: bool = False
    point: str = field(init=False)

    def __post_init__(self) -> None:
        self.point = f"out.{self.output}.follows"


def follows_of(plan: Plan) -> dict[str, Follow]:
    """What is told and read back, by output."""
    return {name: Follow(output=name, device=_OF_OUTPUT.get(name, "relays1")) for name in wired(plan)}


def sources_of(plan: Plan) -> list[Source]:
    """All that is read, by device and pace."""
    groups: dict[tuple[str, int], list[str]] = {}
    limits: dict[tuple[str, int], int] = {}
    for point in plan.points.values():
        derived = any(part in point.id or point.id.startswith(part) for part in _DERIVED)
        if derived or point.id == CLOCK or point.id.endswith(".follows"):
            continue
        first = point.id.partition(".")[0]
        period_ms = _PERIODS_MS.get(point.stale_after_ms, max(SECOND, point.stale_after_ms // 5 // SECOND * SECOND))
        key = (_DEVICES.get(first, first), period_ms)
        groups.setdefault(key, []).append(point.id)
        limits[key] = min(limits.get(key, point.stale_after_ms), point.stale_after_ms)
    return [
        Source(device=device, points=tuple(names), period_ms=period_ms, stale_ms=limits[device, period_ms])
        for (device, period_ms), names in groups.items()
    ]
