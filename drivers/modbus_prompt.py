"""One block of one unit read without anybody awaiting it: the reply becomes news as it is heard.

Only for replies that the guard has found sound to the last byte. It must not know links or when to ask.
"""

from collections.abc import Callable

from drivers.modbus_exchange import Exchange, standing
from drivers.modbus_guard import READS_OF_BITS, Question, read_cells
from drivers.modbus_kept import Kept
from firmware_py.core.reading import News, Source

_FUNCTION, _DATA = 7, 9  # where they stand in a reply over TCP


class PromptRead:
    """Put again and again; `done` is set with each question, and called once for it (see `ports.PromptBus`). `epoch`:
    the connection of which all was known when it was made."""

    __slots__ = ("_end", "_kept", "_source", "done", "epoch", "exchange", "question")

    def __init__(self, question: Question, kept: Kept, source: Source, epoch: int) -> None:
        self.question, self._kept, self._source, self.epoch = question, kept, source, epoch
        self._end = 0 if question.function in READS_OF_BITS else _DATA + question.payload_bytes
        self.exchange = standing(question, self.hear)
        self.done: Callable[[News | None], None] | None = None

    def renew(self) -> Exchange:
        """Another one to be put."""
        self.exchange = standing(self.question, self.hear)
        return self.exchange

    def hear(self, reply: bytes | bytearray | None) -> None:
        """The reply to the question; None when it became something else."""
        done, self.done = self.done, None
        if done is None:
            return
        if reply is None:
            done(None)
            return
        kept = self._kept
        if self._end:
            changed = kept.hear(bytes(reply[_DATA : self._end]))
        else:
            cells = read_cells(self.question, bytes(reply[_FUNCTION:]))
            assert not isinstance(cells, int), "a refusal is not simply sound"
            changed = kept.take(cells)
        done(self._source.news(kept, changed))
