"""Named services, looked at from where the agents sit: a TCP connection, an HTTP status, days left of a certificate.

A refusal or silence is an answer (down); what our own side prevents (no route, no name) is none. Every look ends in its
time, reads 4 KiB at most and leaves nothing open. It must not know what a service is for.
"""

import asyncio
import errno
import re
import ssl
from collections.abc import Callable, Mapping
from typing import Literal

from config.valued import dataclass
from firmware_py.core.reading import Reason, Sample, bad
from firmware_py.ports import DeviceError, PollGroup

CheckName = Literal["tcp", "tls", "http", "https"]
DaysUntil = Callable[[int], float | None]  # wall time in seconds -> days; None while our clock is not known
_HEAD_BYTES = 4096
_CLOSE_S = 0.5
_STATUS = rb"HTTP/1\.[01] ([1-5]\d\d)[ \r\n]"
_OURS = frozenset({errno.ENETUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service and the hosts that serve it, by side (`main`, `standby`)."""

    id: str
    check: CheckName
    hosts: Mapping[str, str]
    port: int
    path: str = "/"
    status: frozenset[int] = frozenset({200})
    server_name: str = ""
    tls: "ssl.SSLContext | None" = None
    period_ms: int = 30_000
    timeout_ms: int = 3_000


class ReachBus:
    """One service as a Bus: each side is a group of its own, so that a dead main never hides a sound standby."""

    def __init__(self, service: Service, days_until: DaysUntil) -> None:
        assert (service.tls is not None) == (service.check in ("tls", "https")), service.id
        self._service, self._days_until = service, days_until
        self._sides = {f"{service.id}.{side}": host for side, host in service.hosts.items()}
        values = ("up", "answer_ms", "cert_days") if service.tls else ("up", "answer_ms")
        self._groups = tuple(
            PollGroup(
                id=name, device=name, points=tuple(f"{name}.{value}" for value in values),
                period_ms=service.period_ms, deadline_ms=service.timeout_ms + 1_000,
            )
            for name in self._sides
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The service's name."""
        return self._service.id

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """One for each side."""
        return self._groups

    async def read(self, group: PollGroup) -> dict[str, Sample]:
        """Look once. DeviceError when it is our side that prevents the look."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        seen = await self._look(self._sides[group.id])
        found = {f"{group.id}.up": Sample(value=seen.up, detail=seen.detail)}
        answer = Sample(value=round((loop.time() - started_s) * 1000)) if seen.up else bad(Reason.NOT_SUPPORTED)
        found[f"{group.id}.answer_ms"] = answer
        if self._service.tls is not None:
            found[f"{group.id}.cert_days"] = self._days(seen.ends_s)
        return found

    async def close(self) -> None:
        """Nothing stays open between two looks."""

    def listen(self, hint: Callable[[str], None]) -> None:
        """Nobody tells of himself here."""

    async def _look(self, host: str) -> "_Seen":
        try:
            async with asyncio.timeout(self._service.timeout_ms / 1000):
                return await self._visit(host)
        except TimeoutError:
            return _Seen(up=False, detail=f"no answer within {self._service.timeout_ms} ms")
        except ssl.SSLError as error:
            return _Seen(up=False, detail=f"certificate or TLS: {error.reason or error}")
        except OSError as error:
            if _is_ours(error):
                raise DeviceError(f"{host} cannot be looked at from here: {error}") from error
            return _Seen(up=False, detail=error.strerror or str(error))

    async def _visit(self, host: str) -> "_Seen":
        service = self._service
        name = (service.server_name or host) if service.tls else None
        reader, writer = await asyncio.open_connection(
            host, service.port, ssl=service.tls, server_hostname=name, limit=_HEAD_BYTES
        )
        try:
            ends_s = _certificate_ends(writer)
            if service.check in ("tcp", "tls"):
                return _Seen(up=True, ends_s=ends_s)
            return await self._ask(host, reader, writer, ends_s)
        finally:
            writer.transport.abort()

    async def _ask(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ends_s: int | None
    ) -> "_Seen":
        named = self._service.server_name or host
        named = f"[{named}]" if ":" in named else named
        writer.write(
            f"GET {self._service.path} HTTP/1.1\r\nHost: {named}:{self._service.port}\r\n"
            "User-Agent: floorguard\r\nAccept: */*\r\nConnection: close\r\n\r\n".encode("ascii", "replace")
        )
        await writer.drain()
        try:
            line = await reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return _Seen(up=False, detail="no line of HTTP", ends_s=ends_s)
        match = re.match(_STATUS, line)
        if match is None:
            return _Seen(up=False, detail="no status line of HTTP", ends_s=ends_s)
        code = int(match[1])
        return _Seen(up=code in self._service.status, detail=f"status {code}", ends_s=ends_s)

    def _days(self, ends_s: int | None) -> Sample:
        if ends_s is None:
            return bad(Reason.NOT_SUPPORTED, "no certificate was seen")
        days = self._days_until(ends_s)
        return bad(Reason.DOUBTFUL, "our clock is not known") if days is None else Sample(value=round(days, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    up: bool
    detail: str = ""
    ends_s: int | None = None


def _certificate_ends(writer: asyncio.StreamWriter) -> int | None:
    certificate = writer.get_extra_info("peercert")
    return int(ssl.cert_time_to_seconds(certificate["notAfter"])) if certificate else None


def _is_ours(error: OSError) -> bool:
    # socket.gaierror has numbers of its own (a name that cannot be resolved); several tries at once come as one error.
    return (error.errno is not None and error.errno < 0) or error.errno in _OURS
