"""The simulated floor itself: mains, battery, room, fire zones, trunks and loads, and what time does to them.

Pure: integer milliseconds, milliwatt-hours and millidegrees; somebody else calls `advance`. A minute of this world
passes in a second of the demo, so that a battery of an hour is seen to drain. It must not know protocols or the daemon.
"""

from dataclasses import field

from config.valued import dataclass

MINUTE_MS = 60_000
MJ_A_MWH = 3_600  # a watt for a millisecond is a millijoule
RELAYS = 8
OUTBOUND_GATE = "Custom:outbound-gate"
BACKUP_GATE = "Custom:trunk-backup"
ANNOUNCEMENT = "Custom:emergency-announcement"
LONGEST_MIN = 9_998  # RFC 1628 cards say 9999 for "not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Something on the UPS. `coil`: the relay that cuts it while pulled, None where nothing can."""

    name: str
    watts_w: int
    coil: int | None = None


@dataclass(slots=True, kw_only=True)
class Battery:
    """The UPS's battery. `rest_mj` is what does not fill a milliwatt-hour yet, so that nothing is lost in rounding."""

    capacity_mwh: int = 4_500_000
    charge_mwh: int = 4_500_000
    charger_w: int = 2_500
    rest_mj: int = 0

    def move(self, power_w: int, dt_ms: int) -> None:
        """Charge with a positive power, drain with a negative one; never beyond full or empty."""
        whole_mwh, self.rest_mj = divmod(self.rest_mj + power_w * dt_ms, MJ_A_MWH)
        self.charge_mwh = min(max(self.charge_mwh + whole_mwh, 0), self.capacity_mwh)


@dataclass(slots=True, kw_only=True)
class Room:
    """The technical room. Rates are millidegrees a minute of the world."""

    temp_mc: int = 22_000
    rest: int = 0
    cooled_mc: int = 22_000
    hottest_mc: int = 38_000
    warming_mc_per_min: int = 700
    fanned_mc_per_min: int = 400
    cooling_mc_per_min: int = 1_000

    def move(self, *, cooled: bool, fanned: bool, dt_ms: int) -> None:
        """Cool down to the set point, or warm up: slower where fans run."""
        warming = self.fanned_mc_per_min if fanned else self.warming_mc_per_min
        rate = -self.cooling_mc_per_min if cooled else warming
        step_mc, self.rest = divmod(self.rest + rate * dt_ms, MINUTE_MS)
        self.temp_mc = min(max(self.temp_mc + step_mc, self.cooled_mc), self.hottest_mc)


@dataclass(slots=True, kw_only=True)
class Zone:
    """One zone of the fire panel."""

    fire: bool = False
    fault: bool = False
    walk_test: bool = False


@dataclass(slots=True, kw_only=True)
class Trunk:
    """One trunk. `backup`: carries calls only while the backup route is on."""

    name: str
    capacity: int
    backup: bool = False
    up: bool = True


def _loads() -> tuple[Load, ...]:
    return (
        Load(name="emergency_lighting", watts_w=200),
        Load(name="exchange", watts_w=350),
        Load(name="inbound_desks", watts_w=900),
        Load(name="controller_pi", watts_w=8),
    )


@dataclass(slots=True, kw_only=True)
class World:
    """All of it. `haste`: how many milliseconds of the world pass in one of the demo.

    The air conditioner is on the building's emergency supply: a power cut alone does not stop it.
    """

    haste: int = 60
    mains: bool = True
    battery: Battery = field(default_factory=Battery)
    loads: tuple[Load, ...] = field(default_factory=_loads)
    coils: list[bool] = field(default_factory=lambda: [False] * RELAYS)
    fan_coil: int | None = None
    room: Room = field(default_factory=Room)
    cooling_works: bool = True
    zones: list[Zone] = field(default_factory=lambda: [Zone() for _ in range(4)])
    trunks: dict[str, Trunk] = field(default_factory=dict)
    gates: dict[str, bool] = field(default_factory=dict)
    inbound_calls: int = 9
    outbound_calls: int = 6
    on_battery_ms: int = 0

    # -------------------------------------------------------------------------------------------------- what one sees
    def is_fed(self, load: Load) -> bool:
        """Whether a load has power: its relay is not pulled."""
        return load.coil is None or not self.coils[load.coil]

    @property
    def load_w(self) -> int:
        """What the UPS carries now."""
        return sum(load.watts_w for load in self.loads if self.is_fed(load))

    @property
    def whole_load_w(self) -> int:
        """What it would carry if nothing were cut."""
        return sum(load.watts_w for load in self.loads)

    def runtime_min(self, load_w: int) -> int:
        """Minutes that the charge lasts at this load; whole ones, as RFC 1628 has them."""
        if load_w <= 0:
            return LONGEST_MIN
        return min(self.battery.charge_mwh * 60 // (load_w * 1000), LONGEST_MIN)

    @property
    def charge_pct(self) -> int:
        """Charge in whole percent, as RFC 1628 has it; only an empty battery has none."""
        return -(-self.battery.charge_mwh * 100 // self.battery.capacity_mwh)

    @property
    def fans(self) -> bool:
        """Whether the floor's fans run."""
        return self.fan_coil is not None and self.coils[self.fan_coil]

    @property
    def announcement(self) -> bool:
        """Whether callers hear the emergency announcement."""
        return self.gates.get(ANNOUNCEMENT, False)

    def calls_on(self, name: str) -> tuple[int, int]:
        """Calls in and out on one trunk: shared evenly over what is up, the backup only while it is the route."""
        on_route = [trunk.name for trunk in self.trunks.values() if trunk.up and self._carries(trunk)]
        if name not in on_route:
            return 0, 0
        place, shares, room = on_route.index(name), len(on_route), self.trunks[name].capacity
        calls_in = min(_share(self.inbound_calls, shares, place), room)
        return calls_in, min(_share(self.outbound_now, shares, place), room - calls_in)

    @property
    def outbound_now(self) -> int:
        """New outbound calls are refused while the gate is closed; those that were up have ended by themselves."""
        return 0 if self.gates.get(OUTBOUND_GATE, False) else self.outbound_calls

    def _carries(self, trunk: Trunk) -> bool:
        return not trunk.backup or self.gates.get(BACKUP_GATE, False)

    # ------------------------------------------------------------------------------------------------ what happens here
    def advance(self, dt_ms: int) -> None:
        """`dt_ms` of the demo pass. The battery feeds what is not cut; on mains it charges."""
        world_ms = dt_ms * self.haste
        self.battery.move(self.battery.charger_w if self.mains else -self.load_w, world_ms)
        self.on_battery_ms = 0 if self.mains else self.on_battery_ms + world_ms
        self.room.move(cooled=self.cooling_works, fanned=self.fans, dt_ms=world_ms)

    def reset_panel(self) -> None:
        """A person resets the fire panel: what burnt is out."""
        for zone in self.zones:
            zone.fire = False


def _share(calls: int, shares: int, place: int) -> int:
    return calls // shares + (1 if place < calls % shares else 0)
