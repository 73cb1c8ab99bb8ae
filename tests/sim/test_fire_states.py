"""Every combination of a fire panel's states against the rules of the fire people, by the whole function on a floor."""

from __future__ import annotations

from itertools import product

import pytest

from firmware_py.core.command import Command, CommandKind
from firmware_py.core.decision import Decision
from firmware_py.core.image import freeze
from firmware_py.core.mode import Cause, Mode
from firmware_py.core.output import Output, Pattern, StopValue
from firmware_py.core.plan import Plan
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.core.state import State
from firmware_py.core.step import step
from monitors import annunciator, contacts, fire
from monitors.parts import Part, Row, assemble, join

SECOND = 1_000
FLAGS = ("fire", "prealarm", "supervisory", "fault", "disabled", "test", "walk_test")
PANEL_FLAGS = ("fault", "disabled", "on_battery", "silenced")
ZONES = ("fire1.zone1", "fire2.zone1")
RELAY, FAULT_RELAY = "contact.fire", "contact.fault"
STALE_MS, SILENT_MS = 5 * SECOND, 4 * SECOND
COMBINATIONS = [frozenset(f for f, on in zip(FLAGS, bits, strict=True) if on) for bits in product((0, 1), repeat=7)]
HEARD = frozenset({"fire", "prealarm", "supervisory"})


def build_plan() -> Plan:
    """Two panels of one zone each, the first one's relays, lamps, a beacon, a sounder and a load that fire cuts."""
    panels = [
        fire.Panel(
            id=zone.partition(".")[0], zones=(fire.Zone(id=zone, flags=frozenset(FLAGS) - {"fire"}),),
            silent_ms=SILENT_MS, off_delay_ms=2 * SECOND, test_limit_ms=60 * SECOND, flags=frozenset(PANEL_FLAGS),
        )
        for zone in ZONES
    ]  # fmt: skip
    part = join(
        [
            *(fire.watch_panel(panel) for panel in panels),
            fire.evacuate(panels, (RELAY,), {"feed": False}, off_delay_ms=2 * SECOND),
            contacts.watch(contacts.Contact(id=FAULT_RELAY, kind="fire_fault")),
            Part(
                causes=(
                    Cause(id="comms", mode=Mode.NORMAL, conditions=("fire1.unreachable", "fire2.unreachable")),
                    Cause(id="manual", mode=Mode.CONSERVATION, commandable=True),
                )
            ),
        ]
    )
    wall = annunciator.announce(
        annunciator.Panel(lamps={Row.FIRE: ("lamp",)}, beacons=("beacon",), sounders=("sounder",)),
        part.alarms, causes=frozenset({"fire"}), flags=frozenset(),
    )  # fmt: skip
    names = [f"{zone}.{flag}" for zone in ZONES for flag in FLAGS]
    names += [f"{zone.partition('.')[0]}.panel.{flag}" for zone in ZONES for flag in PANEL_FLAGS]
    points = [Point(id=name, kind=Kind.FLAG, stale_after_ms=STALE_MS) for name in (*names, RELAY, FAULT_RELAY)]
    stay = {"on_stop": StopValue.HOLD, "on_fault": StopValue.HOLD}
    outputs = [Output(id=name, **stay) for name in ("lamp", "beacon", "sounder")]
    return assemble(points, [*outputs, Output(id="feed", normal=True, **stay)], join((part, wall)))


PLAN = build_plan()


class Floor:
    """The floor and its panels. Each `read` is one sound answer of everything that is not lost."""

    def __init__(self) -> None:
        self.state, self.now_ms = State(), 1_000_000
        self.set: set[str] = set()
        self.readings: dict[str, Reading] = {}
        self.events: list[str] = []
        self.read()
        self.read()

    def read(self, *commands: Command, lost: str = "", because: Reason = Reason.NO_COMMUNICATION) -> Decision:
        """One second later, one reading more; points whose id begins with `lost` (a `-` for none) are lost."""
        self.now_ms += SECOND
        for name in PLAN.points:
            if lost and name.startswith(lost):
                before = self.readings[name]
                self.readings[name] = Reading(
                    value=before.value, quality=Quality.BAD, at_ms=before.at_ms, because=because
                )
            else:
                self.readings[name] = Reading(value=name in self.set, quality=Quality.GOOD, at_ms=self.now_ms)
        return self.look(*commands)

    def look(self, *commands: Command) -> Decision:
        """One cycle on what is known."""
        image = freeze(PLAN.points.values(), self.readings, self.now_ms)
        decision = step(PLAN, self.state, image, commands, self.now_ms)
        self.state = decision.state
        self.events += [event.type for event in decision.events]
        return decision

    def show(self, flags: frozenset[str], zone: str = ZONES[0]) -> None:
        self.set = {f"{zone}.{flag}" for flag in flags}

    def active(self, zone: str = ZONES[0]) -> set[str]:
        prefix = f"{zone}."
        return {n.removeprefix(prefix) for n, a in self.state.alarms.items() if n.startswith(prefix) and a.active}

    def order(self, kind: CommandKind, target: str = "") -> bool:
        return self.look_later(Command(id="1", kind=kind, by="anna", target=target)).replies[0].done

    def look_later(self, *commands: Command) -> Decision:
        self.now_ms += 1
        return self.look(*commands)


def expected(flags: frozenset[str]) -> set[str]:
    """The alarms of a zone, from the rules and not from the code."""
    tested = bool(flags & {"test", "walk_test"})
    names = {"burning" if flag == "fire" else flag for flag in flags - {"test", "walk_test"}}
    if tested:
        names -= {"burning", "prealarm", "supervisory"}
        names.add("in_test")
    return names


@pytest.mark.parametrize("flags", COMBINATIONS, ids=lambda flags: "+".join(sorted(flags)) or "normal")
def test_every_combination_of_states_is_shown_kept_and_ended_as_the_rules_say(flags: frozenset[str]) -> None:
    floor, wanted = Floor(), expected(flags)
    burns = "burning" in wanted
    floor.show(flags)
    first = floor.read()
    # Shown on one sound reading, all states at once; nothing that costs is done yet.
    assert floor.active() == wanted
    assert first.outputs["lamp"].value == (Pattern.FLASH if wanted else False)
    assert first.outputs["beacon"].value is burns
    assert first.mode is Mode.NORMAL
    assert first.outputs["feed"].value is True
    # On the second one it evacuates, for a fire alone.
    second = floor.read()
    assert (second.mode is Mode.EVACUATION) is burns
    assert second.outputs["feed"].value is not burns
    # Our sounder never masks the panel's, and a test is for the log.
    sounds = bool(wanted - {"in_test"}) and not burns
    assert bool(second.outputs["sounder"].value) is sounds
    assert ("fire.zone_tried" in floor.events) is ("fire" in flags and not burns)
    # Communication lost: nothing ends, nothing begins, and within ten seconds it is a fault.
    for _ in range(10):
        lost = floor.read(lost="fire1")
    assert floor.active() == wanted
    assert (lost.mode is Mode.EVACUATION) is burns
    assert floor.state.alarms["fire1.unreachable"].active
    assert not floor.state.alarms["fire2.unreachable"].active
    assert not burns or not floor.order(CommandKind.RESET, f"{ZONES[0]}.burning")
    # Normal again, and read soundly since: the states end, a fire stays until a person has reset it.
    floor.show(frozenset())
    for _ in range(4):
        over = floor.read()
    assert floor.active() == set()
    assert over.mode is Mode.NORMAL
    assert over.outputs["feed"].value is True
    assert floor.state.alarms[f"{ZONES[0]}.burning"].latched is burns
    if burns:
        assert over.outputs["lamp"].value is Pattern.SLOW
        assert floor.order(CommandKind.ACK)
        assert floor.order(CommandKind.RESET, f"{ZONES[0]}.burning")


@pytest.mark.parametrize("flags", [f for f in COMBINATIONS if "fire" in f], ids=lambda f: "+".join(sorted(f)))
def test_what_another_panel_says_confirms_no_fire_and_ends_none(flags: frozenset[str]) -> None:
    floor = Floor()
    floor.show(flags)
    floor.read()
    for _ in range(5):
        decision = floor.read(lost="fire1")
    assert decision.mode is Mode.NORMAL, "one sound reading and five of the neighbour are not two"
    floor.set = {RELAY}
    assert floor.read(lost="fire1").mode is Mode.EVACUATION, "the worse source wins"


def test_the_relay_alone_acts_at_once() -> None:
    floor = Floor()
    floor.set = {RELAY}
    decision = floor.read()
    assert decision.mode is Mode.EVACUATION
    assert decision.outputs["feed"].value is False
    assert floor.state.alarms[f"{RELAY}.burning"].latched


def test_the_fault_relay_is_a_fault_and_no_fire() -> None:
    floor = Floor()
    floor.set = {FAULT_RELAY}
    assert floor.read().mode is Mode.NORMAL
    assert floor.state.alarms[f"{FAULT_RELAY}.reported"].active


def test_a_person_may_act_on_one_reading() -> None:
    floor = Floor()
    assert not floor.order(CommandKind.FIRE_CONFIRM)
    floor.show(frozenset({"fire"}))
    floor.read()
    assert floor.order(CommandKind.FIRE_CONFIRM)
    assert floor.look_later().mode is Mode.EVACUATION


@pytest.mark.parametrize("lost", [Reason.NO_COMMUNICATION, Reason.SOURCE_LOST, Reason.BAD_REPLY, Reason.STALE])
def test_whatever_takes_the_panel_away_is_a_fault_within_ten_seconds(lost: Reason) -> None:
    floor = Floor()
    sound_ms = floor.now_ms
    while not floor.state.alarms["fire1.unreachable"].active:
        floor.read(lost="fire1", because=lost)
        assert floor.now_ms - sound_ms <= 10 * SECOND
    assert floor.active() == set()


def test_a_poller_that_says_nothing_at_all_is_a_fault_within_ten_seconds() -> None:
    floor = Floor()
    sound_ms = floor.now_ms
    while not floor.state.alarms["fire1.unreachable"].active:
        floor.now_ms += SECOND
        floor.look()
        assert floor.now_ms - sound_ms <= 10 * SECOND


def test_endless_doubt_is_a_fault_too() -> None:
    floor = Floor()
    for _ in range(6):
        floor.read()
        name = f"{ZONES[0]}.fire"
        floor.readings[name] = Reading(
            value=False, quality=Quality.UNCERTAIN, at_ms=floor.now_ms, because=Reason.DOUBTFUL
        )
        floor.look_later()
    assert not floor.state.alarms["fire1.unreachable"].active, "a sound reading in between ends the doubt"
    for _ in range(10):
        floor.now_ms += SECOND
        floor.readings[name] = Reading(
            value=False, quality=Quality.UNCERTAIN, at_ms=floor.now_ms, because=Reason.DOUBTFUL
        )
        floor.look()
    assert floor.state.alarms["fire1.unreachable"].active


def test_a_zone_of_which_the_panel_does_not_tell_is_unknown_and_neither_fire_nor_normal() -> None:
    floor = Floor()
    for _ in range(6):
        floor.read(lost=f"{ZONES[0]}.fire", because=Reason.NOT_SUPPORTED)
    assert floor.active() == {"unknown"}
    assert not floor.state.alarms["fire1.unreachable"].active


@pytest.mark.parametrize("flag", ["test", "walk_test"])
def test_a_test_that_outlives_its_limit_is_a_fault(flag: str) -> None:
    floor = Floor()
    floor.show(frozenset({flag}))
    for _ in range(59):
        floor.read()
    assert "test_overlong" not in floor.active()
    for _ in range(3):
        floor.read()
    assert "test_overlong" in floor.active()


@pytest.mark.parametrize("flag", PANEL_FLAGS)
def test_the_panels_own_states_are_alarms_of_their_own(flag: str) -> None:
    floor = Floor()
    floor.set = {f"fire1.panel.{flag}"}
    floor.read()
    assert floor.state.alarms[f"fire1.panel_{flag}"].active
    assert not floor.state.alarms[f"fire2.panel_{flag}"].active
