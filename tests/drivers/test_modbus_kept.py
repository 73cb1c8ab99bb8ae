"""What was decoded before is decoded again only where cells have changed, and never differs from decoding all anew."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_decode import Encoding, Form, decode
from drivers.modbus_kept import Kept
from drivers.modbus_plan import Block, Span, Table
from firmware_py.core.reading import Sample

# Copies of a repeated point have the very same encoding: all that lie so are told alike, or each by itself.
FLAG, SMALL = Encoding(form=Form.BIT, bit=3), Encoding(form=Form.S16, scale=0.1, sentinels=(7,), low=-20.0, high=80.0)
POINTS = (
    ("flag", FLAG, Span(Table.HOLDING, 100, 1)),
    ("flag2", FLAG, Span(Table.HOLDING, 103, 1)),
    ("small", SMALL, Span(Table.HOLDING, 100, 1)),
    ("small2", SMALL, Span(Table.HOLDING, 102, 1)),
    ("word", Encoding(form=Form.U16, words={0: "off", 1: "on"}), Span(Table.HOLDING, 101, 1)),
    ("long", Encoding(form=Form.U32), Span(Table.HOLDING, 102, 2)),
    ("real", Encoding(form=Form.F32), Span(Table.HOLDING, 104, 2)),
    ("elsewhere", Encoding(form=Form.U16), Span(Table.HOLDING, 300, 1)),
)
BLOCK = Block(table=Table.HOLDING, address=100, count=6, wanted=tuple({span: None for _, _, span in POINTS[:-1]}))
BITS = (
    ("one", Encoding(form=Form.BIT, invert=True), Span(Table.COIL, 8, 1)),
    ("any", Encoding(form=Form.ANY_BIT, count=3), Span(Table.COIL, 10, 3)),
    ("two", Encoding(form=Form.BIT), Span(Table.COIL, 11, 1)),
)
COILS = Block(table=Table.COIL, address=8, count=5, wanted=tuple({span: None for _, _, span in BITS}))
cell = st.sampled_from((0, 1, 7, 300, 0x7FC0, 65_535))
# Which cells move in a reply, and to what: often the same ones again, as it is in life.
moves = st.dictionaries(st.integers(0, 5), cell, max_size=3)
USUAL = [{0: 1, 3: 1}, {0: 7, 3: 7}, {0: 300, 3: 300}, {3: 5}, {}]
Reply = dict[int, int]


def follow(kept: Kept, points: tuple[tuple[str, Encoding, Span], ...], address: int, replies: list[list[int]]) -> None:
    told: dict[str, Sample] = {}
    seen: dict[str, Sample] = {}
    for reply in replies:
        anew = {
            id: decode(encoding, reply[span.address - address : span.end - address]) for id, encoding, span in points
        }
        changed = kept.take(tuple(reply))
        assert {id for id in anew if seen.get(id) != anew[id]} <= changed.keys(), "nothing that has moved is left out"
        told, seen = told | changed, anew
        assert dict(kept) == told == anew


@given(st.lists(st.one_of(moves, st.sampled_from(USUAL)), min_size=1, max_size=12))
def test_any_course_of_replies_reads_as_if_each_were_decoded_anew(course: list[Reply]) -> None:
    cells, replies = [0] * 6, list[list[int]]()
    for moved in course:
        for place, value in moved.items():
            cells[place] = value
        replies.append(cells.copy())
    follow(Kept(BLOCK, POINTS), POINTS[:-1], 100, replies)


@given(st.lists(st.lists(st.integers(0, 1), min_size=5, max_size=5), min_size=1, max_size=8))
def test_any_course_of_bits_reads_as_if_each_were_decoded_anew(replies: list[list[int]]) -> None:
    follow(Kept(COILS, BITS), BITS, 8, replies)


def test_a_long_course_of_a_large_block_reads_as_if_each_were_decoded_anew() -> None:
    chance = random.Random(5)
    points = tuple((f"r{n}", Encoding(form=Form.S16, scale=0.1), Span(Table.HOLDING, n, 1)) for n in range(120))
    block = Block(table=Table.HOLDING, address=0, count=125, wanted=tuple(span for _, _, span in points))
    cells, replies = [0] * 125, list[list[int]]()
    for second in range(400):
        usual = range(0, 120, 9) if second < 300 else chance.sample(range(125), 50)
        for place in (*usual, *chance.sample(range(125), second % 97 == 0)):
            cells[place] = chance.randrange(0, 65_536, 199) if second % 5 else 3
        replies.append(cells.copy())
    follow(Kept(block, points), points, 0, replies)


def test_a_value_that_comes_again_is_the_very_same_sample_and_only_so_many_are_kept() -> None:
    kept = Kept(BLOCK, POINTS)
    again = [kept.take((0, 0, 0, value, 1, 1))["long"] for value in (5, 6, 5)]
    assert again[0] is again[2]
    for value in range(2_000):
        kept.take((value, value, 0, value, value, value))
    assert all(len(point.told) <= 256 for point in kept._points)


def test_an_unchanged_cell_gives_the_very_same_sample_and_a_changed_one_another() -> None:
    kept = Kept(BLOCK, POINTS)
    first = dict(kept.take((1, 1, 0, 5, 0, 0)))
    second = dict(kept.take((1, 0, 0, 5, 0, 0)))
    assert list(second) == ["word"]
    assert second["word"].value == "off"
    assert {id for id in first if kept.samples[id] is first[id]} == first.keys() - {"word"}
    assert not kept.take((1, 0, 0, 5, 0, 0))


@given(st.lists(st.one_of(moves, st.sampled_from(USUAL)), min_size=1, max_size=30))
def test_of_points_that_usually_move_together_only_those_are_told_that_have_moved(course: list[Reply]) -> None:
    points = [each for each in POINTS[:-1] if each[0] != "real"]  # words, signs, bits and a long one, some share cells
    kept, cells, seen = Kept(BLOCK, points), [0] * 6, dict[str, Sample]()
    for moved in course:
        for place, value in moved.items():
            cells[place] = value
        anew = {id: decode(encoding, cells[span.address - 100 : span.end - 100]) for id, encoding, span in points}
        told = kept.take(tuple(cells))
        near = {id for id, _, span in points if any(span.address <= place + 100 < span.end for place in moved)}
        assert told.keys() <= near or not seen
        assert {id for id in anew if seen.get(id) != anew[id]} <= told.keys()
        assert all(told[id] == anew[id] for id in told)
        seen = anew
