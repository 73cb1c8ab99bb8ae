"""Which reads a unit needs: wanted cells merged into few blocks, and blocks cut again when a device refuses them.

Pure arithmetic on wire addresses (from 0). It must not know what a cell means, nor talk to anybody.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from enum import StrEnum
from itertools import pairwise

from config.valued import dataclass
from drivers.modbus_guard import Question

MAX_REGISTERS = 125  # Modbus application protocol V1.1b3, 6.3 and 6.4
MAX_BITS = 2000  # the same, 6.1 and 6.2
END = 0x10000
_CANARY_SPANS = 8


class Table(StrEnum):
    """The four tables of a Modbus device."""

    COIL = "coil"
    DISCRETE = "discrete"
    INPUT = "input"
    HOLDING = "holding"

    @property
    def of_bits(self) -> bool:
        """True for the tables whose cells are single bits."""
        return self in (Table.COIL, Table.DISCRETE)

    @property
    def function(self) -> int:
        """The function code that reads this table (application protocol, 6.1 to 6.4)."""
        return {Table.COIL: 1, Table.DISCRETE: 2, Table.HOLDING: 3, Table.INPUT: 4}[self]


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Neighbouring cells of one table that belong together and are never cut apart."""

    table: Table
    address: int
    count: int

    @property
    def end(self) -> int:
        """The address after the last cell."""
        return self.address + self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far reads may be merged. `ranges`: all that may be read; a table without any is unlimited."""

    max_registers: int = MAX_REGISTERS
    max_bits: int = 256
    max_gap: int = 8  # cells nobody wants that one block may carry; bits count sixteen to the register
    ranges: Sequence[Span] = field(default_factory=tuple)

    def most(self, table: Table) -> int:
        """The largest block of this table."""
        return self.max_bits if table.of_bits else self.max_registers

    def gap(self, table: Table) -> int:
        """The widest hole that a block of this table may bridge."""
        return self.max_gap * 16 if table.of_bits else self.max_gap

    def home(self, span: Span) -> Span | None:
        """The declared readable range that holds `span` whole; everything where the table declares none."""
        mine = [each for each in self.ranges if each.table is span.table]
        if not mine:
            return Span(span.table, 0, END)
        return next((each for each in mine if each.address <= span.address and span.end <= each.end), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One request: `count` cells from `address`, asked for because of `wanted` (sorted, not overlapping)."""

    table: Table
    address: int
    count: int
    wanted: tuple[Span, ...]

    @property
    def end(self) -> int:
        """The address after the last cell."""
        return self.address + self.count

    def covers(self, span: Span) -> bool:
        """True when this block brings all of `span`."""
        return span.table is self.table and self.address <= span.address and span.end <= self.end


def plan(spans: Iterable[Span], limits: Limits) -> tuple[Block, ...]:
    """Blocks that bring every wanted cell exactly once, within the limits. ValueError for what cannot be read."""
    runs: list[list[Span]] = []
    for span in _unite(spans):
        home = limits.home(span)
        if home is None or span.end > END or span.address < 0:
            raise ValueError(f"{span.table} {span.address}..{span.end - 1} lies outside the readable ranges")
        if span.count > limits.most(span.table):
            raise ValueError(f"{span.table} {span.address}..{span.end - 1} is wider than one read may be")
        if runs and _may_join(runs[-1][0], runs[-1][-1], span, home, limits):
            runs[-1].append(span)
        else:
            runs.append([span])
    return tuple(_block(tuple(run)) for run in runs)


def split(block: Block) -> tuple[Block, ...]:
    """Smaller blocks for one that was refused: cut at every hole, else in halves; none when it cannot be cut."""
    runs: list[list[Span]] = []
    for span in block.wanted:
        if runs and runs[-1][-1].end == span.address:
            runs[-1].append(span)
        else:
            runs.append([span])
    if len(runs) > 1:
        return tuple(_block(tuple(run)) for run in runs)
    if len(block.wanted) == 1:
        return ()
    half = len(block.wanted) // 2
    return _block(block.wanted[:half]), _block(block.wanted[half:])


def _may_join(first: Span, last: Span, span: Span, home: Span, limits: Limits) -> bool:
    return (
        last.table is span.table
        and span.address - last.end <= limits.gap(span.table)
        and span.end - first.address <= limits.most(span.table)
        and home.address <= first.address
    )


def _unite(spans: Iterable[Span]) -> list[Span]:
    # Points that share a cell (a word and its bits) must come from one reply, else they could contradict each other.
    united: list[Span] = []
    for span in sorted(set(spans), key=lambda each: (each.table.value, each.address, each.count)):
        last = united[-1] if united else None
        if last is not None and last.table is span.table and span.address < last.end:
            united[-1] = Span(last.table, last.address, max(last.end, span.end) - last.address)
        else:
            united.append(span)
    return united


def _block(wanted: tuple[Span, ...]) -> Block:
    first, last = wanted[0], wanted[-1]
    return Block(table=first.table, address=first.address, count=last.end - first.address, wanted=wanted)


def question_of(unit: int, cells: Block | Span) -> Question:
    """What reads these cells of a unit."""
    return Question(unit=unit, function=cells.table.function, address=cells.address, count=cells.count)


def runs_of(block: Block) -> Iterator[Span]:
    """Reads inside a block that touch no hole and cut no value: its first spans, one more each time."""
    yield block.wanted[0]
    end = block.wanted[0].end
    for before, span in pairwise(block.wanted[:_CANARY_SPANS]):
        if span.address != before.end:
            return
        end = span.end
        yield Span(block.table, block.address, end - block.address)
