"""What the management log calls an event: opened by the first alarm of a cause, joined by others, closed on recovery.

Its id is the year and a running number. How it went while it was open is `core.course`, who is told is
`core.escalation`. It must not know files or reports.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field
from typing import TypeAlias

from config.valued import dataclass, replace
from firmware_py.core.alarm import Alarm, AlarmState
from firmware_py.core.event import Event, Severity
from firmware_py.core.mode import Cause, CausePhase, CauseState
from firmware_py.core.reading import Value

Fact: TypeAlias = Value | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What an incident has been so far. `saved_wh`: not drawn by shed loads; `paused_ms`: outbound paused for it;
    `blind_ms`: its evidence has been unreadable for so long now; `modes` and `stages` in the order of their first time.
    `looked_ms`: the age at which its course was told last, `shown` what was told of it."""

    saved_wh: float = 0.0
    paused_ms: int = 0
    blind_ms: int = 0
    longest_blind_ms: int = 0
    modes: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    looked_ms: int = 0
    shown: tuple[str, ...] = ()

    def facts(self) -> Mapping[str, Fact]:
        """As they go into the book at the end."""
        return {
            "saved_wh": round(self.saved_wh), "outbound_paused_ms": self.paused_ms,
            "longest_blind_ms": self.longest_blind_ms, "modes": self.modes, "stages": self.stages,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentState:
    """One open incident. `tier`: how far it was escalated, `acked_tier`: how far people have said that they know,
    `since_notice_ms`: since the last notice of it, `repeats`: how often that tier was told again. `reports`: situation
    reports given."""

    id: str
    cause: str
    incident_class: str
    elapsed_ms: int = 0
    tier: int = 0
    acked_tier: int = 0
    since_notice_ms: int = 0
    repeats: int = 0
    reports: int = 0
    alarms: tuple[str, ...] = ()
    acked_by: tuple[str, ...] = ()
    drill: bool = False
    course: Course = field(default_factory=Course)

    @property
    def waits(self) -> bool:
        """True while somebody was told of it and nobody has answered."""
        return self.tier > self.acked_tier

    def acked(self, by: str) -> "IncidentState":
        """Somebody knows: what has been told so far is told no more."""
        acked_by = (*(one for one in self.acked_by if one != by), by)
        return replace(self, acked_by=acked_by, acked_tier=self.tier, repeats=0, since_notice_ms=0)


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
    among: Iterable[str],
    year: int | None,
    dt_ms: int,
    now_ms: int,
) -> tuple[IncidentBook, list[Event]]:
    """Open, join, age and close. `among`: at least all alarms that are active, in their order. `year` is None while
    nobody knows the date; then the last known one serves."""
    events: list[Event] = []
    incidents = dict(book.incidents)
    number, known = book.number, max(book.year, year or 0)
    if book.year and known > book.year:
        number = 0
    active: dict[str | None, tuple[str, ...]] = {}
    for name in among:
        if alarm_states[name].active:
            cause_of = alarms[name].cause
            active[cause_of] = (*active.get(cause_of, ()), name)
    for name, cause in causes.items():
        joined = active.get(name, ())
        running = joined or states[name].phase is not CausePhase.IDLE
        open_one = incidents.get(name)
        if open_one is None:
            if running:
                number += 1
                incidents[name] = IncidentState(
                    id=f"{known:04d}-{number:04d}", cause=name, incident_class=cause.incident_class, alarms=joined
                )
                events.append(told("incident.opened", Severity.WARNING, cause, incidents[name], now_ms))
        elif not running:
            del incidents[name]
            closed = _aged(open_one, (), dt_ms)
            facts = closed.course.facts()
            events.append(told("incident.closed", Severity.WARNING, cause, closed, now_ms, facts))
        else:
            incidents[name] = _aged(open_one, joined, dt_ms)
    return IncidentBook(incidents=incidents, year=known, number=number), events


def _aged(incident: IncidentState, joined: tuple[str, ...], dt_ms: int) -> IncidentState:
    alarms = tuple(dict.fromkeys((*incident.alarms, *joined)))
    return replace(incident, elapsed_ms=incident.elapsed_ms + dt_ms, alarms=alarms)


def told(
    kind: str, severity: Severity, cause: Cause, incident: IncidentState, now_ms: int,
    facts: Mapping[str, Fact] | None = None,
) -> Event:  # fmt: skip
    """An event about an incident, with its standing facts and more."""
    standing: dict[str, Fact] = {"guidance": cause.guidance} if cause.guidance else {}
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
            **standing,
            **(facts or {}),
        },
    )
