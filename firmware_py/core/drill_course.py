"""A drill within the cycle: is it still one, which incidents are its own, and which events carry its label.

Joins `core.drill` to the rest of the memory. This module must not decide what a drill is.
"""

from collections.abc import Iterable, Sequence

from config.valued import replace
from firmware_py.core import annunciation, drill, incident
from firmware_py.core.check import evaluate
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.mode import CausePhase
from firmware_py.core.plan import Plan
from firmware_py.core.state import State, keep


def rests(before: State, now: State, *, utc_s: int | None) -> bool:
    """Whether `advance` would find nothing to do and nothing to tell, whatever is in the records."""
    is_over = not (now.drill.on or before.drill.on or now.drill.alarms)
    return is_over and (now.drill.since_s != 0 or utc_s is None)


def advance(
    plan: Plan, before: State, now: State, image: InputImage, *, utc_s: int | None, dt_ms: int
) -> tuple[State, list[Event]]:
    """The memory after this cycle's look at a drill that does not rest, and what there is to tell. `before`: at the
    cycle's beginning; `image`: the real picture."""
    real = drill.real_alarms(plan.drills, now.drill, plan.conditions, plan.alarms, before.alarms, now.alarms, image)
    course, events = drill.advance(
        plan.drills, now.drill, real, quiet=_is_quiet(now), restored=before.stepped_ms is None, utc_s=utc_s,
        dt_ms=dt_ms if before.drill.on else 0, now_ms=image.now_ms,
    )  # fmt: skip
    if now.drill.on and not before.drill.on:
        events.insert(0, drill.begun(now.drill, image.now_ms))
    now = _practise(plan, before, replace(now, drill=course), image)
    if is_aborted(events):
        # What goes on from here is real: it gets an incident of its own.
        own = [opened for opened in now.incidents.values() if opened.drill]
        events += drill.label(_closed(plan, opened, image.now_ms) for opened in own)
        left = {name: opened for name, opened in now.incidents.items() if not opened.drill}
    else:
        left = {name: _own(opened, before, name, on=course.on) for name, opened in now.incidents.items()}
    return replace(now, incidents=left), events


def _practise(plan: Plan, before: State, now: State, image: InputImage) -> State:
    """Alarms that came in a drill are remembered as such until they are gone. One whose real reading shows it too, once
    the drill is over, is an instance of its own: nobody has acknowledged that."""
    fresh = {name for name, one in now.alarms.items() if one.activations > before.alarms[name].activations}
    mine = (now.drill.alarms - fresh) | (fresh if before.drill.on or now.drill.on else frozenset())
    mine = frozenset(name for name in mine if name in now.alarms and now.alarms[name].stands)
    real = frozenset[str]()
    if not now.drill.on:
        real = frozenset(name for name in mine if now.alarms[name].active and _is_real(plan, name, image))
    anew = {name: one.renewed() if name in real - fresh else one for name, one in now.alarms.items()}
    renewed = annunciation.unsilence(plan.alarms, anew, real, flood=now.annunciation.flood)
    return replace(now, alarms=keep(now.alarms, renewed), drill=replace(now.drill, alarms=mine - real))


def _is_real(plan: Plan, alarm: str, image: InputImage) -> bool:
    return evaluate(plan.conditions[plan.alarms[alarm].condition].test, image, holding=False) is True


def label(plan: Plan, before: State, now: State, events: Sequence[Event], told: Sequence[Event]) -> tuple[Event, ...]:
    """All events of the cycle, with the drill's own (`told`) first; what is not real says so, to people too."""
    if (before.drill.on or now.drill.on) and not is_aborted(told):
        mark = plan.escalation.texts.get(drill.FLAG, "")
        return (*told, *(_say_so(event, mark) for event in drill.label(events)))
    mine = before.drill.alarms | now.drill.alarms
    if not mine:
        return (*told, *events)
    return (*told, *(replace(one, drill=True) if _is_of(one, mine, now) else one for one in events))


def _say_so(event: Event, mark: str) -> Event:
    """Whoever is called reads a sentence, not a label."""
    said = event.data.get("text")
    if not (event.type.startswith("incident.") and isinstance(said, str) and said):
        return event
    return replace(event, data={**event.data, "text": mark + said})


def _is_of(event: Event, practised: frozenset[str], now: State) -> bool:
    """What is told of an alarm that was practised, unless it tells that this alarm has become real."""
    alarm = event.data.get("alarm")
    return alarm in practised and (alarm in now.drill.alarms or event.type != "alarm.raised")


def is_aborted(told: Iterable[Event]) -> bool:
    """True when these events tell of an abort."""
    return any(event.type == "drill.aborted" for event in told)


def _closed(plan: Plan, opened: incident.IncidentState, now_ms: int) -> Event:
    facts = opened.course.facts()
    return incident.told("incident.closed", Severity.WARNING, plan.causes[opened.cause], opened, now_ms, facts)


def _own(opened: incident.IncidentState, before: State, cause: str, *, on: bool) -> incident.IncidentState:
    fresh = cause not in before.incidents or before.incidents[cause].id != opened.id
    return replace(opened, drill=True) if on and fresh else opened


def _is_quiet(now: State) -> bool:
    at_rest = all(cause.phase is CausePhase.IDLE for cause in now.causes.values())
    return at_rest and not any(opened.drill for opened in now.incidents.values())
