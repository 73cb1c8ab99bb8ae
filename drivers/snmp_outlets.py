"""Outlet groups of one UPS as outputs. Only those that the site lists, with a write credential of its own.

A session apart from the reading one, opened by the first write. It must not know what hangs on an outlet, nor why it is
switched; commands that cannot be called back are not in its vocabulary (`snmp_profile.NEVER`).
"""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import TypeVar

from config.faults import ConfigError, Fault
from drivers.snmp_access import Access, wrong_access
from drivers.snmp_link import Session, connect
from drivers.snmp_profile import NEVER, Outlets
from firmware_py.core.reading import Reason
from firmware_py.ports import DeviceError

T = TypeVar("T")

DEADLINE_MS = 1_500
PATIENCE_S = 0.6
REBUILD_AFTER = 3  # silences in a row, then a new engine and socket
NO_ERROR, READ_ONLY = 0, (2, 4, 6, 16, 17)  # noSuchName, readOnly, noAccess, authorizationError, notWritable


class OutletPort:
    """`ports.RemotePort` for the listed groups. `outlets`: output id to group number. ConfigError for credentials that
    cannot work."""

    def __init__(
        self, *, name: str, host: str, port: int, access: Access, mibs: Sequence[Outlets], outlets: Mapping[str, int]
    ) -> None:
        wrong = wrong_access(access)
        if wrong is not None:
            raise ConfigError([Fault(file=name, line=1, col=1, key="write access", message=wrong)])
        self._name, self._host, self._port, self._access = name, host, port, access
        self._mibs, self._outlets = tuple(mibs), dict(outlets)
        self._chosen: Outlets | None = None
        self._session: Session | None = None
        self._silences = 0

    @property
    def name(self) -> str:
        """The UPS's id."""
        return self._name

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs behind this UPS."""
        return frozenset(self._outlets)

    async def write(self, output: str, on: bool) -> None:
        """Switch one group unless it is so already; sent once. Raises DeviceError."""
        await self._bounded(self._write(self._outlets[output], on))

    async def read_back(self, output: str) -> bool | None:
        """The group's state; None for one that the table does not know. Raises DeviceError."""
        mib, state = await self._bounded(self._state(self._outlets[output]))
        return mib.states.get(state)

    async def close(self) -> None:
        """Close the socket; never raises."""
        if self._session is not None:
            self._session.close()
            self._session = None

    async def _write(self, group: int, on: bool) -> None:
        mib, state = await self._state(group)
        if mib.states.get(state) is on:
            return
        oid, value = mib.on if on else mib.off
        assert not oid.startswith(NEVER), oid
        assert self._session is not None
        answer = await self._session.put(f"{oid}.{group}", value)
        if answer.status != NO_ERROR:
            hint = "; check that the write credential may write" if answer.status in READ_ONLY else ""
            message = f"{self._name}: outlet {group} is refused (error {answer.status}){hint}"
            raise DeviceError(message, because=Reason.BAD_REPLY)

    async def _bounded(self, work: Coroutine[None, None, T]) -> T:
        try:
            async with asyncio.timeout(DEADLINE_MS / 1000):
                return await work
        except TimeoutError:
            raise self._silent() from None

    async def _state(self, group: int) -> tuple[Outlets, int]:
        """The MIB that has this group, and its state's number."""
        if self._session is None:
            self._session = await connect(self._access, self._host, self._port)
        tried = self._mibs if self._chosen is None else (self._chosen,)
        for mib in tried:
            answer = await self._session.get([f"{mib.state}.{group}"], PATIENCE_S)
            raw = answer.values[0][1] if answer.status == NO_ERROR and answer.values else None
            if isinstance(raw, int):
                self._chosen, self._silences = mib, 0
                return mib, raw
        self._chosen = None
        message = f"{self._name}: no outlet {group} in any MIB of its profile"
        raise DeviceError(message, because=Reason.NOT_SUPPORTED)

    def _silent(self) -> DeviceError:
        self._silences += 1
        if self._silences >= REBUILD_AFTER and self._session is not None:
            self._session.close()
            self._session, self._silences = None, 0
        return DeviceError(f"{self._name}: no answer to the write credential within {DEADLINE_MS} ms; check it")
