"""One timer of the loop for all who are to be called in the same millisecond: fifty endpoints share their turns.

Whoever fails when called fails alone. It must not know who is called, nor what for.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from firmware_py.runtime.clock import Clock

Call: TypeAlias = Callable[[], None]

AT_ONCE: Final = 16  # are called in one turn of the loop; what else is ready there comes in between


class Waiting(Protocol):
    """Somebody who waits with others. `watch`: where, as long as it waits."""

    watch: "Watch | None"

    def give_up(self) -> None:
        """The time is over."""


class Watch:
    """Some who wait for something until the same millisecond. There is no ring when all have got it."""

    __slots__ = ("_end", "all", "left")

    def __init__(self, end: Callable[[], None]) -> None:
        self.all: list[Waiting] = []
        self._end = end
        self.left = 0

    def leave(self, who: Waiting) -> None:
        """Not any more."""
        who.watch = None
        self.left -= 1
        if not self.left:
            self._end()

    def ring(self) -> None:
        """The time is over for who still waits here."""
        for who in self.all:
            if who.watch is self:
                who.give_up()


class Bell:
    """`call` somebody at a time, once; nobody has more than one call for the same millisecond."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._due: dict[int, OrderedDict[object, Call]] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._ringing: dict[object, Call] = {}
        self._watches: dict[int, Watch] = {}
        self._patience: dict[int, asyncio.TimerHandle] = {}

    def call(self, who: object, when_ms: int, call: Call, *, first: bool = False) -> None:
        """Call this at `when_ms`, or as soon as that has passed; before all who are not to be `first`."""
        due = self._due.get(when_ms)
        if due is None:
            due = self._due[when_ms] = OrderedDict()
            self._timers[when_ms] = self._clock.call_at_ms(when_ms, lambda: self._ring(when_ms))
        due[who] = call
        if first:
            due.move_to_end(who, last=False)

    def forget(self, who: object, when_ms: int) -> None:
        """Not any more."""
        due = self._due.get(when_ms)
        if due is None or due.pop(who, None) is None:
            self._ringing.pop(who, None)
        elif not due:
            del self._due[when_ms]
            self._timers.pop(when_ms).cancel()

    def watch(self, who: Waiting, until_ms: int) -> None:
        """Let it wait with all who wait until then."""
        watch = self._watches.get(until_ms)
        if watch is None:
            watch = self._watches[until_ms] = Watch(lambda: self._unwatch(until_ms))
            self._patience[until_ms] = self._clock.call_at_ms(until_ms, lambda: self._run_out(until_ms))
        watch.left += 1
        watch.all.append(who)
        who.watch = watch

    def _unwatch(self, until_ms: int) -> None:
        if self._watches.pop(until_ms, None) is not None:
            self._patience.pop(until_ms).cancel()

    def _run_out(self, until_ms: int) -> None:
        del self._patience[until_ms]
        self._watches.pop(until_ms).ring()

    def _ring(self, when_ms: int) -> None:
        del self._timers[when_ms]
        is_ringing = bool(self._ringing)
        self._ringing.update(self._due.pop(when_ms))
        if not is_ringing:
            self._go_on()

    def _go_on(self) -> None:
        try:
            for who in list(self._ringing)[:AT_ONCE]:
                call = self._ringing.pop(who, None)  # one who was called may have forgotten another
                if call is not None:
                    call()
        finally:  # who fails is told of by the loop, and the others are still called
            if self._ringing:
                asyncio.get_running_loop().call_soon(self._go_on)
