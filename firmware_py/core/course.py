"""How an incident goes: what was saved, how long outbound was paused and how long we were blind, and its picture.

What was the case during a cycle is added up; a look at the course is told when it turns, and else at a rate that falls
with the incident's age, so that a long one takes hardly more room. Must not know why it is open.
"""

from config.valued import replace
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.incident import Fact, IncidentState
from firmware_py.core.mode import Mode
from firmware_py.core.plan import Plan
from firmware_py.core.state import State

LOOK_MS = 60_000
LOOKS_PER_AGE = 60  # never closer together than a sixtieth of the age: about 250 looks in a day, 370 in a week
POINTS = 24  # that are looked at, at most
_MS_PER_H = 3_600_000


def account(plan: Plan, before: State, incident: IncidentState, dt_ms: int) -> IncidentState:
    """Add up what was the case during the last `dt_ms`, which is what the outputs and conditions were `before`."""
    cause, course = incident.cause, incident.course
    driven = before.outputs
    own = frozenset(name for name, output in driven.items() if cause in output.drive.owners)
    shed = frozenset(
        name for name in own if name in plan.outputs and driven[name].drive.value != plan.outputs[name].normal
    )
    saved_w = sum(load.watts_w for b in plan.batteries.values() for load in b.loads if load.output in shed)
    paused = any(driven[name].drive.value is True for name in plan.outbound if name in own)
    blind = any(before.conditions[name].held for name in plan.causes[cause].conditions if name in before.conditions)
    blind_ms = course.blind_ms + dt_ms if blind else 0
    shown = (stage.id for stage in plan.stages_of(cause) if stage.id in before.stages and before.stages[stage.id].shed)
    stages = tuple(dict.fromkeys((*course.stages, *shown)))
    if not (saved_w or paused or blind or course.blind_ms) and stages == course.stages:
        return incident
    return replace(
        incident,
        course=replace(
            course,
            saved_wh=course.saved_wh + saved_w * dt_ms / _MS_PER_H,
            paused_ms=course.paused_ms + dt_ms * paused,
            blind_ms=blind_ms,
            longest_blind_ms=max(course.longest_blind_ms, blind_ms),
            stages=stages,
        ),
    )


def look(
    plan: Plan, state: State, image: InputImage, mode: Mode, flags: frozenset[str]
) -> tuple[State, tuple[Event, ...]]:
    """Tell of each open incident whose course has turned, or that was not looked at for long enough."""
    if not state.incidents:
        return state, ()
    paused = any(state.outputs[name].drive.value is True for name in plan.outbound)
    shed = tuple(sorted(name for name, stage in state.stages.items() if stage.shed))
    shown = (mode.word, f"outbound {'paused' if paused else 'free'}", *sorted(flags), *shed)
    turning = {name: one for name, one in state.incidents.items() if one.course.shown != shown or due_ms(one) <= 0}
    if not turning:
        return state, ()
    facts: dict[str, Fact] = {
        "mode": mode.word, "stage": len(shed), "stages": shed, "outbound_paused": paused, "flags": tuple(sorted(flags)),
        **{name: image[name].value if image[name].good else None for name in plan.course},
    }  # fmt: skip
    incidents, events = dict(state.incidents), list[Event]()
    for name, one in turning.items():
        modes = tuple(dict.fromkeys((*one.course.modes, mode.word)))
        incidents[name] = replace(one, course=replace(one.course, looked_ms=one.elapsed_ms, shown=shown, modes=modes))
        events.append(_told(one, facts, image.now_ms))
    return replace(state, incidents=incidents), tuple(events)


def due_ms(incident: IncidentState) -> int:
    """Milliseconds until the course is looked at again although it does not turn; at most 0: now."""
    return incident.course.looked_ms + max(LOOK_MS, incident.elapsed_ms // LOOKS_PER_AGE) - incident.elapsed_ms


def _told(incident: IncidentState, facts: dict[str, Fact], now_ms: int) -> Event:
    return Event(
        type="incident.course", severity=Severity.INFO, at_ms=now_ms, incident=incident.id,
        data={"cause": incident.cause, "age_ms": incident.elapsed_ms, **facts},
    )  # fmt: skip
