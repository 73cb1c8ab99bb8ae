"""What can be done: outputs, the values or patterns they take, and the picture of all of them.

An output is named by what it does (`beacon`, `outbound_paused`, `lamp.power`), never by a pin.
This module must not know wires, pins or who asked.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from typing import TypeAlias

from config.valued import dataclass


class Pattern(StrEnum):
    """A rhythm that the shell's one flash clock plays; rates after IEC 60073 (see PATTERN_STEPS)."""

    FLASH = "flash"  # 2 Hz: active, unacknowledged
    SLOW = "slow"  # 0.5 Hz: returned unacknowledged, or controller starting
    ALIVE = "alive"  # brief blink every 2 s: steady or dark means dead
    CONSERVE = "conserve"  # two short flashes every 2 s
    MANUAL = "manual"  # three short flashes every 3 s: write calls on paper
    RECOVER = "recover"  # mostly on, short gap every 2 s
    FIRST = "first"  # double blink: active, unacknowledged, and the first among several
    FIRST_SEEN = "first_seen"  # on with two short gaps: the same, acknowledged
    DRILL = "drill"  # four short flashes every 3 s
    SOUND_HIGH = "sound_high"
    SOUND_MEDIUM = "sound_medium"
    SOUND_LOW = "sound_low"


OutputValue: TypeAlias = bool | Pattern
Steps: TypeAlias = Mapping[Pattern, tuple[int, ...]]

# Milliseconds on, off, on, off ... repeated for ever. The sounder's three stay clear of the evacuation signals
# Temporal-3 (500/500 three times, 1500 off), Temporal-4 (100/100 four times, 5000 off) and March (500/500).
PATTERN_STEPS: Steps = {
    Pattern.FLASH: (250, 250),
    Pattern.SLOW: (1000, 1000),
    Pattern.ALIVE: (100, 1900),
    Pattern.CONSERVE: (150, 150, 150, 1550),
    Pattern.MANUAL: (150, 150, 150, 150, 150, 2250),
    Pattern.RECOVER: (1700, 300),
    Pattern.FIRST: (120, 120, 120, 640),
    Pattern.FIRST_SEEN: (1400, 200, 200, 200),
    Pattern.DRILL: (150, 150, 150, 150, 150, 150, 150, 1950),
    Pattern.SOUND_HIGH: (150, 100, 150, 100, 150, 100, 150, 100, 150, 3850),
    Pattern.SOUND_MEDIUM: (200, 200, 200, 200, 200, 14000),
    Pattern.SOUND_LOW: (200, 59800),
}


def level(value: OutputValue, phase_ms: int, steps: Steps = PATTERN_STEPS) -> bool:
    """Whether an output is on at `phase_ms` of the common flash clock (any non-negative number of milliseconds)."""
    if isinstance(value, bool):
        return value
    index, _ = _place(steps[value], phase_ms)
    return index % 2 == 0


def next_edge_ms(value: OutputValue, phase_ms: int, steps: Steps = PATTERN_STEPS) -> int | None:
    """Milliseconds from `phase_ms` until this value's level changes next; None for a steady value."""
    if isinstance(value, bool):
        return None
    _, left_ms = _place(steps[value], phase_ms)
    return left_ms


def _place(steps: tuple[int, ...], phase_ms: int) -> tuple[int, int]:
    """Which step is playing, and how much of it is left."""
    index, into_ms = 0, phase_ms % sum(steps)
    while into_ms >= steps[index]:
        into_ms -= steps[index]
        index += 1
    return index, steps[index] - into_ms


class Priority(IntEnum):
    """Lower wins (BACnet priority array, ASHRAE 135 clause 19.2)."""

    LIFE_SAFETY = 2
    CRITICAL_EQUIPMENT = 5
    MINIMUM_ON_OFF = 6
    MANUAL_OPERATOR = 8
    PROGRAM = 16


class StopValue(StrEnum):
    """What an output is driven to when the controller stops or fails."""

    OFF = "off"
    ON = "on"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One thing that the controller commands.

    `normal`: the value when nobody asks for anything. `min_on_ms`/`min_off_ms`: held against PROGRAM and
    MANUAL_OPERATOR requests (compressors, relays), never against life safety. `lease_ms`: written again at least
    this often, so that a far end that forgot or was restarted follows.
    """

    id: str
    normal: bool = False
    on_stop: StopValue
    on_fault: StopValue
    min_on_ms: int = 0
    min_off_ms: int = 0
    lease_ms: int = 60_000
    shown_only: bool = False

    def __post_init__(self) -> None:
        assert self.min_on_ms >= 0 and self.min_off_ms >= 0 and self.lease_ms > 0, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """What one output is to do now, for whom and why. `because` names conditions or commands, `owners` causes."""

    value: OutputValue
    priority: Priority
    because: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


OutputImage: TypeAlias = Mapping[str, Drive]
