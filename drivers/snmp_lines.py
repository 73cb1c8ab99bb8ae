"""A line card behind SNMP as a Bus: the states of its lines in one question each period.

It must not know what a status means (the profile does), nor what follows from it.
"""

import asyncio
from collections.abc import Callable, Mapping

from config.valued import dataclass
from drivers.line_status import LineProfile
from drivers.snmp_access import Access
from drivers.snmp_decode import Gap
from drivers.snmp_fetch import Fetch
from drivers.snmp_link import Session, connect
from firmware_py.core.reading import Sample
from firmware_py.ports import DeviceError, PollGroup

PATIENCE = 0.4  # of the deadline, then the question is asked once more
REBUILD_AFTER = 3  # lost reads, then a new engine and socket


@dataclass(frozen=True, slots=True, kw_only=True)
class LineCard:
    """One agent. `lines`: index of each trunk in the card's table."""

    name: str
    host: str
    port: int
    access: Access
    profile: LineProfile
    lines: Mapping[str, int]
    period_ms: int = 2_000
    deadline_ms: int = 1_800


class LineBus:
    """One group, one device. Raises DeviceError while the agent does not answer: no line is called down by silence."""

    def __init__(self, card: LineCard) -> None:
        self._card = card
        self._session: Session | None = None
        self._opening: asyncio.Task[Session] | None = None
        self._fetch = Fetch(bulk=False)
        self._losses = 0
        self._oids = {trunk: f"{card.profile.status}.{index}" for trunk, index in card.lines.items()}
        points = tuple(f"trunks.{trunk}.state" for trunk in card.lines)
        self._group = PollGroup(
            id=f"{card.name}.lines", device=card.name, points=points, period_ms=card.period_ms,
            deadline_ms=card.deadline_ms,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The card's name in the configuration."""
        return self._card.name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """All lines together."""
        return (self._group,)

    def listen(self, hint: Callable[[str], None]) -> None:
        """A card says nothing by itself here."""

    async def read(self, group: PollGroup) -> Mapping[str, Sample]:
        """The state of every line. Raises DeviceError."""
        limit_s = group.deadline_ms / 1000
        dropped = 0 if self._session is None else self._session.dropped
        self._fetch.start(dropped)
        try:
            async with asyncio.timeout(limit_s):
                raws = await self._fetch.values(await self._open(), tuple(self._oids.values()), limit_s * PATIENCE)
        except TimeoutError as late:
            dropped = 0 if self._session is None else self._session.dropped
            where = f"{self._card.host}:{self._card.port}"
            fault = self._fetch.silence(where, "community", group.deadline_ms, dropped)
            self._lose()
            raise fault from late
        except DeviceError:
            self._lose()
            raise
        self._losses = 0
        judge = self._card.profile.judge
        return {f"trunks.{trunk}.state": judge(raws.get(oid, Gap.NO_SUCH)) for trunk, oid in self._oids.items()}

    async def close(self) -> None:
        """Close the socket; never raises."""
        opening, self._opening = self._opening, None
        if opening is not None:
            await asyncio.wait({opening}, timeout=0.5)
            if opening.done() and opening.exception() is None:
                self._session = opening.result()
            opening.cancel()
        session, self._session = self._session, None
        if session is not None:
            session.close()

    async def _open(self) -> Session:
        """The session; building one may take longer than a deadline, and is then not begun anew."""
        if self._session is None:
            if self._opening is None:
                self._opening = asyncio.create_task(connect(self._card.access, self._card.host, self._card.port))
            opening = self._opening
            await asyncio.wait({opening})  # unlike awaiting it, this does not cancel the task with us
            self._opening = None
            self._session = opening.result()
        return self._session

    def _lose(self) -> None:
        self._losses += 1
        self._fetch.forget()
        if self._losses % REBUILD_AFTER == 0 and self._session is not None:
            self._session.close()
            self._session = None
