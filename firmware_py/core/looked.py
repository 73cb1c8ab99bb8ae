"""What the last step has looked at, so that the next one looks again only where something can have changed.

A hint and no memory: it is neither saved nor recorded, without it every step looks at everything and says the same. It
counts only on the very plan and memory it was made with. This module must not decide anything.
"""

from collections.abc import Collection, Iterator, Mapping

from config.valued import dataclass
from firmware_py.core.alarm import AlarmState
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Reading
from firmware_py.core.rules import Situation
from firmware_py.core.state import State


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """`state`: the memory that the step left. `readings`: as its conditions saw them. `restless`: conditions that have
    moved in it, or in which time runs. `awake`: alarms that are not at rest. `situation`: what its rules saw, None when
    something of that moved afterwards."""

    plan: Plan
    state: State
    readings: Mapping[str, Reading]
    restless: frozenset[str]
    awake: frozenset[str]
    situation: Situation | None

    def conditions(self, state: State, readings: Mapping[str, Reading]) -> Collection[str]:
        """Conditions that a look at these readings can move: any other is at rest on what it rests on already."""
        if state.conditions is not self.state.conditions or readings.keys() != self.readings.keys():
            return self.plan.conditions.keys()
        watchers, found = self.plan.readers.conditions_of, set(self.restless)
        for point in _changed(self.readings, readings):
            found |= watchers.get(point, frozenset())
        return found

    def alarms(self, state: State, moved: Collection[str]) -> Collection[str]:
        """Alarms that can move when these conditions have: any other is at rest and stays so."""
        followers, found = self.plan.readers.alarms_of, set(self.awake)
        for condition in moved:
            found |= followers.get(condition, frozenset())
        return found | (_ordered(self.state.alarms, state.alarms) if state.alarms is not self.state.alarms else set())


def last_look(looked: Looked | None, plan: Plan, state: State) -> Looked | None:
    """The same, if it speaks of this plan and this memory."""
    known = looked is not None and looked.plan is plan and looked.state is state and state.stepped_ms is not None
    return looked if known else None


def restless(known: Mapping[str, ConditionState], moved: Mapping[str, ConditionState]) -> frozenset[str]:
    """Of the `moved` ones, as they were looked at, those that another look at the same readings may move once more."""
    return frozenset(
        name
        for name, state in moved.items()
        if state is not known[name] or state.phase is Phase.PENDING or state.phase is Phase.CLEARING
    )


def awake(looked: Collection[str], known: Mapping[str, AlarmState], moved: Mapping[str, AlarmState]) -> frozenset[str]:
    """Of the alarms that were looked at those that another look may move: time runs in them, or they have `moved` from
    what was `known` (one that has just come to rest may be suppressed from now on)."""
    return frozenset(name for name in looked if not moved[name].rests or moved[name] is not known[name])


def _changed(before: Mapping[str, Reading], now: Mapping[str, Reading]) -> Iterator[str]:
    """Points that read otherwise than before; a reading that is only newer does not."""
    for point, reading in now.items():
        was = before[point]
        if reading is not was and (
            reading.value != was.value or reading.quality is not was.quality or reading.because is not was.because
        ):
            yield point


def _ordered(before: Mapping[str, AlarmState], now: Mapping[str, AlarmState]) -> set[str]:
    return {name for name, state in now.items() if state is not before[name]}
