"""One agent spoken to without the library, one question at a time: versions 1 and 2c, and the shape of version 3.

Twenty times cheaper than the library's engine and built in a millisecond (decision 0060, version 3: 0081). It must not
know what a value means, nor when to ask.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

from drivers.snmp_access import Community, version_of
from drivers.snmp_fetch import Answer
from drivers.snmp_socket import Port, open_port
from drivers.snmp_told import Pair
from drivers.snmp_wire import EVERYONES, FIRST_ID, LAST_ID, Malformed, Pdu, Request
from firmware_py.ports import DeviceError

_MOST_KEPT = 256  # encoded questions; a UPS has some ten
Key: TypeAlias = tuple[Pdu, int, tuple[str, ...]]
# The values of a sound reply, or None; whether this will do, so that nobody need await it.
Heard: TypeAlias = Callable[[tuple[Pair, ...] | None], bool]
Said: TypeAlias = Answer | str  # what an agent reports instead of an answer, in version 3
_Q = TypeVar("_Q")


class _Asked(Generic[_Q]):
    """One question on its way, put at `at_s`. `fate`: what will have become of it."""

    __slots__ = ("at_s", "fate", "key", "number", "question")

    def __init__(self, key: Key, question: _Q, number: int, at_s: float) -> None:
        self.key, self.question, self.number, self.at_s = key, question, number, at_s
        self.fate: asyncio.Future[Said] = asyncio.get_running_loop().create_future()

    def settle(self, said: Said) -> None:
        """This is its answer. Malformed for a second one."""
        if self.fate.done():
            raise Malformed("answered already")
        self.fate.set_result(said)

    def fail(self, error: DeviceError) -> None:
        """There will be no answer."""
        if not self.fate.done():
            self.fate.set_exception(error)
            self.fate.exception()  # looked at, should nobody want to know


class Talk(ABC, Generic[_Q]):
    """What `snmp.Session` is, over a socket of ours, and what may be begun without awaiting it. Raises DeviceError;
    else waits: the caller bounds it."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._number = random.randrange(FIRST_ID, LAST_ID)  # noqa: S311 - tells answers apart, guards nothing
        self._kept: dict[Key, _Q] = {}
        self._asked: _Asked[_Q] | None = None  # that somebody awaits, or will
        self._heard: Heard | None = None  # who is told of what was begun, while nobody does
        self._oids: tuple[str, ...] | None = None
        self._begun: _Q | None = None
        self._number_begun, self._begun_s = b"", 0.0

    @property
    def peer(self) -> str:
        """The address that the agent's name was found to mean."""
        return self._port.peer[0]

    @property
    def dropped(self) -> int:
        """Datagrams thrown away so far: foreign, oversize, late or unreadable."""
        return self._port.dropped

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET; asked a second time after `patience_s` of silence."""
        return await self._ask((Pdu.GET, 0, tuple(oids)), None, patience_s)

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GETNEXT: what follows each of `oids`, in their order."""
        return await self._ask((Pdu.NEXT, 0, tuple(oids)), None, patience_s)

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """GETBULK for `rows` rows behind `oid`, GETNEXT for one."""
        if rows == 1:
            return await self.following([oid], patience_s)
        return await self._ask((Pdu.BULK, rows, (oid,)), None, patience_s)

    async def put(self, oid: str, number: int) -> Answer:
        """SET of one INTEGER, sent once."""
        return await self._ask((Pdu.SET, 0, (oid,)), number, None)

    def begin(self, oids: tuple[str, ...], heard: Heard, now_s: float) -> bool:
        """GET without waiting; until `heard` says that an answer will do, `get` of the same goes on with it. False
        where nothing could be sent."""
        question = self._begun
        if question is None or oids is not self._oids:
            question = self._begun = self._question((Pdu.GET, 0, oids), None)
            self._oids = oids
        number, port = self._next_number(), self._port
        self._number_begun, self._begun_s = number.to_bytes(4, "big"), now_s
        self._asked = port.take = port.fail = None  # who asks is told of a refusal by the answer of this call
        if not port.send(self._written(question, number, now_s)):
            return False
        self._heard, port.take, port.fail = heard, self._hear, self._fail
        return True

    def give_up(self) -> None:
        """Nobody wants to know any more what was asked."""
        port = self._port
        self._asked = self._heard = port.take = port.fail = None

    def hear(self) -> None:
        """What has come is taken in now, not in the next turn of the loop."""
        self._port.receive()

    def close(self) -> None:
        """Give the socket back."""
        self._port.close()

    def _hear(self, datagram: bytes) -> None:
        """A reply to what was begun: by what has moved in it where that will do, else as if somebody had awaited it."""
        heard, question, number = self._heard, self._begun, self._number
        assert heard is not None and question is not None, "nothing is expected otherwise"
        said, values = None, self._alike(datagram, question, self._number_begun)
        if values is None:
            said = self._read(datagram, question, number)
            values = said.values if isinstance(said, Answer) and said.status == 0 else None
        if not heard(values):
            self._await(question).settle(said or Answer(status=0, index=0, values=values or ()))
        elif self._number == number:  # else something else was asked meanwhile
            self.give_up()

    def _fail(self, error: DeviceError) -> None:
        """There will be no answer to what was begun."""
        heard, question = self._heard, self._begun
        assert heard is not None and question is not None, "nothing is expected otherwise"
        self._await(question).fail(error)
        heard(None)

    def _await(self, question: _Q) -> _Asked[_Q]:
        """What was begun, as something that somebody awaits."""
        key = Pdu.GET, 0, self._oids or ()
        asked = self._asked = _Asked(key, question, self._number, self._begun_s)
        self._heard = None
        self._port.expect(self._take, asked.fail)
        return asked

    def _take(self, datagram: bytes) -> None:
        asked = self._asked
        assert asked is not None, "nothing is expected otherwise"
        asked.settle(self._read(datagram, asked.question, asked.number))

    @abstractmethod
    async def _ask(self, key: Key, value: int | None, patience_s: float | None) -> Answer:
        """One question; asked again after `patience_s`, where that is given."""

    async def _ask_once(self, key: Key, value: int | None, patience_s: float | None) -> Said:
        asked, begun = self._asked, self._begun
        if self._heard is not None and begun is not None:
            asked = self._await(begun)
        loop, is_new = asyncio.get_running_loop(), asked is None or asked.key != key or value is not None
        if asked is None or is_new:
            asked = self._asked = _Asked(key, self._question(key, value), self._next_number(), loop.time())
            self._port.expect(self._take, asked.fail)
        again: asyncio.TimerHandle | None = None
        try:
            if is_new:
                self._send(asked)
            if patience_s is not None:  # the same number: either answer will do
                again = loop.call_at(asked.at_s + patience_s, self._send, asked)
            return await asked.fate
        finally:
            if again is not None:
                again.cancel()
            self.give_up()

    def _send(self, asked: _Asked[_Q]) -> None:
        self._port.send(self._written(asked.question, asked.number, asyncio.get_running_loop().time()))

    def _question(self, key: Key, value: int | None) -> _Q:
        if value is not None:
            return self._made(key, value)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # a walk asks for each name once
            known = self._kept[key] = self._made(key, None)
        return known

    def _next_number(self) -> int:
        self._number = number = self._number + 1 if self._number < LAST_ID else FIRST_ID
        return number

    @abstractmethod
    def _made(self, key: Key, value: int | None) -> _Q:
        """A question, encoded once."""

    @abstractmethod
    def _written(self, question: _Q, number: int, now_s: float) -> bytes:
        """The datagram of it."""

    @abstractmethod
    def _alike(self, datagram: bytes, question: _Q, number: bytes) -> tuple[Pair, ...] | None:
        """The values, where nothing but they and the number is other than in the reply before; None: `_read` it."""

    @abstractmethod
    def _read(self, datagram: bytes, question: _Q, number: int) -> Said:
        """What it says. Malformed where it is no reply to this question."""


class PlainSession(Talk[Request]):
    """Versions 1 and 2c."""

    def __init__(self, access: Community, port: Port) -> None:
        super().__init__(port)
        self._version, self._community = version_of(access), access.name.encode()

    async def _ask(self, key: Key, value: int | None, patience_s: float | None) -> Answer:
        said = await self._ask_once(key, value, patience_s)
        assert isinstance(said, Answer), "only version 3 reports"
        return said

    def _made(self, key: Key, value: int | None) -> Request:
        pdu, rows, names = key
        return Request(self._version, self._community, pdu, names, rows=rows, value=value)

    def _written(self, question: Request, number: int, now_s: float) -> bytes:
        return question.numbered(number)

    def _alike(self, datagram: bytes, question: Request, number: bytes) -> tuple[Pair, ...] | None:
        return EVERYONES.alike(datagram, question.told, number)

    def _read(self, datagram: bytes, question: Request, number: int) -> Answer:
        return EVERYONES.read(datagram, question, number)


async def connect(access: Community, host: str, port: int) -> PlainSession:
    """Resolve and open the socket. Raises DeviceError when the name cannot be found."""
    return PlainSession(access, await open_port(host, port))
