"""What people have to do after a cause is over: kept open until somebody acknowledges it, then gone.

This module must not know what stands on a list; its lines are keys into the language file.
"""

from collections.abc import Iterator, Mapping

from firmware_py.core.event import Event, Severity
from firmware_py.core.incident import IncidentState
from firmware_py.core.mode import Cause, CausePhase, CauseState

TARGET = "checklist"  # what `ack` names to close all lists


def advance(
    causes: Mapping[str, Cause],
    before: Mapping[str, CauseState],
    now: Mapping[str, CauseState],
    lists: Mapping[str, str],
    incidents: Mapping[str, IncidentState],
) -> Mapping[str, str]:
    """The open lists: those that were, and one for each cause that is over now, under the incident it was."""
    over = {
        name: incidents[name].id if name in incidents else ""
        for name, cause in causes.items()
        if cause.checklist and now[name].phase is CausePhase.IDLE and before[name].phase is not CausePhase.IDLE
    }
    return {**lists, **over} if over else lists


def tell(
    causes: Mapping[str, Cause], before: Mapping[str, str], now: Mapping[str, str], now_ms: int
) -> Iterator[Event]:
    """A list was opened, or people are through with it."""
    for name, cause in causes.items():
        if now.get(name) != before.get(name):
            opened = name in now
            yield Event(
                type="recovery.checklist" if opened else "recovery.checklist_done",
                severity=Severity.WARNING,
                at_ms=now_ms,
                incident=(now.get(name) or before.get(name)) or None,
                data={"cause": name, "items": cause.checklist},
            )
