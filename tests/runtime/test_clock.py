"""The clocks of this machine, and waiting on them."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.core.reading import Quality, Reason
from firmware_py.core.step import CLOCK_POINT
from firmware_py.runtime import clock as module
from firmware_py.runtime.clock import (
    ClockQuality,
    SystemClock,
    Waker,
    boot_id,
    clock_sample,
    monotonic_us,
    run_id,
    utc_text,
)
from tests.conftest import run
from tests.shell.virtual import VirtualClock, VirtualLoop, run_virtual


def test_monotonic_time_counts_from_boot_in_whole_milliseconds() -> None:
    now_ms = SystemClock().now_ms()
    uptime_s = float(Path("/proc/uptime").read_text().split()[0])
    assert isinstance(now_ms, int)
    assert abs(now_ms / 1000 - uptime_s) < 60 or now_ms > 0  # a container may have an uptime of its own


def test_the_time_for_reloads_is_that_of_the_service_manager() -> None:
    assert abs(monotonic_us() - time.monotonic_ns() // 1000) < 1_000_000


def test_the_kernel_is_asked_whether_the_clock_is_right() -> None:
    assert SystemClock().quality() in set(ClockQuality)
    assert module._kernel_in_sync() in (True, False, None)


@pytest.mark.parametrize(
    ("kernel", "mark", "hardware", "expected"),
    [
        (True, False, "", ClockQuality.NTP),
        (None, True, "", ClockQuality.NTP),  # the kernel may not be asked, but timesyncd says so
        (False, True, "", ClockQuality.NONE),  # the kernel knows better than an old mark
        (False, False, "1\n", ClockQuality.RTC),
        (None, False, "0\n", ClockQuality.NONE),
    ],
)
def test_the_quality_of_wall_time_follows_its_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kernel: bool | None, mark: bool, hardware: str, expected: object
) -> None:
    monkeypatch.setattr(module, "_kernel_in_sync", lambda: kernel)
    monkeypatch.setattr(module, "_SYNC_MARK", tmp_path / "synchronized")
    monkeypatch.setattr(module, "_HCTOSYS", tmp_path / "hctosys")
    monkeypatch.setattr(SystemClock, "utc_ms", lambda self: 1_790_000_000_000)
    if mark:
        (tmp_path / "synchronized").touch()
    (tmp_path / "hctosys").write_text(hardware)
    assert SystemClock().quality() is expected


def test_a_clock_that_shows_1970_is_never_good(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_kernel_in_sync", lambda: True)
    monkeypatch.setattr(SystemClock, "utc_ms", lambda self: 86_400_000)
    assert SystemClock().quality() is ClockQuality.NONE


def test_wall_time_is_good_only_while_synchronised() -> None:
    clock = VirtualClock(VirtualLoop())
    assert clock_sample(clock).quality is Quality.GOOD
    clock.clk = ClockQuality.RTC
    sample = clock_sample(clock)
    assert (sample.quality, sample.because) == (Quality.UNCERTAIN, Reason.DOUBTFUL)
    assert sample.value == clock.utc_ms() // 1000
    assert CLOCK_POINT == "clock.utc_s"


def test_each_run_has_an_identity_of_its_own() -> None:
    assert len(boot_id()) == 32
    runs = {run_id() for _ in range(20)}
    assert len(runs) > 15
    assert all(len(name) == 4 and int(name, 16) >= 0 for name in runs)


def test_a_timer_never_fires_early_and_equal_times_share_one_instant() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        due_ms = clock.now_ms() + 30
        fired: list[int] = []
        first, second = (clock.call_at_ms(due_ms, lambda: fired.append(clock.now_ms())) for _ in range(2))
        assert first.when() == second.when()
        await asyncio.sleep(0.1)
        assert len(fired) == 2
        assert all(due_ms <= at_ms for at_ms in fired)

    run(scenario())


def test_a_waker_ends_at_its_time_or_when_it_is_woken() -> None:
    async def scenario(clock: VirtualClock) -> None:
        waker = Waker(clock)
        start_ms = clock.now_ms()
        await waker.wait(start_ms + 700)
        assert clock.now_ms() == start_ms + 700
        asyncio.get_running_loop().call_later(0.2, waker.wake)
        await waker.wait(None)
        assert clock.now_ms() == start_ms + 900
        waker.wake()  # while nobody waits: remembered once
        await waker.wait(start_ms + 5_000)
        assert clock.now_ms() == start_ms + 900

    run_virtual(scenario)


def test_the_source_of_wall_time_is_asked_for_again_within_two_seconds_and_1970_is_noticed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers, shows_ms = [ClockQuality.NONE], [1_790_000_000_000]
    monkeypatch.setattr(module, "_ask_quality", lambda: answers[-1])
    monkeypatch.setattr(SystemClock, "utc_ms", lambda self: shows_ms[-1])
    now_ms = [10_000]
    monkeypatch.setattr(SystemClock, "now_ms", lambda self: now_ms[-1])
    clock = SystemClock()
    assert clock.quality() is ClockQuality.NONE
    answers.append(ClockQuality.NTP)
    now_ms.append(12_000)
    assert clock.quality() is ClockQuality.NTP, "by whoever asks every two seconds"
    shows_ms.append(86_400_000)
    assert clock.quality() is ClockQuality.NONE


@given(utc_ms=st.integers(-(10**15), 10**15))
def test_a_time_as_text_is_what_the_library_makes_of_it(utc_ms: int) -> None:
    within_ms = min(max(utc_ms, 0), 253_402_300_799_999)
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=within_ms)
    assert utc_text(utc_ms) == expected.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_wake_before_the_wait_ends_it_at_once_and_one_wake_ends_one_wait() -> None:
    async def scenario(clock: VirtualClock) -> None:
        waker, began_ms = Waker(clock), clock.now_ms()
        waker.wake()
        waker.wake()
        await waker.wait(began_ms + 500)
        assert clock.now_ms() == began_ms
        await waker.wait(began_ms + 500)
        assert clock.now_ms() >= began_ms + 500
        asyncio.get_running_loop().call_later(0.2, waker.wake)
        await waker.wait(None)
        assert clock.now_ms() < began_ms + 1_000

    run_virtual(scenario)


def test_a_wait_that_was_cancelled_keeps_the_wake_for_the_next() -> None:
    async def scenario(clock: VirtualClock) -> None:
        waker = Waker(clock)
        task = asyncio.ensure_future(waker.wait(None))
        await asyncio.sleep(0)
        waker.wake()
        task.cancel()
        await asyncio.wait({task})
        began_ms = clock.now_ms()
        await waker.wait(began_ms + 60_000)
        assert task.cancelled() and clock.now_ms() == began_ms

    run_virtual(scenario)
