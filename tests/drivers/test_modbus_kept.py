"""What was decoded before is decoded again only where cells have changed, and never differs from decoding all anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_decode import Encoding, Form, decode
from drivers.modbus_kept import Kept
from drivers.modbus_plan import Block, Span, Table
from firmware_py.core.reading import Sample

POINTS = (
    ("flag", Encoding(form=Form.BIT, bit=3), Span(Table.HOLDING, 100, 1)),
    ("small", Encoding(form=Form.S16, scale=0.1, sentinels=(7,), low=-20.0, high=80.0), Span(Table.HOLDING, 100, 1)),
    ("word", Encoding(form=Form.U16, words={0: "off", 1: "on"}), Span(Table.HOLDING, 101, 1)),
    ("long", Encoding(form=Form.U32), Span(Table.HOLDING, 102, 2)),
    ("real", Encoding(form=Form.F32), Span(Table.HOLDING, 104, 2)),
    ("elsewhere", Encoding(form=Form.U16), Span(Table.HOLDING, 300, 1)),
)
BLOCK = Block(table=Table.HOLDING, address=100, count=6, wanted=tuple({span: None for _, _, span in POINTS[:-1]}))
cells = st.tuples(*[st.sampled_from((0, 1, 7, 300, 0x7FC0, 65_535))] * 6)


@given(st.lists(cells, min_size=1, max_size=8))
def test_any_course_of_replies_reads_as_if_each_were_decoded_anew(replies: list[tuple[int, ...]]) -> None:
    kept = Kept(BLOCK, POINTS)
    told: dict[str, Sample] = {}
    for reply in replies:
        anew = {id: decode(encoding, reply[span.address - 100 : span.end - 100]) for id, encoding, span in POINTS[:-1]}
        told |= kept.take(reply)
        assert kept.samples == told == anew


def test_an_unchanged_cell_gives_the_very_same_sample_and_a_changed_one_another() -> None:
    kept = Kept(BLOCK, POINTS)
    first = dict(kept.take((1, 1, 0, 5, 0, 0)))
    second = dict(kept.take((1, 0, 0, 5, 0, 0)))
    assert list(second) == ["word"]
    assert second["word"].value == "off"
    assert {id for id in first if kept.samples[id] is first[id]} == first.keys() - {"word"}
    assert not kept.take((1, 0, 0, 5, 0, 0))
