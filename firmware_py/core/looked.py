"""What the last step has looked at, so that the next one looks again only where something can have changed.

A hint and no memory: it is neither saved nor recorded, without it every step looks at everything and says the same. It
counts only on the very plan and memory it was made with. This module must not decide anything.
"""

from collections.abc import Collection, Mapping
from typing import TypeAlias

from config.valued import dataclass
from firmware_py.core.alarm import AlarmState
from firmware_py.core.condition import ConditionState, Phase
from firmware_py.core.derived import Derived
from firmware_py.core.differ import moved
from firmware_py.core.image import same_points, unlike
from firmware_py.core.mode import CauseState
from firmware_py.core.plan import Plan
from firmware_py.core.reading import Reading
from firmware_py.core.rules import Situation
from firmware_py.core.stage import StageState
from firmware_py.core.state import State

Rested: TypeAlias = tuple[Mapping[str, ConditionState], Mapping[str, CauseState], Mapping[str, StageState]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Looked:
    """`state`: the memory that the step left. `readings`: as its conditions saw them. `restless`: conditions that have
    moved in it, or in which time runs. `awake`: alarms that are not at rest, in the plan's order. `situation`: what its
    rules saw, None when something of that moved afterwards. `batteries`: what was seen of them. `rested`: conditions,
    causes and stages, where these causes and stages stayed what they were on these conditions while time went by."""

    plan: Plan
    state: State
    readings: Mapping[str, Reading]
    restless: frozenset[str]
    awake: tuple[str, ...]
    situation: Situation | None
    batteries: Derived
    rested: Rested | None

    def rests(self, state: State, conditions: Mapping[str, ConditionState]) -> bool:
        """Whether causes and stages stay what they are, however long it is: every time that runs in them would have
        moved them in the last step too."""
        seen = self.rested
        return seen is not None and seen[0] is conditions and seen[1] is state.causes and seen[2] is state.stages

    def conditions(self, state: State, readings: Mapping[str, Reading]) -> Collection[str]:
        """Conditions that a look at these readings can move: any other is at rest on what it rests on already."""
        if state.conditions is not self.state.conditions or not same_points(self.readings, readings):
            return self.plan.conditions.keys()
        watchers, found = self.plan.readers.conditions_of, set(self.restless)
        for point in unlike(self.readings, readings, watchers):
            found |= watchers[point]
        return found

    def alarms(self, state: State, stirred: Collection[str]) -> Collection[str]:
        """Alarms that can move when these conditions have, in the plan's order: any other is at rest and stays so."""
        readers, found = self.plan.readers, {*self.awake, *moved(self.state.alarms, state.alarms)}
        for condition in stirred:
            found |= readers.alarms_of.get(condition, frozenset())
        return sorted(found, key=readers.places.__getitem__)


def last_look(looked: Looked | None, plan: Plan, state: State) -> Looked | None:
    """The same, if it speaks of this plan and this memory."""
    known = looked is not None and looked.plan is plan and looked.state is state and state.stepped_ms is not None
    return looked if known else None


def restless(known: Mapping[str, ConditionState], found: Mapping[str, ConditionState]) -> frozenset[str]:
    """Of those `found`, as they were looked at, those that another look at the same readings may move once more."""
    return frozenset(
        name
        for name, state in found.items()
        if state is not known[name] or state.phase is Phase.PENDING or state.phase is Phase.CLEARING
    )


def awake(looked: Collection[str], known: Mapping[str, AlarmState], now: Mapping[str, AlarmState]) -> tuple[str, ...]:
    """Of the alarms that were looked at those that another look may move: time runs in them, or they are not
    what was `known` (one that has just come to rest may be suppressed from now on)."""
    return tuple(name for name in looked if not now[name].rests or now[name] is not known[name])
