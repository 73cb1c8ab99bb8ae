"""The part of a cycle that is for the management log: incidents, who is told of them, checklists, hand-over.

Looks at what has been decided and remembers it; nothing of this moves an output. It must not know files or reports.
"""

from collections.abc import Collection, Iterable

from config.valued import replace
from firmware_py.core import checklist, course, escalation, handover, incident
from firmware_py.core.checklist import Checklist
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.state import State


def keep(
    plan: Plan, before: State, ordered: State, known: State, image: InputImage, opened: Collection[Checklist], *,
    among: Iterable[str], year: int | None, dt_ms: int,
) -> tuple[State, list[Event]]:  # fmt: skip
    """The memory with this cycle in its records: `before` it, as people `ordered`, and as far as it is `known` now.
    `opened`: checklists that open in it. `among`: at least all alarms that are active, in their order."""
    incidents = {name: course.account(plan, before, one, dt_ms) for name, one in known.incidents.items()}
    book, events = incident.advance(
        plan.causes, known.causes, plan.alarms, known.alarms,
        incident.IncidentBook(incidents=incidents, year=known.incident_year, number=known.incident_number),
        among=among, year=year, dt_ms=dt_ms, now_ms=image.now_ms,
    )  # fmt: skip
    for name, one in ordered.incidents.items():
        was = before.incidents[name]
        if (one.acked_by, one.acked_tier) != (was.acked_by, was.acked_tier):
            by = {"by": one.acked_by[-1]}
            aged = replace(one, elapsed_ms=one.elapsed_ms + dt_ms)  # orders come before the time of this cycle is added
            events.append(incident.told("incident.acked", Severity.WARNING, plan.causes[name], aged, image.now_ms, by))
    incidents = dict(book.incidents)
    for name, one in book.incidents.items():
        incidents[name], told = escalation.advance(plan.causes[name], one, plan.escalation, image, dt_ms)
        events += told
    lists = checklist.advance(plan.checklists, ordered.lists, opened, {**known.incidents, **incidents}, dt_ms)
    events += checklist.tell(plan.checklists, before.lists, ordered.lists, lists, image.now_ms)
    events += handover.tell(before.handover, ordered.handover, image.now_ms)
    if not (incidents or known.incidents) and lists is known.lists and book.year == known.incident_year:
        return known, events
    return (
        replace(known, incidents=incidents, incident_year=book.year, incident_number=book.number, lists=lists),
        events,
    )
