"""How one exchange is set up for its driver, and every point that the driver reads from it.

Values only, checked for what could break out of a question. It must not connect to anything.
"""

from collections.abc import Mapping
from dataclasses import field

from config.valued import dataclass
from drivers import pbx_calls
from drivers.ami import plain
from drivers.ami_account import Account
from drivers.pbx_dialplan import PLACE, Path
from drivers.pbx_failover import Chance
from drivers.pbx_trunks import GROUP, NAME, Trunk, declare
from firmware_py.core.point import Kind, Point

MARK = "Custom:floorguard-"  # stands before the name of a gate: on while it was us who closed it
LINK_WORDS = ("up", "booting", "refused", "down")


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A configured action as an output: headers of both, and the variable that reads `on_value` while it is on."""

    output: str
    on: Mapping[str, str]
    off: Mapping[str, str]
    look: str
    on_value: str

    def __post_init__(self) -> None:
        assert all(plain(part) for part in (self.look, *self.on.values(), *self.off.values())), self.output
        assert PLACE.fullmatch(self.output.replace(".", "-")), self.output


@dataclass(frozen=True, slots=True, kw_only=True)
class PbxConfig:
    """One exchange. Device states are named as in the dialplan (`Custom:...`); '' leaves that output out. `names`: the
    site's own ids for `outbound_paused`, `trunk_backup` and `surge_announcement`.

    `also_counted`: groups outside the trunks that count as calls in progress. `emergency_group`: the group that the
    dialplan puts emergency calls in. `emergency_numbers` are followed through the dialplan from `desk_context`, without
    dialling; `dial_test` likewise, for its way on to the backup within `timer_b_ms`. `queues`: whose callers are
    counted; `pause_queues`: whose members the output `members_paused` pauses; `agents_from`: whose members
    `agents_moved` adds to `agents_to`. `settle_ms`: after the exchange's boot only good news is believed (measured: 14
    of 110 boots report a trunk down that never was).
    """

    name: str
    account: Account
    trunks: tuple[Trunk, ...]
    gate: str = "Custom:outbound-gate"
    failover: str = "Custom:trunk-backup"
    surge: str = ""
    names: Mapping[str, str] = field(default_factory=dict)
    also_counted: tuple[str, ...] = ()
    emergency_group: str = "emergency@trunks"
    emergency_numbers: tuple[str, ...] = ()
    desk_context: str = "from-desk"
    dial_test: str = ""
    timer_b_ms: int = 32_000
    queues: tuple[str, ...] = ()
    pause_queues: tuple[str, ...] = ()
    agents_from: tuple[str, ...] = ()
    agents_to: str = ""
    agents_penalty: int = 5
    actions: tuple[Action, ...] = ()
    period_ms: int = 2000
    deadline_ms: int = 5000
    settle_ms: int = 15_000
    durable_ms: int = 2000  # AstDB commits once a second: a write is repeated once after this long

    def __post_init__(self) -> None:
        states = [state for state in (self.gate, self.failover, self.surge) if state]
        assert all(state.startswith("Custom:") and NAME.fullmatch(state) for state in states), states
        assert len(set(states)) == len(states), states
        assert all(GROUP.fullmatch(group) for group in (*self.also_counted, self.emergency_group)), self
        named = (self.desk_context, *self.queues, *self.pause_queues, *self.agents_from, *self.emergency_numbers)
        named += (self.dial_test,) if self.dial_test else ()
        assert all(PLACE.fullmatch(name) for name in named), named
        assert not self.agents_from or PLACE.fullmatch(self.agents_to), self.agents_to
        assert min(self.period_ms, self.deadline_ms, self.durable_ms) > 0 and self.settle_ms >= 0, self

    @property
    def switches(self) -> Mapping[str, str]:
        """Output id to device state."""
        named = {"outbound_paused": self.gate, "trunk_backup": self.failover, "surge_announcement": self.surge}
        return {self.names.get(output, output): state for output, state in named.items() if state}

    @property
    def counted(self) -> tuple[str, ...]:
        """Every group of the dialplan whose calls are counted, each once."""
        groups = (group for trunk in self.trunks for group in trunk.groups)
        return tuple(dict.fromkeys((*groups, *self.also_counted, self.emergency_group)))

    @property
    def outbound_groups(self) -> tuple[str, ...]:
        """Groups of calls that the gate would have refused: what remains of them is shown while it is closed."""
        return tuple(group for group in self.counted if group.startswith("out-"))

    @property
    def lines(self) -> int:
        """Calls that all trunks together can carry; 0 when one of them does not say."""
        known = all(trunk.capacity for trunk in self.trunks)
        return sum(trunk.capacity for trunk in self.trunks) if known else 0


def pbx_watch_points(name: str, stale_ms: int, *, verifies: bool, fails_over: bool) -> tuple[Point, ...]:
    """What is asked once in a while: the account's rights, whether emergency numbers pass and calls would fail over."""
    path = Point(id=f"{name}.emergency.path", kind=Kind.WORD, words=tuple(Path), stale_after_ms=stale_ms)
    way = Point(id=f"{name}.failover.dialplan", kind=Kind.WORD, words=tuple(Chance), stale_after_ms=stale_ms)
    return (
        *((path,) if verifies else ()),
        *((way,) if fails_over else ()),
        Point(id=f"{name}.account.too_wide", kind=Kind.FLAG, stale_after_ms=stale_ms),
        Point(id=f"{name}.account.excess", kind=Kind.TEXT, stale_after_ms=stale_ms),
    )


def declare_points(config: PbxConfig) -> tuple[Point, ...]:
    """Every point that a PbxBus with this configuration reads."""
    name, stale_ms = config.name, 5 * config.period_ms
    own = [
        Point(id=f"{name}.link", kind=Kind.WORD, words=LINK_WORDS, stale_after_ms=stale_ms),
        Point(id=f"{name}.calls", kind=Kind.INTEGER, low=0, high=10_000, stale_after_ms=stale_ms),
        Point(id=f"{name}.outbound_calls", kind=Kind.INTEGER, low=0, high=10_000, stale_after_ms=stale_ms),
    ]
    own += [Point(id=f"{name}.{output}", kind=Kind.FLAG, stale_after_ms=stale_ms) for output in config.switches]
    if config.gate:
        own.append(Point(id=f"{name}.held_by_hand", kind=Kind.FLAG, stale_after_ms=stale_ms))
    if config.pause_queues:
        paused = config.names.get("members_paused", "members_paused")
        own.append(Point(id=f"{name}.{paused}", kind=Kind.FLAG, stale_after_ms=stale_ms))
    if config.agents_from:
        moved = config.names.get("agents_moved", "agents_moved")
        own.append(Point(id=f"{name}.{moved}", kind=Kind.FLAG, stale_after_ms=stale_ms))
    own += [Point(id=f"{name}.{one.output}", kind=Kind.FLAG, stale_after_ms=stale_ms) for one in config.actions]
    own += pbx_calls.declare(name, stale_ms, queues=bool(config.queues))
    own += pbx_watch_points(name, stale_ms, verifies=bool(config.emergency_numbers), fails_over=bool(config.dial_test))
    return (*own, *(point for trunk in config.trunks for point in declare(trunk, stale_ms)))
