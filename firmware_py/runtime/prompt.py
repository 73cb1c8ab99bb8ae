"""A poller's turn without a task, as long as all goes well: put the question, take the answer in, rest until the next.

What is not simply well is handed over to the poller's task, which goes on where this stopped and judges as ever; that
is also who acts when an answer is waited for too long. Called on the loop, never waits. It must not know a protocol.
"""

from collections.abc import Callable
from typing import Protocol

from config.valued import dataclass
from firmware_py.core.reading import News
from firmware_py.ports import Begin, Bus, PollGroup
from firmware_py.runtime.bell import Bell
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.endpoint import Schedule
from firmware_py.runtime.health import Health
from firmware_py.runtime.table import PointTable


class Work(Protocol):
    """What the poller and its turns have in common."""

    schedule: Schedule
    health: dict[str, Health]
    names: dict[str, frozenset[str]]

    def take_whole(self, group: PollGroup, news: News) -> int:
        """An answer that does not follow on the one before; what `PointTable.put` says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Where a turn stopped: it `began_ms`; of `group`, which was begun `started_ms`, the answer is still to be read, or
    it was taken in, at `stamp_ms` of the table, and `wanted` further readings follow, or taking it in failed (`error`).
    `place`: among all."""

    place: int
    began_ms: int
    group: PollGroup
    started_ms: int
    wanted: int | None = None
    stamp_ms: int = 0
    error: Exception | None = None


class PromptTurns:
    """`hand_over`: wake the task, which calls `leave` first. `rest`: when the turn is over, wait for the next one."""

    def __init__(
        self, *, clock: Clock, bell: Bell, table: PointTable, work: Work, hand_over: Callable[[], None],
        rest: Callable[[], None],
    ) -> None:  # fmt: skip
        self._clock, self._bell, self._table, self._work = clock, bell, table, work
        self._hand_over, self._rest = hand_over, rest
        self._begin: Begin | None = None
        self._give_up: Callable[[], None] | None = None
        self._asked: PollGroup | None = None
        self._place = self._began_ms = self._started_ms = self._until_ms = 0
        self._left: Left | None = None

    def use(self, bus: Bus | None) -> None:
        """The bus from now on."""
        self._begin, self._give_up = getattr(bus, "begin", None), getattr(bus, "give_up", None)

    @property
    def possible(self) -> bool:
        """Whether the bus knows this way at all."""
        return self._begin is not None

    def turn(self) -> None:
        """Read what is due; all devices must be alive, and nothing else be waiting."""
        self._began_ms = now_ms = self._clock.now_ms()
        self._go_on(0, now_ms)

    def leave(self) -> Left | None:
        """The task takes over: what is there to go on with, if anything."""
        left, self._left = self._left, None
        if self._asked is not None:
            self._bell.forget(self, self._until_ms)
            left = self._leave_here(self._asked, self._started_ms)
            self._asked = None
        return left

    def stop(self) -> None:
        """Nobody goes on with it."""
        left = self.leave()
        if left is not None and left.wanted is None and left.error is None and self._give_up is not None:
            self._give_up()

    def _go_on(self, place: int, now_ms: int) -> None:
        """Each group once a turn, as the task does it."""
        schedule, begin = self._work.schedule, self._begin
        assert begin is not None
        groups = schedule.groups
        for place in range(place, len(groups)):  # noqa: B020 - from here on
            group = groups[place]
            if schedule.due_ms(group) > now_ms:
                continue
            self._place = place
            try:
                begun = begin(group, self._done)
            except Exception as error:  # noqa: BLE001 - as in reading: the driver's bug, for the task to judge
                self._left = self._leave_here(group, now_ms, error=error)
                self._hand_over()
                return
            if isinstance(begun, News):
                if not self._take(group, begun, now_ms):
                    return
                now_ms = self._clock.now_ms()
            elif begun:
                self._asked, self._started_ms = group, now_ms
                self._until_ms = now_ms + min(begun, group.deadline_ms)
                self._bell.call(self, self._until_ms, self._hand_over)
                return
            else:
                self._left = self._leave_here(group, now_ms)
                self._hand_over()
                return
        self._rest()

    def _done(self, news: News | None) -> None:
        group = self._asked
        if group is None:
            return  # the task has it
        if news is None:
            self._hand_over()
            return
        self._asked = None
        self._bell.forget(self, self._until_ms)
        if self._take(group, news, self._started_ms):
            self._go_on(self._place + 1, self._clock.now_ms())

    def _take(self, group: PollGroup, news: News, started_ms: int) -> bool:
        """Into the table with it; False when the task has to see to the rest."""
        work = self._work
        try:
            wanted = self._table.take(news, work.names[group.id])
            if wanted is None:
                wanted = work.take_whole(group, news)
        except Exception as error:  # noqa: BLE001 - as above
            self._left = self._leave_here(group, started_ms, error=error)
            self._hand_over()
            return False
        now_ms, health = self._clock.now_ms(), work.health[group.device]
        health.succeed(started_ms, now_ms)
        if wanted:
            self._left = self._leave_here(group, started_ms, wanted=wanted)
            self._hand_over()
            return False
        health.late += work.schedule.done(group, now_ms)
        return True

    def _leave_here(
        self, group: PollGroup, started_ms: int, *, wanted: int | None = None, error: Exception | None = None
    ) -> Left:
        return Left(
            place=self._place, began_ms=self._began_ms, group=group, started_ms=started_ms, wanted=wanted, error=error,
            stamp_ms=self._table.stamp_ms(),
        )  # fmt: skip
