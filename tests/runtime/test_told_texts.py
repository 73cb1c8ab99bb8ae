"""What moved in a group is written as `json.dumps` would write it, and told apart by identity however few are kept."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.decision import Decision
from firmware_py.core.image import Course, InputImage, Readings
from firmware_py.core.mode import Mode
from firmware_py.core.reading import Quality, Reading, Reason, Value
from firmware_py.core.state import State
from firmware_py.runtime import told_texts
from firmware_py.runtime.lines import encode_line
from firmware_py.runtime.recorded import replay
from firmware_py.runtime.recorder import Inputs, Recorder
from firmware_py.runtime.told_texts import Heads, Texts, joined
from tests.faults.disk import FaultyDisk

VALUES: st.SearchStrategy[Value] = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(), st.just(Mode.NORMAL), st.sampled_from((1e16, -0.0, 5e-324))
)
SOUND = st.builds(
    Reading, value=VALUES, quality=st.just(Quality.GOOD), at_ms=st.integers(0, 10), because=st.none(), detail=st.text()
)
UNSOUND = st.builds(
    Reading, value=VALUES, quality=st.just(Quality.BAD), at_ms=st.just(1), because=st.sampled_from(Reason)
)


@given(st.lists(st.lists(st.one_of(SOUND, UNSOUND), max_size=8), max_size=4), st.integers(1, 9), st.data())
def test_what_moved_is_written_byte_for_byte_as_the_long_way_writes_it(
    steps: list[list[Reading]], most: int, data: st.DataObject
) -> None:
    texts, pool = Texts(), [reading for step in steps for reading in step]
    with pytest.MonkeyPatch.context() as few:
        few.setattr(told_texts, "_MOST", most)
        for step in steps:
            readings = [*step, *data.draw(st.lists(st.sampled_from(pool), max_size=20))] if pool else []
            known, odd = texts.of(readings)
            assert odd == [place for place, reading in enumerate(readings) if reading.because is not None]
            places = [place for place in range(len(readings)) if place not in odd]
            told = [part for place in places for part in (place, readings[place].value, readings[place].detail)]
            line = encode_line({"t": 1}, joined([f",{place}," for place in places], [known[place] for place in places]))
            assert line == encode_line({"t": 1, "v": told} if told else {"t": 1})


def test_only_points_that_stand_in_a_group_have_a_number_there() -> None:
    heads = Heads({"a": 0, "b": 17, "c": 2}, {"b": 1, "c": 1})
    assert [heads[name] for name in ("a", "b", "c", "b")] == ["", ",17,", ",2,", ",17,"]


def test_a_point_without_its_text_is_never_left_out_in_silence() -> None:
    with pytest.raises(TypeError):
        joined([",1,", ",2,"], ['5,"raw 5"', None])


def test_readings_that_never_come_again_are_not_kept_for_ever() -> None:
    texts = Texts()
    for turn in range(100):
        texts.of([Reading(value=turn * 100 + n, quality=Quality.GOOD, at_ms=turn) for n in range(100)])
    assert len(texts) < 3_000
    assert json.loads("[" + str(texts.of([Reading(value=1.5, quality=Quality.GOOD, at_ms=1)])[0][0]) + "]") == [1.5, ""]


@pytest.mark.parametrize("alone", [0, 3, 9])  # a few are taken out one by one
def test_what_has_not_its_groups_time_is_told_with_its_own(alone: int) -> None:
    names, sound = [f"p{n}" for n in range(12)], Quality.GOOD
    group_of = {name: 1 if place % 2 else 2 for place, name in enumerate(names[alone:])}  # of 2 no time is known
    disk, course, told = FaultyDisk(), Course(), list[Inputs]()
    recorder, folder = Recorder(disk, Path("inputs")), Path("inputs")
    for now_ms in (10, 20, 30):
        content = {name: Reading(value=now_ms, quality=sound, at_ms=now_ms - 2, detail="raw") for name in names}
        course.names += names
        readings = Readings(content, group_of, {1: now_ms - 1}, course, len(course.names))
        decision = Decision(state=State(), outputs={}, mode=Mode.NORMAL, flags=frozenset(), because=(), stage=0)
        image = InputImage(now_ms=now_ms, readings=readings)
        told.append(Inputs(before=State(), image=image, commands=(), decision=decision))
        recorder.remember(told[-1])
    recorder.flush()
    assert [step.image.readings for step in replay(disk, folder)] == [dict(each.image.readings) for each in told]
