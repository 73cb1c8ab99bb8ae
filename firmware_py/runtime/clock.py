"""The only reader of clocks: monotonic milliseconds since boot, wall time with its quality, identity of this run.

CLOCK_BOOTTIME goes on through suspend and through restarts of the daemon within one boot. This module must not know
who waits for what, nor what a time means.
"""

import asyncio
import ctypes
import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from firmware_py.core.reading import Quality, Reason, Sample

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_HCTOSYS = Path("/sys/class/rtc/rtc0/hctosys")
# systemd-timesyncd's own mark. Read where the kernel may not be asked: ProtectClock= forbids adjtimex altogether.
_SYNC_MARK = Path("/run/systemd/timesync/synchronized")
_STA_UNSYNC = 0x0040  # include/uapi/linux/timex.h
_TIME_ERROR = 5  # adjtimex(2): clock not synchronised
BUILT_MS = 1_767_225_600_000  # 2026-01-01: no honest clock shows less
_LATEST_MS = 253_402_300_799_999
_JUMP_S = 0.005
# On whole seconds everybody reads. All else is done a little later: quick devices have answered by then, and no first
# answer of an outage waits for a picture in which nothing has happened.
LATER_MS = 20
SELDOM_MS = 5_000  # for what changes by itself only slowly, or is told at once when it changes
# An answer is some system calls, and the kernel itself takes hours to doubt a clock that nobody sets any more. A little
# less than two seconds, so that who asks every two gets a fresh one.
_QUALITY_MS = 1_900
_LIBC = ctypes.CDLL(None, use_errno=True)


class ClockQuality(StrEnum):
    """Where the wall time has its truth from (`clk` in messages)."""

    NTP = "ntp"
    RTC = "rtc"
    NONE = "none"


class Clock(Protocol):
    """What the shell asks of time; tests give a virtual one."""

    def now_ms(self) -> int:
        """Monotonic milliseconds."""

    def utc_ms(self) -> int:
        """Wall time in milliseconds since 1970, whatever its quality."""

    def quality(self) -> ClockQuality:
        """How far the wall time can be trusted now."""

    def call_at_ms(self, when_ms: int, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """Call back on the running loop at a monotonic time; equal times share one wake-up of the process."""


class SystemClock:
    """The machine's clocks."""

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._quality = ClockQuality.NONE
        self._asked_ms = -_QUALITY_MS

    def now_ms(self) -> int:
        """CLOCK_BOOTTIME in milliseconds."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000

    def utc_ms(self) -> int:
        """CLOCK_REALTIME in milliseconds."""
        return time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000_000

    def quality(self) -> ClockQuality:
        """`ntp` when the kernel (or timesyncd) says so, `rtc` when a hardware clock set the time, else `none`."""
        if self.utc_ms() < BUILT_MS:
            return ClockQuality.NONE
        if (now_ms := self.now_ms()) - self._asked_ms >= _QUALITY_MS:
            self._asked_ms, self._quality = now_ms, _ask_quality()
        return self._quality

    def call_at_ms(self, when_ms: int, callback: Callable[[], object]) -> asyncio.TimerHandle:
        """The offset between the loop's clock and ours is kept, so that equal times become equal timers."""
        loop = asyncio.get_running_loop()
        boot_s = time.clock_gettime_ns(time.CLOCK_BOOTTIME) / 1e9
        offset_s = loop.time() - boot_s  # read second: an error makes the timer late, never early
        if self._offset_s is None or abs(offset_s - self._offset_s) > _JUMP_S:
            self._offset_s = offset_s
        return loop.call_at(when_ms / 1000 + self._offset_s, callback)


class Waker:
    """One task's way of waiting: until a time, or until somebody wakes it, whichever is first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_woken = False
        self._waiting: asyncio.Future[None] | None = None

    def wake(self) -> None:
        """End the wait now; a wake during work makes the next wait return at once. From the loop's thread only."""
        self.rouse()

    def rouse(self) -> None:
        """The same, whatever a wake means besides."""
        self._is_woken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def wait(self, until_ms: int | None) -> None:
        """Wait; None: for a wake only."""
        if not self._is_woken:
            self._waiting = asyncio.get_running_loop().create_future()
            timer = None if until_ms is None else self._clock.call_at_ms(until_ms, self.rouse)
            try:
                await self._waiting
            finally:
                self._waiting = None
                if timer is not None:
                    timer.cancel()
        self._is_woken = False


class Urge(Waker):
    """How the cycle is called: soon, by `wake`, or before `now` returns. `asked`: somebody waits for a tick."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.asked = False
        self.tick_now: Callable[[], bool] | None = None  # while there is a cycle that waits, as the two below
        self.may_tick: Callable[[], bool] | None = None
        self.prepare: Callable[[], None] | None = None  # has at hand what the next tick may need

    def wake(self) -> None:
        """A tick in one of the next turns of the loop."""
        self.asked = True
        self.rouse()

    @property
    def is_ready(self) -> bool:
        """Whether `now` would be followed."""
        return self.may_tick is not None and self.may_tick()

    def now(self) -> bool:
        """A tick at once; False, and there was none, where that must not be."""
        return self.is_ready and self.tick_now is not None and self.tick_now()


def next_turn_ms(clock: Clock, period_ms: int) -> int:
    """The next multiple of a period, and `LATER_MS`: whoever has nothing to choose waits for it, so that the process
    wakes once."""
    return turn_after_ms(clock.now_ms(), period_ms)


def turn_after_ms(now_ms: int, period_ms: int) -> int:
    """The same, later than `now_ms`."""
    return ((now_ms - LATER_MS) // period_ms + 1) * period_ms + LATER_MS


def monotonic_us() -> int:
    """CLOCK_MONOTONIC in microseconds, which sd_notify's RELOADING=1 must carry."""
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def boot_id() -> str:
    """The kernel's identity of this boot (32 hex digits); tells whether monotonic times of a file are still ours."""
    return _first_line(_BOOT_ID).replace("-", "") or "0" * 32


def run_id() -> str:
    """Four hex digits for this run of the controller: `boot` of the MQTT contract."""
    started = f"{boot_id()}:{time.clock_gettime_ns(time.CLOCK_BOOTTIME)}"
    return hashlib.sha256(started.encode()).hexdigest()[:4]


def clock_sample(clock: Clock) -> Sample:
    """Wall time in seconds as any other input: GOOD only while synchronised."""
    quality, utc_s = clock.quality(), clock.utc_ms() // 1000
    if quality is ClockQuality.NTP:
        return Sample(value=utc_s)
    return Sample(value=utc_s, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail=f"clock is {quality.value}")


def week_sample(clock: Clock, zone: tzinfo) -> Sample:
    """Whole minutes since Monday 00:00 in this time zone: GOOD only while synchronised."""
    seen = clock_sample(clock)
    local = datetime.fromtimestamp(clock.utc_ms() // 1000, tz=zone)
    return replace(seen, value=(local.weekday() * 24 + local.hour) * 60 + local.minute)


class _Timex(ctypes.Structure):
    # Up to `status` as in adjtimex(2); what follows is only room, generous on 32 and 64 bits.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 512),
    )


def _ask_quality() -> ClockQuality:
    in_sync = _kernel_in_sync()
    if in_sync or (in_sync is None and _SYNC_MARK.exists()):
        return ClockQuality.NTP
    return ClockQuality.RTC if _first_line(_HCTOSYS) == "1" else ClockQuality.NONE


def _kernel_in_sync() -> bool | None:
    """The kernel's word; None where it may not be asked."""
    timex = _Timex()
    state = int(_LIBC.adjtimex(ctypes.byref(timex)))
    if state < 0:  # forbidden by a sandbox
        return None
    return state != _TIME_ERROR and not timex.status & _STA_UNSYNC


def _first_line(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def utc_text(utc_ms: int) -> str:
    """Wall time as RFC 3339 in UTC with milliseconds; times before 1970 or after 9999 are shown as these ends."""
    minutes, rest_ms = divmod(min(max(utc_ms, 0), _LATEST_MS), 60_000)
    return f"{_minute_text(minutes)}{rest_ms // 1000:02d}.{rest_ms % 1000:03d}Z"


@lru_cache(maxsize=8)
def _minute_text(minutes: int) -> str:
    return f"{datetime.fromtimestamp(minutes * 60, tz=UTC):%Y-%m-%dT%H:%M:}"
