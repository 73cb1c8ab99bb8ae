"""An alarm: what people must notice, with orthogonal flags and one derived display state.

After ISA-18.2 and OPC UA Part 9: active, acknowledged and latched are separate facts, and each activation is an
instance of its own. This module must not know lamps, sounders or who acknowledges.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from firmware_py.core.condition import ConditionState


class AlarmPriority(StrEnum):
    """How soon people must act."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class Display(StrEnum):
    """The one state that is shown, derived from the flags (ISA-18.1 sequence with ringback)."""

    NORMAL = "normal"
    ACTIVE_UNACKED = "active_unacked"
    ACTIVE_ACKED = "active_acked"
    RETURNED_UNACKED = "returned_unacked"
    LATCHED = "latched"  # returned and acknowledged, waits for a reset
    SHELVED = "shelved"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Declared by a monitor over one condition, whose id it carries.

    `cause` joins the alarm to an incident; `latching` keeps it until a person resets it; `urgent` shows it as active
    from the first sound reading on, before the condition's delay (fire: "shown at the first sound reading").
    """

    id: str
    condition: str
    priority: AlarmPriority
    text: str  # key into the language file
    cause: str | None = None
    latching: bool = False
    urgent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """All that is remembered of one alarm. `elapsed_ms` runs since the latest activation or return."""

    active: bool = False
    acked: bool = True
    latched: bool = False
    silenced: bool = False
    silenced_ms: int = 0  # what is left of a silence; 0 while silenced: until any new alarm
    shelved_ms: int = 0
    shelved_by: str = ""
    shelved_why: str = ""
    suppressed_by: str = ""
    out_of_service: str = ""
    activations: int = 0
    elapsed_ms: int = 0
    incident: str | None = None
    evidence: str = ""

    @property
    def display(self) -> Display:
        """The one state that people see."""
        if self.shelved_ms > 0 or self.out_of_service:
            return Display.SHELVED
        if self.suppressed_by:
            return Display.SUPPRESSED
        if self.active:
            return Display.ACTIVE_ACKED if self.acked else Display.ACTIVE_UNACKED
        if not self.acked:
            return Display.RETURNED_UNACKED
        return Display.LATCHED if self.latched else Display.NORMAL

    def aged(self, dt_ms: int) -> "AlarmState":
        """The same, `dt_ms` later: neither shelving nor a silence outlives its time."""
        state = self
        if self.silenced_ms:
            left_ms = max(0, self.silenced_ms - dt_ms)
            state = replace(self, silenced_ms=left_ms, silenced=left_ms > 0)
        if state.shelved_ms == 0:
            return state
        if state.shelved_ms > dt_ms:
            return replace(state, shelved_ms=state.shelved_ms - dt_ms)
        return replace(state, shelved_ms=0, shelved_by="", shelved_why="")

    @property
    def sounds(self) -> bool:
        """True while the sounder is due for it."""
        return self.display is Display.ACTIVE_UNACKED and not self.silenced


def advance(alarm: Alarm, state: AlarmState, condition: ConditionState, *, dt_ms: int) -> AlarmState:
    """Follow the condition: each activation is a new instance, unacknowledged and audible."""
    on = condition.seen if alarm.urgent else condition.holds
    if on and not state.active:
        return replace(
            state,
            active=True,
            acked=False,
            latched=alarm.latching,
            silenced=False,
            silenced_ms=0,
            activations=state.activations + 1,
            elapsed_ms=0,
            evidence=condition.evidence,
        )
    if state.active and not on:
        return replace(state, active=False, elapsed_ms=0)
    at_rest = not (state.active or state.latched) and state.acked
    return state if at_rest else replace(state, elapsed_ms=state.elapsed_ms + dt_ms)


def advance_all(
    alarms: Mapping[str, Alarm],
    states: Mapping[str, AlarmState],
    conditions: Mapping[str, ConditionState],
    *,
    dt_ms: int,
) -> dict[str, AlarmState]:
    """All alarms, one look later. A new activation ends the silence of all the others: nobody silenced that one."""
    moved = {name: advance(a, states[name], conditions[a.condition], dt_ms=dt_ms) for name, a in alarms.items()}
    if any(moved[name].activations > states[name].activations for name in alarms):
        return {name: replace(state, silenced=False, silenced_ms=0) for name, state in moved.items()}
    return moved
