"""What the last reply to one block came to: only cells that have changed since are decoded anew.

An unchanged cell gives the very same Sample, by which whoever comes behind may know it. Pure; it must not know a link.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from itertools import chain, compress
from operator import and_, getitem, ne

from config.valued import dataclass
from drivers.modbus_decode import Encoding, Told, decoder, told
from drivers.modbus_plan import Block, Span
from firmware_py.core.reading import Quality, Reason, Sample


def _nothing(_: Sequence[int]) -> Sample:
    raise AssertionError("no point is made of this cell alone")


class Kept:
    """One block and those of `points` (id, encoding, cells) that lie in it. `samples`: all of the last reply."""

    def __init__(self, block: Block, points: Iterable[tuple[str, Encoding, Span]]) -> None:
        self._points = tuple(
            (id, decoder(encoding), span.address - block.address, span.end - block.address)
            for id, encoding, span in points
            if block.covers(span)
        )
        readers: list[list[int]] = [[] for _ in range(block.count)]
        for number, (_, _, start, end) in enumerate(self._points):
            for cell in range(start, end):
                readers[cell].append(number)
        # By cell. Of one that makes a point all by itself, as nearly all do: that point, and what it is by what is in
        # the cell. Of any other: which points are made of it.
        self._is_own: list[bool] = []
        self._names: list[str] = []
        self._tolds: list[Told] = []
        self._shared: list[list[int]] = []
        for numbers in readers:
            id, decode, start, end = self._points[numbers[0]] if len(numbers) == 1 else ("", _nothing, 0, 0)
            is_own = end - start == 1
            self._is_own.append(is_own)
            self._names.append(id)
            self._tolds.append(told(decode))
            self._shared.append([] if is_own else numbers)
        self._has_shared = any(self._shared)
        self._cells: tuple[int, ...] = ()
        self.samples: dict[str, Sample] = {}

    def take(self, cells: tuple[int, ...]) -> dict[str, Sample]:
        """Those samples of a reply with these cells that are others than of the reply before; none is changed later."""
        before, self._cells = self._cells, cells
        if cells == before:
            return {}
        if len(cells) != len(before):
            changed = {id: decode(cells[start:end]) for id, decode, start, end in self._points}
        else:
            others = [*map(ne, cells, before)]
            own = [*map(and_, others, self._is_own)]
            samples = map(getitem, compress(self._tolds, own), compress(cells, own))
            changed = dict(zip(compress(self._names, own), samples, strict=True))
            if self._has_shared:
                for number in dict.fromkeys(chain.from_iterable(compress(self._shared, others))):
                    id, decode, start, end = self._points[number]
                    changed[id] = decode(cells[start:end])
        self.samples.update(changed)
        return changed


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
