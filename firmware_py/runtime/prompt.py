"""A poller's turn without a task, as long as all goes well: put the question, take the answer in, rest until the next.

What is not simply well is handed over to the poller's task, which goes on where this stopped and judges as ever; that
is also who acts when an answer is waited for too long. Called on the loop, never waits. It must not know a protocol.
"""

from collections.abc import Callable
from typing import Protocol

from config.valued import dataclass
from firmware_py.core.reading import News
from firmware_py.ports import Begin, Bus, PollGroup
from firmware_py.runtime.bell import Bell, Watch
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.endpoint import GroupTurns, Looks, Schedule, looks_for
from firmware_py.runtime.health import Health
from firmware_py.runtime.table import PointTable

# Who took so long for an answer will do so again, and there is time to prepare for it: what is prepared is about half a
# picture, which takes 2 ms on a server's core, and some twenty on a small board's if that is ten times slower.
_SLOW_MS, _SLOW_TIMES = 4, 2
_FINE_MS = 50  # patience is over at multiples of this: what was asked in one turn of the loop is then watched together


class Work(Protocol):
    """What the poller and its turns have in common."""

    schedule: Schedule
    health: dict[str, Health]
    names: dict[str, frozenset[str]]

    @property
    def tells_outputs(self) -> bool:
        """Whether there are outputs here, which come before any further reading."""

    def take_whole(self, group: PollGroup, news: News) -> int:
        """An answer that does not follow on the one before; what `PointTable.put` says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """Where a turn stopped: it `began_ms`; of `group`, which was begun `started_ms`, the answer is still to be read, or
    it `is_taken` in, at `stamp_ms` of the table, or asking or taking it in failed (`error`). `place`: among all.
    `looks`: what this answer confirms, or what is still to follow once it is taken in."""

    place: int
    began_ms: int
    group: PollGroup
    started_ms: int
    is_taken: bool = False
    looks: Looks | None = None
    stamp_ms: int = 0
    error: Exception | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Served:
    """One group and all that its answers go to."""

    place: int
    group: PollGroup
    turns: GroupTurns
    names: frozenset[str]
    health: Health


class PromptTurns:
    """`hand_over`: wake the task, which calls `leave` first. `rest`: when the turn is over, wait for the next one."""

    __slots__ = (
        "_all", "_asked", "_began_ms", "_begin", "_bell", "_clock", "_count", "_give_up", "_hand_over", "_hear",
        "_left", "_looks", "_rest", "_started_ms", "_table", "_work", "possible", "watch",
    )  # fmt: skip

    def __init__(
        self, *, clock: Clock, bell: Bell, table: PointTable, work: Work, hand_over: Callable[[], None],
        rest: Callable[[], None],
    ) -> None:  # fmt: skip
        self._clock, self._bell, self._table, self._work = clock, bell, table, work
        self._hand_over, self._rest = hand_over, rest
        self._begin: Begin | None = None
        self._give_up: Callable[[], None] | None = None
        self._hear: Callable[[], None] | None = None
        self._all = tuple(
            _Served(
                place=place, group=each.group, turns=each, names=work.names[each.group.id],
                health=work.health[each.group.device],
            )
            for place, each in enumerate(work.schedule.turns)
        )  # fmt: skip
        self._count = len(self._all)
        self._asked: _Served | None = None
        self._looks: Looks | None = None  # while what was asked is to confirm something
        self._began_ms = self._started_ms = 0
        self.watch: Watch | None = None
        self._left: Left | None = None
        self.possible = False  # whether the bus knows this way at all

    def use(self, bus: Bus | None) -> None:
        """The bus from now on."""
        self._begin, self._give_up = getattr(bus, "begin", None), getattr(bus, "give_up", None)
        self._hear = getattr(bus, "hear", None)
        self.possible = self._begin is not None

    @property
    def busy(self) -> bool:
        """Whether an answer is waited for, or the task is to go on with one."""
        return self._asked is not None or self._left is not None

    def turn(self) -> None:
        """Read what is due; all devices must be alive, and nothing else be waiting."""
        self._began_ms = now_ms = self._clock.now_ms()
        self._go_on(0, now_ms)

    def leave(self) -> Left | None:
        """The task takes over: what is there to go on with, if anything."""
        left, self._left = self._left, None
        if self._asked is not None:
            assert self.watch is not None, "somebody is asked"
            self.watch.leave(self)
            left = self._leave_here(self._asked, self._started_ms, looks=self._looks)
            self._asked = self._looks = None
        return left

    def stop(self) -> None:
        """Nobody goes on with it."""
        left = self.leave()
        if left is not None and not left.is_taken and left.error is None and self._give_up is not None:
            self._give_up()

    def _go_on(self, place: int, now_ms: int) -> None:
        """Each group once a turn, as the task does it."""
        begin = self._begin
        assert begin is not None
        while place < self._count:
            each = self._all[place]
            place += 1
            if each.turns.due_ms > now_ms:
                continue
            try:
                begun = begin(each.group, self._done)
            except Exception as error:  # noqa: BLE001 - as in reading: the driver's bug, for the task to judge
                self._leave(each, now_ms, error)
                return
            if isinstance(begun, News):
                if not self._take(each, begun, now_ms, now_ms):
                    return
                now_ms = self._clock.now_ms()
            elif begun:
                self._wait(each, now_ms, begun)
                return
            else:
                self._leave(each, now_ms)
                return
        self._rest()

    def _wait(self, each: _Served, now_ms: int, patience_ms: int) -> None:
        """Its question is on its way. The task may take over somewhat early: it waits on for what is left."""
        self._asked, self._started_ms = each, now_ms
        deadline_ms = each.group.deadline_ms
        until_ms = now_ms + (patience_ms if patience_ms < deadline_ms else deadline_ms)
        if until_ms > now_ms + 2 * _FINE_MS:
            until_ms -= until_ms % _FINE_MS
        self._bell.watch(self, until_ms)

    def give_up(self) -> None:
        """It is waited for too long."""
        self._hand_over()

    def _done(self, news: News | None) -> None:
        asked = self._asked
        if asked is None:
            return  # the task has it
        if news is None:
            self._hand_over()
            return
        self._asked = None
        if self.watch is not None:
            self.watch.leave(self)
        now_ms = self._clock.now_ms()
        if self._take(asked, news, self._started_ms, now_ms):
            if asked.place + 1 < self._count:
                self._go_on(asked.place + 1, now_ms)
            else:
                self._rest()

    def _take(self, each: _Served, news: News, started_ms: int, now_ms: int) -> bool:
        """Into the table with it; False when somebody else has to see to the rest, or a further answer."""
        try:
            wanted = self._table.take(news, each.names, now_ms)
            if wanted is None:
                wanted = self._work.take_whole(each.group, news)
        except Exception as error:  # noqa: BLE001 - as above
            looks, self._looks = self._looks, None
            self._leave(each, started_ms, error, looks=looks)
            return False
        health = each.health
        health.succeed(started_ms, now_ms)
        if (wanted or self._looks is not None) and not self._confirm(each, wanted, started_ms, now_ms):
            return False
        if each.turns.done(now_ms):
            health.late += 1
        return True

    def _confirm(self, each: _Served, anew: int, started_ms: int, heard_ms: int) -> bool:
        """Something urgent has changed, or this confirms it: the cycle sees it before this returns, and what is to
        confirm it is asked for before that, to be answered meanwhile. True when there is nothing more to confirm."""
        looks, self._looks = looks_for(anew) if self._looks is None else self._looks.after(anew), None
        if looks.over:
            self._table.show()
            return True
        if self._work.tells_outputs or not self._table.can_show:
            if not anew:  # else the table has woken it
                self._table.wake_cycle()
            self._leave(each, started_ms, is_taken=True, looks=looks)
            return False
        assert self._begin is not None
        now_ms = self._clock.now_ms()
        try:
            begun = self._begin(each.group, self._done)
        except Exception as error:  # noqa: BLE001 - as above
            self._leave(each, now_ms, error, looks=looks)
            return False
        if not begun:
            self._leave(each, started_ms, is_taken=True, looks=looks)
        else:
            self._looks = looks
            if not isinstance(begun, News):
                self._wait(each, now_ms, begun)
        self._table.show()
        if self._asked is each and self._hear is not None:
            self._hear()  # a quick device has answered while the cycle looked
            took_ms, spent_ms = heard_ms - started_ms, self._clock.now_ms() - now_ms
            if self._asked is each and took_ms >= max(_SLOW_MS, _SLOW_TIMES * spent_ms):
                self._table.prepare()
        return isinstance(begun, News) and self._take(each, begun, now_ms, self._clock.now_ms())

    def _leave(
        self, each: _Served, started_ms: int, error: Exception | None = None, *, is_taken: bool = False,
        looks: Looks | None = None,
    ) -> None:  # fmt: skip
        """To the task, which sees to the rest."""
        self._left = self._leave_here(each, started_ms, error, is_taken=is_taken, looks=looks)
        self._hand_over()

    def _leave_here(
        self, each: _Served, started_ms: int, error: Exception | None = None, *, is_taken: bool = False,
        looks: Looks | None = None,
    ) -> Left:  # fmt: skip
        return Left(
            place=each.place, began_ms=self._began_ms, group=each.group, started_ms=started_ms, error=error,
            is_taken=is_taken, looks=looks, stamp_ms=self._table.stamp_ms(),
        )  # fmt: skip
