"""The words of the script: each check says yes only for what it means, and the day keeps to what the site can do."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from config.floor import Floor as CompiledFloor
from config.site import load_site
from firmware_py.core.command import CommandKind
from firmware_py.demo.day import DAY, END_MS
from firmware_py.demo.floor import make_world
from firmware_py.demo.folder import SHIPPED
from firmware_py.demo.script import (
    AlarmIs,
    Check,
    Detector,
    Expect,
    FarEnd,
    ModeIs,
    NotTold,
    Order,
    OutputIs,
    PointIs,
    PointsBad,
    PointsFresh,
    Published,
    Sight,
    Told,
    ToldInOrder,
    Trunks,
    all_hold,
    describe,
    holds,
)
from firmware_py.wiring.building import build_floor


def told(kind: str, **data: Any) -> dict[str, Any]:
    return {"type": kind, "data": data}


SIGHT = Sight(
    picture={
        "mode": "conservation",
        "because": ["ups1.on_battery", "trunks.main.below_minimum"],
        "points": {
            "room1.temp_c": {"value": 27.5, "quality": "good", "reason": None, "age_ms": 400},
            "ups1.output_source": {"value": "battery", "quality": "good", "reason": None, "age_ms": 900},
            "ups1.battery.charge_pct": {"value": 90.0, "quality": "bad", "reason": "stale", "age_ms": 9_000},
            "odd": {"value": 1.0, "quality": "bad", "reason": None, "age_ms": None},
        },
        "outputs": {
            "lamp.power": {"wanted": "flash", "because": ["ups1.on_battery"]},
            "beacon": {"wanted": True, "because": ["ups1.on_battery"]},
            "fan.floor": {"wanted": False, "because": []},
        },
        "alarms": {"ups1.on_battery": {"state": "active_unacked"}},
    },
    events=[told("stage.shed", stage="power.stage1"), told("stage.shed", stage="power.stage2"), told("mode.changed")],
    messages={"state": {"mode": "conservation", "because": ["ups1.on_battery", "x"]}, "alarm/ups1/gone": None},
    far_ends={"fans": True},
)
SHED_1, SHED_2 = (Told(type="stage.shed", data={"stage": f"power.stage{n}"}) for n in (1, 2))


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (ModeIs(mode="conservation"), True),
        (ModeIs(mode="conservation", because=("ups1.on_battery",)), True),
        (ModeIs(mode="conservation", because=("fire.confirmed",)), False),
        (ModeIs(mode="normal"), False),
        (PointIs(point="room1.temp_c", above=27), True),
        (PointIs(point="room1.temp_c", above=27.5), False),
        (PointIs(point="room1.temp_c", below=27.5), False),
        (PointIs(point="room1.temp_c", above=27, below=28), True),
        (PointIs(point="ups1.output_source", value="battery"), True),
        (PointIs(point="ups1.output_source", value="mains"), False),
        (PointIs(point="ups1.output_source", above=1), False),
        (PointIs(point="ups1.battery.charge_pct", above=1), False),
        (PointIs(point="nothing", value=None), False),
        (PointsBad(points=("ups1.battery.charge_pct",)), True),
        (PointsBad(points=("ups1.battery.charge_pct", "room1.temp_c")), False),
        (PointsBad(points=("odd",)), False),
        (PointsFresh(points=("room1.temp_c", "ups1.output_source"), age_ms=900), True),
        (PointsFresh(points=("room1.temp_c", "ups1.output_source"), age_ms=899), False),
        (PointsFresh(points=("ups1.battery.charge_pct",), age_ms=99_000), False),
        (PointsFresh(points=("odd",), age_ms=99_000), False),
        (OutputIs(output="lamp.power", values=("flash", "slow")), True),
        (OutputIs(output="lamp.power", values=(True,)), False),
        (OutputIs(output="beacon", values=(True,), because=("ups1.on_battery",)), True),
        (OutputIs(output="beacon", values=(True,), because=("fire.seen",)), False),
        (OutputIs(output="fan.floor", values=(False,)), True),
        (OutputIs(output="nothing", values=(False,)), False),
        (AlarmIs(alarm="ups1.on_battery", states=("active_unacked",)), True),
        (AlarmIs(alarm="ups1.on_battery", states=("normal",)), False),
        (AlarmIs(alarm="at.rest", states=("normal",)), True),
        (SHED_1, True),
        (Told(type="stage.shed", data={"stage": "power.stage3"}), False),
        (Told(type="stage.restored"), False),
        (ToldInOrder(events=(SHED_1, SHED_2)), True),
        (ToldInOrder(events=(SHED_2, SHED_1)), False),
        (NotTold(types=("fire.seen",)), True),
        (NotTold(types=("fire.seen", "mode.changed")), False),
        (Published(topic="state", carries={"mode": "conservation", "because": ("x",)}), True),
        (Published(topic="state", carries={"mode": "conservation", "because": ("y",)}), False),
        (Published(topic="state", carries={"stage": 1}), False),
        (Published(topic="state", carries=None), False),
        (Published(topic="alarm/ups1/gone", carries=None), True),
        (Published(topic="alarm/ups1/gone", carries={}), False),
        (Published(topic="never/heard", carries=None), True),
        (FarEnd(what="fans", on=True), True),
        (FarEnd(what="fans", on=False), False),
        (FarEnd(what="nothing", on=False), False),
    ],
)
def test_a_check_says_yes_only_for_what_it_means(check: Check, expected: bool) -> None:
    assert holds(check, SIGHT) is expected
    assert describe(check, SIGHT)
    asks_for_nothing = isinstance(check, NotTold) or (isinstance(check, Published) and check.carries is None)
    assert holds(check, Sight(picture={})) is asks_for_nothing  # who has seen nothing knows nothing


def test_an_expectation_holds_only_with_all_its_checks() -> None:
    fans, normal = FarEnd(what="fans", on=True), ModeIs(mode="normal")
    assert all_hold(Expect(what="fans", checks=(fans,), within_ms=1), SIGHT)
    assert not all_hold(Expect(what="both", checks=(fans, normal), within_ms=1), SIGHT)


# ---------------------------------------------------------------------------------------------------- the day itself
@pytest.fixture(scope="module")
def compiled() -> CompiledFloor:
    return build_floor(SHIPPED)[0]


def every_check() -> list[Check]:
    return [check for scene in DAY for expect in scene.expects for check in expect.checks]


def test_the_scenes_follow_one_another_and_the_day_lasts_about_two_minutes() -> None:
    assert all(before.at_ms < after.at_ms for before, after in pairwise(DAY))
    assert DAY[-1].at_ms < END_MS <= 130_000
    assert all(expect.checks and expect.for_ms < expect.within_ms for scene in DAY for expect in scene.expects)


def test_everything_that_the_script_names_exists_on_the_demo_s_floor(compiled: CompiledFloor) -> None:
    plan, world = compiled.plan, make_world(load_site(SHIPPED), haste=1)
    far_ends = {load.name for load in world.loads} | {"outbound gate", "backup route", "fans"}
    for check in every_check():
        match check:
            case PointIs():
                assert check.point in plan.points
            case PointsBad() | PointsFresh():
                assert set(check.points) <= set(plan.points)
            case OutputIs():
                assert check.output in plan.outputs
                assert set(check.because) <= set(plan.conditions)
            case ModeIs():
                assert set(check.because) <= set(plan.conditions)
            case AlarmIs():
                assert check.alarm in plan.alarms
            case Told(type="stage.shed"):
                assert check.data["stage"] in plan.stages
            case FarEnd():
                assert check.what in far_ends
            case _:
                pass
    for act in (act for scene in DAY for act in scene.acts):
        match act:
            case Trunks():
                assert set(act.names) <= set(world.trunks)
            case Detector():
                assert 1 <= act.zone <= len(world.zones)
            case Order():
                assert act.kind in set(CommandKind)
            case _:
                pass


def test_all_stages_and_all_rows_of_the_panel_play_their_part(compiled: CompiledFloor) -> None:
    orders = [check.events for check in every_check() if isinstance(check, ToldInOrder)]
    events = [event for events in orders for event in events] + [c for c in every_check() if isinstance(c, Told)]
    shed = {event.data["stage"] for event in events if event.type == "stage.shed"}
    assert shed == set(compiled.plan.stages)
    lit = {
        c.output for c in every_check() if isinstance(c, OutputIs) and c.output.startswith("lamp.") and any(c.values)
    }
    assert lit == {f"lamp.{row}" for row in ("power", "phones", "cooling", "fire", "controller")}
