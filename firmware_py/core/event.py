"""A fact worth keeping: what the journal numbers and the central server receives.

The core states the fact; number, boot and wall time are the shell's to add.
"""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from config.valued import dataclass
from firmware_py.core.reading import Value


class Severity(StrEnum):
    """Class of an event: decides syncing and what is dropped first from a full journal."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """`type` is dotted (`power.mains_lost`), `at_ms` monotonic, `data` flat with units in its keys."""

    type: str
    severity: Severity
    at_ms: int
    incident: str | None = None
    drill: bool = False
    data: Mapping[str, Value | tuple[str, ...] | None] = field(default_factory=dict)
