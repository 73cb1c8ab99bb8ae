"""A probation from its beginning to each of its ends, over the real store and compiler; time is set by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from config.floor import Devices, Floor
from config.strict import ConfigError, Fault
from firmware_py.core.command import CommandRefused
from firmware_py.core.event import Event
from firmware_py.runtime.clock import ClockQuality
from firmware_py.runtime.generations import SITE_FILE, Generation
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.configure import Configure, Works
from firmware_py.wiring.drafts import open_store
from firmware_py.wiring.told import gist_of
from tests.conftest import eventually_async, run

BY = "1000:maria"


def text(name: str) -> str:
    return f'[site]\nid = "floor-1"\nname = "{name}"\n'


class HandClock:
    """Time passes when the test says so; who waits looks again soon."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def now_ms(self) -> int:
        return self.ms

    def utc_ms(self) -> int:
        return 1_780_000_000_000 + self.ms

    def quality(self) -> ClockQuality:
        return ClockQuality.NTP

    def call_at_ms(self, when_ms: int, callback: Callable[[], object]) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(0.005, callback)


class Bench:
    """A store with one confirmed generation, and what a running controller would do, written down."""

    def __init__(self, folder: Path) -> None:
        self.store, self.clock = open_store(folder), HandClock()
        self.store.add({SITE_FILE: text("first")}, Generation(number=0, why="first start"), trial=False)
        self.swaps: list[str] = []
        self.events: list[Event] = []
        self.restarts: dict[str, int] = {"ups1": 7, "pbx1": 0}
        self.alive: dict[str, bool] = {"ups1": True, "pbx1": True, "hvac1": False}
        self.refuses = ""
        self.kept: list[Path] = []
        works = Works(
            swap=self._swap, build=build_floor, tell=self._tell, restarts=lambda: dict(self.restarts),
            alive=lambda: dict(self.alive),
            gist=lambda: gist_of(build_floor(self.store.path(self.configure.number))[0]), keep=self.kept.append,
        )  # fmt: skip
        self.configure = Configure(self.store, 1, self.clock, works)

    async def _swap(self, floor: Floor, devices: Devices) -> tuple[str, ...]:
        if floor.site.site.name == self.refuses:
            raise ConfigError([Fault(file="secret", line=1, col=1, key="pbx1", message="cannot be read")])
        self.swaps.append(floor.site.site.name)
        return ("ups1",)

    def _tell(self, events: Sequence[Event]) -> None:
        self.events += events

    async def apply(self, name: str = "second", window_ms: int = 60_000) -> Any:
        return await self.configure.apply(BY, {"files": {SITE_FILE: text(name)}, "window_ms": window_ms})

    async def until_back(self) -> None:
        await eventually_async(lambda: self.told[-1][0] == "config.reverted", what="back")
        assert self.configure.number == 1 and self.store.book.trial is None

    @property
    def told(self) -> list[tuple[str, object]]:
        return [(event.type, event.data.get("why") or event.data.get("by")) for event in self.events]


def play(folder: Path, scenario: Callable[[Bench], Awaitable[None]]) -> Bench:
    async def whole() -> Bench:
        bench = Bench(folder)
        task = asyncio.create_task(bench.configure.run())
        try:
            await scenario(bench)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return bench

    return run(whole())


def test_a_driver_that_fails_again_and_again_in_the_window_leads_back_at_once(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        bench.restarts["pbx1"] = 2  # twice is bad luck
        bench.clock.ms += 5_000
        await asyncio.sleep(0.05)
        assert bench.configure.number == 2
        bench.restarts["pbx1"] = 3
        await bench.until_back()

    bench = play(tmp_path, scenario)
    assert bench.swaps == ["second", "first"]
    assert bench.told == [("config.applied", "apply"), ("config.reverted", "pbx1 fails again and again")]


def test_failures_from_before_the_change_do_not_count(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.restarts["ups1"] = 40
        await bench.apply()
        bench.restarts["ups1"] = 42
        bench.clock.ms += 30_000
        await asyncio.sleep(0.05)
        assert bench.configure.number == 2 and bench.configure.report()["left_ms"] == 30_000

    play(tmp_path, scenario)


def test_nobody_confirms_and_the_one_before_comes_back(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        answer = await bench.apply()
        assert (answer["generation"], answer["back_to"], answer["restarted"]) == (2, 1, ["ups1"])
        bench.clock.ms += 59_999
        await asyncio.sleep(0.05)
        assert bench.configure.number == 2
        bench.clock.ms += 1
        await bench.until_back()

    bench = play(tmp_path, scenario)
    assert bench.told[-1] == ("config.reverted", "nobody confirmed it in time")


def test_what_was_answering_and_is_silent_now_keeps_a_change_from_being_confirmed(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        bench.alive["pbx1"] = False
        with pytest.raises(CommandRefused, match="silent since this change: pbx1"):
            await bench.configure.confirm(BY, {})
        assert bench.configure.report()["silent"] == ["pbx1"], "hvac1 was silent before"
        bench.alive["pbx1"] = True
        assert await bench.configure.confirm(BY, {}) == {"generation": 2}
        with pytest.raises(CommandRefused, match="nothing is on probation"):
            await bench.configure.confirm(BY, {})
        bench.clock.ms += 120_000
        await asyncio.sleep(0.05)

    bench = play(tmp_path, scenario)
    assert bench.configure.number == 2 and bench.store.book.running == 2 and bench.swaps == ["second"]


def test_it_is_confirmed_anyway_where_somebody_says_so(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        bench.alive["pbx1"] = False
        assert await bench.configure.confirm(BY, {"anyway": True}) == {"generation": 2}

    assert play(tmp_path, scenario).told[-1] == ("config.confirmed", BY)


def test_what_cannot_be_wired_is_refused_and_leaves_no_generation_behind(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        bench.refuses = "second"
        with pytest.raises(CommandRefused, match="pbx1: cannot be read"):
            await bench.apply()
        with pytest.raises(CommandRefused, match=r"site\.toml:1:2: error: site\.name"):
            await bench.configure.apply(BY, {"files": {SITE_FILE: '[site]\nid = "floor-1"\n'}})
        kept: Any = await bench.configure.generations(BY, {})
        assert [one["generation"] for one in kept["kept"]] == [1] and not kept["on_probation"]

    assert play(tmp_path, scenario).swaps == []


def test_a_second_change_waits_for_the_end_of_the_first(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        with pytest.raises(CommandRefused, match="generation 2 is on probation for 60 s more"):
            await bench.apply("third")
        back: Any = await bench.configure.rollback(BY, {})
        assert back == {"generation": 1, "reverted": 2}
        await bench.apply("third")

    assert play(tmp_path, scenario).swaps == ["second", "first", "third"]


def test_an_earlier_generation_comes_back_on_probation_and_as_a_new_one(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        await bench.configure.confirm(BY, {})
        answer: Any = await bench.configure.rollback(BY, {"number": 1})
        assert answer["generation"] == 3 and answer["back_to"] == 2
        assert bench.store.files(3)[SITE_FILE] == text("first")
        await bench.configure.rollback(BY, {})
        with pytest.raises(CommandRefused, match="there is no generation 9; kept are 1, 2"):
            await bench.configure.rollback(BY, {"number": 9})

    play(tmp_path, scenario)


def test_should_the_way_back_be_closed_what_runs_stays_and_that_is_said(tmp_path: Path) -> None:
    async def scenario(bench: Bench) -> None:
        await bench.apply()
        bench.refuses = "first"
        bench.clock.ms += 60_000
        await eventually_async(lambda: bench.told[-1][0] == "config.stuck", what="stuck")

    assert play(tmp_path, scenario).configure.number == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"files": {}}, {"files": {SITE_FILE: 1}}, {"files": {SITE_FILE: "", "../x.toml": ""}},
        {"files": {SITE_FILE: "", "profiles/a/b.toml": ""}}, {"files": {SITE_FILE: "x" * 500_000}},
        {"files": {SITE_FILE: text("x")}, "window_ms": 999}, {"files": {SITE_FILE: text("x")}, "window_ms": True},
        {"files": {SITE_FILE: text("x")}, "window_ms": 10**9},
    ],
)  # fmt: skip
def test_what_nobody_could_mean_is_refused_before_anything_is_written(tmp_path: Path, fields: Any) -> None:
    async def scenario(bench: Bench) -> None:
        with pytest.raises(CommandRefused):
            await bench.configure.apply(BY, fields)
        assert bench.store.book.trial is None

    play(tmp_path, scenario)
