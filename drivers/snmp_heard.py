"""A session that lets somebody hear each value that an agent gave, as it came: for captures of devices.

It changes nothing of what is asked or answered. It must not know what a value means.
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from drivers.snmp_decode import Raw
from drivers.snmp_fetch import Answer
from drivers.snmp_link import Session

Hear: TypeAlias = Callable[[str, Raw], None]  # object id, what came for it


class HeardSession:
    """`session`, and `hear` is called with each object of each answer."""

    def __init__(self, session: Session, hear: Hear) -> None:
        self._session, self._hear = session, hear

    @property
    def peer(self) -> str:
        """As the session's."""
        return self._session.peer

    @property
    def dropped(self) -> int:
        """As the session's."""
        return self._session.dropped

    async def get(self, oids: Sequence[str], patience_s: float) -> Answer:
        """GET."""
        return self._told(await self._session.get(oids, patience_s))

    async def after(self, oid: str, rows: int, patience_s: float) -> Answer:
        """The `rows` objects behind `oid`."""
        return self._told(await self._session.after(oid, rows, patience_s))

    async def following(self, oids: Sequence[str], patience_s: float) -> Answer:
        """What follows each of `oids`."""
        return self._told(await self._session.following(oids, patience_s))

    async def put(self, oid: str, number: int) -> Answer:
        """SET of one INTEGER; who listens hears readings only."""
        return await self._session.put(oid, number)

    def close(self) -> None:
        """Give the socket back."""
        self._session.close()

    def _told(self, answer: Answer) -> Answer:
        if answer.status == 0:
            for oid, raw in answer.values:
                self._hear(oid, raw)
        return answer
