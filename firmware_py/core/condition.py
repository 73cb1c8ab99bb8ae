"""A named yes or no about the floor, with deadband, delays and a declared answer to "what if we cannot see".

On- and off-delay are the TON and TOF timers of IEC 61131-3. Three-valued: a test that rests on a value that is not
GOOD has no answer, and `when_bad` says what then. This module must not know what a condition leads to.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import assert_never

from firmware_py.core.image import InputImage
from firmware_py.core.check import Test, evaluate, evidence, points_of


class WhenBad(StrEnum):
    """What a condition does while its test has no answer. There is no default: the author must decide."""

    TRIP = "trip"  # as if it were true
    HOLD = "hold"  # stay: enter on evidence, leave only on fresh evidence
    CLEAR = "clear"  # as if it were false


class Phase(StrEnum):
    """Where a condition is between no and yes."""

    CLEAR = "clear"
    PENDING = "pending"  # seen, on-delay or confirmation still running
    ACTIVE = "active"
    CLEARING = "clearing"  # seen to have ended, off-delay running


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """Declared once by a monitor.

    `confirm`: how many readings, each newer than the last cycle, must agree before it may become active; with 2 a
    single bad poll can never trip it.
    """

    id: str
    test: Test
    when_bad: WhenBad
    on_delay_ms: int = 0
    off_delay_ms: int = 0
    confirm: int = 1

    def __post_init__(self) -> None:
        assert self.on_delay_ms >= 0 and self.off_delay_ms >= 0 and self.confirm >= 1, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionState:
    """`elapsed_ms`: time in this phase on sound evidence. `held`: the last look had no answer."""

    phase: Phase = Phase.CLEAR
    elapsed_ms: int = 0
    confirmed: int = 0
    held: bool = True
    evidence: str = ""

    @property
    def holds(self) -> bool:
        """Active, and not yet proven to have ended for long enough."""
        return self.phase in (Phase.ACTIVE, Phase.CLEARING)

    @property
    def seen(self) -> bool:
        """True from the first sound reading on, before any delay: good for a lamp, not for an action that costs."""
        return self.phase is not Phase.CLEAR
