"""What the last reply to one block came to: only cells that have changed since are decoded anew.

An unchanged cell gives the very same Sample, by which whoever comes behind may know it. Pure; it must not know a link.
"""

from collections.abc import Iterable, Mapping

from drivers.modbus_decode import Encoding, decode
from drivers.modbus_plan import Block, Span
from firmware_py.core.reading import Sample


class Kept:
    """One block and those of `points` (id, encoding, cells) that lie in it."""

    def __init__(self, block: Block, points: Iterable[tuple[str, Encoding, Span]]) -> None:
        self._points = tuple(
            (id, encoding, span.address - block.address, span.end - block.address)
            for id, encoding, span in points
            if block.covers(span)
        )
        self._cells: tuple[int, ...] = ()
        self._samples: dict[str, Sample] = {}

    def take(self, cells: tuple[int, ...]) -> Mapping[str, Sample]:
        """All samples of a reply with these cells; not to be changed."""
        before, self._cells = self._cells, cells
        if cells != before:
            for id, encoding, start, end in self._points:
                if not before or cells[start:end] != before[start:end]:
                    self._samples[id] = decode(encoding, cells[start:end])
        return self._samples
