"""One timer for all who are called in the same millisecond, and each of them alone when it fails."""

from __future__ import annotations

import asyncio
from functools import partial

from firmware_py.runtime.bell import AT_ONCE, Bell, Watch
from tests.shell.virtual import VirtualClock, run_virtual, spend


def test_all_are_called_in_their_order_by_one_timer_and_nobody_twice() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, called = Bell(clock), list[tuple[int, int]]()

        def note(who: int) -> None:
            called.append((who, clock.now_ms()))

        at_ms = clock.now_ms() + 50
        for who in range(3 * AT_ONCE):
            bell.call(who, at_ms, partial(note, who))
        assert len(asyncio.get_running_loop()._scheduled) == 2, "one and the test's own limit"  # type: ignore[attr-defined]  # the loop's own list
        await spend(200)
        assert called == [(who, at_ms) for who in range(3 * AT_ONCE)]

    run_virtual(scenario)


def test_who_is_to_be_first_is_called_before_all_who_are_not() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, called = Bell(clock), list[int]()
        for who in range(6):
            bell.call(who, clock.now_ms() + 5, partial(called.append, who), first=who in (2, 4))
        bell.forget(4, clock.now_ms() + 5)
        await spend(20)
        assert called == [2, 0, 1, 3, 5]

    run_virtual(scenario)


def test_who_fails_keeps_nobody_from_being_called() -> None:
    async def scenario(clock: VirtualClock) -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
        bell, called = Bell(clock), list[int]()

        def divide(who: int) -> None:
            called.append(1 // (who - 1))

        for who in range(4):
            bell.call(who, clock.now_ms() + 5, partial(divide, who))
        await spend(20)
        assert called == [-1, 1, 0]
        assert [type(one) for one in told] == [ZeroDivisionError]

    run_virtual(scenario)


def test_who_is_forgotten_is_not_called_even_by_one_who_is_called_before() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, called = Bell(clock), list[str]()
        at_ms = clock.now_ms() + 5
        bell.call("alone", at_ms + 1, lambda: called.append("alone"))
        bell.forget("alone", at_ms + 1)
        bell.forget("nobody", at_ms + 1)
        bell.call("first", at_ms, lambda: bell.forget("second", at_ms))
        bell.call("second", at_ms, lambda: called.append("second"))
        bell.call("again", at_ms, lambda: bell.call("again", at_ms, lambda: called.append("again")))
        await spend(20)
        assert called == ["again"]
        assert bell._due == {} and bell._timers == {} and bell._ringing == {}

    run_virtual(scenario)


class Patient:
    def __init__(self, clock: VirtualClock) -> None:
        self.watch: Watch | None = None
        self.gave_up_ms: list[int] = []
        self._clock = clock

    def give_up(self) -> None:
        self.gave_up_ms.append(self._clock.now_ms())


def test_who_still_waits_when_the_time_is_over_gives_up_and_nobody_else() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, until_ms = Bell(clock), clock.now_ms() + 50
        some = [Patient(clock) for _ in range(4)]
        for one in some:
            bell.watch(one, until_ms)
        for one in some[:2]:
            assert one.watch is not None
            one.watch.leave(one)
        bell.watch(some[0], until_ms + 10)
        bell.watch(some[1], until_ms)  # again, for something else
        await spend(200)
        assert [one.gave_up_ms for one in some] == [[until_ms + 10], [until_ms] * 2, [until_ms], [until_ms]]

    run_virtual(scenario)


def test_when_all_have_what_they_waited_for_nothing_rings() -> None:
    async def scenario(clock: VirtualClock) -> None:
        bell, until_ms = Bell(clock), clock.now_ms() + 50
        some = [Patient(clock) for _ in range(3)]
        timers = len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]  # the loop's own list
        for _ in range(2):
            for one in some:
                bell.watch(one, until_ms)
            assert len(asyncio.get_running_loop()._scheduled) <= timers + 2, "one for all"  # type: ignore[attr-defined]  # the same
            for one in some:
                assert one.watch is not None
                one.watch.leave(one)
            assert bell._watches == {} and bell._patience == {}
        await spend(200)
        assert [one.gave_up_ms for one in some] == [[], [], []]

    run_virtual(scenario)
