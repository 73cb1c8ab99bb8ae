"""SNMP on the wire: one session with one agent. This file alone knows pysnmp.

It must not know what a value means, nor when to ask. Everything that an agent sends is hostile: it becomes a Gap or a
DeviceError, never another exception.
"""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from typing import assert_never

from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen, ntfrcv
from pysnmp.error import PySnmpError
from pysnmp.proto import rfc1902, rfc1905

from drivers.snmp_access import ADVICE, Access, Community, User, version_of
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_fetch import Answer
from drivers.snmp_guard import reply_fits
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

log = logging.getLogger(__name__)

REPLIES_PER_REQUEST = 8  # datagrams worth decoding; SNMPv3 needs four to find the engine
LIBRARY_TIMEOUT_S = 30  # only clears the library's own list; our deadlines are shorter

# What a decoder may throw at rubbish. An agent's bytes are never a reason for this process to end.
LIBRARY_ERRORS = (
    PySnmpError, PyAsn1Error, ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError,
    ValueError,
)  # fmt: skip

_AUTH = {
    None: config.USM_AUTH_NONE, "md5": config.USM_AUTH_HMAC96_MD5, "sha": config.USM_AUTH_HMAC96_SHA,
    "sha224": config.USM_AUTH_HMAC128_SHA224, "sha256": config.USM_AUTH_HMAC192_SHA256,
    "sha384": config.USM_AUTH_HMAC256_SHA384, "sha512": config.USM_AUTH_HMAC384_SHA512,
}  # fmt: skip
_PRIVACY = {
    None: config.USM_PRIV_NONE, "des": config.USM_PRIV_CBC56_DES, "aes": config.USM_PRIV_CFB128_AES,
    "aes192": config.USM_PRIV_CFB192_AES, "aes256": config.USM_PRIV_CFB256_AES,
}  # fmt: skip


class _Guarded:
    """Mixed into the library's transports: drops what cannot be our answer before anything decodes it."""

    peer: tuple[str, int] = ("", 0)
    version = allowance = most_varbinds = dropped = 0

    def datagram_received(self, datagram: bytes, address: tuple[str, int]) -> None:
        wanted = self.allowance > 0 and address[:2] == self.peer
        if not wanted or not reply_fits(datagram, self.version, self.most_varbinds):
            self.dropped += 1
            return
        self.allowance -= 1
        try:
            self._callback_function(self, address, datagram)  # type: ignore[attr-defined] # the other base has it
        except LIBRARY_ERRORS:
            self.dropped += 1


class _Udp4(_Guarded, udp.UdpAsyncioTransport): ...  # type: ignore[misc] # untyped library


class _Udp6(_Guarded, udp6.Udp6AsyncioTransport): ...  # type: ignore[misc] # untyped library


class Session:
    """One engine and one socket for one agent; kept, since building an engine costs 100 ms."""

    def __init__(self, engine: SnmpEngine, transport: _Udp4 | _Udp6) -> None:
        self._engine = engine
        self._transport = transport
        self._get = cmdgen.GetCommandGenerator()
        self._next = cmdgen.NextCommandGeneratorSingleRun()
        self._bulk = cmdgen.BulkCommandGeneratorSingleRun()
        self._set = cmdgen.SetCommandGenerator()
        self._pairs: dict[str, tuple[univ.ObjectIdentifier, univ.Null]] = {}

    @property
    def peer(self) -> str:
        """The address that the agent's name was found to mean."""
        return self._transport.peer[0]

    @property
    def dropped(self) -> int:
        """Datagrams thrown away so far: foreign, oversize, late or unreadable."""
        return self._transport.dropped

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET; asked a second time after `patience_s` of silence. Raises DeviceError; waits for ever otherwise."""
        pairs = self._named(oids)
        return await self._ask(lambda done: self._get.send_varbinds(*self._to(), pairs, done), len(oids), patience_s)

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GETNEXT: what follows each of `oids`, in their order."""
        pairs = self._named(oids)
        return await self._ask(lambda done: self._next.send_varbinds(*self._to(), pairs, done), len(oids), patience_s)

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """GETBULK for `rows` rows behind `oid`, GETNEXT for one."""
        if rows == 1:
            return await self.following([oid], patience_s)
        pairs, send = self._named([oid]), self._bulk.send_varbinds
        return await self._ask(lambda done: send(*self._to(), 0, rows, pairs, done), rows, patience_s)

    async def put(self, oid: str, number: int) -> Answer:
        """SET of one INTEGER, sent once. Raises DeviceError; waits for ever otherwise."""
        pairs = [(univ.ObjectIdentifier(oid), rfc1902.Integer32(number))]
        return await self._ask(lambda done: self._set.send_varbinds(*self._to(), pairs, done), 1, None)

    def close(self) -> None:
        self._engine.close_dispatcher()

    def _to(self) -> tuple[SnmpEngine, str, None, bytes]:
        return self._engine, "agent", None, b""

    def _named(self, oids: Sequence[str]) -> list[tuple[univ.ObjectIdentifier, univ.Null]]:
        for oid in oids:
            if oid not in self._pairs:
                self._pairs[oid] = univ.ObjectIdentifier(oid), univ.Null("")
        return [self._pairs[oid] for oid in oids]

    async def _ask(
        self, send: Callable[[Callable[..., None]], object], most_varbinds: int, patience_s: float | None
    ) -> Answer:
        loop = asyncio.get_running_loop()

        def start() -> asyncio.Future[Answer | str]:
            future: asyncio.Future[Answer | str] = loop.create_future()

            def done(*told: object) -> None:
                trouble, status, index, values = told[2:6]
                if not future.done():
                    future.set_result(_advice(trouble) if trouble else _answer(status, index, values))

            self._transport.most_varbinds = most_varbinds
            self._transport.allowance = REPLIES_PER_REQUEST
            try:
                send(done)
            except LIBRARY_ERRORS as error:
                raise DeviceError(f"cannot send: {_advice(error)}") from error
            return future

        waiting = {start()}
        answered, _ = await asyncio.wait(waiting, timeout=patience_s)
        if not answered:
            waiting.add(start())
            answered, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        self._transport.allowance = 0
        result = answered.pop().result()
        if isinstance(result, str):
            raise DeviceError(result, because=Reason.BAD_REPLY)
        return result


def _advice(trouble: object) -> str:
    name = type(trouble).__name__
    return ADVICE.get(name, f"{name}: {str(trouble)[:120]}")


def _answer(status: object, index: object, values: object) -> Answer | str:
    try:
        pairs = tuple((str(oid), _raw(value)) for oid, value in values)  # type: ignore[attr-defined] # untyped library
        return Answer(status=int(status), index=int(index), values=pairs)  # type: ignore[call-overload] # untyped library
    except LIBRARY_ERRORS as error:
        return f"an answer that cannot be read: {type(error).__name__}"


def _raw(value: object) -> Raw:
    match value:
        case rfc1905.NoSuchObject() | rfc1905.NoSuchInstance() | rfc1905.EndOfMibView():
            return Gap.NO_SUCH
        case univ.Null():
            return Gap.NULL
        case univ.Integer():
            return int(value)
        case univ.ObjectIdentifier():
            return str(value)
        case univ.OctetString():
            return bytes(value)
        case _:
            return Gap.REFUSED


def _build(access: Access, address: tuple[str, int], domain: tuple[int, ...]) -> SnmpEngine:
    """An engine that knows one target. 100 ms on a server core, so it runs in a thread."""
    engine = SnmpEngine()
    match access:
        case Community():
            config.add_v1_system(engine, "ours", access.name.encode(), None, b"", b"", "ours")
            config.add_target_parameters(engine, "how", "ours", "noAuthNoPriv", version_of(access))
        case User():
            auth, privacy = _AUTH[access.auth], _PRIVACY[access.privacy]
            phrases = access.auth_phrase.encode() or None, access.privacy_phrase.encode() or None
            config.add_v3_user(engine, access.name, auth, phrases[0], privacy, phrases[1])
            level = "noAuthNoPriv" if access.auth is None else "authNoPriv" if access.privacy is None else "authPriv"
            config.add_target_parameters(engine, "how", access.name, level, version_of(access))
        case _:
            assert_never(access)
    config.add_target_address(engine, "agent", domain, address, "how", LIBRARY_TIMEOUT_S * 100, 0, b"")
    return engine


async def connect(access: Access, host: str, port: int) -> Session:
    """Resolve, build the engine, open the socket. Raises DeviceError when the name cannot be found."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        family, address = found[0][0], (str(found[0][4][0]), int(found[0][4][1]))
        kind, domain = (_Udp6, udp6.DOMAIN_NAME) if family == socket.AF_INET6 else (_Udp4, udp.DOMAIN_NAME)
        engine = await asyncio.to_thread(_build, access, address, domain)
        local = ("::", 0) if family == socket.AF_INET6 else ("0.0.0.0", 0)  # noqa: S104 - an unbound client socket
        transport = kind()
        await loop.create_datagram_endpoint(lambda: transport, local_addr=local, family=family)
    except (OSError, UnicodeError) as error:
        raise DeviceError(f"{host}:{port} cannot be reached: {error}; check the address and the name server") from error
    except LIBRARY_ERRORS as error:
        raise DeviceError(f"{host}:{port}: the SNMP engine does not start: {error}") from error
    transport.peer, transport.version = address, version_of(access)
    engine.register_transport_dispatcher(AsyncioDispatcher(timeout=1.0))
    config.add_transport(engine, domain, transport)
    return Session(engine, transport)


class _Reply(udp.UdpAsyncioTransport):  # type: ignore[misc] # untyped library
    """A transport of the library's that has no socket: it hands on what is to be sent."""

    send: Callable[[bytes, tuple[str, int]], None]

    def send_message(self, datagram: bytes, address: tuple[str, int]) -> None:
        self.send(bytes(datagram), (address[0], address[1]))


class InformDesk:
    """Acknowledges the informs of one SNMPv3 user (RFC 3414 clause 3.2: we are the authoritative engine).

    100 ms to build, so it is made in a thread. `send` puts a datagram on the port's socket.
    """

    def __init__(
        self, user: User, loop: asyncio.AbstractEventLoop, send: Callable[[bytes, tuple[str, int]], None]
    ) -> None:
        self._engine = SnmpEngine()
        config.add_v3_user(
            self._engine, user.name, _AUTH[user.auth], user.auth_phrase.encode() or None,
            _PRIVACY[user.privacy], user.privacy_phrase.encode() or None,
        )  # fmt: skip
        self._reply = _Reply(loop=loop)
        self._reply.send = send
        self._user, self._domain = user, udp.DOMAIN_NAME
        self._receiver: ntfrcv.NotificationReceiver | None = None

    def take(self, datagram: bytes, address: tuple[str, int]) -> None:
        """Answer a message of version 3: its discovery, its clock, its inform. What cannot be read is dropped."""
        if self._receiver is None:
            self._engine.register_transport_dispatcher(AsyncioDispatcher(timeout=1.0))
            config.add_transport(self._engine, self._domain, self._reply)
            self._receiver = ntfrcv.NotificationReceiver(self._engine, lambda *told: None)
        try:
            self._reply._callback_function(self._reply, udp.UdpTransportAddress(address), datagram)
        except LIBRARY_ERRORS as error:
            log.debug("an SNMPv3 message on the trap port cannot be answered: %s", _advice(error))

    def close(self) -> None:
        """Give the engine back."""
        if self._receiver is not None:
            self._engine.close_dispatcher()
