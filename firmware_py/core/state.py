"""All the memory the controller has: it can be saved, compared, restored after a reboot, and replayed.

Durations are elapsed or remaining, never absolute stamps, for those restart at boot; `stepped_ms` is the one exception and
is dropped when the boot is another. This module must not know files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from firmware_py.core.alarm import AlarmState
from firmware_py.core.condition import ConditionState
from firmware_py.core.incident import IncidentState
from firmware_py.core.mode import CauseState
from firmware_py.core.output import Drive, OutputValue
from firmware_py.core.stage import StageState


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputState:
    """What an output was last told, and for how long it has been on or off that way."""

    drive: Drive
    elapsed_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A person's hand on an output. `left_ms` None: until released."""

    value: OutputValue
    by: str
    command: str
    left_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything by id, so that a changed configuration keeps what still exists.

    `stepped_ms`: the monotonic time of the last step, None after a restore in another boot. `paused_by`: who paused outbound by
    hand, empty if nobody. `fire_confirmed_by`: who confirmed the fire. `lamp_test_ms`: what is left of a lamp test.
    """

    stepped_ms: int | None = None
    conditions: Mapping[str, ConditionState] = field(default_factory=dict)
    alarms: Mapping[str, AlarmState] = field(default_factory=dict)
    causes: Mapping[str, CauseState] = field(default_factory=dict)
    stages: Mapping[str, StageState] = field(default_factory=dict)
    incidents: Mapping[str, IncidentState] = field(default_factory=dict)
    outputs: Mapping[str, OutputState] = field(default_factory=dict)
    overrides: Mapping[str, Override] = field(default_factory=dict)
    paused_by: str = ""
    fire_confirmed_by: str = ""
    lamp_test_ms: int = 0
    incident_year: int = 0
    incident_number: int = 0
