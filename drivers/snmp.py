"""SNMP to one agent: the session (this file alone knows pysnmp) and the Bus that the poller reads.

It fetches what `snmp_choice` asks and hands back Samples; it must not know what a value means. Everything that an
agent sends is hostile: it becomes a BAD sample or a DeviceError, never another exception.
"""

import asyncio
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import assert_never

from pyasn1.error import PyAsn1Error
from pyasn1.type import univ
from pysnmp.carrier.asyncio.dgram import udp, udp6
from pysnmp.carrier.asyncio.dispatch import AsyncioDispatcher
from pysnmp.entity import config
from pysnmp.entity.engine import SnmpEngine
from pysnmp.entity.rfc3413 import cmdgen
from pysnmp.error import PySnmpError
from pysnmp.proto import rfc1905

from config.strict import ConfigError, Fault
from drivers.snmp_access import ADVICE, Access, Community, User, version_of, wrong_access
from drivers.snmp_choice import Choice
from drivers.snmp_decode import Gap, Raw
from drivers.snmp_fetch import Answer, Fetch
from drivers.snmp_guard import V1, reply_fits
from drivers.snmp_profile import Group, Profile, points
from firmware_py.core.reading import Reason, Sample
from firmware_py.ports import DeviceError, PollGroup

REPLIES_PER_REQUEST = 8  # datagrams worth decoding; SNMPv3 needs four to find the engine
PATIENCE = 0.4  # of the deadline, then the question is asked once more
LIBRARY_TIMEOUT_S = 30  # only clears the library's own list; our deadlines are shorter
FORGET_AFTER = 2  # lost reads, then the agent counts as away and all sources are tried again
REBUILD_AFTER = 3  # lost reads, then a new engine and socket; doubles each time up to REBUILD_MOST
REBUILD_MOST = 60

__all__ = ["Access", "Community", "SnmpBus", "User", "points", "wrong_access"]

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


class _Session:
    """One engine and one socket for one agent; kept, since building an engine costs 100 ms."""

    def __init__(self, engine: SnmpEngine, transport: _Udp4 | _Udp6) -> None:
        self._engine = engine
        self._transport = transport
        self._get = cmdgen.GetCommandGenerator()
        self._next = cmdgen.NextCommandGeneratorSingleRun()
        self._bulk = cmdgen.BulkCommandGeneratorSingleRun()
        self._pairs: dict[str, tuple[univ.ObjectIdentifier, univ.Null]] = {}

    @property
    def dropped(self) -> int:
        """Datagrams thrown away so far: foreign, oversize, late or unreadable."""
        return self._transport.dropped

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET; asked a second time after `patience_s` of silence. Raises DeviceError; waits for ever otherwise."""
        pairs = self._named(oids)
        return await self._ask(lambda done: self._get.send_varbinds(*self._to(), pairs, done), len(oids), patience_s)

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """GETBULK for `rows` rows behind `oid`, GETNEXT for one."""
        pairs = self._named([oid])
        if rows == 1:
            return await self._ask(lambda done: self._next.send_varbinds(*self._to(), pairs, done), 1, patience_s)
        send = self._bulk.send_varbinds
        return await self._ask(lambda done: send(*self._to(), 0, rows, pairs, done), rows, patience_s)

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
        self, send: Callable[[Callable[..., None]], object], most_varbinds: int, patience_s: float
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


async def _connect(access: Access, host: str, port: int) -> _Session:
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
    return _Session(engine, transport)


class SnmpBus:
    """One agent as a `ports.Bus`: groups `fast` (one GET each second) and `slow`. Credentials are given as values.

    ConfigError at construction when the credentials cannot work here (`wrong_access` says why beforehand).
    """

    def __init__(
        self,
        *,
        name: str,
        device: str,
        host: str,
        port: int = 161,
        access: Access,
        profile: Profile,
        fast_period_ms: int = 1000,
        slow_period_ms: int = 10_000,
        fast_deadline_ms: int = 900,
        slow_deadline_ms: int = 2000,
    ) -> None:
        wrong = wrong_access(access)
        if wrong is not None:
            raise ConfigError([Fault(file=name, line=1, col=1, key="access", message=wrong)])
        self._name, self._device, self._host, self._port, self._access = name, device, host, port, access
        self._periods_ms = {Group.FAST: fast_period_ms, Group.SLOW: slow_period_ms}
        deadlines_ms = {Group.FAST: fast_deadline_ms, Group.SLOW: slow_deadline_ms}
        self._choice = Choice(profile)
        self._groups = {f"{device}.{group}": (group, self._poll_group(group, deadlines_ms[group])) for group in Group}
        self._fetch = Fetch(bulk=version_of(access) != V1)
        self._session: _Session | None = None
        self._opening: asyncio.Task[_Session] | None = None
        self._losses = 0
        self._rebuild_at = REBUILD_AFTER
        self._hint: Callable[[str], None] | None = None

    def _poll_group(self, group: Group, deadline_ms: int) -> PollGroup:
        return PollGroup(
            id=f"{self._device}.{group}",
            device=self._device,
            points=tuple(f"{self._device}.{signal}" for signal in self._choice.signals(group)),
            period_ms=self._periods_ms[group],
            deadline_ms=deadline_ms,
        )

    @property
    def name(self) -> str:
        """The endpoint's name in the configuration."""
        return self._name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """`<device>.fast` and `<device>.slow`."""
        return tuple(group for _, group in self._groups.values())

    @property
    def sources(self) -> Mapping[str, str]:
        """Point id to the MIB that its last good value came from."""
        return {f"{self._device}.{signal}": mib for signal, mib in self._choice.sources.items()}

    def listen(self, hint: Callable[[str], None]) -> None:
        """Keep `hint` for traps; nothing calls it until traps are received."""
        self._hint = hint

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """Read one group within its deadline. Raises DeviceError, which says what to look at."""
        which, _ = self._groups[group.id]
        self._fetch.start(self._session.dropped if self._session is not None else 0)
        try:
            async with asyncio.timeout(group.deadline_ms / 1000):
                session = await self._open()
                samples = await self._read(session, which, group.deadline_ms)
        except TimeoutError:
            if self._session is None:  # ours, not the agent's: no loss of it
                raise DeviceError(f"{self._host}: the SNMP engine is still being built") from None
            dropped = self._session.dropped
            where, secret = f"{self._host}:{self._port}", "community" if isinstance(self._access, Community) else "user"
            raise self._lost(self._fetch.silence(where, secret, group.deadline_ms, dropped)) from None
        except DeviceError as error:
            raise self._lost(error) from error
        self._losses, self._rebuild_at = 0, REBUILD_AFTER
        return {f"{self._device}.{signal}": sample for signal, sample in samples.items()}

    async def _read(self, session: _Session, which: Group, deadline_ms: int) -> Mapping[str, Sample]:
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        patience_s = PATIENCE * deadline_ms / 1000
        raws = await self._fetch.values(session, self._choice.ask(which, now_ms), patience_s)
        tables = self._choice.alarm_tables(which, raws)
        rows = await self._fetch.alarms(session, tables, now_ms, patience_s)
        return self._choice.take(which, raws, rows, now_ms)

    async def _open(self) -> _Session:
        """The session; while one is being built, a deadline may pass without building being started anew."""
        if self._session is None:
            if self._opening is None:
                self._opening = asyncio.create_task(_connect(self._access, self._host, self._port))
            opening = self._opening
            await asyncio.wait({opening})  # unlike awaiting it, this does not cancel the task with us
            self._opening = None
            self._session = opening.result()
        return self._session

    def _lost(self, error: DeviceError) -> DeviceError:
        """Count the loss; forget what was learnt of an agent that is away, and give up its engine now and then."""
        if self._fetch.answers:
            return error  # slow, not away: what it refused so far is kept, so that the next read gets further
        self._losses += 1
        if self._losses == FORGET_AFTER:
            self._choice.forget()
            self._fetch.forget()
        if self._losses >= self._rebuild_at and self._session is not None:
            self._session.close()
            self._session = None
            self._rebuild_at = self._losses + min(self._losses, REBUILD_MOST)
        return error

    async def close(self) -> None:
        """Close the socket; never raises."""
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.wait({opening}, timeout=0.5)
            if opening.done() and not opening.cancelled() and opening.exception() is None:
                self._session = opening.result()
        if self._session is not None:
            self._session.close()
            self._session = None
