"""No order of signals, orders, darkness and restarts makes an alarm lie: the alarm engine as a state machine.

The machine keeps a model of its own: when each shelf must be over by the true time, and what was seen and said.
"""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from firmware_py.core.alarm import AlarmPriority, AlarmState, Display
from firmware_py.core.command import CommandKind
from firmware_py.core.condition import Phase
from firmware_py.core.decision import Decision
from firmware_py.core.event import Event
from firmware_py.core.mode import CausePhase
from firmware_py.core.reading import Value
from firmware_py.core.state import State
from tests.core.alarm_floor import (
    ALARMS,
    BURNING,
    FIRE,
    HEALTHY,
    HOUR,
    MINUTE,
    ON_BATTERY,
    OPEN,
    SECOND,
    SOURCE,
    AlarmFloor,
)

ORDERS = st.sampled_from(
    [kind for kind in CommandKind if "override" not in kind.value and kind is not CommandKind.LAMP_TEST]
)
TIMES = st.sampled_from([0, SECOND, 10 * SECOND, MINUTE, 20 * MINUTE, HOUR, 8 * HOUR, 9 * HOUR])


WHOM = [*ALARMS, "power", "fire", ""]
REAL: dict[str, tuple[str, Value]] = {ON_BATTERY: (SOURCE, "battery"), BURNING: (FIRE, True)}


def is_raised(event: Event) -> bool:
    return event.type == "alarm.raised"


class AlarmCourse(RuleBasedStateMachine):
    """Plays the floor of `alarm_floor`; every decision since the last look is checked after each move."""

    @initialize(knows_time=st.booleans())
    def begin(self, knows_time: bool) -> None:
        self.floor = AlarmFloor(knows_time=knows_time)
        self.floor.looks_twice = True
        self.ends_ms: dict[str, int] = {}
        self.looked = 0
        self.before = State()
        self.ordered: CommandKind | None = None
        self.named = ""

    @rule(point=st.sampled_from(sorted(HEALTHY)), bad=st.booleans())
    def signal(self, point: str, bad: Value) -> None:
        self.floor.values[point] = ("battery" if bad else "mains") if point == SOURCE else bad

    @rule(point=st.sampled_from(sorted(HEALTHY)))
    def lose(self, point: str) -> None:
        self.floor.dark.add(point)

    @rule()
    def find(self) -> None:
        self.floor.dark.clear()

    @rule(seconds=st.sampled_from([1, 1, 4, 15, 70]))
    def wait(self, seconds: int) -> None:
        self.floor.run(seconds * SECOND)

    @rule(minutes=st.sampled_from([20, 70, 500]))
    def wait_long(self, minutes: int) -> None:
        self.floor.run(minutes * MINUTE, every_ms=5 * MINUTE)

    @rule(point=st.sampled_from(["hvac1.fault", "contact.door", "fire1.zone1.fire"]), times=st.integers(2, 6))
    def flicker(self, point: str, times: int) -> None:
        for _ in range(times):
            for bad in (True, False):
                self.floor.values[point] = bad
                self.floor.run(3 * SECOND)

    @rule(first=st.sampled_from(sorted(HEALTHY)), then=st.sampled_from(sorted(HEALTHY)))
    def silence(self, first: str, then: str) -> None:
        """Nobody has silenced what comes afterwards."""
        self.fail(first, "")
        self.give_order(CommandKind.SILENCE, "", 0, "")
        self.fail(then, "")

    @rule(kind=st.sampled_from(["power", "fire"]), real=st.booleans())
    def practise(self, kind: str, real: bool) -> None:
        """A drill on a floor that was brought to rest; sometimes what is practised becomes true."""
        self.find()
        self.floor.values |= HEALTHY
        self.wait(130)
        self.acknowledge("")
        self.give_order(CommandKind.DRILL, kind, 20 * MINUTE, "")
        self.wait(5)
        self.nothing_lies()
        self.acknowledge("")
        if real:
            self.signal(*REAL[ON_BATTERY if kind == "power" else BURNING])
            self.wait(2)

    @rule(kind=ORDERS, whom=st.sampled_from(WHOM), ttl_ms=TIMES, why=st.sampled_from(["", "noise"]))
    def give_order(self, kind: CommandKind, whom: str, ttl_ms: int, why: str) -> None:
        self.ordered, self.named = kind, whom
        refused = self.floor.order(kind, whom, ttl_ms=ttl_ms, why=why)
        if kind is CommandKind.SHELVE and not refused:
            assert why and 0 < ttl_ms <= (HOUR if whom.startswith("fire") else 8 * HOUR)
            self.ends_ms[whom] = self.floor.true_ms + ttl_ms
        self.nothing_lies()

    @rule(whom=st.sampled_from(ALARMS), ttl_ms=st.sampled_from([10 * SECOND, 20 * MINUTE, HOUR]))
    def shelve(self, whom: str, ttl_ms: int) -> None:
        self.give_order(CommandKind.SHELVE, whom, ttl_ms, "noise")

    @rule(whom=st.sampled_from([*ALARMS, "", ""]))
    def acknowledge(self, whom: str) -> None:
        self.give_order(CommandKind.ACK, whom, 0, "")

    @rule(point=st.sampled_from(sorted(HEALTHY)), then=st.sampled_from(["", "shelve", "ack", "restart"]))
    def fail(self, point: str, then: str) -> None:
        """A signal that stays, and what people mostly do next."""
        self.signal(point, True)
        self.floor.run(4 * SECOND)
        self.nothing_lies()
        if then == "shelve":
            self.shelve(next((a for a in ALARMS if a.split(".")[0] == point.split(".")[0]), OPEN), 20 * MINUTE)
        elif then == "ack":
            self.acknowledge("")
        elif then == "restart":
            self.restart(HOUR, False, True)

    @rule(off_ms=TIMES, same_boot=st.booleans(), knows_time=st.booleans())
    def restart(self, off_ms: int, same_boot: bool, knows_time: bool) -> None:
        self.floor.knows_time = knows_time
        self.floor.restart(off_ms=off_ms, same_boot=same_boot)

    @invariant()
    def nothing_lies(self) -> None:
        if not hasattr(self, "floor"):
            return  # before the beginning
        for now in self.floor.decisions[self.looked :]:
            self.look(self.before, now)
            self.before = now.state
        self.looked, self.ordered = len(self.floor.decisions), None
        for name, end_ms in self.ends_ms.items():
            assert self.floor.true_ms < end_ms or not self.floor.state.alarms[name].shelved_ms, (
                f"{name} outlived its shelf"
            )

    def look(self, before: State, now: Decision) -> None:
        check_sounder(now)
        raised = {str(e.data["alarm"]): e.data["activation"] for e in now.events if e.type == "alarm.raised"}
        for name, declared in self.floor.plan.alarms.items():
            was, alarm = before.alarms.get(name, AlarmState()), now.state.alarms[name]
            condition = now.state.conditions[declared.condition]
            on = condition.seen if declared.urgent else condition.holds
            assert alarm.active or not on, f"{name} lost an activation"
            renewed = was.active and name in before.drill.alarms and name not in now.state.drill.alarms
            assert alarm.activations - was.activations == (name in raised) == (on and (not was.active or renewed))
            assert raised.get(name, alarm.activations) == alarm.activations
            if alarm.acked and not was.acked:
                self.check_acknowledged(name, was, now)
            if name in raised and alarm.display is not Display.SUPPRESSED:
                assert not alarm.acked
            if name in raised and (declared.priority is AlarmPriority.HIGH or not now.state.annunciation.flood):
                assert not alarm.silenced, f"{name} came silenced"
        if not now.state.annunciation.flood and any(not e.data.get("hidden") for e in now.events if is_raised(e)):
            assert not [name for name, alarm in now.state.alarms.items() if alarm.silenced], "a new alarm ends silence"
        check_conservation(before, now)
        self.check_drill(before, now)

    def check_drill(self, before: State, now: Decision) -> None:
        """What is real is never called a drill, and what is called one was begun by a person."""
        practised, drilling = now.state.drill.alarms, before.drill.on or now.state.drill.on
        assert practised <= before.drill.alarms or drilling
        assert all(now.state.alarms[name].stands for name in practised)
        for name, (point, value) in REAL.items() if not now.state.drill.on else ():
            is_real = self.floor.values[point] == value and point not in self.floor.dark
            assert not (is_real and now.state.alarms[name].active and name in practised), f"{name} is no drill"
        for event in now.events:
            assert drilling or not event.drill or event.data.get("alarm") in before.drill.alarms

    def check_acknowledged(self, name: str, was: AlarmState, now: Decision) -> None:
        """By an order that meant it, or because it came and went unseen behind its cause."""
        if was.suppressed_by and not now.state.alarms[name].active:
            return
        assert self.ordered is CommandKind.ACK
        assert self.named == name or (self.named == "" and not was.set_aside)
        assert [e.type for e in now.events if e.data.get("alarm") == name].count("alarm.acked") == 1


def check_sounder(now: Decision) -> None:
    """It sounds for an alarm that is shown, active and unacknowledged, and never misses one of high priority."""
    sounding = [
        alarm
        for alarm in now.state.alarms.values()
        if alarm.active and not alarm.acked and not alarm.silenced and not alarm.set_aside and not alarm.suppressed_by
    ]
    assert bool(now.outputs["sounder"].value) is bool(sounding)
    if now.state.conditions["fire.seen"].seen:
        assert now.outputs["beacon"].value and now.outputs["lamp.fire"].value


def check_conservation(before: State, now: Decision) -> None:
    """A cause ends on fresh evidence only, or when the people who held it let it go."""
    for name in ("power", "fire"):
        was, cause = before.causes.get(name), now.state.causes[name]
        if was is not None and was.phase is not CausePhase.IDLE and cause.phase is CausePhase.IDLE:
            condition = now.state.conditions["ups1.on_battery" if name == "power" else "fire.confirmed"]
            assert condition.phase is Phase.CLEAR and not condition.held, f"{name} ended without evidence"


class LongCourse(AlarmCourse):
    """The same for longer."""


TestAlarmCourse = AlarmCourse.TestCase
TestAlarmCourse.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
TestLongCourse = pytest.mark.proof(LongCourse.TestCase)
TestLongCourse.settings = settings(max_examples=500, stateful_step_count=50, deadline=None)
