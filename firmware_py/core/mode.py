"""The mode people see, derived from the causes that are active; and a cause's way from active over recovery to idle.

Effects bind to causes, never to the mode word: a fire during an outage keeps outbound paused and the stages shed.
This module must not know devices or outputs.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Mode(IntEnum):
    """One word for people; the highest that any cause asks for."""

    NORMAL = 0
    RECOVERY = 1
    CONSERVATION = 2
    EVACUATION = 3

    @property
    def word(self) -> str:
        """As it appears in messages: `conservation`."""
        return self.name.lower()


class CausePhase(StrEnum):
    """Where a cause is."""

    IDLE = "idle"
    ACTIVE = "active"
    RECOVERING = "recovering"  # ended; stability is awaited and loads come back in order


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why the floor leaves NORMAL. Any of `conditions` starts it; `commandable` lets people start it by hand.

    `stable_ms`: how long the evidence must stay good before the first load returns; `spacing_ms`: between two returns.
    `incident_class`: `technical` or `major` (the two classes of the emergency plans).
    """

    id: str
    mode: Mode
    conditions: tuple[str, ...] = ()
    stable_ms: int = 0
    spacing_ms: int = 0
    commandable: bool = False
    incident_class: str = "technical"
    escalate_ms: tuple[int, ...] = ()  # incident age at which tier 1, 2, 3 is told
    report_every_ms: int = 0  # situation report while the incident is open; 0 = none


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseState:
    """`active_ms` is the controller's own outage clock: it runs on when the devices are dark."""

    phase: CausePhase = CausePhase.IDLE
    active_ms: int = 0
    stable_ms: int = 0  # sound evidence of the end, in a row
    since_return_ms: int = 0  # since the last load came back
    because: tuple[str, ...] = ()
    commanded_by: str = ""  # set while people hold it by hand
