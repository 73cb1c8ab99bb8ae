"""One block of one unit read without anybody awaiting it: the reply becomes news as it is heard.

Only for replies that the guard has found sound to the last byte. It must not know links or when to ask.
"""

from collections.abc import Callable
from struct import Struct

from drivers.modbus_guard import READS_OF_BITS, Question, read_cells
from drivers.modbus_kept import Kept
from drivers.modbus_plan import Block
from firmware_py.core.reading import News, Sample, Source

_HEAD = 2  # function and byte count


class PromptRead:
    """Put again and again; `done` is set with each question, and called once for it (see `ports.PromptBus`)."""

    __slots__ = ("_cells", "_kept", "_pdu", "_source", "block", "done", "question")

    def __init__(self, block: Block, question: Question, kept: Kept, source: Source) -> None:
        self.block, self.question, self._kept, self._source = block, question, kept, source
        self._cells = None if question.function in READS_OF_BITS else Struct(f">{question.count}H")
        self.done: Callable[[News | None], None] | None = None

    def hear(self, pdu: bytes | None) -> None:
        """The reply to the question, from the function code on; None when it became something else."""
        done, self.done = self.done, None
        if done is None:
            return
        if pdu is None:
            done(None)
            return
        if self._cells is not None:
            cells = self._cells.unpack_from(pdu, _HEAD)
        else:
            read = read_cells(self.question, pdu)
            assert not isinstance(read, int), "a refusal is not simply sound"
            cells = read
        changed: dict[str, Sample] = self._kept.take(cells)
        done(self._source.news(self._kept.samples, changed))
