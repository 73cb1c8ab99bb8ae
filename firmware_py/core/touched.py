"""Which outputs can differ from the last cycle's: those of which a rule looks at something that has changed.

A cycle in which little happened then costs little, however many rules there are. This module must not decide what an
output becomes; one that is named needlessly costs time and nothing else, one that is not named stays as it was.
"""

from collections.abc import Iterator, Mapping

from firmware_py.core.differ import moved
from firmware_py.core.output import Priority
from firmware_py.core.plan import Fact, Plan
from firmware_py.core.rules import Situation
from firmware_py.core.state import Override, State


def is_calm(before: State, now: State) -> bool:
    """True when nothing has moved that a rule, a flag or the mode looks at, checklists apart: then both situations are
    the same, if lists are open in both or in neither."""
    return (
        now.conditions is before.conditions and now.alarms is before.alarms and now.causes is before.causes
        and now.stages is before.stages and now.annunciation is before.annunciation
        and now.drill.on is before.drill.on and now.lamp_test_by == before.lamp_test_by
    )  # fmt: skip


def touched(plan: Plan, before: State, now: State, was: Situation, seen: Situation) -> frozenset[str]:
    """Outputs to decide anew. `was`, `seen`: what the rules looked at in the last cycle and look at in this one."""
    found: set[str] = set()
    for fact in _changed(was, seen) if seen is not was else ():
        found |= plan.readers.outputs_of.get(fact, frozenset())
        if fact[0] == "stage":
            found.update(plan.stages[fact[1]].outputs)
    found |= _by_hand(before.overrides, now.overrides)
    if before.paused_by != now.paused_by:
        found.update(plan.outbound)
    # What is held is looked at each time, for its time runs out by itself.
    found.update(name for name, one in now.outputs.items() if one.drive.priority is Priority.MINIMUM_ON_OFF)
    return frozenset(found)


def _changed(was: Situation, now: Situation) -> Iterator[Fact]:
    for name in moved(was.conditions, now.conditions):
        if now.conditions[name].phase is not was.conditions[name].phase:
            yield "condition", name
    for name in moved(was.alarms, now.alarms):
        alarm, old = now.alarms[name], was.alarms[name]
        if (alarm.display, alarm.sounds, alarm.stands) != (old.display, old.sounds, old.stands):
            yield "alarm", name
    for name in now.firsts ^ was.firsts:
        yield "alarm", name
    for name in moved(was.causes, now.causes):
        if (now.causes[name].phase, now.causes[name].because) != (was.causes[name].phase, was.causes[name].because):
            yield "cause", name
    for name in moved(was.stages, now.stages):
        stage, rest = now.stages[name], was.stages[name]
        if (stage.shed, stage.returned, stage.because, stage.announced_ms is None) != (
            rest.shed, rest.returned, rest.because, rest.announced_ms is None,
        ):  # fmt: skip
            yield "stage", name
    for name in now.flags ^ was.flags:
        yield "flag", name
    if (now.mode, now.because) != (was.mode, was.because):
        yield "mode", ""
    if now.lamp_test_by != was.lamp_test_by:
        yield "lamp_test", ""


def _by_hand(before: Mapping[str, Override], now: Mapping[str, Override]) -> set[str]:
    if now is before:
        return set()
    both = before.keys() & now.keys()
    moved = {name for name in both if (before[name].value, before[name].by) != (now[name].value, now[name].by)}
    return moved | (before.keys() ^ now.keys())
