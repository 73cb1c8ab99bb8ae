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
from drivers.snmp_wire import EVERYONES, FIRST_ID, LAST_ID, Malformed, Pdu, Request
from firmware_py.ports import DeviceError

_MOST_KEPT = 256  # encoded questions; a UPS has some ten
_Key: TypeAlias = tuple[Pdu, int, tuple[str, ...]]
Heard: TypeAlias = Callable[[Answer | None], bool]


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
    """One question on its way. `heard`: nobody awaits it; called with an answer it says whether that will do, with None
    that somebody has to see what has become of it."""

    __slots__ = ("at_s", "fate", "heard", "key", "number", "request")

    def __init__(self, key: _Key, request: Request, number: int, heard: Heard | None) -> None:
        self.key, self.request, self.number, self.heard = key, request, number, heard
        self.at_s = asyncio.get_running_loop().time()
        self.fate: asyncio.Future[Answer] | None = None

    def awaited(self) -> "asyncio.Future[Answer]":
        """What will have become of it."""
        if self.fate is None:
            self.fate = asyncio.get_running_loop().create_future()
        return self.fate

    def settle(self, answer: Answer) -> bool:
        """This is its answer; True when nobody needs to look at it any more. Malformed for a second one."""
        if self.heard is not None and self.fate is None and self.heard(answer):
            return True
        if (fate := self.awaited()).done():
            raise Malformed("answered already")
        fate.set_result(answer)
        self._tell()
        return False

    def fail(self, error: DeviceError) -> None:
        """There will be no answer."""
        if not (fate := self.awaited()).done():
            fate.set_exception(error)
            fate.exception()  # looked at, should nobody want to know
            self._tell()

    def _tell(self) -> None:
        heard, self.heard = self.heard, None
        if heard is not None:
            heard(None)


class PlainSession(Talk):
    """Versions 1 and 2c."""

    def __init__(self, access: Community, port: Port) -> None:
        super().__init__(port)
        self._version, self._community = version_of(access), access.name.encode()
        self._kept: dict[_Key, Request] = {}
        self._reader = EVERYONES
        self._asked: _Asked | None = None

    def begin(self, oids: tuple[str, ...], heard: Heard) -> bool:
        """GET without waiting; until `heard` says that an answer will do, `get` of the same goes on with it. False
        where nothing could be sent."""
        key = (Pdu.GET, 0, oids)
        asked = self._asked = _Asked(key, self._request(key, None), self._next_number(), heard)
        self._port.expect(self._take, asked.fail)
        asked.heard = None  # who asks is told by the answer of this call
        self._port.send(asked.request.numbered(asked.number))
        asked.heard = heard
        if asked.fate is not None:
            self.give_up()
            return False
        return True

    def give_up(self) -> None:
        """Nobody wants to know any more what `begin` has asked."""
        if self._asked is not None:
            self._asked = None
            self._port.expect(None)

    def _take(self, datagram: bytes) -> None:
        asked = self._asked
        assert asked is not None, "nothing is expected otherwise"
        if asked.settle(self._reader.read(datagram, asked.request, asked.number)) and self._asked is asked:
            self.give_up()

    async def _ask(self, key: _Key, value: int | None, patience_s: float | None) -> Answer:
        asked = self._asked
        is_new = asked is None or asked.key != key or value is not None
        if asked is None or is_new:
            asked = self._asked = _Asked(key, self._request(key, value), self._next_number(), None)
        asked.heard = None
        fate, again = asked.awaited(), None
        self._port.expect(self._take, asked.fail)
        try:
            if is_new:
                self._send(asked)
            if patience_s is not None:  # the same number: either answer will do
                again = asyncio.get_running_loop().call_at(asked.at_s + patience_s, self._send, asked)
            return await fate
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
