"""Plays a day on a floor: lets things happen at their time and holds what is seen against what is expected.

At the day's own speed, or as fast as what is expected comes true. It must not know the terminal.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol

from config.valued import dataclass
from firmware_py.demo.script import Act, Expect, Order, Scene, Sight, all_hold, describe, holds

LOOK_S = 0.05


class Stage(Protocol):
    """What a day is played on: a Floor, or something that behaves like one."""

    @property
    def count(self) -> int:
        """The number of the newest event."""

    def sight(self, after: int) -> Sight:
        """What can be seen now, with the events after this number."""

    async def perform(self, act: Act) -> str:
        """Let it happen; why an order was refused."""

    async def refresh_events(self) -> None:
        """Fetch what was told since the last look."""

    def check_alive(self) -> None:
        """Raise when the stage cannot go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One expectation that was met after `took_ms`, or missed (None), with what was seen instead."""

    scene: str
    what: str
    took_ms: int | None
    instead: str = ""


@dataclass(slots=True, kw_only=True)
class Pending:
    """An expectation that is waited for. `true_s`: since when it holds without a break."""

    scene: Scene
    expect: Expect
    began_s: float
    after: int
    true_s: float | None = None


class Play:
    """One performance. `told` is called with each scene that begins and each result."""

    def __init__(
        self,
        stage: Stage,
        day: Sequence[Scene],
        *,
        fast: bool,
        told: Callable[[Scene | Result], None] = lambda _: None,
    ) -> None:
        self.day, self.fast = day, fast
        self.scene: Scene | None = None
        self.results: list[Result] = []
        self._stage, self._told = stage, told
        self._pending: list[Pending] = []
        self._began_s: float | None = None
        self._place = 0

    @property
    def now_ms(self) -> int:
        """Time since the day began."""
        return 0 if self._began_s is None else round((_now_s() - self._began_s) * 1000)

    @property
    def next(self) -> Scene | None:
        """The scene that is to come."""
        return self.day[self._place] if self._place < len(self.day) else None

    @property
    def waits_for(self) -> str:
        """What is expected next, "" when nothing is waited for."""
        return next((one.expect.what for one in self._pending), "")

    @property
    def missed(self) -> list[Result]:
        """What did not happen."""
        return [result for result in self.results if result.took_ms is None]

    async def run(self) -> None:
        """The whole day, to the last expectation."""
        self._began_s = _now_s()
        while (scene := self.next) is not None:
            await self._until(partial(self._may_begin, scene))
            self._place += 1
            await self._begin(scene)
        await self._until(lambda: not self._pending)

    def _may_begin(self, scene: Scene) -> bool:
        waiting = [one for one in self._pending if scene.after_all or not one.expect.later]
        return not waiting and (self.fast or self.now_ms >= scene.at_ms)

    async def _begin(self, scene: Scene) -> None:
        await self._stage.refresh_events()
        self.scene, after, began_s = scene, self._stage.count, _now_s()
        self._told(scene)
        for act in scene.acts:
            refused = await self._stage.perform(act)
            if refused and isinstance(act, Order) and not act.may_be_refused:
                self._close(Result(scene=scene.title, what=f"order {act.kind}", took_ms=None, instead=refused))
        self._pending += [Pending(scene=scene, expect=one, began_s=began_s, after=after) for one in scene.expects]

    async def _until(self, reached: Callable[[], bool]) -> None:
        while True:
            self._stage.check_alive()
            self._look()
            if reached():
                return
            await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        now_s = _now_s()
        for one in list(self._pending):
            result = judge(one, self._stage.sight(one.after), now_s)
            if result is not None:
                self._pending.remove(one)
                self._close(result)

    def _close(self, result: Result) -> None:
        self.results.append(result)
        self._told(result)


def judge(pending: Pending, sight: Sight, now_s: float) -> Result | None:
    """Met, missed, or None: not yet known."""
    expect, scene = pending.expect, pending.scene.title
    if all_hold(expect, sight):
        pending.true_s = now_s if pending.true_s is None else pending.true_s
        if now_s - pending.true_s >= expect.for_ms / 1000:
            took_ms = round((now_s - pending.began_s) * 1000)
            return Result(scene=scene, what=expect.what, took_ms=took_ms)
    else:
        pending.true_s = None
    if now_s - pending.began_s > expect.within_ms / 1000:
        return Result(scene=scene, what=expect.what, took_ms=None, instead="; ".join(_missing(expect, sight)))
    return None


def _missing(expect: Expect, sight: Sight) -> Iterator[str]:
    for check in expect.checks:
        if not holds(check, sight):
            yield describe(check, sight)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
