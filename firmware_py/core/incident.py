"""What the management log calls an event: opened by the first alarm of a cause, joined by others, closed on recovery.

Its id is made of the year and a running number. This module must not know files or reports.
"""

from dataclasses import dataclass


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
