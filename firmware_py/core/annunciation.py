"""All alarms together: silences that a new one ends, floods that leave only the highest its voice, who was first.

The first alarm of a cause is kept as its first-out until a person resets it or all of the cause are gone
(ISA-18.1 sequence F). This module must not know lamps or orders.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import field

from config.valued import dataclass, replace
from firmware_py.core import alarm
from firmware_py.core.alarm import Alarm, AlarmPriority, AlarmRules, AlarmState, Display
from firmware_py.core.condition import ConditionState

FLOOD, SET_ASIDE = "flood", "maintenance"  # flags beside the mode
FLAGS = frozenset({FLOOD, SET_ASIDE})
_COUNTED_MOST = 64
_ORDER = (AlarmPriority.HIGH, AlarmPriority.MEDIUM, AlarmPriority.LOW)
_HIDDEN = (Display.SHELVED, Display.SUPPRESSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Annunciation:
    """What is remembered beside the single alarms. `recent_ms`: the ages of what was annunciated lately, oldest first.
    `arrivals`: per cause the alarms in the order in which they came; empty after a reset, until all are gone."""

    flood: bool = False
    recent_ms: tuple[int, ...] = ()
    arrivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def firsts(self) -> frozenset[str]:
        """The alarms that were first among several."""
        return frozenset(came[0] for came in self.arrivals.values() if len(came) > 1)

    def reset(self, chosen: Iterable[str]) -> "Annunciation":
        """The first-out of these alarms has been seen."""
        named = frozenset(chosen)
        return replace(self, arrivals={c: () if named & {*came[:1]} else came for c, came in self.arrivals.items()})


def advance(
    alarms: Mapping[str, Alarm],
    rules: AlarmRules,
    states: Mapping[str, AlarmState],
    known: Annunciation,
    conditions: Mapping[str, ConditionState],
    *,
    dt_ms: int,
    among: Collection[str] | None = None,
) -> tuple[Mapping[str, AlarmState], Annunciation]:
    """All alarms, one look later. `among`: those that stand or can have moved in the order of all, where that is
    known."""
    chosen = alarms if among is None else {name: alarms[name] for name in among}
    changed: dict[str, AlarmState] = {}
    for name, declared in chosen.items():
        because, condition = _because(declared, conditions), conditions[declared.condition]
        state = alarm.advance(declared, states[name], condition, rules, because=because, dt_ms=dt_ms)
        if state is not states[name]:
            changed[name] = state
    fresh = [name for name, state in changed.items() if _is_fresh(states[name], state)]
    recent_ms = tuple(age + dt_ms for age in known.recent_ms if age + dt_ms < rules.flood_window_ms)
    recent_ms = (recent_ms + (0,) * len(fresh))[-_COUNTED_MOST:]
    flood = len(recent_ms) >= rules.flood_end_count if known.flood else len(recent_ms) > rules.flood_count
    moved: Mapping[str, AlarmState] = {**states, **changed} if changed else states
    moved = _quiet(chosen, unsilence(chosen, moved, fresh, flood=flood), flood=flood)
    arrivals = _arrivals(chosen, states, moved, known.arrivals)
    if (flood, recent_ms, arrivals) == (known.flood, known.recent_ms, known.arrivals):
        return moved, known
    return moved, Annunciation(flood=flood, recent_ms=recent_ms, arrivals=arrivals)


def due_ms(rules: AlarmRules, known: Annunciation) -> int | None:
    """Milliseconds until the clock alone ends a flood, because so many of its alarms are no longer recent."""
    if not known.flood or len(known.recent_ms) < rules.flood_end_count:
        return None
    return rules.flood_window_ms - known.recent_ms[-rules.flood_end_count]


def flags(states: Mapping[str, AlarmState], known: Annunciation, among: Iterable[str]) -> frozenset[str]:
    """The flags beside the mode that speak of alarms; `among`: at least all that do not rest."""
    aside = any(states[name].set_aside for name in among)
    return frozenset({FLOOD} if known.flood else ()) | frozenset({SET_ASIDE} if aside else ())


def _because(declared: Alarm, conditions: Mapping[str, ConditionState]) -> str:
    return next((name for name in declared.suppressed_by if conditions[name].holds), "")


def _is_fresh(was: AlarmState, now: AlarmState) -> bool:
    """People are shown something that they were not shown before."""
    if now.display is not Display.ACTIVE_UNACKED:
        return False
    return now.activations > was.activations or was.display in _HIDDEN


def unsilence(
    alarms: Mapping[str, Alarm], moved: Mapping[str, AlarmState], fresh: Collection[str], *, flood: bool
) -> Mapping[str, AlarmState]:
    """A fresh alarm ends the silence of all others, for nobody silenced that one; in a flood only a high one does."""
    if not any(not flood or alarms[name].priority is AlarmPriority.HIGH for name in fresh):
        return moved
    loud = {
        name: replace(state, silenced=False, silenced_ms=0)
        for name, declared in alarms.items()
        if (state := moved[name]).silenced and _has_voice(declared, flood)
    }
    return {**moved, **loud}


def _quiet(alarms: Mapping[str, Alarm], moved: Mapping[str, AlarmState], *, flood: bool) -> Mapping[str, AlarmState]:
    """In a flood only high alarms sound; the lamps go on showing all of them."""
    if not flood:
        return moved
    hushed = {
        name: replace(state, silenced=True, silenced_ms=0)
        for name, declared in alarms.items()
        if (state := moved[name]).sounds and not _has_voice(declared, flood)
    }
    return {**moved, **hushed} if hushed else moved


def _has_voice(declared: Alarm, flood: bool) -> bool:
    return not flood or declared.priority is AlarmPriority.HIGH


def _arrivals(
    alarms: Mapping[str, Alarm],
    states: Mapping[str, AlarmState],
    moved: Mapping[str, AlarmState],
    known: Mapping[str, tuple[str, ...]],
) -> Mapping[str, tuple[str, ...]]:
    came: dict[str, list[str]] = {}
    standing = set()
    for name, declared in alarms.items():
        if declared.cause is None:
            continue
        if moved[name].stands:
            standing.add(declared.cause)
        if moved[name].activations > states[name].activations:
            came.setdefault(declared.cause, []).append(name)
    if not came and standing == known.keys():
        return known
    return {cause: _joined(alarms, known.get(cause), came.get(cause, [])) for cause in sorted(standing)}


def _joined(alarms: Mapping[str, Alarm], known: tuple[str, ...] | None, came: list[str]) -> tuple[str, ...]:
    if known == ():  # reset: who comes later was not first
        return ()
    came.sort(key=lambda name: _ORDER.index(alarms[name].priority))
    return tuple(dict.fromkeys((*(known or ()), *came)))
