"""The second half of the scripted day: lines, air conditioning, a silent UPS, a walk test, a fire, and the evening.

Data to read from top to bottom; at this second this happens, then that must follow. It must not know how it is done.
"""

from firmware_py.demo.day_words import (
    BURNING,
    LINES_DOWN,
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
    AlarmIs,
    Cooling,
    Detector,
    Expect,
    FarEnd,
    ModeIs,
    NotTold,
    Order,
    OutputIs,
    PanelReset,
    PointIs,
    PointsBad,
    PointsFresh,
    Scene,
    Told,
    ToldInOrder,
    Trunks,
    UpsCard,
)

LINES = (
    Scene(
        at_ms=s(47),
        title="Two of three main lines fail",
        acts=(Trunks(names=("main1", "main2"), up=False),),
        expects=(
            Expect(what="the PHONES lamp flashes", checks=(lamp("phones", "flash", "first"),), within_ms=s(4)),
            Expect(
                what="CONSERVATION for the phones: what is left is for people who call in",
                checks=(ModeIs(mode="conservation", because=(LINES_DOWN,)), *outbound(True, LINES_DOWN)),
                within_ms=s(8),
            ),
            Expect(
                what="calls go over the backup lines",
                checks=(
                    OutputIs(output="trunk_backup", values=(True,)),
                    FarEnd(what="backup route", on=True),
                    PointIs(point="trunks.backup1.calls", above=0),
                ),
                within_ms=s(10),
            ),
            Expect(
                what="stage 1 of the phones: the displays are off, the pantry is not",
                checks=(
                    shed("trunk.stage1"),
                    *fed(False, "displays"),
                    *fed(True, "pantry"),
                ),
                within_ms=s(12),
            ),
            Expect(what="the broker has it", checks=(state("conservation", LINES_DOWN),), within_ms=s(9)),
        ),
    ),
    Scene(
        at_ms=s(58),
        title="The lines are back, somebody acknowledges",
        acts=(Trunks(names=("main1", "main2"), up=True), Order(kind="ack")),
        expects=(
            Expect(
                what="the displays come back, then outbound",
                checks=(
                    ToldInOrder(
                        events=(
                            restored("trunk.stage1"),
                            Told(type="output.changed", data={"output": "outbound_paused", "value": False}),
                        )
                    ),
                    ModeIs(mode="normal"),
                    *fed(True, "displays"),
                    *outbound(False),
                ),
                within_ms=s(25),
            ),
            Expect(
                what="the backup route ends after the lines have been sound for long enough",
                checks=(OutputIs(output="trunk_backup", values=(False,)), FarEnd(what="backup route", on=False)),
                within_ms=s(25),
            ),
        ),
    ),
)

COOLING = (
    Scene(
        at_ms=s(73),
        title="The air conditioner fails",
        acts=(Cooling(works=False),),
        expects=(
            Expect(
                what="the COOLING lamp flashes, the fans run",
                checks=(
                    AlarmIs(alarm="hvac1.failed", states=("active_unacked",)),
                    lamp("cooling", "flash", "first"),
                    OutputIs(output="fan.floor", values=(True,), because=("hvac1.failed",)),
                    FarEnd(what="fans", on=True),
                ),
                within_ms=s(9),
            ),
            Expect(
                what="the room warms beyond 27 C",
                checks=(
                    PointIs(point="room1.temp_c", above=27),
                    AlarmIs(alarm="room1.warm", states=("active_unacked",)),
                ),
                within_ms=s(24),
            ),
            Expect(what="no reason to conserve", checks=(ModeIs(mode="normal"),), within_ms=s(6), for_ms=s(3)),
        ),
    ),
    Scene(
        at_ms=s(88),
        title="The air conditioner works again, somebody acknowledges",
        acts=(Cooling(works=True), Order(kind="ack")),
        expects=(
            Expect(
                what="the fans stop",
                checks=(OutputIs(output="fan.floor", values=(False,)), FarEnd(what="fans", on=False)),
                within_ms=s(9),
            ),
            Expect(
                what="the room cools down and its alarm is gone",
                checks=(
                    PointIs(point="room1.temp_c", below=26),
                    AlarmIs(alarm="room1.warm", states=("normal",)),
                    lamp("cooling", False),
                ),
                within_ms=s(20),
                later=True,
            ),
        ),
    ),
)

FIRE = (
    Scene(
        at_ms=s(94),
        title="The UPS's network card falls silent",
        acts=(UpsCard(silent=True),),
        expects=(
            Expect(what="its values go BAD with a reason", checks=(PointsBad(points=UPS_POINTS),), within_ms=s(9)),
            Expect(
                what="all others keep their rhythm, nothing is concluded about the mains",
                checks=(
                    PointsFresh(points=OTHER_POINTS, age_ms=s(3)),
                    AlarmIs(alarm=ON_BATTERY, states=("normal",)),
                ),
                within_ms=s(15),
                for_ms=s(5),
                later=True,
            ),
            Expect(
                what="after a while people are told",
                checks=(AlarmIs(alarm="ups1.unreachable", states=("active_unacked", "active_acked")),),
                within_ms=s(25),
                later=True,
            ),
        ),
    ),
    Scene(
        at_ms=s(97),
        title="A detector is tried in zone 2, which is in walk test",
        acts=(Detector(zone=2, walk_test=True, fire=True),),
        expects=(
            Expect(
                what="it goes to the log",
                checks=(Told(type="fire.zone_tried", data={"condition": "fire1.zone2.tried"}),),
                within_ms=s(4),
            ),
            Expect(
                what="and nowhere else: no beacon, no evacuation",
                checks=(
                    ModeIs(mode="normal"),
                    OutputIs(output="beacon", values=(False,)),
                    NotTold(types=("fire.seen", "fire.confirmed")),
                ),
                within_ms=s(5),
                for_ms=s(2),
            ),
        ),
    ),
    Scene(
        at_ms=s(101),
        title="The walk test ends",
        acts=(Detector(zone=2, walk_test=False, fire=False),),
        expects=(
            Expect(
                what="the zone is normal",
                checks=(
                    PointIs(point="fire1.zone2.walk_test", value=False),
                    AlarmIs(alarm="fire1.zone2.in_test", states=("normal", "returned_unacked")),
                ),
                within_ms=s(6),
            ),
        ),
    ),
    Scene(
        at_ms=s(103),
        title="FIRE in zone 3",
        acts=(Detector(zone=3, fire=True),),
        expects=(
            Expect(
                what="the FIRE lamp flashes and the beacon turns at the first reading",
                checks=(
                    lamp("fire", "flash", "first"),
                    OutputIs(output="beacon", values=(True,)),
                    Told(type="fire.seen"),
                ),
                within_ms=s(3),
            ),
            Expect(
                what="EVACUATION, confirmed by a second reading",
                checks=(ModeIs(mode="evacuation", because=("fire.confirmed",)),),
                within_ms=s(5),
            ),
            Expect(
                what="what is to be off in a fire is off; no fan starts, our sounder leaves it to the panel's",
                checks=(
                    *fed(False, "pantry"),
                    FarEnd(what="fans", on=False),
                    OutputIs(output="sounder", values=(False,)),
                ),
                within_ms=s(7),
            ),
            Expect(
                what="the broker has the fire",
                checks=(
                    state("evacuation", "fire.confirmed"),
                    alarm_message("fire1/zone3_burning", "active_unacked"),
                ),
                within_ms=s(8),
            ),
        ),
    ),
    Scene(
        at_ms=s(110),
        title="The fire is out, the panel is reset",
        acts=(PanelReset(),),
        expects=(
            Expect(
                what="over, but it stays on the lamp until a person has seen it",
                checks=(
                    Told(type="fire.over"),
                    AlarmIs(alarm=BURNING, states=("returned_unacked",)),
                    lamp("fire", "slow"),
                ),
                within_ms=s(8),
            ),
        ),
    ),
    Scene(
        at_ms=s(114),
        title="The operator acknowledges and resets",
        after_all=True,
        acts=(Order(kind="ack"), Order(kind="reset", target=BURNING)),
        expects=(
            Expect(
                what="the FIRE lamp is dark, NORMAL, the pantry has power",
                checks=(
                    AlarmIs(alarm=BURNING, states=("normal",)),
                    lamp("fire", False),
                    ModeIs(mode="normal"),
                    *fed(True, "pantry"),
                ),
                within_ms=s(6),
            ),
        ),
    ),
)

EVENING = (
    Scene(
        at_ms=s(118),
        title="The UPS's card speaks again",
        acts=(UpsCard(silent=False),),
        expects=(
            Expect(
                what="its values are GOOD again, its alarm has ended",
                checks=(
                    PointsFresh(points=UPS_POINTS, age_ms=s(5)),
                    AlarmIs(alarm="ups1.unreachable", states=("normal",)),
                ),
                within_ms=s(20),
            ),
            Expect(
                what="a quiet floor: all lamps are dark but one, here and at the broker all is NORMAL",
                checks=(
                    ModeIs(mode="normal"),
                    *(lamp(row, False) for row in ("power", "phones", "cooling", "fire", "link")),
                    lamp("controller", "alive"),
                    state("normal"),
                ),
                within_ms=s(22),
            ),
        ),
    ),
)
