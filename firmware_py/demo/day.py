"""The scripted day of the demo, as data to read from top to bottom: at this second this happens, then that must follow.

The times of config/sites/demo.toml stand behind the limits here. It must not know how any of it is done or seen.
"""

from collections.abc import Mapping
from typing import Final

from firmware_py.demo.script import (
    AlarmIs,
    Check,
    Cooling,
    Detector,
    Expect,
    FarEnd,
    Json,
    Mains,
    ModeIs,
    NotTold,
    Order,
    OutputIs,
    PanelReset,
    PointIs,
    PointsBad,
    PointsFresh,
    Published,
    Scene,
    Told,
    ToldInOrder,
    Trunks,
    UpsCard,
)

ON_BATTERY: Final = "ups1.on_battery"
LINES_DOWN: Final = "trunks.main.below_minimum"
BURNING: Final = "fire1.zone3.burning"
UPS_POINTS: Final = ("ups1.output_source", "ups1.battery.charge_pct")
OTHER_POINTS: Final = ("trunks.main1.state", "hvac1.fault", "room1.temp_c", "fire1.zone1.fire")


def _s(seconds: float) -> int:
    return round(seconds * 1000)


def _lamp(row: str, *values: Json) -> OutputIs:
    return OutputIs(output=f"lamp.{row}", values=values)


def _outbound(paused: bool, *because: str) -> tuple[Check, ...]:
    told = OutputIs(output="outbound_paused", values=(paused,), because=because)
    return told, FarEnd(what="outbound gate", on=paused)


def _fed(on: bool, *loads: str) -> tuple[Check, ...]:
    return tuple(FarEnd(what=load, on=on) for load in loads)


def _state(mode: str, *because: str) -> Published:
    carries: Mapping[str, Json] = {"mode": mode, "because": because} if because else {"mode": mode}
    return Published(topic="state", carries=carries)


def _alarm_message(alarm: str, state: str) -> Published:
    return Published(topic=f"alarm/{alarm}", carries={"state": state} if state else None)


def _restored(stage: str) -> Told:
    return Told(type="stage.restored", data={"stage": stage})


QUIET = (
    Scene(
        at_ms=_s(0),
        title="A quiet floor",
        expects=(
            Expect(
                what="every device answers and the mode is NORMAL",
                checks=(ModeIs(mode="normal"), PointsFresh(points=UPS_POINTS + OTHER_POINTS, age_ms=_s(5))),
                within_ms=_s(15),
            ),
            Expect(what="the CONTROLLER lamp blinks", checks=(_lamp("controller", "alive"),), within_ms=_s(15)),
            Expect(
                what="the broker has it: online, NORMAL",
                checks=(Published(topic="status", carries={"state": "online"}), _state("normal")),
                within_ms=_s(15),
            ),
        ),
    ),
)

POWER_CUT = (
    Scene(
        at_ms=_s(5),
        title="The mains fails",
        acts=(Mains(on=False),),
        expects=(
            Expect(what="the POWER lamp flashes", checks=(_lamp("power", "flash"),), within_ms=_s(3)),
            Expect(what="CONSERVATION", checks=(ModeIs(mode="conservation", because=(ON_BATTERY,)),), within_ms=_s(7)),
            Expect(what="the exchange pauses outbound calls", checks=_outbound(True, ON_BATTERY), within_ms=_s(8)),
            Expect(
                what="the beacon turns, the sounder sounds",
                checks=(
                    OutputIs(output="beacon", values=(True,), because=(ON_BATTERY,)),
                    OutputIs(output="sounder", values=("sound_high",)),
                ),
                within_ms=_s(7),
            ),
            Expect(
                what="stage 1: displays and pantry are off",
                checks=(Told(type="stage.shed", data={"stage": "power.stage1"}), *_fed(False, "displays", "pantry")),
                within_ms=_s(8),
            ),
            Expect(
                what="the broker has the mode and the alarm",
                checks=(_state("conservation", ON_BATTERY), _alarm_message("ups1/on_battery", "active_unacked")),
                within_ms=_s(9),
            ),
        ),
    ),
    Scene(
        at_ms=_s(11),
        title="The duty manager acknowledges",
        acts=(Order(kind="ack"),),
        expects=(
            Expect(
                what="the sounder is silent, the POWER lamp shows conservation",
                checks=(OutputIs(output="sounder", values=(False,)), _lamp("power", "conserve")),
                within_ms=_s(3),
            ),
            Expect(
                what="stage 2: the office is off",
                checks=(Told(type="stage.shed", data={"stage": "power.stage2"}), *_fed(False, "office")),
                within_ms=_s(10),
            ),
            Expect(
                what="stage 3: the desks that place calls are off",
                checks=(Told(type="stage.shed", data={"stage": "power.stage3"}), *_fed(False, "outbound_desks")),
                within_ms=_s(16),
            ),
            Expect(
                what="shedding has bought time: the forecast is beyond 1 h 40 min",
                checks=(PointIs(point="ups1.battery.runtime_s", above=6_000),),
                within_ms=_s(20),
            ),
            Expect(
                what="tier 2 is told",
                checks=(Told(type="incident.escalated", data={"cause": "power", "tier": 2}),),
                within_ms=_s(22),
            ),
        ),
    ),
    Scene(
        at_ms=_s(29),
        title="The mains returns",
        acts=(Mains(on=True),),
        expects=(
            Expect(what="RECOVERY", checks=(ModeIs(mode="recovery"), _lamp("power", "recover")), within_ms=_s(8)),
            Expect(
                what="loads come back last first, outbound at the end",
                checks=(
                    ToldInOrder(
                        events=(
                            _restored("power.stage3"),
                            _restored("power.stage2"),
                            _restored("power.stage1"),
                            Told(type="output.changed", data={"output": "outbound_paused", "value": False}),
                        )
                    ),
                    *_fed(True, "displays", "pantry", "office", "outbound_desks"),
                    *_outbound(False),
                ),
                within_ms=_s(25),
            ),
            Expect(
                what="NORMAL, here and at the broker",
                checks=(ModeIs(mode="normal"), _state("normal"), _alarm_message("ups1/on_battery", "")),
                within_ms=_s(27),
            ),
        ),
    ),
)

LINES = (
    Scene(
        at_ms=_s(47),
        title="Two of three main lines fail",
        acts=(Trunks(names=("main1", "main2"), up=False),),
        expects=(
            Expect(what="the PHONES lamp flashes", checks=(_lamp("phones", "flash"),), within_ms=_s(4)),
            Expect(
                what="CONSERVATION for the phones: what is left is for people who call in",
                checks=(ModeIs(mode="conservation", because=(LINES_DOWN,)), *_outbound(True, LINES_DOWN)),
                within_ms=_s(8),
            ),
            Expect(
                what="calls go over the backup lines",
                checks=(
                    OutputIs(output="trunk_backup", values=(True,)),
                    FarEnd(what="backup route", on=True),
                    PointIs(point="trunks.backup1.calls", above=0),
                ),
                within_ms=_s(10),
            ),
            Expect(
                what="stage 1 of the phones: the displays are off, the pantry is not",
                checks=(
                    Told(type="stage.shed", data={"stage": "trunk.stage1"}),
                    *_fed(False, "displays"),
                    *_fed(True, "pantry"),
                ),
                within_ms=_s(12),
            ),
            Expect(what="the broker has it", checks=(_state("conservation", LINES_DOWN),), within_ms=_s(9)),
        ),
    ),
    Scene(
        at_ms=_s(58),
        title="The lines are back, somebody acknowledges",
        acts=(Trunks(names=("main1", "main2"), up=True), Order(kind="ack")),
        expects=(
            Expect(
                what="the displays come back, then outbound",
                checks=(
                    ToldInOrder(
                        events=(
                            _restored("trunk.stage1"),
                            Told(type="output.changed", data={"output": "outbound_paused", "value": False}),
                        )
                    ),
                    ModeIs(mode="normal"),
                    *_fed(True, "displays"),
                    *_outbound(False),
                ),
                within_ms=_s(25),
            ),
            Expect(
                what="the backup route ends after the lines have been sound for long enough",
                checks=(OutputIs(output="trunk_backup", values=(False,)), FarEnd(what="backup route", on=False)),
                within_ms=_s(25),
            ),
        ),
    ),
)

COOLING = (
    Scene(
        at_ms=_s(73),
        title="The air conditioner fails",
        acts=(Cooling(works=False),),
        expects=(
            Expect(
                what="the COOLING lamp flashes, the fans run",
                checks=(
                    AlarmIs(alarm="hvac1.failed", states=("active_unacked",)),
                    _lamp("cooling", "flash"),
                    OutputIs(output="fan.floor", values=(True,), because=("hvac1.failed",)),
                    FarEnd(what="fans", on=True),
                ),
                within_ms=_s(9),
            ),
            Expect(
                what="the room warms beyond 27 C",
                checks=(
                    PointIs(point="room1.temp_c", above=27),
                    AlarmIs(alarm="room1.warm", states=("active_unacked",)),
                ),
                within_ms=_s(24),
            ),
            Expect(what="no reason to conserve", checks=(ModeIs(mode="normal"),), within_ms=_s(6), for_ms=_s(3)),
        ),
    ),
    Scene(
        at_ms=_s(88),
        title="The air conditioner works again, somebody acknowledges",
        acts=(Cooling(works=True), Order(kind="ack")),
        expects=(
            Expect(
                what="the fans stop",
                checks=(OutputIs(output="fan.floor", values=(False,)), FarEnd(what="fans", on=False)),
                within_ms=_s(9),
            ),
            Expect(
                what="the room cools down and its alarm is gone",
                checks=(
                    PointIs(point="room1.temp_c", below=26),
                    AlarmIs(alarm="room1.warm", states=("normal",)),
                    _lamp("cooling", False),
                ),
                within_ms=_s(20),
                later=True,
            ),
        ),
    ),
)

FIRE = (
    Scene(
        at_ms=_s(94),
        title="The UPS's network card falls silent",
        acts=(UpsCard(silent=True),),
        expects=(
            Expect(what="its values go BAD with a reason", checks=(PointsBad(points=UPS_POINTS),), within_ms=_s(9)),
            Expect(
                what="all others keep their rhythm, nothing is concluded about the mains",
                checks=(
                    PointsFresh(points=OTHER_POINTS, age_ms=_s(3)),
                    AlarmIs(alarm=ON_BATTERY, states=("normal",)),
                ),
                within_ms=_s(15),
                for_ms=_s(5),
                later=True,
            ),
            Expect(
                what="after a while people are told",
                checks=(AlarmIs(alarm="ups1.unreachable", states=("active_unacked", "active_acked")),),
                within_ms=_s(25),
                later=True,
            ),
        ),
    ),
    Scene(
        at_ms=_s(97),
        title="A detector is tried in zone 2, which is in walk test",
        acts=(Detector(zone=2, walk_test=True, fire=True),),
        expects=(
            Expect(
                what="it goes to the log",
                checks=(Told(type="fire.zone_tried", data={"condition": "fire1.zone2.tried"}),),
                within_ms=_s(4),
            ),
            Expect(
                what="and nowhere else: no beacon, no evacuation",
                checks=(
                    ModeIs(mode="normal"),
                    OutputIs(output="beacon", values=(False,)),
                    NotTold(types=("fire.seen", "fire.confirmed")),
                ),
                within_ms=_s(5),
                for_ms=_s(2),
            ),
        ),
    ),
    Scene(
        at_ms=_s(101),
        title="The walk test ends",
        acts=(Detector(zone=2, walk_test=False, fire=False),),
        expects=(
            Expect(
                what="the zone is normal",
                checks=(
                    PointIs(point="fire1.zone2.walk_test", value=False),
                    AlarmIs(alarm="fire1.zone2.in_test", states=("normal", "returned_unacked")),
                ),
                within_ms=_s(6),
            ),
        ),
    ),
    Scene(
        at_ms=_s(103),
        title="FIRE in zone 3",
        acts=(Detector(zone=3, fire=True),),
        expects=(
            Expect(
                what="the FIRE lamp flashes and the beacon turns at the first reading",
                checks=(_lamp("fire", "flash"), OutputIs(output="beacon", values=(True,)), Told(type="fire.seen")),
                within_ms=_s(3),
            ),
            Expect(
                what="EVACUATION, confirmed by a second reading",
                checks=(ModeIs(mode="evacuation", because=("fire.confirmed",)),),
                within_ms=_s(5),
            ),
            Expect(
                what="what is to be off in a fire is off; no fan starts, our sounder leaves it to the panel's",
                checks=(
                    *_fed(False, "pantry"),
                    FarEnd(what="fans", on=False),
                    OutputIs(output="sounder", values=(False,)),
                ),
                within_ms=_s(7),
            ),
            Expect(
                what="the broker has the fire",
                checks=(
                    _state("evacuation", "fire.confirmed"),
                    _alarm_message("fire1/zone3_burning", "active_unacked"),
                ),
                within_ms=_s(8),
            ),
        ),
    ),
    Scene(
        at_ms=_s(110),
        title="The fire is out, the panel is reset",
        acts=(PanelReset(),),
        expects=(
            Expect(
                what="over, but it stays on the lamp until a person has seen it",
                checks=(
                    Told(type="fire.over"),
                    AlarmIs(alarm=BURNING, states=("returned_unacked",)),
                    _lamp("fire", "slow"),
                ),
                within_ms=_s(8),
            ),
        ),
    ),
    Scene(
        at_ms=_s(114),
        title="The operator acknowledges and resets",
        after_all=True,
        acts=(Order(kind="ack"), Order(kind="reset", target=BURNING)),
        expects=(
            Expect(
                what="the FIRE lamp is dark, NORMAL, the pantry has power",
                checks=(
                    AlarmIs(alarm=BURNING, states=("normal",)),
                    _lamp("fire", False),
                    ModeIs(mode="normal"),
                    *_fed(True, "pantry"),
                ),
                within_ms=_s(6),
            ),
        ),
    ),
)

EVENING = (
    Scene(
        at_ms=_s(118),
        title="The UPS's card speaks again",
        acts=(UpsCard(silent=False),),
        expects=(
            Expect(
                what="its values are GOOD again, its alarm has ended",
                checks=(
                    PointsFresh(points=UPS_POINTS, age_ms=_s(5)),
                    AlarmIs(alarm="ups1.unreachable", states=("normal",)),
                ),
                within_ms=_s(20),
            ),
            Expect(
                what="a quiet floor: all lamps are dark but one, here and at the broker all is NORMAL",
                checks=(
                    ModeIs(mode="normal"),
                    *(_lamp(row, False) for row in ("power", "phones", "cooling", "fire", "link")),
                    _lamp("controller", "alive"),
                    _state("normal"),
                ),
                within_ms=_s(22),
            ),
        ),
    ),
)

DAY: Final[tuple[Scene, ...]] = QUIET + POWER_CUT + LINES + COOLING + FIRE + EVENING
END_MS: Final = _s(124)
