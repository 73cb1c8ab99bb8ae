"""Small worlds in full: every sequence of a few events through the tables of alarm and mode, against plain rules.

Sequences that lead to the same memory go on together, so that all of length six and more are walked in a second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product

from firmware_py.core import alarm, mode
from firmware_py.core.alarm import Alarm, AlarmPriority, AlarmState, Display
from firmware_py.core.command import Command, CommandKind
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.mode import Cause, CausePhase, CauseState, Mode
from firmware_py.core.orders import obey
from firmware_py.core.plan import Plan
from firmware_py.core.state import State

ON, OFF = ConditionState(phase=Phase.ACTIVE, held=False), ConditionState(held=False)
PENDING = ConditionState(phase=Phase.PENDING, held=False)
DARK_CLEAR = ConditionState(held=True)
ALARM_EVENTS = ("on", "off", "pending", "ack", "reset", "silence", "time")
LENGTH = 8
SHELF_MS = 2_000


@dataclass(frozen=True)
class Believed:
    """What the rules of ISA-18.2 say, in their own words."""

    latching: bool
    urgent: bool
    active: bool = False
    acked: bool = True
    latched: bool = False
    silent: bool = False

    def after(self, event: str) -> Believed:
        on = event == "on" or (event == "pending" and self.urgent)
        if event in ("on", "off", "pending"):
            begun = replace(self, acked=False, silent=False, latched=self.latching) if on and not self.active else self
            return replace(begun, active=on)
        if event == "ack":
            return replace(self, acked=True)
        if event == "reset" and self.latched and not self.active:
            return replace(self, latched=False)
        if event == "silence" and self.active and not self.acked and not self.silent:
            return replace(self, silent=True)
        return self

    @property
    def display(self) -> Display:
        if self.active:
            return Display.ACTIVE_ACKED if self.acked else Display.ACTIVE_UNACKED
        if not self.acked:
            return Display.RETURNED_UNACKED
        return Display.LATCHED if self.latched else Display.NORMAL


Node = tuple[AlarmState, ConditionState, Believed]


def _grow(declared: Alarm, plan: Plan, node: Node, event: str) -> Node:
    kept, condition, believed = node
    state = State(alarms={"a": kept})
    if event in ("ack", "reset", "silence"):
        state, _, _ = obey(plan, state, (Command(id="1", kind=CommandKind(event), by="x"),), 0)
    condition = {"on": ON, "off": OFF, "pending": PENDING}.get(event, condition)
    now = alarm.advance_all({"a": declared}, state.alarms, {"c": condition}, dt_ms=100)["a"]
    # How often and how long is not part of the table.
    return replace(now, activations=0, elapsed_ms=0), condition, believed.after(event)


def test_every_sequence_of_events_through_an_alarm_obeys_the_rules() -> None:
    for latching, urgent in product((False, True), repeat=2):
        declared = Alarm(id="a", condition="c", priority=AlarmPriority.HIGH, text="t", latching=latching, urgent=urgent)
        plan = Plan(alarms={"a": declared})
        paths: dict[Node, str] = {(AlarmState(), OFF, Believed(latching=latching, urgent=urgent)): ""}
        for _ in range(LENGTH):
            grown = {
                _grow(declared, plan, node, e): f"{path} {e}" for node, path in paths.items() for e in ALARM_EVENTS
            }
            for (now, _, believed), path in grown.items():
                assert now.display is believed.display, path
                wanted = believed.display is Display.ACTIVE_UNACKED and not believed.silent
                assert now.sounds is wanted, path
            paths |= grown
        assert len(paths) > 10


def test_every_shelf_ends_and_shows_what_lies_on_it() -> None:
    for active, acked, latched, left_ms in product((True, False), (True, False), (True, False), range(0, 4_000, 500)):
        shelved = AlarmState(active=active, acked=acked, latched=latched, shelved_ms=SHELF_MS, shelved_by="x")
        later = shelved.aged(left_ms)
        assert (later.display is Display.SHELVED) is (left_ms < SHELF_MS)
        assert not later.sounds or left_ms >= SHELF_MS
        assert (later.shelved_by == "x") is (left_ms < SHELF_MS)


CAUSE_EVENTS = ("on", "off", "dark", "order", "release", "shed", "restored")
STEP_MS = 400
IDLE = CauseState()


def _move(state: CauseState, cause: Cause, event: str, now: dict[str, ConditionState], shed: bool) -> CauseState:
    if event in ("order", "release"):
        state = replace(state, commanded_by="x" if event == "order" else "")
    return mode.advance(cause, state, now, shed=shed, dt_ms=STEP_MS)


@dataclass(frozen=True)
class Walked:
    """A cause, what it looked at last, and how long the end was seen soundly, counted here."""

    state: CauseState = IDLE
    condition: ConditionState = OFF
    shed: bool = False
    sound_ms: int = 0


def test_every_sequence_of_events_through_a_cause_keeps_the_table_of_modes() -> None:
    for stable_ms, relapse_ms in ((0, 0), (1_000, 0), (1_000, 5_000)):
        cause = Cause(
            id="p", mode=Mode.CONSERVATION, conditions=("c",), stable_ms=stable_ms, commandable=True,
            relapse_window_ms=relapse_ms, relapse_factor=2,
        )  # fmt: skip
        paths = {Walked(): ""}
        for _ in range(LENGTH):
            paths |= {_walk(cause, at, e, path): f"{path} {e}" for at, path in paths.items() for e in CAUSE_EVENTS}
        assert len(paths) > 50


def _walk(cause: Cause, at: Walked, event: str, path: str) -> Walked:
    condition = {"on": ON, "off": OFF, "dark": DARK_CLEAR}.get(event, at.condition)
    shed = event == "shed" or (at.shed and event != "restored")
    before, state = at.state, _move(at.state, cause, event, {"c": condition}, shed)
    path = f"{path} {event}"
    holds = condition is ON or bool(state.commanded_by)
    sound_ms = min(5_000, at.sound_ms + STEP_MS) if condition is OFF and not holds and before.sound else 0
    assert (state.phase is CausePhase.ACTIVE) is holds, path
    assert (mode.derive({"p": cause}, {"p": state})[0] is Mode.CONSERVATION) is holds, path
    if state.phase is CausePhase.IDLE and before.phase is not CausePhase.IDLE:
        assert condition is OFF, f"{path}: over in the dark"
        assert not shed, f"{path}: over with a load still off"
        if cause.stable_ms:
            assert before.phase is CausePhase.RECOVERING, path
            assert sound_ms >= cause.stable_ms, path
    if state.phase is CausePhase.RECOVERING:
        assert state.stable_ms <= sound_ms, f"{path}: darkness counted as stable"
    return Walked(state=replace(state, active_ms=0), condition=condition, shed=shed, sound_ms=sound_ms)


def test_every_pair_and_triple_of_causes_gives_the_highest_mode_and_its_reasons() -> None:
    kinds = [(wanted, phase) for wanted in Mode for phase in CausePhase]
    for size in (1, 2, 3):
        for chosen in product(kinds, repeat=size):
            causes = {str(n): Cause(id=str(n), mode=wanted) for n, (wanted, _) in enumerate(chosen)}
            states = {str(n): CauseState(phase=phase, because=(f"r{n}",)) for n, (_, phase) in enumerate(chosen)}
            asks = [
                wanted if phase is CausePhase.ACTIVE else min(wanted, Mode.RECOVERY)
                for wanted, phase in chosen
                if phase is not CausePhase.IDLE
            ]
            found, because = mode.derive(causes, states)
            assert found is max(asks, default=Mode.NORMAL)
            assert bool(because) is (found is not Mode.NORMAL)
