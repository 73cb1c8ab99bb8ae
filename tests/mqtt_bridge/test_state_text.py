"""The state that is kept and mended says what the state made from nothing says, whatever comes after whatever."""

from __future__ import annotations

import json
import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_py.core.decision import Decision
from firmware_py.core.image import NOTHING_READ, Course, InputImage, Shared
from firmware_py.core.image import Readings as MadeReadings
from firmware_py.core.point import Kind, Point
from firmware_py.core.reading import Quality, Reading, Reason, Value
from mqtt_bridge import payload
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.state_text import StateText
from tests.mqtt_bridge.floors import POINTS, power_cut, see, utc_text
from tests.mqtt_bridge.test_payload import STAMP, WHO, decisions, ids, readings


def agree(kept: StateText, points: tuple[Point, ...], seen: Snapshot) -> None:
    anew = payload.encode(payload.state(WHO, stamp=STAMP, seq=7, seen=seen, points=points, utc=utc_text))
    mended = kept.encode(WHO, stamp=STAMP, seq=7, seen=seen, utc=utc_text)
    assert json.loads(mended) == json.loads(anew)
    assert len(mended) == len(anew)


# What one second has of the next: mostly the same readings, some new ones.
courses = st.tuples(
    st.dictionaries(ids, readings, min_size=1, max_size=8),
    st.lists(st.tuples(st.dictionaries(ids, readings, max_size=3), decisions, st.booleans()), min_size=1, max_size=5),
)


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(courses)
def test_any_course_of_a_floor_reads_as_if_each_second_were_written_anew(
    course: tuple[dict[str, Reading], list[tuple[dict[str, Reading], Decision, bool]]],
) -> None:
    image, seconds = course
    points = tuple(Point(id=id_, kind=Kind.TEXT, stale_after_ms=1) for id_ in image)
    kept, decision = StateText(points), see().decision
    for changes, other, moved in seconds:
        image = image | {id_: reading for id_, reading in changes.items() if id_ in image}
        decision = other if moved else replace(decision, stage=decision.stage + 1)
        agree(kept, points, Snapshot(image=InputImage(now_ms=0, readings=image), decision=decision))


def test_a_value_that_only_looks_equal_is_told_anew() -> None:
    kept = StateText(POINTS)
    for value in (1, True, 1.0, 1, False, 0):
        seen = see()
        reading = Reading(value=value, quality=Quality.GOOD, at_ms=5)
        image = InputImage(now_ms=5, readings={**seen.image.readings, "room1.temp_c": reading})
        agree(kept, POINTS, replace(seen, image=image))


def test_a_doubtful_value_carries_its_time_as_the_clock_tells_it_now() -> None:
    kept, seen = StateText(POINTS), see()
    doubtful = Reading(value=7, quality=Quality.BAD, at_ms=9, because=Reason.STALE)
    seen = replace(seen, image=InputImage(now_ms=9, readings={**seen.image.readings, "room1.temp_c": doubtful}))
    told = [
        json.loads(kept.encode(WHO, stamp=STAMP, seq=1, seen=seen, utc=lambda _, at=at: at))["room1"]["temp_c"]["t"]  # type: ignore[misc]  # a lambda's default has no type
        for at in ("before", "after")
    ]
    assert told == ["before", "after"]


def test_outputs_and_points_that_come_and_go_are_followed() -> None:
    kept = StateText(POINTS)
    for seen in (see(), power_cut(), replace(see(), image=InputImage(now_ms=3)), see(charge_pct=3)):
        agree(kept, POINTS, seen)


def test_a_floor_that_is_too_large_is_cut_where_it_would_be_anew() -> None:
    points = tuple(Point(id=f"hall{n}.rack.temp_c", kind=Kind.TEXT, stale_after_ms=1) for n in range(2_000))
    kept = StateText(points)
    for length in (200, 60, 199, 1, 200):
        image = {point.id: Reading(value="x" * length, quality=Quality.GOOD, at_ms=0) for point in points}
        agree(kept, points, Snapshot(image=InputImage(now_ms=0, readings=image), decision=see().decision))


def test_a_hundred_seconds_in_which_some_points_move_and_others_rest_read_as_if_each_were_written_anew() -> None:
    """Also over the seconds after which whoever has come to rest is one piece with its neighbours again."""
    ids_ = [f"unit{number}.r{cell}" for number in range(3) for cell in range(8)]
    points = tuple(Point(id=id_, kind=Kind.NUMBER, stale_after_ms=1) for id_ in ids_)
    kept, chance = StateText(points), random.Random(11)
    course, content, words = Course(), dict.fromkeys(ids_, NOTHING_READ), see().decision
    for second in range(400):
        moving = ids_[second // 50 :: 5] if second % 7 else ids_[:1]
        for id_ in moving:
            value: Value = chance.choice([second, second / 7, 2**70, float("inf"), -0.0, 0.0, 0, True, "\u00fc"])
            bad = chance.random() < 0.1
            content = content | {
                id_: Reading(value=value, quality=Quality.BAD, at_ms=second, because=Reason.STALE)
                if bad
                else Reading(value=value, quality=Quality.GOOD, at_ms=second)
            }
            course.names.append(id_)
        readings_ = MadeReadings(content, {}, {}, course, len(course.names))
        agree(kept, points, Snapshot(image=InputImage(now_ms=second, readings=readings_), decision=words))


def test_only_what_moves_is_a_piece_of_its_own() -> None:
    ids_ = [f"unit1.r{cell}" for cell in range(200)]
    points = tuple(Point(id=id_, kind=Kind.NUMBER, stale_after_ms=1) for id_ in ids_)
    kept, course = StateText(points), Course()
    content = {id_: Reading(value=1, quality=Quality.GOOD, at_ms=0) for id_ in ids_}
    for second in range(300):
        content = content | {ids_[5]: Reading(value=second, quality=Quality.GOOD, at_ms=second)}
        course.names.append(ids_[5])
        readings_ = MadeReadings(content, {}, {}, course, len(course.names))
        agree(kept, points, Snapshot(image=InputImage(now_ms=second, readings=readings_), decision=see().decision))
        assert second < 2 or len(kept.rows.parts) == 5, "head, text, what moves, text, end"


def test_what_is_worked_out_anew_each_second_reads_as_if_it_were_written_anew() -> None:
    """Whatever of it stays, only looks equal, or is told with its time; shares that move and those that do not."""
    owned, rest = (
        ("battery.charge_pct", "battery.runtime_s"),
        ("planned.phase", "planned.starts_in_s", "drill.age_days"),
    )
    points = tuple(Point(id=id_, kind=Kind.TEXT, stale_after_ms=1) for id_ in ("read", *owned, *rest))
    kept, chance, course = StateText(points), random.Random(7), Course()
    values: tuple[Value | None, ...] = (None, 1, True, 1.0, 0, False, 0.0, -0.0, "none", "soon", 2**70, float("inf"))
    content = dict.fromkeys((point.id for point in points), NOTHING_READ)
    worked, share = dict[str, Reading](), dict.fromkeys(owned, NOTHING_READ)

    def made(second: int) -> Reading:
        value = chance.choice(values)
        because = Reason.DOUBTFUL if value is None else chance.choice([None, Reason.DOUBTFUL, Reason.STALE])
        quality = Quality.GOOD if because is None else chance.choice([Quality.UNCERTAIN, Quality.BAD])
        return Reading(value=value, quality=quality, at_ms=second, because=because)

    for second in range(600):
        worked = {
            name: made(second) if name not in worked or chance.random() < 0.3 else replace(worked[name], at_ms=second)
            for name in rest
        }
        if chance.random() < 0.2:
            share = dict.fromkeys(owned, made(second))
        if chance.random() < 0.5:
            content = content | {"read": made(second)}
            course.names.append("read")
        derived = Shared(dict.fromkeys(owned, "ups1"), {"ups1": share}, {"ups1": second}, worked)
        readings_ = MadeReadings(content, {}, {}, course, len(course.names), derived)
        agree(kept, points, Snapshot(image=InputImage(now_ms=second, readings=readings_), decision=see().decision))
