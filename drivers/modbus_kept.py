"""What the last reply to one block came to: only cells that have changed since are decoded anew.

An unchanged cell gives the very same Sample, by which whoever comes behind may know it. Pure; it must not know a link.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import chain, compress
from operator import getitem, is_not, itemgetter
from struct import Struct

from config.valued import dataclass
from drivers.modbus_decode import Encoding
from drivers.modbus_plan import Block, Span
from drivers.modbus_told import Told, told
from firmware_py.core.reading import Quality, Reason, Sample

_PLACES = range(2_000)  # cells of the largest block
_MOST_USUAL = 40  # points that may be looked at together though not all of them have moved
_LEARN_ANEW = 64  # replies after which it is looked anew which points those are


class _Usual:
    """Points that move together, as measurements do: what moved of them is found without looking at the others."""

    __slots__ = ("names", "numbers", "others", "pick", "samples", "tolds")

    def __init__(self, numbers: Iterable[int], points: "Sequence[_Point]", others: int, said: bytes) -> None:
        """`others`: the bits of all cells of which other points are made."""
        own = sorted((points[number] for number in numbers), key=lambda point: point.place.start)
        self.numbers, self.others = frozenset(numbers), others
        self.names, self.tolds = tuple(each.id for each in own), tuple(each.told for each in own)
        self.pick = _picker([each.place for each in own], len(said))
        self.samples = self.of(said)

    def of(self, said: bytes) -> list[Sample]:
        """What they come to. Most are the very same as before where nothing has moved; none is where something has."""
        return [*map(getitem, self.tolds, self.pick(said))]


def _picker(places: Sequence[slice], size: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Takes these places, which come in order, out of so many bytes; perhaps more behind them."""
    layout, at = "", 0
    for place in places:
        if place.start < at:  # some share cells
            return itemgetter(*places, *places[:1])  # one more: of one place alone it would give no tuple
        layout += f"{place.start - at}x{place.stop - place.start}s"
        at = place.stop
    return Struct(f"{layout}{size - at}x").unpack


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """Where it lies in a reply's data, and what that comes to."""

    id: str
    told: Told
    place: slice
    cells: range


class Kept(Mapping[str, Sample]):
    """One block and those of `points` (id, encoding, cells) that lie in it. Reads as all samples of the last reply."""

    __slots__ = (
        "_cells",
        "_changed",
        "_number",
        "_points",
        "_readers",
        "_replies",
        "_samples",
        "_usual",
        "_width",
    )  # fmt: skip

    def __init__(self, block: Block, points: Iterable[tuple[str, Encoding, Span]]) -> None:
        of_bits = block.table.of_bits
        self._cells, self._width = Struct(f">{block.count}{'B' if of_bits else 'H'}"), 1 if of_bits else 2
        own = []
        known, last = None, None
        for id, encoding, span in points:
            if block.covers(span):
                start, end = span.address - block.address, span.end - block.address
                place = slice(start * self._width, end * self._width)
                if known is None or encoding is not last or not known.is_shared:  # else a copy of the point before
                    known, last = told(encoding, of_bits=of_bits), encoding
                own.append(_Point(id=id, told=known, place=place, cells=range(start, end)))
        self._points = tuple(own)
        self._readers: list[list[int]] = [[] for _ in range(block.count)]  # by cell: which points are made of it
        for number, point in enumerate(own):
            for cell in point.cells:
                self._readers[cell].append(number)
        self._number: int | None = None  # all that the last reply said
        self._usual: _Usual | None = None
        self._replies = 0  # since that was learnt
        self._samples: dict[str, Sample] = {}
        self._changed: dict[str, Sample] = {}  # since somebody wanted to know all of them

    def take(self, cells: tuple[int, ...]) -> dict[str, Sample]:
        """Those samples of a reply with these cells that are others than of the reply before; none is changed later."""
        return self.hear(self._cells.pack(*cells))

    def hear(self, said: bytes) -> dict[str, Sample]:
        """The same of a reply's data. Touches nothing but what has moved: the rest has lain for a second, and to fetch
        it from memory costs more than to decode it."""
        number = int.from_bytes(said, "big")
        before, self._number = self._number, number
        if before is None:
            changed = {point.id: point.told[said[point.place]] for point in self._points}
        elif not (differ := number ^ before):
            return {}
        elif (usual := self._usual) is None or differ & usual.others or self._replies >= _LEARN_ANEW:
            changed = self._look(said, differ)
        else:
            self._replies += 1
            was, usual.samples = usual.samples, usual.of(said)
            moved = map(is_not, usual.samples, was)
            changed = dict(compress(zip(usual.names, usual.samples, strict=True), moved))
        self._changed.update(changed)
        return changed

    def _look(self, said: bytes, differ: int) -> dict[str, Sample]:
        """The same, whatever it is that has moved; and learn from it."""
        places = compress(_PLACES, self._cells.unpack(differ.to_bytes(len(said), "big")))
        moved = sorted({*chain.from_iterable(map(self._readers.__getitem__, places))})
        known = frozenset(moved)
        if self._usual is not None and self._replies < _LEARN_ANEW:
            known |= self._usual.numbers
        if len(known) > _MOST_USUAL:
            known = frozenset(moved)
        others, width = 0, 8 * self._width
        for cell, readers in enumerate(reversed(self._readers)):
            if not known.issuperset(readers):
                others |= ((1 << width) - 1) << cell * width
        self._usual, self._replies = _Usual(known, self._points, others, said) if known else None, 0
        points = self._points
        return {points[number].id: points[number].told[said[points[number].place]] for number in moved}

    @property
    def samples(self) -> Mapping[str, Sample]:
        """All of the last reply, as long as there is no other."""
        if self._changed:
            self._samples.update(self._changed)
            self._changed.clear()
        return self._samples

    def __getitem__(self, point: str) -> Sample:
        return self.samples[point]

    def __iter__(self) -> Iterator[str]:
        return iter(self.samples)

    def __len__(self) -> int:
        return len(self.samples)


@dataclass(slots=True)
class Taking:
    """What one read came to so far. `is_plain`: nothing but what the replies say, of which `changed` is new."""

    samples: dict[str, Sample] = field(default_factory=dict)
    changed: dict[str, Sample] = field(default_factory=dict)
    is_plain: bool = True

    def add(self, samples: Mapping[str, Sample]) -> None:
        """Samples that no reply says so."""
        self.samples.update(samples)
        self.is_plain = False

    def doubt(self, why: str) -> None:
        """All of it is in doubt."""
        self.add({id: doubt(sample, why) for id, sample in self.samples.items()})


def doubt(sample: Sample, detail: str) -> Sample:
    """The same, not to be relied on."""
    if sample.quality is not Quality.GOOD:
        return sample
    return replace(sample, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail=detail)
