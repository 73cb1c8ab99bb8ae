"""An alarm: what people must notice, with orthogonal flags and one derived display state.

After ISA-18.2 and OPC UA Part 9: active, acknowledged, latched, shelved, suppressed and out of service are separate
facts, and each activation is an instance of its own. This module must not know lamps, sounders or the other alarms.
"""

from enum import StrEnum

from config.valued import dataclass, replace
from firmware_py.core.condition import ConditionState


class AlarmPriority(StrEnum):
    """How soon people must act."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


SHELVE_MS_MAX = 8 * 3_600_000
FIRE_SHELVE_MS_MAX = 3_600_000


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
    `realarm_ms`: an acknowledgement is forgotten when the alarm is still active after so long, 0: never.
    `shelve_limit_ms`: the longest shelf; 0: neither shelved nor taken out of service. `suppressed_by`: conditions of
    which this alarm is an expected consequence.
    """

    id: str
    condition: str
    priority: AlarmPriority
    text: str  # key into the language file
    cause: str | None = None
    latching: bool = False
    urgent: bool = False
    realarm_ms: int = 0
    shelve_limit_ms: int = SHELVE_MS_MAX
    suppressed_by: tuple[str, ...] = ()

    @property
    def may_leave_service(self) -> bool:
        """What may be shelved for a short time only is never switched off for an unlimited one."""
        return self.shelve_limit_ms >= SHELVE_MS_MAX


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRules:
    """How nuisance is tamed, for all alarms (ISA-18.2 clause 16 and EEMUA 191 figures as defaults).

    `chatter_count` activations within `chatter_window_ms`: from then on the alarm returns only after it has been clear
    for `chatter_hold_ms`. More than `flood_count` annunciations within `flood_window_ms` begin a flood, fewer than
    `flood_end_count` end it. `settle_ms`: how long a consequence stays suppressed after its cause has ended.
    """

    chatter_count: int = 3
    chatter_window_ms: int = 60_000
    chatter_hold_ms: int = 300_000
    flood_count: int = 10
    flood_end_count: int = 5
    flood_window_ms: int = 600_000
    settle_ms: int = 120_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """All that is remembered of one alarm. `elapsed_ms` runs since the latest activation or return, `acked_ms` since
    the acknowledgement of what is still active. `recent_ms`: the ages of the latest activations. `suppressed_ms` and
    `chatter_ms`: what is left of a suppression or of chattering once it has ended, 0 before. `shelved_until_s`: the end
    of the shelf by the wall clock, where that was known: over a reboot nothing else tells how much of it is left."""

    active: bool = False
    acked: bool = True
    acked_by: str = ""
    acked_ms: int = 0
    latched: bool = False
    silenced: bool = False
    silenced_ms: int = 0  # what is left of a silence; 0 while silenced: until any new alarm
    shelved_ms: int = 0
    shelved_until_s: int = 0
    shelved_by: str = ""
    shelved_why: str = ""
    suppressed_by: str = ""
    suppressed_ms: int = 0
    out_of_service: str = ""  # who took it out
    out_of_service_why: str = ""
    activations: int = 0
    recent_ms: tuple[int, ...] = ()
    chattering: bool = False
    chatter_ms: int = 0
    elapsed_ms: int = 0
    incident: str | None = None
    evidence: str = ""

    @property
    def display(self) -> Display:
        """The one state that people see."""
        if self.set_aside:
            return Display.SHELVED
        if self.active:
            if self.suppressed_by:
                return Display.SUPPRESSED
            return Display.ACTIVE_ACKED if self.acked else Display.ACTIVE_UNACKED
        if not self.acked:
            return Display.RETURNED_UNACKED
        return Display.LATCHED if self.latched else Display.NORMAL

    @property
    def set_aside(self) -> bool:
        """True while a person has taken it from the panel: shelved, or out of service."""
        return self.shelved_ms > 0 or bool(self.out_of_service)

    @property
    def stands(self) -> bool:
        """True while it is active or still wants a person, whether or not it is shown."""
        return self.active or not self.acked or self.latched

    @property
    def rests(self) -> bool:
        """True while nothing of it runs by the clock: only its condition or a person can move it."""
        return not (self.stands or self.suppressed_by or self.recent_ms or self.set_aside or self.silenced)

    @property
    def sounds(self) -> bool:
        """True while the sounder is due for it."""
        return self.display is Display.ACTIVE_UNACKED and not self.silenced

    def aged(self, dt_ms: int, *, utc_s: int | None, restored: bool) -> "AlarmState":
        """The same, `dt_ms` later: neither shelving nor a silence outlives its time. `restored`: nobody knows how long
        we were off, so that only the wall clock, where it is known now and then, can save a shelf."""
        state = replace(self, acked_ms=self.acked_ms + dt_ms) if self.active and self.acked else self
        if self.silenced_ms:
            left_ms = 0 if restored else max(0, self.silenced_ms - dt_ms)
            state = replace(state, silenced_ms=left_ms, silenced=left_ms > 0)
        if state.shelved_ms == 0:
            return state
        left_ms = state._shelf_ms(dt_ms, utc_s, restored=restored)
        if left_ms <= 0:
            return state.unshelved()
        until_s = state.shelved_until_s or (0 if utc_s is None else utc_s + left_ms // 1000)
        return replace(state, shelved_ms=left_ms, shelved_until_s=until_s)

    def _shelf_ms(self, dt_ms: int, utc_s: int | None, *, restored: bool) -> int:
        if not restored:
            return self.shelved_ms - dt_ms
        if utc_s is None or not self.shelved_until_s:
            return 0
        return min(self.shelved_ms, (self.shelved_until_s - utc_s) * 1000)

    def renewed(self) -> "AlarmState":
        """A new instance of what is active already: what was practised has become real."""
        return replace(
            self, acked=False, acked_by="", acked_ms=0, silenced=False, silenced_ms=0, elapsed_ms=0,
            activations=self.activations + 1,
        )  # fmt: skip

    def unshelved(self) -> "AlarmState":
        """Back on the panel, as it is."""
        return replace(self, shelved_ms=0, shelved_until_s=0, shelved_by="", shelved_why="")


def advance(
    alarm: Alarm, state: AlarmState, condition: ConditionState, rules: AlarmRules, *, because: str, dt_ms: int
) -> AlarmState:
    """Follow the condition: each activation is a new instance, unacknowledged and audible. `because`: the condition
    that holds now and of which this alarm is a consequence, "" for none."""
    on = condition.seen if alarm.urgent else condition.holds
    if not (on or because or state.stands or state.suppressed_by or state.recent_ms):
        return state
    state = _remember(_suppress(state, because, rules, dt_ms), rules, dt_ms)
    if on and not state.active:
        return _activate(alarm, state, condition, rules)
    if on:
        return _stay(alarm, state, dt_ms)
    if state.active:
        return _leave(state, rules, dt_ms)
    return replace(state, elapsed_ms=state.elapsed_ms + dt_ms) if state.stands else state


def _suppress(state: AlarmState, because: str, rules: AlarmRules, dt_ms: int) -> AlarmState:
    """What stood before its cause came is no consequence of it; what comes while things settle after it still is."""
    if because and (state.suppressed_by or not state.stands):
        if state.suppressed_by == because and not state.suppressed_ms:
            return state
        return replace(state, suppressed_by=because, suppressed_ms=0)
    if not state.suppressed_by:
        return state
    # Time counts from this look on: until now the cause may have held.
    left_ms = max(0, state.suppressed_ms - dt_ms) if state.suppressed_ms else rules.settle_ms
    return replace(state, suppressed_ms=left_ms, suppressed_by=state.suppressed_by if left_ms else "")


def _remember(state: AlarmState, rules: AlarmRules, dt_ms: int) -> AlarmState:
    if not state.recent_ms:
        return state
    ages_ms = tuple(age_ms + dt_ms for age_ms in state.recent_ms if age_ms + dt_ms < rules.chatter_window_ms)
    return replace(state, recent_ms=ages_ms)


def _activate(alarm: Alarm, state: AlarmState, condition: ConditionState, rules: AlarmRules) -> AlarmState:
    recent_ms = (*state.recent_ms, 0)[-rules.chatter_count :]
    chattering = state.chattering or len(recent_ms) >= rules.chatter_count
    return replace(
        state,
        active=True,
        acked=False,
        acked_by="",
        acked_ms=0,
        latched=alarm.latching,
        silenced=False,
        silenced_ms=0,
        activations=state.activations + 1,
        recent_ms=recent_ms,
        chattering=chattering,
        chatter_ms=0,
        elapsed_ms=0,
        evidence=condition.evidence,
    )


def _stay(alarm: Alarm, state: AlarmState, dt_ms: int) -> AlarmState:
    again = state.acked and 0 < alarm.realarm_ms <= state.acked_ms
    return replace(
        state,
        acked=state.acked and not again,
        acked_ms=0 if again else state.acked_ms,
        silenced=state.silenced and not again,
        silenced_ms=0 if again else state.silenced_ms,
        chatter_ms=0,
        elapsed_ms=state.elapsed_ms + dt_ms,
    )


def _leave(state: AlarmState, rules: AlarmRules, dt_ms: int) -> AlarmState:
    left_ms = state.chatter_ms - dt_ms if state.chatter_ms else rules.chatter_hold_ms
    if state.chattering and left_ms > 0:
        return replace(state, chatter_ms=left_ms, elapsed_ms=state.elapsed_ms + dt_ms)
    # Nobody was shown an instance that came and went while it was suppressed, so nobody has to acknowledge it.
    unseen = bool(state.suppressed_by) and not state.set_aside
    return replace(
        state, active=False, acked=state.acked or unseen, acked_ms=0, chattering=False, chatter_ms=0, elapsed_ms=0
    )


def due_ms(alarm: Alarm, state: AlarmState) -> int | None:
    """Milliseconds until the clock alone changes this alarm; None when it cannot."""
    if not (state.active or state.shelved_ms or state.silenced_ms or state.suppressed_ms or state.chatter_ms):
        return None
    left = [state.shelved_ms, state.silenced_ms, state.suppressed_ms, state.chatter_ms]
    if alarm.realarm_ms and state.active and state.acked:
        left.append(alarm.realarm_ms - state.acked_ms)
    return min((ms for ms in left if ms > 0), default=None)
