"""What the last reply to one block came to: only cells that have changed since are decoded anew.

An unchanged cell gives the very same Sample, by which whoever comes behind may know it. Pure; it must not know a link.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import chain, compress
from operator import getitem
from struct import Struct

from config.valued import dataclass
from drivers.modbus_decode import Encoding, Told, decoder, told
from drivers.modbus_plan import Block, Span
from firmware_py.core.reading import Quality, Reason, Sample

_PLACES = range(2_000)  # cells of the largest block


def _nothing(_: Sequence[int]) -> Sample:
    raise AssertionError("no point is made of this cell alone")


class Kept(Mapping[str, Sample]):
    """One block and those of `points` (id, encoding, cells) that lie in it. Reads as all samples of the last reply."""

    __slots__ = (
        "_changed",
        "_has_shared",
        "_is_own",
        "_names",
        "_points",
        "_said",
        "_samples",
        "_shared",
        "_tolds",
        "_words",
    )

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
        self._words = Struct(f">{block.count}{'B' if block.table.of_bits else 'H'}")
        self._said = b""
        self._samples: dict[str, Sample] = {}
        self._changed: dict[str, Sample] = {}  # since somebody wanted to know all of them

    def take(self, cells: tuple[int, ...]) -> dict[str, Sample]:
        """Those samples of a reply with these cells that are others than of the reply before; none is changed later."""
        return self.hear(self._words.pack(*cells))

    def hear(self, said: bytes) -> dict[str, Sample]:
        """The same of a reply's data. Looks at nothing but what has moved: the rest was not touched for a second, and
        to fetch it from memory costs more than to decode it."""
        before, self._said = self._said, said
        if said == before:
            return {}
        cells = self._words.unpack(said)
        if not before:
            changed = {id: decode(cells[start:end]) for id, decode, start, end in self._points}
        else:
            differ = int.from_bytes(said, "big") ^ int.from_bytes(before, "big")
            places = [*compress(_PLACES, self._words.unpack(differ.to_bytes(len(said), "big")))]
            own = [*filter(self._is_own.__getitem__, places)] if self._has_shared else places
            samples = map(getitem, map(self._tolds.__getitem__, own), map(cells.__getitem__, own))
            changed = dict(zip(map(self._names.__getitem__, own), samples, strict=True))
            if len(own) != len(places):
                for number in dict.fromkeys(chain.from_iterable(map(self._shared.__getitem__, places))):
                    id, decode, start, end = self._points[number]
                    changed[id] = decode(cells[start:end])
        self._changed.update(changed)
        return changed

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
