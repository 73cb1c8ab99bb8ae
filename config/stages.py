"""The stages of the power cause as `floorguard plan` counts with them, from the site model or a control socket.

Plain values, so that who gets them over the socket loads no schema. It must not know batteries.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from config.valued import dataclass

if TYPE_CHECKING:
    from config.model_floor import StageEntry

POWER: Final = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStage:
    """A power stage as `plan` needs it; None for a trigger that it does not have."""

    id: str
    order: int
    loads: tuple[str, ...]
    after_ms: int | None
    charge_below_pct: float | None
    runtime_below_ms: int | None
    load_above_pct: float | None
    endurance: bool


def planned_stages(given: "Iterable[StageEntry]") -> list[PlannedStage]:
    """The stages of the power cause, in their order."""
    stages = sorted(given, key=lambda stage: stage.order)
    return [_planned(stage) for stage in stages if stage.cause.value == POWER]


def _planned(stage: "StageEntry") -> PlannedStage:
    return PlannedStage(
        id=stage.id, order=stage.order, loads=stage.loads, after_ms=stage.after_ms,
        charge_below_pct=stage.charge_below_pct, runtime_below_ms=stage.runtime_below_ms,
        load_above_pct=stage.load_above_pct, endurance=stage.endurance,
    )  # fmt: skip
