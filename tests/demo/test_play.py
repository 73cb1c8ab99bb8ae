"""The performance: when scenes begin, when an expectation counts as met or missed, and what a refused order is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from firmware_py.demo.play import Pending, Play, Result, judge
from firmware_py.demo.script import Act, Expect, FarEnd, Mains, Order, Scene, Sight
from tests.shell.virtual import VirtualClock, run_virtual

FANS = FarEnd(what="fans", on=True)


class World:
    """A stage on which fans start `lag_ms` after the mains has failed, and orders may be refused."""

    def __init__(self, clock: VirtualClock, *, lag_ms: int = 0, refuses: str = "") -> None:
        self.count = 0
        self.acts: list[tuple[int, Act]] = []
        self.refreshed = 0
        self.dead_ms: int | None = None
        self._clock, self._lag_ms, self._refuses = clock, lag_ms, refuses
        self._failed_ms: int | None = None

    def sight(self, after: int) -> Sight:
        running = self._failed_ms is not None and self._clock.now_ms() >= self._failed_ms + self._lag_ms
        return Sight(picture={}, far_ends={"fans": running})

    async def perform(self, act: Act) -> str:
        self.acts.append((self._clock.now_ms(), act))
        if isinstance(act, Mains):
            self._failed_ms = None if act.on else self._clock.now_ms()
        return self._refuses if isinstance(act, Order) else ""

    async def refresh_events(self) -> None:
        self.refreshed += 1

    def check_alive(self) -> None:
        if self.dead_ms is not None and self._clock.now_ms() >= self.dead_ms:
            raise RuntimeError("the daemon is gone")


def expect(*, within_ms: int = 5_000, for_ms: int = 0, later: bool = False) -> Expect:
    return Expect(what="fans run", checks=(FANS,), within_ms=within_ms, for_ms=for_ms, later=later)


def scene(at_ms: int, *expects: Expect, on: bool = False, after_all: bool = False, acts: tuple[Act, ...] = ()) -> Scene:
    return Scene(at_ms=at_ms, title=f"at {at_ms}", acts=acts or (Mains(on=on),), expects=expects, after_all=after_all)


def perform(day: list[Scene], *, fast: bool, make: Callable[[VirtualClock], World] = World) -> tuple[Play, list[int]]:
    """The play, and when its scenes began."""
    played: list[tuple[Play, list[int]]] = []

    async def scenario(clock: VirtualClock) -> None:
        world = make(clock)
        began_ms = clock.now_ms()
        play = Play(world, day, fast=fast)
        await play.run()
        played.append((play, [at_ms - began_ms for at_ms, _ in world.acts]))
        assert world.refreshed == len(day)

    run_virtual(scenario)
    return played[0]


def test_at_its_own_speed_each_scene_begins_at_its_time() -> None:
    play, began_ms = perform([scene(0, expect()), scene(4_000), scene(9_000)], fast=False)
    assert [round(at_ms, -2) for at_ms in began_ms] == [0, 4_000, 9_000]
    assert play.missed == []
    assert play.next is None


def test_in_haste_a_scene_begins_when_the_one_before_it_is_through() -> None:
    day = [scene(0, expect()), scene(60_000, expect()), scene(120_000)]
    play, began_ms = perform(day, fast=True, make=lambda clock: World(clock, lag_ms=1_000))
    assert [round(at_ms, -2) for at_ms in began_ms] == [0, 1_000, 2_000]
    assert len(play.results) == 2


def test_what_is_put_off_holds_nobody_up_but_who_waits_for_all() -> None:
    day = [scene(0, expect(later=True)), scene(1, acts=(Order(kind="x"),)), scene(2, after_all=True)]
    _, began_ms = perform(day, fast=True, make=lambda clock: World(clock, lag_ms=3_000))
    assert [round(at_ms, -2) for at_ms in began_ms] == [0, 0, 3_000]


def test_the_day_ends_only_when_the_last_expectation_is_decided() -> None:
    play, _ = perform([scene(0, expect(later=True))], fast=True, make=lambda clock: World(clock, lag_ms=4_000))
    assert [(result.what, (result.took_ms or 0) // 100) for result in play.results] == [("fans run", 40)]


def test_what_does_not_happen_in_time_is_missed_with_what_was_seen_and_the_day_goes_on() -> None:
    day = [scene(0, expect(within_ms=2_000)), scene(1, on=True)]
    play, began_ms = perform(day, fast=True, make=lambda clock: World(clock, lag_ms=2_500))
    assert play.missed == [Result(scene="at 0", what="fans run", took_ms=None, instead="fans: False")]
    assert round(began_ms[1], -2) in (2_000, 2_100)


def test_a_refused_order_is_missed_unless_it_may_be_refused() -> None:
    orders = (Order(kind="ack"), Order(kind="reset", may_be_refused=True))
    play, _ = perform([scene(0, acts=orders)], fast=True, make=lambda clock: World(clock, refuses="nothing waits"))
    assert [(result.what, result.instead) for result in play.missed] == [("order ack", "nothing waits")]


def test_a_stage_that_dies_ends_the_play() -> None:
    def make(clock: VirtualClock) -> World:
        world = World(clock, lag_ms=100_000)
        world.dead_ms = clock.now_ms() + 1_000
        return world

    with pytest.raises(RuntimeError, match="the daemon is gone"):
        perform([scene(0, expect(within_ms=60_000))], fast=True, make=make)


def test_everything_is_told_as_it_comes() -> None:
    told: list[Any] = []

    async def scenario(clock: VirtualClock) -> None:
        play = Play(World(clock), [scene(0, expect())], fast=True, told=told.append)
        task = asyncio.create_task(play.run())
        await asyncio.sleep(0)
        assert play.waits_for in ("", "fans run")
        await task
        assert play.waits_for == ""

    run_virtual(scenario)
    assert [type(one) for one in told] == [Scene, Result]


def test_an_expectation_that_must_last_starts_anew_after_a_break() -> None:
    pending = Pending(scene=scene(0), expect=expect(within_ms=5_000, for_ms=2_000), began_s=0, after=0)
    on, off = (Sight(picture={}, far_ends={"fans": running}) for running in (True, False))
    assert judge(pending, on, 1.0) is None
    assert judge(pending, on, 2.9) is None
    assert judge(pending, off, 2.95) is None
    assert judge(pending, on, 3.0) is None
    assert judge(pending, on, 4.9) is None
    met = judge(pending, on, 5.0)
    assert met is not None
    assert met.took_ms == 5_000


def test_an_expectation_that_must_last_longer_than_its_time_is_missed() -> None:
    pending = Pending(scene=scene(0), expect=expect(within_ms=1_000, for_ms=900), began_s=0, after=0)
    on = Sight(picture={}, far_ends={"fans": True})
    assert judge(pending, on, 0.5) is None
    missed = judge(pending, on, 1.1)
    assert missed is not None
    assert missed.took_ms is None
