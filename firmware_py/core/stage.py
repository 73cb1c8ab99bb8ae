"""Load shedding in ordered steps per cause: shed as far as needed at once, give back one at a time, last shed first.

This module must not know what a load is; a stage names outputs that are to be off.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One step. Shed when its cause is active and `after_ms` has passed, or any of `conditions` holds (whose deadband
    is the separate release value). `dwell_ms`: shortest time shed before it may be restored."""

    id: str
    cause: str
    order: int
    outputs: tuple[str, ...]
    after_ms: int | None = None
    conditions: tuple[str, ...] = ()
    dwell_ms: int = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StageState:
    """`elapsed_ms` since the stage last changed."""

    shed: bool = False
    elapsed_ms: int = 0
    because: tuple[str, ...] = ()
