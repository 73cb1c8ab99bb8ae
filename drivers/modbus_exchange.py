"""One question on its way over a Modbus link, and what became of it so far.

It must not know sockets or the library, nor what a value means.
"""

import asyncio
from collections.abc import Callable

from config.valued import dataclass
from drivers.modbus_guard import Question, read_frame, sound_head
from firmware_py.ports import DeviceError


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One question on its way. `fate` is set by what is heard: what is wrong and whose fault. Of a read over TCP, which
    the library is not asked for, also by a sound reply (its PDU) and by the end of the patience (None).

    `heard`: nobody awaits it; called with a simply sound reply, from its first byte on and with anything behind it, or
    with None when something else has become of it and somebody has to.
    """

    question: Question
    asked_at: float
    fate: "asyncio.Future[DeviceError | bytes | None] | None" = None
    heard: Callable[[bytes | bytearray | None], None] | None = None
    plain: bool = False
    transaction: int = 0
    head: bytes = b""  # of a read over TCP: what a reply begins with that needs no judging,
    whole: int = 0  # and how long that is
    frame: bytes = b""  # of one that is put again and again: the request behind its number,
    tail: bytes = b""  # and the head behind it
    late: int = 0
    sent: bool = False
    answered: bool = False

    def expect(self) -> None:
        """Of a read over TCP, once its number is known: what a simply sound reply looks like."""
        self.head = sound_head(self.question, self.transaction)
        self.whole = len(self.head) + self.question.payload_bytes

    def is_simply_sound(self, heard: bytes) -> bool:
        """Whether this is such a reply and nothing else; False leaves it to the guard."""
        return len(heard) == self.whole and heard.startswith(self.head) and bool(self.head)

    @property
    def is_settled(self) -> bool:
        """Whether anything has become of it."""
        return self.fate is not None and self.fate.done()

    def settle(self, what: "DeviceError | bytes | None") -> None:
        """This has become of it."""
        self.awaited().set_result(what)
        if self.heard is not None:
            heard, self.heard = self.heard, None
            heard(None)

    def awaited(self) -> "asyncio.Future[DeviceError | bytes | None]":
        """What will have become of it, for who awaits it."""
        if self.fate is None:
            self.fate = asyncio.get_running_loop().create_future()
        return self.fate

    def end_unheard(self) -> None:
        """The patience is over."""
        if not self.is_settled:
            self.settle(None)


def standing(question: Question, heard: Callable[[bytes | bytearray | None], None]) -> Exchange:
    """A read over TCP that nobody awaits, to be put again and again with another number."""
    exchange = Exchange(question=question, asked_at=0.0, heard=heard, plain=True, frame=read_frame(question, 0)[2:])
    exchange.expect()
    assert exchange.head, "no block is larger than a reply"
    exchange.tail, exchange.sent = exchange.head[2:], True
    return exchange
