"""What goes wrong in one run, drawn from one seed in swarm style: first which kinds exist at all, then how often each.

A fault is data with a beginning and an end, so that a run can be repeated with a part of them and prints what it had.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware_py.core.command import Command, CommandKind

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
WEEK = 7 * DAY


class Kind(StrEnum):
    """Of the world, of the wires, of the controller itself."""

    MAINS_CUT = "mains cut"
    BROWN_OUT = "brown-out burst"
    GENERATOR_FAILS = "generator does not start"
    UPS_TEST = "UPS self-test"
    TRUNK_DOWN = "trunk down"
    TRUNK_FLAPS = "trunk flaps"
    COOLING_FAILS = "cooling fails"
    FIRE = "fire"
    FIRE_TEST = "fire zone in test"
    SILENT = "device silent"
    SLOW = "device slow"
    GARBAGE = "device answers garbage"
    WRONG_WORD = "unknown enumeration value"
    FROZEN = "device frozen"
    OUT_OF_RANGE = "value out of range"
    LATE = "late replies"
    DUPLICATE = "duplicated replies"
    SOURCE_LOST = "gateway answers for a lost device"
    RELAY_STUCK = "relay stuck"
    FALSE_READ_BACK = "false read-back"
    BROKER_AWAY = "broker away"
    STORE_BAD = "store cannot be written"
    FLOOD = "command flood"
    CLOCK_STEP = "wall clock steps"
    CLOCK_UNKNOWN = "wall clock unknown"
    KILL = "killed and started again"
    REBOOT = "power of the controller lost"
    TORN_STORE = "killed with a torn store"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong, from `at_ms` until `until_ms` of the world. `salt`: its own chance."""

    kind: Kind
    target: str
    at_ms: int
    until_ms: int
    salt: int = 0

    def __str__(self) -> str:
        lasts_s = (self.until_ms - self.at_ms) // SECOND
        return f"{clock(self.at_ms)} for {lasts_s} s: {self.kind.value} {self.target}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A person's order at a time of the world."""

    at_ms: int
    command: Command

    def __str__(self) -> str:
        return f"{clock(self.at_ms)} order: {self.command.kind.value} {self.command.target}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All that happens to one floor: the world's constants, its faults, what people order."""

    seed: int
    length_ms: int
    faults: tuple[Fault, ...]
    orders: tuple[Order, ...]
    capacity_wh: int = 4_000
    undeclared_w: int = 0
    generator: bool = False
    operator_late_ms: int = 0  # how late alarms are acknowledged and reset; 0: never

    def __str__(self) -> str:
        head = (
            f"seed {self.seed}: {self.length_ms / DAY:g} days, battery {self.capacity_wh} Wh, {self.undeclared_w} W"
            f" undeclared, {'a' if self.generator else 'no'} generator,"
            f" {f'operator after {self.operator_late_ms // SECOND} s' if self.operator_late_ms else 'no operator'}"
        )
        listed = sorted([*self.faults, *self.orders], key=lambda one: one.at_ms)
        return "\n".join([head, *(f"  {one}" for one in listed)])


def clock(at_ms: int) -> str:
    """`2d 03:04:05` of the world."""
    day, rest = divmod(at_ms // SECOND, 86_400)
    return f"{day}d {rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}"


DEVICES = ("ups1", "hvac1", "fire1", "relays1", "pbx1")
FEEDS = ("feed.displays", "feed.pantry", "feed.office", "feed.outbound_desks", "feed.compressor")
WIRED = (*FEEDS, "fan.floor", "cooling.ups_mode", "outbound_paused", "trunk_backup")
TENDER = ("fan.floor", "feed.compressor")  # what has a shortest time on or off
SMALL_WH = (600, 1_200, 2_000)  # never lasts for as long as the release value of a stage asks
WORDS = ("ups1.output_source", "ups1.battery.status", "trunks.main1.state", "pbx1.link")
NUMBERS = ("ups1.battery.charge_pct", "ups1.battery.runtime_s", "ups1.output.load_pct", "room1.temp_c")

# For each kind: most often a week, shortest and longest stay in seconds, targets.
_TABLE: dict[Kind, tuple[int, int, int, tuple[str, ...]]] = {
    Kind.MAINS_CUT: (3, 5, 10_800, ("",)),
    Kind.BROWN_OUT: (3, 10, 90, ("",)),
    Kind.GENERATOR_FAILS: (1, DAY // SECOND, 3 * DAY // SECOND, ("",)),
    Kind.UPS_TEST: (2, 10, 120, ("",)),
    Kind.TRUNK_DOWN: (3, 5, 3_600, ("main1", "backup1")),
    Kind.TRUNK_FLAPS: (2, 30, 240, ("main1", "backup1")),
    Kind.COOLING_FAILS: (2, 60, 5_400, ("",)),
    Kind.FIRE: (2, 1, 900, ("",)),
    Kind.FIRE_TEST: (2, 60, 3_600, ("",)),
    Kind.SILENT: (5, 2, 3_600, DEVICES),
    Kind.SLOW: (3, 30, 3_600, DEVICES),
    Kind.GARBAGE: (3, 2, 60, DEVICES),
    Kind.WRONG_WORD: (2, 2, 900, WORDS),
    Kind.FROZEN: (2, 30, 1_800, DEVICES),
    Kind.OUT_OF_RANGE: (3, 2, 900, NUMBERS),
    Kind.LATE: (2, 5, 60, DEVICES),
    Kind.DUPLICATE: (2, 5, 60, DEVICES),
    Kind.SOURCE_LOST: (2, 5, 900, ("ups1", "hvac1", "fire1")),
    Kind.RELAY_STUCK: (3, 60, 3_600, WIRED),
    Kind.FALSE_READ_BACK: (2, 60, 1_800, WIRED),
    Kind.BROKER_AWAY: (3, 2, 7_200, ("",)),
    Kind.STORE_BAD: (2, 2, 600, ("",)),
    Kind.FLOOD: (2, 1, 1, ("",)),
    Kind.CLOCK_STEP: (2, 60, DAY // SECOND, ("past", "future", "hour")),
    Kind.CLOCK_UNKNOWN: (2, 60, 7_200, ("",)),
    Kind.KILL: (4, 1, 4, ("",)),
    Kind.REBOOT: (2, 20, 180, ("",)),
    Kind.TORN_STORE: (2, 1, 60, ("",)),
}
# Faults that like company: while the floor is busy with one thing, another goes wrong.
_CROWD = (Kind.MAINS_CUT, Kind.FIRE, Kind.TRUNK_DOWN, Kind.COOLING_FAILS)


def draw(seed: int, length_ms: int = WEEK) -> Script:
    """The script of a seed."""
    chance = random.Random(seed)
    kinds = [kind for kind in Kind if chance.random() < 0.5] or [Kind.MAINS_CUT]
    faults: list[Fault] = []
    for kind in kinds:
        most, _, _, _ = _TABLE[kind]
        for _ in range(max(1, chance.randint(1, most) * length_ms // WEEK)):
            faults.append(_fault(chance, kind, length_ms, faults))
    faults.sort(key=lambda fault: (fault.at_ms, fault.kind, fault.target))
    script = Script(
        seed=seed,
        length_ms=length_ms,
        faults=tuple(faults),
        orders=tuple(_orders(chance, length_ms, faults)),
        capacity_wh=chance.choice((3_000, 4_000, 8_000)),
        undeclared_w=chance.choice((0, 0, 400)),
        generator=chance.random() < 0.4,
        operator_late_ms=chance.choice((20, 300, 3_600)) * SECOND,
    )
    return _later(random.Random(f"{seed} more"), script)


def _later(chance: random.Random, script: Script) -> Script:
    """What came into the world later, from a chance of its own: the older part of a seed's script stays what it was."""
    hands = _hands(chance, script.length_ms, script.faults)
    orders = tuple(sorted((*script.orders, *hands), key=lambda order: order.at_ms))
    capacity_wh = chance.choice(SMALL_WH) if chance.random() < 0.3 else script.capacity_wh
    often = {hand.at_ms: 0.3 if hand.command.target in TENDER else 0.05 for hand in hands}
    deaths = [_death(chance, at_ms) for at_ms, share in often.items() if chance.random() < share]
    faults = tuple(sorted((*script.faults, *deaths), key=lambda fault: (fault.at_ms, fault.kind, fault.target)))
    late_ms = 0 if chance.random() < 0.25 else script.operator_late_ms
    script = replace(script, faults=faults, orders=orders, capacity_wh=capacity_wh, operator_late_ms=late_ms)
    return _forgetful(random.Random(f"{script.seed} forgets"), script)


def _forgetful(chance: random.Random, script: Script) -> Script:
    """Every second time that the store cannot be written for a while, the controller dies in it."""
    bad = [fault for fault in script.faults if fault.kind is Kind.STORE_BAD and chance.random() < 0.5]
    deaths = [_death(chance, chance.randrange(fault.at_ms, fault.until_ms, SECOND)) for fault in bad]
    deaths = [death for death in deaths if death.until_ms < script.length_ms]
    faults = sorted((*script.faults, *deaths), key=lambda fault: (fault.at_ms, fault.kind, fault.target))
    return replace(script, faults=tuple(faults))


def _death(chance: random.Random, at_ms: int) -> Fault:
    """The controller dies soon after something was ordered."""
    kind = chance.choice((Kind.KILL, Kind.REBOOT, Kind.TORN_STORE))
    begun_ms = at_ms + chance.randrange(0, 30) * SECOND
    return Fault(kind=kind, target="", at_ms=begun_ms, until_ms=begun_ms + SECOND)


def _fault(chance: random.Random, kind: Kind, length_ms: int, others: list[Fault]) -> Fault:
    _, shortest_s, longest_s, targets = _TABLE[kind]
    # Long ones are rare: what matters happens at beginnings and ends.
    lasts_s = int(shortest_s * (longest_s / shortest_s) ** chance.random())
    at_ms = chance.randrange(60, max(61, (length_ms - HOUR) // SECOND)) * SECOND
    busy = [other for other in others if other.kind in _CROWD and kind is not other.kind]
    if busy and chance.random() < 0.5:
        near = chance.choice(busy)
        edge_ms = chance.choice((near.at_ms, near.until_ms))
        at_ms = max(60 * SECOND, edge_ms + chance.randrange(-10, 120) * SECOND)
    until_ms = max(at_ms, min(length_ms, at_ms + lasts_s * SECOND))
    target, salt = chance.choice(targets), chance.randrange(1 << 30)
    return Fault(kind=kind, target=target, at_ms=at_ms, until_ms=until_ms, salt=salt)


_ORDERS = (
    *(CommandKind.ACK, CommandKind.ACK, CommandKind.SILENCE, CommandKind.RESET, CommandKind.OVERRIDE),
    *(CommandKind.RELEASE_OVERRIDE, CommandKind.CONSERVE, CommandKind.RELEASE, CommandKind.PAUSE_OUTBOUND),
    *(CommandKind.RESUME_OUTBOUND, CommandKind.FIRE_CONFIRM, CommandKind.LAMP_TEST),
)


def _orders(chance: random.Random, length_ms: int, faults: list[Fault]) -> list[Order]:
    """A few of all kinds at any time, some beside a fault, and floods of them."""
    times = [chance.randrange(60, length_ms // SECOND) for _ in range(chance.randint(0, 15 * length_ms // WEEK + 1))]
    times += [fault.at_ms // SECOND + chance.randrange(0, 300) for fault in faults if chance.random() < 0.3]
    for fault in faults:
        if fault.kind is Kind.FLOOD:
            times += [fault.at_ms // SECOND] * 30
    return [
        Order(at_ms=at_s * SECOND, command=_command(chance, f"c{number}")) for number, at_s in enumerate(sorted(times))
    ]


def _hands(chance: random.Random, length_ms: int, faults: Sequence[Fault]) -> list[Order]:
    """Somebody plays with one switch, faster than what hangs on it can bear; half of them while something is wrong."""
    orders: list[Order] = []
    for _ in range(chance.randint(0, 3)):
        target = chance.choice((*TENDER, *TENDER, *WIRED, "beacon"))
        at_ms = chance.randrange(600, length_ms // SECOND) * SECOND
        busy = [fault for fault in faults if fault.kind in _CROWD]
        if busy and chance.random() < 0.5:
            near = chance.choice(busy)
            at_ms = chance.choice((near.at_ms, near.until_ms)) + chance.randrange(0, 300) * SECOND
        for _ in range(chance.randint(2, 8)):
            at_ms += chance.choice((1, 5, 20, 60, 200)) * SECOND
            command = Command(
                id=f"h{len(orders)}", kind=CommandKind.OVERRIDE, by=chance.choice(("anna", "bo")), target=target,
                value=chance.random() < 0.5, ttl_ms=chance.choice((10, 20, 400)) * SECOND,
            )  # fmt: skip
            orders.append(Order(at_ms=at_ms, command=command))
    return orders


def _command(chance: random.Random, name: str) -> Command:
    kind = chance.choice(_ORDERS)
    ttl_ms = chance.choice((0, 30, 900)) * SECOND
    return Command(
        id=name, kind=kind, by=chance.choice(("anna", "bo")),
        target=chance.choice((*WIRED, "lamp.fire", "beacon", "no.such"))
        if kind in (CommandKind.OVERRIDE, CommandKind.RELEASE_OVERRIDE)
        else "",
        value=chance.random() < 0.5 if kind is CommandKind.OVERRIDE else None,
        ttl_ms=ttl_ms or 10 * SECOND if kind is CommandKind.OVERRIDE else ttl_ms,
    )  # fmt: skip
