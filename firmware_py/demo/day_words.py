"""The short forms in which the day is written: ids of the demo's floor, and the checks that come again and again.

Pure. It must not know what happens when.
"""

from collections.abc import Mapping
from typing import Final

from firmware_py.demo.script import Check, FarEnd, Json, OutputIs, Published, Told

ON_BATTERY: Final = "ups1.on_battery"
LINES_DOWN: Final = "trunks.main.below_minimum"
BURNING: Final = "fire1.zone3.burning"
UPS_POINTS: Final = ("ups1.output_source", "ups1.battery.charge_pct")
OTHER_POINTS: Final = ("trunks.main1.state", "hvac1.fault", "room1.temp_c", "fire1.zone1.fire")


def s(seconds: float) -> int:
    """Seconds as milliseconds."""
    return round(seconds * 1000)


def lamp(row: str, *values: Json) -> OutputIs:
    """The lamp of a row shows one of these."""
    return OutputIs(output=f"lamp.{row}", values=values)


def outbound(paused: bool, *because: str) -> tuple[Check, ...]:
    """Outbound calls are paused or not, here and in the exchange."""
    told = OutputIs(output="outbound_paused", values=(paused,), because=because)
    return told, FarEnd(what="outbound gate", on=paused)


def fed(on: bool, *loads: str) -> tuple[Check, ...]:
    """The relay board feeds these loads or does not."""
    return tuple(FarEnd(what=load, on=on) for load in loads)


def state(mode: str, *because: str) -> Published:
    """The broker's picture of the floor has this mode."""
    carries: Mapping[str, Json] = {"mode": mode, "because": because} if because else {"mode": mode}
    return Published(topic="state", carries=carries)


def alarm_message(alarm: str, state: str) -> Published:
    """The broker has this alarm in this state; "": it has none."""
    return Published(topic=f"alarm/{alarm}", carries={"state": state} if state else None)


def shed(stage: str) -> Told:
    """A stage was shed."""
    return Told(type="stage.shed", data={"stage": stage})


def restored(stage: str) -> Told:
    """A stage was restored."""
    return Told(type="stage.restored", data={"stage": stage})
