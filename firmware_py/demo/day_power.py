"""The first half of the scripted day: a quiet floor, then a power cut with all that follows, to the last load's return.

Data to read from top to bottom; at this second this happens, then that must follow. It must not know how it is done.
"""

from firmware_py.demo.day_words import (
    ON_BATTERY,
    OTHER_POINTS,
    UPS_POINTS,
    alarm_message,
    fed,
    lamp,
    outbound,
    restored,
    s,
    shed,
    state,
)
from firmware_py.demo.script import (
    Expect,
    Mains,
    ModeIs,
    Order,
    OutputIs,
    PointIs,
    PointsFresh,
    Published,
    Scene,
    Told,
    ToldInOrder,
)

QUIET = (
    Scene(
        at_ms=s(0),
        title="A quiet floor",
        expects=(
            Expect(
                what="every device answers and the mode is NORMAL",
                checks=(ModeIs(mode="normal"), PointsFresh(points=UPS_POINTS + OTHER_POINTS, age_ms=s(5))),
                within_ms=s(15),
            ),
            Expect(what="the CONTROLLER lamp blinks", checks=(lamp("controller", "alive"),), within_ms=s(15)),
            Expect(
                what="the broker has it: online, NORMAL",
                checks=(Published(topic="status", carries={"state": "online"}), state("normal")),
                within_ms=s(15),
            ),
        ),
    ),
)

POWER_CUT = (
    Scene(
        at_ms=s(5),
        title="The mains fails",
        acts=(Mains(on=False),),
        expects=(
            Expect(what="the POWER lamp flashes", checks=(lamp("power", "flash", "first"),), within_ms=s(3)),
            Expect(what="CONSERVATION", checks=(ModeIs(mode="conservation", because=(ON_BATTERY,)),), within_ms=s(7)),
            Expect(what="the exchange pauses outbound calls", checks=outbound(True, ON_BATTERY), within_ms=s(8)),
            Expect(
                what="the beacon turns, the sounder sounds",
                checks=(
                    OutputIs(output="beacon", values=(True,), because=(ON_BATTERY,)),
                    OutputIs(output="sounder", values=("sound_high",)),
                ),
                within_ms=s(7),
            ),
            Expect(
                what="stage 1: displays and pantry are off",
                checks=(shed("power.stage1"), *fed(False, "displays", "pantry")),
                within_ms=s(8),
            ),
            Expect(
                what="the broker has the mode and the alarm",
                checks=(state("conservation", ON_BATTERY), alarm_message("ups1/on_battery", "active_unacked")),
                within_ms=s(9),
            ),
            Expect(
                what="stage 2: the office is off",
                checks=(shed("power.stage2"), *fed(False, "office")),
                within_ms=s(16),
                later=True,
            ),
            Expect(
                what="stage 3, after the others: the desks that place calls are off",
                checks=(
                    ToldInOrder(events=(shed("power.stage1"), shed("power.stage2"), shed("power.stage3"))),
                    *fed(False, "outbound_desks"),
                ),
                within_ms=s(22),
                later=True,
            ),
            Expect(
                what="shedding has bought time: the forecast is beyond 1 h 40 min",
                checks=(PointIs(point="ups1.battery.runtime_s", above=6_000),),
                within_ms=s(26),
                later=True,
            ),
            Expect(
                what="tier 2 is told",
                checks=(Told(type="incident.escalated", data={"cause": "power", "tier": 2}),),
                within_ms=s(28),
                later=True,
            ),
        ),
    ),
    Scene(
        at_ms=s(11),
        title="The duty manager acknowledges",
        acts=(Order(kind="ack"),),
        expects=(
            Expect(
                what="the sounder is silent, the POWER lamp shows conservation",
                checks=(OutputIs(output="sounder", values=(False,)), lamp("power", "conserve")),
                within_ms=s(3),
            ),
        ),
    ),
    Scene(
        at_ms=s(29),
        title="The mains returns",
        after_all=True,
        acts=(Mains(on=True),),
        expects=(
            Expect(what="RECOVERY", checks=(ModeIs(mode="recovery"), lamp("power", "recover")), within_ms=s(8)),
            Expect(
                what="loads come back last first, outbound at the end",
                checks=(
                    ToldInOrder(
                        events=(
                            restored("power.stage3"),
                            restored("power.stage2"),
                            restored("power.stage1"),
                            Told(type="output.changed", data={"output": "outbound_paused", "value": False}),
                        )
                    ),
                    *fed(True, "displays", "pantry", "office", "outbound_desks"),
                    *outbound(False),
                ),
                within_ms=s(25),
            ),
            Expect(
                what="NORMAL, here and at the broker",
                checks=(ModeIs(mode="normal"), state("normal"), alarm_message("ups1/on_battery", "")),
                within_ms=s(27),
            ),
        ),
    ),
)
