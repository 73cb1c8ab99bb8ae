"""What the bridge needs of the rest: the journal as outbox, a little memory, wall time, and an ear for its health.

Protocols and values; whoever builds the daemon puts the real ones in. It must not know how any of them works.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

from config.valued import dataclass
from firmware_py.core.decision import Decision
from firmware_py.core.image import InputImage
from mqtt_bridge.commands import Answer, Order

Record: TypeAlias = Mapping[str, object]  # seq log ts clk up_ms boot type sev incident drill data


class Outbox(Protocol):
    """The journal as seen from the event loop: only records that are on the medium. The numbers are those of its last
    answer; they may lag behind the storage thread, never run ahead of it."""

    @property
    def log(self) -> str:
        """The journal's own name, empty until its medium lets it open."""

    @property
    def last(self) -> int:
        """The highest synced number, 0 for an empty journal."""

    @property
    def ack(self) -> int:
        """Done up to here, as remembered over a restart."""

    @property
    def cursor_seen(self) -> bool:
        """A server has once written a cursor for this log: from then on PUBACKs trim nothing."""

    async def pending(self, after: int, limit: int) -> Sequence[Record]:
        """At most `limit` records with a number above `after`, lowest first; empty when there are none."""

    def acknowledged(self, seq: int, *, cursor: bool) -> None:
        """All up to `seq` was taken, by PUBACK or by the server's cursor (which may also go back). Never blocks."""


class Memory(Protocol):
    """Keeps the topics that have a retained message of ours, so that a restart can empty those whose alarm is gone, and
    the end of the site all of them."""

    def recall(self) -> frozenset[str]:
        """What was kept last; called once, at the start."""

    async def remember(self, topics: frozenset[str]) -> None:
        """Returns when it is stored, or when that failed (which is the store's to report). Never raises."""


class WallClock(Protocol):
    """Wall time for people and far ends, never for decisions."""

    @property
    def clk(self) -> str:
        """What the time is worth: ntp, rtc or none."""

    @property
    def floor(self) -> str:
        """The earliest that it can be now (RFC 3339): an unsynchronised clock that shows less is wrong."""

    def now_ms(self) -> int:
        """Monotonic milliseconds, the time base of images."""

    def utc(self, at_ms: int) -> str:
        """A monotonic millisecond as RFC 3339 with milliseconds: the best guess where `clk` is none."""

    def corrected(self, at_ms: int) -> str:
        """The same by the offset found when the time became known in this run, always the same answer; "" before."""

    def age_ms(self, utc_ms: int) -> int | None:
        """How long ago a wall time (milliseconds since 1970) was; None while `clk` is not ntp."""


class Orders(Protocol):
    """Where commands from the far side go."""

    async def carry_out(self, order: Order) -> Answer:
        """Done, rejected by the floor or failed, with the reason; bounded in time. Journals it either way."""

    def note(self, answer: Answer, count: int = 1) -> None:
        """Journal what was answered without the floor being asked, or how many could not even be answered."""

    def recall(self) -> Sequence[str]:
        """The ids that were kept last, oldest first; called once, at the start."""

    async def remember(self, ids: Sequence[str]) -> None:
        """Returns when they are stored, or when that failed (which is the store's to report). Never raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One cycle's picture and conclusion."""

    image: InputImage
    decision: Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the bridge is. `refused`: what the broker does not let us do, each with its reason. `error`: why there is no
    connection. `duplicate_id`: another client uses our name. `cursor_ahead`: a server counts events we never had.
    `certificate_ends_ms`: when our certificate ends, milliseconds since 1970, None without one."""

    connected: bool = False
    error: str = ""
    refused: tuple[str, ...] = ()
    duplicate_id: bool = False
    cursor_ahead: bool = False
    certificate_ends_ms: int | None = None
