"""What the management log calls an event: opened by the first alarm of a cause, joined by others, closed on recovery.

Its id is the year and a running number; tiers and situation reports follow its age. It must not know files or reports.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from firmware_py.core.alarm import Alarm, AlarmState
from firmware_py.core.event import Event, Severity
from firmware_py.core.mode import Cause, CausePhase, CauseState


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentState:
    """One open incident. `tier`: how far it was escalated. `reports`: situation reports given."""

    id: str
    cause: str
    incident_class: str
    elapsed_ms: int = 0
    tier: int = 0
    reports: int = 0
    alarms: tuple[str, ...] = ()
    acked_by: tuple[str, ...] = ()
    drill: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBook:
    """The part of the memory that this module keeps: open incidents by cause, and the last number given."""

    incidents: Mapping[str, IncidentState]
    year: int
    number: int


def advance(
    causes: Mapping[str, Cause],
    states: Mapping[str, CauseState],
    alarms: Mapping[str, Alarm],
    alarm_states: Mapping[str, AlarmState],
    book: IncidentBook,
    *,
    year: int | None,
    dt_ms: int,
    now_ms: int,
) -> tuple[IncidentBook, list[Event]]:
    """Open, join, age and close. `year` is None while nobody knows the date; then the last known one serves."""
    events: list[Event] = []
    incidents = dict(book.incidents)
    number, known = book.number, max(book.year, year or 0)
    if book.year and known > book.year:
        number = 0
    for name, cause in causes.items():
        joined = tuple(a.id for a in alarms.values() if a.cause == name and alarm_states[a.id].active)
        running = joined or states[name].phase is not CausePhase.IDLE
        open_one = incidents.get(name)
        if open_one is None:
            if running:
                number += 1
                incidents[name] = IncidentState(
                    id=f"{known:04d}-{number:04d}", cause=name, incident_class=cause.incident_class, alarms=joined
                )
                events.append(_told("incident.opened", Severity.WARNING, incidents[name], now_ms))
        elif not running:
            del incidents[name]
            events.append(_told("incident.closed", Severity.WARNING, _aged(open_one, (), dt_ms), now_ms))
        else:
            incidents[name] = _aged(open_one, joined, dt_ms)
        if name in incidents:
            incidents[name], due = _escalate(cause, incidents[name], now_ms)
            events += due
    return IncidentBook(incidents=incidents, year=known, number=number), events


def closed(incident: IncidentState, now_ms: int) -> Event:
    """An incident that is ended by something else than its recovery."""
    return _told("incident.closed", Severity.WARNING, incident, now_ms)


def _aged(incident: IncidentState, joined: tuple[str, ...], dt_ms: int) -> IncidentState:
    alarms = tuple(dict.fromkeys((*incident.alarms, *joined)))
    return replace(incident, elapsed_ms=incident.elapsed_ms + dt_ms, alarms=alarms)


def _escalate(cause: Cause, incident: IncidentState, now_ms: int) -> tuple[IncidentState, list[Event]]:
    events: list[Event] = []
    while incident.tier < len(cause.escalate_ms) and incident.elapsed_ms >= cause.escalate_ms[incident.tier]:
        incident = replace(incident, tier=incident.tier + 1)
        events.append(_told("incident.escalated", Severity.CRITICAL, incident, now_ms))
    # After a long darkness (restart) one report says it all: missed ones are not made up for.
    if cause.report_every_ms and incident.elapsed_ms // cause.report_every_ms > incident.reports:
        incident = replace(incident, reports=incident.elapsed_ms // cause.report_every_ms)
        events.append(_told("incident.situation", Severity.WARNING, incident, now_ms))
    return incident, events


def _told(kind: str, severity: Severity, incident: IncidentState, now_ms: int) -> Event:
    return Event(
        type=kind,
        severity=severity,
        at_ms=now_ms,
        incident=incident.id,
        data={
            "cause": incident.cause,
            "class": incident.incident_class,
            "age_ms": incident.elapsed_ms,
            "tier": incident.tier,
            "alarms": incident.alarms,
            "acked_by": incident.acked_by,
        },
    )


def due_ms(cause: Cause, incident: IncidentState) -> int | None:
    """Milliseconds until the incident's age alone makes an event."""
    due = []
    if incident.tier < len(cause.escalate_ms):
        due.append(cause.escalate_ms[incident.tier] - incident.elapsed_ms)
    if cause.report_every_ms:
        due.append((incident.reports + 1) * cause.report_every_ms - incident.elapsed_ms)
    return min(due, default=None)
