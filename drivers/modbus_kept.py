"""What the last reply to one block came to: only cells that have changed since are decoded anew.

An unchanged cell gives the very same Sample, by which whoever comes behind may know it. Pure; it must not know a link.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from itertools import chain, compress
from operator import ne

from config.valued import dataclass
from drivers.modbus_decode import Encoding, decoder
from drivers.modbus_plan import Block, Span
from firmware_py.core.reading import Quality, Reason, Sample


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
        self._readers = tuple(map(tuple, readers))  # by cell: which points are made of it
        self._cells: tuple[int, ...] = ()
        self.samples: dict[str, Sample] = {}

    def take(self, cells: tuple[int, ...]) -> dict[str, Sample]:
        """Those samples of a reply with these cells that are others than of the reply before; none is changed later."""
        before, self._cells = self._cells, cells
        if cells == before:
            return {}
        if len(cells) != len(before):
            moved: Iterable[int] = range(len(self._points))
        else:
            readers = self._readers
            others = compress(readers, map(ne, cells, before))
            moved = dict.fromkeys(chain.from_iterable(others))
        changed: dict[str, Sample] = {}
        for number in moved:
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
