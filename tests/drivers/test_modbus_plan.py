"""Merging reads: every wanted cell exactly once, nothing beyond the limits, whatever the points and the limits are."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.modbus_plan import Block, Limits, Span, Table, plan, split

spans = st.builds(Span, st.sampled_from(Table), st.integers(0, 300), st.integers(1, 4))
limits = st.builds(
    Limits, max_registers=st.integers(8, 125), max_bits=st.integers(8, 300), max_gap=st.integers(0, 20),
)  # fmt: skip


def cells(wanted: list[Span]) -> set[tuple[Table, int]]:
    return {(span.table, address) for span in wanted for address in range(span.address, span.end)}


def united_widths(wanted: list[Span]) -> int:
    """The widest run of overlapping spans: what can never be cut."""
    widest, end, start, table = 0, -1, 0, None
    for span in sorted(wanted, key=lambda each: (each.table.value, each.address)):
        if span.table is table and span.address < end:
            end = max(end, span.end)
        else:
            table, start, end = span.table, span.address, span.end
        widest = max(widest, end - start)
    return widest


@given(wanted=st.lists(spans, max_size=60), limit=limits)
def test_every_wanted_cell_is_read_exactly_once_and_no_block_breaks_a_limit(wanted: list[Span], limit: Limits) -> None:
    if united_widths(wanted) > 8:
        return
    blocks = plan(wanted, limit)
    read = Counter((block.table, a) for block in blocks for a in range(block.address, block.end))
    assert all(read[cell] == 1 for cell in cells(wanted))
    assert max(read.values(), default=1) == 1
    for block in blocks:
        assert block.count <= limit.most(block.table)
        asked = cells(list(block.wanted))
        holes = [(block.table, a) in asked for a in range(block.address, block.end)]
        longest = max((len(run) for run in "".join("x" if hole else "." for hole in holes).split("x")), default=0)
        assert longest <= limit.gap(block.table)
        assert holes[0]
        assert holes[-1]


def one_by_one(wanted: list[Span], limit: Limits) -> list[Block]:
    """Each span joined to the block before, where the two together break no limit."""
    blocks = list[Block]()
    for span in plan_of_each(wanted, limit):
        last = blocks[-1] if blocks else None
        if (
            last is not None
            and last.table is span.table
            and span.address - last.end <= limit.gap(span.table)
            and span.end - last.address <= limit.most(span.table)
        ):
            kept = (*last.wanted, span)
            blocks[-1] = Block(table=span.table, address=last.address, count=span.end - last.address, wanted=kept)
        else:
            blocks.append(Block(table=span.table, address=span.address, count=span.count, wanted=(span,)))
    return blocks


def plan_of_each(wanted: list[Span], limit: Limits) -> list[Span]:
    """The spans, those that overlap as one, in their order."""
    alone = Limits(max_registers=limit.max_registers, max_bits=limit.max_bits, max_gap=-1)
    return [span for block in plan(wanted, alone) for span in block.wanted]


@given(wanted=st.lists(spans, max_size=60), limit=limits)
def test_blocks_are_what_joining_one_span_after_the_other_gives(wanted: list[Span], limit: Limits) -> None:
    if united_widths(wanted) <= 8:
        assert list(plan(wanted, limit)) == one_by_one(wanted, limit)


@given(wanted=st.lists(spans, min_size=1, max_size=40), limit=limits)
def test_splitting_to_the_end_still_brings_every_wanted_cell_and_always_ends(wanted: list[Span], limit: Limits) -> None:
    if united_widths(wanted) > 8:
        return
    waiting, single = list(plan(wanted, limit)), list[Block]()
    while waiting:
        block = waiting.pop()
        parts = split(block)
        assert all(part.count < block.count for part in parts)
        waiting.extend(parts)
        if not parts:
            single.append(block)
    assert all(len(block.wanted) == 1 for block in single)
    assert {(b.table, a) for b in single for a in range(b.address, b.end)} == cells(wanted)


def test_a_block_stays_inside_the_ranges_that_the_device_declares() -> None:
    limit = Limits(ranges=(Span(Table.HOLDING, 0, 10), Span(Table.HOLDING, 10, 10)))
    blocks = plan([Span(Table.HOLDING, 9, 1), Span(Table.HOLDING, 10, 1), Span(Table.INPUT, 500, 1)], limit)
    assert [(block.table, block.address, block.count) for block in blocks] == [
        (Table.HOLDING, 9, 1),
        (Table.HOLDING, 10, 1),
        (Table.INPUT, 500, 1),
    ]


@pytest.mark.parametrize("span", [Span(Table.HOLDING, 20, 1), Span(Table.HOLDING, 9, 2)])
def test_a_point_outside_the_readable_ranges_is_refused(span: Span) -> None:
    with pytest.raises(ValueError, match="outside"):
        plan([span], Limits(ranges=(Span(Table.HOLDING, 0, 10),)))


def test_a_point_wider_than_one_read_is_refused() -> None:
    with pytest.raises(ValueError, match="wider"):
        plan([Span(Table.HOLDING, 0, 4)], Limits(max_registers=2))


def test_a_word_and_its_bits_come_from_one_reply() -> None:
    (block,) = plan([Span(Table.HOLDING, 4, 1), Span(Table.HOLDING, 4, 1), Span(Table.HOLDING, 3, 4)], Limits())
    assert block.wanted == (Span(Table.HOLDING, 3, 4),)


def test_a_refused_block_is_cut_at_its_holes_first() -> None:
    (block,) = plan([Span(Table.HOLDING, a, 1) for a in (0, 1, 5, 6)], Limits())
    assert [(part.address, part.count) for part in split(block)] == [(0, 2), (5, 2)]
