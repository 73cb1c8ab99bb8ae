"""One agent spoken to without the library, one question at a time: versions 1 and 2c, and the shape of version 3.

Twenty times cheaper than the library's engine and built in a millisecond (decision 0060, version 3: 0081). It must not
know what a value means, nor when to ask.
"""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeAlias

from drivers.snmp_access import Community, version_of
from drivers.snmp_fetch import Answer
from drivers.snmp_socket import Port, open_port
from drivers.snmp_told import Pair
from drivers.snmp_wire import EVERYONES, FIRST_ID, LAST_ID, Malformed, Pdu, Request
from firmware_py.ports import DeviceError

_MOST_KEPT = 256  # encoded questions; a UPS has some ten
_Key: TypeAlias = tuple[Pdu, int, tuple[str, ...]]
# The values of a sound reply, or None; whether this will do, so that nobody need await it.
Heard: TypeAlias = Callable[[tuple[Pair, ...] | None], bool]


class Talk(ABC):
    """What `snmp.Session` is, over a socket of ours. Raises DeviceError; else waits: the caller bounds it."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._number = random.randrange(FIRST_ID, LAST_ID)  # noqa: S311 - tells answers apart, guards nothing

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

    def close(self) -> None:
        """Give the socket back."""
        self._port.close()

    @abstractmethod
    async def _ask(self, key: _Key, value: int | None, patience_s: float | None) -> Answer:
        """One question; asked again after `patience_s`, where that is given."""

    def _next_number(self) -> int:
        self._number = self._number + 1 if self._number < LAST_ID else FIRST_ID
        return self._number


class _Asked:
    """One question on its way, put at `at_s`. `fate`: what will have become of it."""

    __slots__ = ("at_s", "fate", "key", "number", "request")

    def __init__(self, key: _Key, request: Request, number: int, at_s: float) -> None:
        self.key, self.request, self.number, self.at_s = key, request, number, at_s
        self.fate: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def settle(self, answer: Answer) -> None:
        """This is its answer. Malformed for a second one."""
        if self.fate.done():
            raise Malformed("answered already")
        self.fate.set_result(answer)

    def fail(self, error: DeviceError) -> None:
        """There will be no answer."""
        if not self.fate.done():
            self.fate.set_exception(error)
            self.fate.exception()  # looked at, should nobody want to know


class PlainSession(Talk):
    """Versions 1 and 2c."""

    def __init__(self, access: Community, port: Port) -> None:
        super().__init__(port)
        self._version, self._community = version_of(access), access.name.encode()
        self._kept: dict[_Key, Request] = {}
        self._reader = EVERYONES
        self._asked: _Asked | None = None  # that somebody awaits, or will
        self._heard: Heard | None = None  # who is told of what was begun, while nobody does
        self._oids: tuple[str, ...] = ()
        self._request_begun, self._number_begun, self._begun_s = Request(0, b"", Pdu.GET, ()), b"", 0.0

    def begin(self, oids: tuple[str, ...], heard: Heard, now_s: float) -> bool:
        """GET without waiting; until `heard` says that an answer will do, `get` of the same goes on with it. False
        where nothing could be sent."""
        if oids is not self._oids:
            self._oids, self._request_begun = oids, self._request((Pdu.GET, 0, oids), None)
        self._number = number = self._number + 1 if self._number < LAST_ID else FIRST_ID
        self._number_begun, self._begun_s = number.to_bytes(4, "big"), now_s
        port = self._port
        self._asked = port.take = port.fail = None  # who asks is told of a refusal by the answer of this call
        if not port.send(self._request_begun.numbered(number)):
            return False
        self._heard, port.take, port.fail = heard, self._hear, self._fail
        return True

    def give_up(self) -> None:
        """Nobody wants to know any more what was asked."""
        self._asked = self._heard = self._port.take = self._port.fail = None

    def _hear(self, datagram: bytes) -> None:
        """A reply to what was begun: by what has moved in it where that will do, else as if somebody had awaited it."""
        heard, request, number = self._heard, self._request_begun, self._number
        assert heard is not None, "nothing is expected otherwise"
        values = self._reader.alike(datagram, request.told, self._number_begun)
        if values is None:
            answer = self._reader.read(datagram, request, number)
            values = answer.values if answer.status == 0 else None
        else:
            answer = None
        if heard(values):
            if self._number == number:  # else something else was asked meanwhile
                self.give_up()
            return
        self._await().settle(answer or Answer(status=0, index=0, values=values or ()))

    def _fail(self, error: DeviceError) -> None:
        """There will be no answer to what was begun."""
        heard = self._heard
        self._await().fail(error)
        if heard is not None:
            heard(None)

    def _await(self) -> _Asked:
        """What was begun, as something that somebody awaits."""
        asked = self._asked = _Asked((Pdu.GET, 0, self._oids), self._request_begun, self._number, self._begun_s)
        self._heard = None
        self._port.expect(self._take, asked.fail)
        return asked

    def _take(self, datagram: bytes) -> None:
        asked = self._asked
        assert asked is not None, "nothing is expected otherwise"
        asked.settle(self._reader.read(datagram, asked.request, asked.number))

    async def _ask(self, key: _Key, value: int | None, patience_s: float | None) -> Answer:
        asked = self._await() if self._heard is not None else self._asked
        is_new = asked is None or asked.key != key or value is not None
        if asked is None or is_new:
            now_s = asyncio.get_running_loop().time()
            asked = self._asked = _Asked(key, self._request(key, value), self._next_number(), now_s)
            self._port.expect(self._take, asked.fail)
        again: asyncio.TimerHandle | None = None
        try:
            if is_new:
                self._send(asked)
            if patience_s is not None:  # the same number: either answer will do
                again = asyncio.get_running_loop().call_at(asked.at_s + patience_s, self._send, asked)
            return await asked.fate
        finally:
            if again is not None:
                again.cancel()
            self.give_up()

    def _send(self, asked: _Asked) -> None:
        self._port.send(asked.request.numbered(asked.number))

    def _request(self, key: _Key, value: int | None) -> Request:
        pdu, rows, names = key
        if value is not None:
            return Request(self._version, self._community, pdu, names, value=value)
        known = self._kept.get(key)
        if known is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()  # a walk asks for each name once
            known = self._kept[key] = Request(self._version, self._community, pdu, names, rows=rows)
        return known


async def connect(access: Community, host: str, port: int) -> PlainSession:
    """Resolve and open the socket. Raises DeviceError when the name cannot be found."""
    return PlainSession(access, await open_port(host, port))
