"""A broker that was never there, or is gone for a day, at one event a second, in virtual time.

Cycle, journal and bridge are the real ones. Where the broker is there it is a real one, and time runs as outside.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import random
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from firmware_py.core.decision import Decision
from firmware_py.core.event import Event, Severity
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Sample
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.journal import Journal
from firmware_py.runtime.lines import Document
from mqtt_bridge.ports import Health, Snapshot
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker
from tests.conftest import eventually_async
from tests.e2e.rig import tell
from tests.mqtt_bridge.floors import BOOT, SITE, LoopClock, make_publisher, utc_text
from tests.shell.floor import DEVICES, Floor
from tests.shell.virtual import JumpingSelector, VirtualClock, VirtualLoop
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates as every_message_validates

pytestmark = pytest.mark.wire
T = TypeVar("T")
CAP_BYTES = 600 * 1024  # full after an hour
WARM = 1  # hours, until all that has a limit has reached it
LONGEST_TURN_MS = 1_000
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def await_dialling() -> None:
    """An attempt to connect costs no virtual time: nobody listens, which its thread learns at once."""
    for thread in threading.enumerate():
        if thread.name == "mqtt-connect":
            thread.join(10)


class PacedSelector(JumpingSelector):
    """Jumps, unless `paced`: then time runs as outside, so that a real peer can keep up."""

    paced = True
    _seen_s = 0.0
    _left_s = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.turns = Counter[int]()  # turns of the loop by their whole milliseconds of CPU

    def select(self, timeout: float | None = None) -> list[Any]:
        if not self.paced:
            self.turns[min(LONGEST_TURN_MS, int((time.thread_time() - self._left_s) * 1000))] += 1
            if timeout != 0:
                await_dialling()
            events = super().select(timeout)
            self._left_s = time.thread_time()
            return events
        before_s = self._seen_s or time.monotonic()
        events = super(JumpingSelector, self).select(0.02 if timeout is None else min(timeout, 0.02))
        passed_ms = int((time.monotonic() - before_s) * 1000)
        self._seen_s = before_s + passed_ms / 1000
        self.loop.ms += passed_ms
        return events

    def jump(self) -> None:
        self.paced, self._left_s = False, time.thread_time()

    def take_turns(self) -> Counter[int]:
        taken, self.turns = self.turns, Counter[int]()
        return taken

    def walk(self) -> None:
        self.paced, self._seen_s = True, 0.0


class PacedLoop(VirtualLoop):
    def __init__(self) -> None:
        super().__init__()
        self.selector = PacedSelector()
        self.selector.loop = self
        asyncio.SelectorEventLoop.__init__(self, self.selector)


class QuickDisk(Disk):
    """Without the waits for the medium: a day of them takes hours, and no power is cut here."""

    def sync(self, path: Path) -> None:
        """Nothing to wait for."""

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        super()._write(path, flag, data, sync=False)


class JournalOutbox:
    """The real journal, asked without a thread between, for which virtual time would not wait."""

    def __init__(self, folder: Path) -> None:
        self.backlog = Backlog()
        self.journal = Journal(QuickDisk(), folder, self.backlog, cap_bytes=CAP_BYTES)
        self.journal.open()

    log = property(lambda self: self.journal.log)
    last = property(lambda self: self.journal.last)
    ack = property(lambda self: self.journal.ack)
    cursor_seen = property(lambda self: self.journal.cursor_seen)

    async def pending(self, after: int, limit: int) -> Sequence[Document]:
        return self.journal.pending(after, limit)

    def acknowledged(self, seq: int, *, cursor: bool) -> None:
        self.journal.acknowledged(seq, cursor=cursor)


class Forgetful(list[T]):
    """Takes notes and keeps none: a list of them would be the growth that is looked for."""

    def append(self, one: T) -> None:
        """Gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """What one of them cost. `lag_p99_ms`, `lag_ms`: how long the loop was busy at a stretch, in CPU."""

    cpu_s: float
    blocks: int
    resident_bytes: int
    lag_p99_ms: int
    lag_ms: int


def severity(count: int) -> Severity:
    return Severity.CRITICAL if count % 100 == 0 else Severity.WARNING if count % 40 == 0 else Severity.INFO


class Day:
    """One event and one cycle a second."""

    def __init__(self, folder: Path, clock: VirtualClock, port: int) -> None:
        self.clock, self.floor, self.outbox = clock, Floor(clock), JournalOutbox(folder)
        settings = Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port), events_per_s=5_000)
        self.bridge: Publisher = make_publisher(
            settings,
            outbox=self.outbox,  # type: ignore[arg-type]  # another one than the tests' list
            clock=LoopClock(),
            healths=Forgetful[Health](),
            chance=random.Random(1).uniform,
        )
        self.floor.diary.record = lambda *_: None  # type: ignore[method-assign]  # it would grow
        self.floor.diary.show = self.show  # type: ignore[method-assign]  # it looks on in the diary's place
        self.floor.diary.lines = Forgetful[tuple[int, str]]()
        self.floor.port.writes = Forgetful[tuple[str, bool]]()
        self.hours: list[Hour] = []
        self.longest_ms = self.slept_ms = 0
        self.last = self.first_left = 0
        self._cycle_ms = 0

    def show(self, image: InputImage, decision: Decision) -> None:
        self.bridge.offer(Snapshot(image=image, decision=decision))
        self.longest_ms = max(self.longest_ms, image.now_ms - self._cycle_ms if self._cycle_ms else 0)
        self._cycle_ms = image.now_ms

    async def tell_events(self) -> None:
        for count in range(10**9):
            self.floor.table.offer({f"{name}.output_source": Sample(value="normal") for name in DEVICES})
            event = Event(type="test.counted", severity=severity(count), at_ms=self.clock.now_ms(), data={"n": count})
            self.outbox.backlog.add(event, Stamp(ts=utc_text(count), clk="ntp", boot=BOOT))
            self.outbox.journal.commit()
            self.bridge.notify()
            await asyncio.sleep(1)

    async def spend_hours(self, hours: int, selector: PacedSelector) -> None:
        for _ in range(hours):
            before_s = time.process_time()
            await asyncio.sleep(3_600)
            spent_s = time.process_time() - before_s
            turns = sorted(selector.take_turns().elements())
            gc.collect()
            self.hours.append(
                Hour(
                    cpu_s=spent_s,
                    blocks=sys.getallocatedblocks(),
                    resident_bytes=int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES,
                    lag_p99_ms=turns[len(turns) * 99 // 100],
                    lag_ms=turns[-1],
                )
            )


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    """pytest keeps every line, which would be the growth that is looked for."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@contextmanager
def held(port: int) -> Iterator[None]:
    """Nobody listens there, and nobody else is given the port meanwhile."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        yield


def judge_costs(day: Day) -> None:
    """The hours are alike once the journal is full."""
    first, last = day.hours[WARM], day.hours[-1]
    cpu_s = [round(hour.cpu_s, 1) for hour in day.hours]
    tell(
        f"CPU s an hour {min(cpu_s)} to {max(cpu_s)}, the last {cpu_s[-1]}; blocks {first.blocks} .. {last.blocks}; "
        f"resident {first.resident_bytes >> 10} .. {last.resident_bytes >> 10} KiB; lag p99 "
        f"{[hour.lag_p99_ms for hour in day.hours]} ms, longest {max(hour.lag_ms for hour in day.hours)} ms"
    )
    assert day.slept_ms == 1_000, "a cycle each second, and none was ever late"
    assert last.blocks - first.blocks < 3_000, "memory is flat"
    assert last.resident_bytes - first.resident_bytes < 4 * 1024 * 1024
    assert min(cpu_s[-2:]) < 2 * max(cpu_s[WARM - 1 : WARM + 1]), "so is the work"
    assert last.lag_p99_ms <= 2 * first.lag_p99_ms + 2, "and the lag of the loop"


def judge_drops(day: Day, heard: list[dict[str, Any]], *, met: bool) -> None:
    """In order; what is missing is told as a gap, and is what the rule says."""
    assert day.last >= len(day.hours) * 3_600
    numbers = [one["seq"] for one in heard]
    assert all(low < high for low, high in pairwise(numbers)) and numbers[-1] == day.last
    kept = {one["seq"]: one["data"]["n"] for one in heard if one["type"] == "test.counted"}
    gaps = [(one["data"]["from"], one["data"]["to"]) for one in heard if one["type"] == "journal.gap"]
    missing = {number for first, last in gaps for number in range(first, last + 1)}
    assert gaps and not missing & kept.keys()
    before = min(numbers[0], gaps[0][0]) - 1
    assert before == (day.first_left if met else 0)
    assert missing | kept.keys() == set(range(before + 1, day.last + 1)), "nothing is missing that was not told"
    judge_rule(missing, kept.keys())
    assert day.outbox.journal.size_bytes <= CAP_BYTES


def judge_rule(missing: Set[int], kept: Set[int]) -> None:
    """The oldest information goes first, then warnings, critical events last. Numbered from 1 on, in order."""
    lost = {one: [number for number in missing if severity(number - 1) is one] for one in Severity}
    stay = {one: [number for number in kept if severity(number - 1) is one] for one in Severity}
    for one in Severity:
        tell(f"{one.value}: {len(stay[one])} kept, {len(lost[one])} dropped")
    assert lost[Severity.INFO] and not lost[Severity.CRITICAL]
    assert max(lost[Severity.INFO]) < min(stay[Severity.INFO]), "the oldest go first"
    if lost[Severity.WARNING]:
        assert max(lost[Severity.WARNING]) < min(stay[Severity.WARNING])
        assert max(lost[Severity.WARNING]) < min(stay[Severity.INFO]), "while there is older information, it goes"


@pytest.mark.parametrize(
    ("met", "hours"),
    [
        pytest.param(True, 3, id="gone for hours", marks=pytest.mark.acceptance),
        pytest.param(True, 24, id="gone for a day", marks=pytest.mark.proof),
        pytest.param(False, 24, id="never there", marks=pytest.mark.proof),
    ],
)
def test_a_day_without_a_broker_costs_neither_time_nor_memory_and_drops_by_the_rule(
    met: bool, hours: int, tmp_path: Path, every_message_validates: Callable[..., Collector]
) -> None:
    loop = PacedLoop()
    broker = Mosquitto(tmp_path, quiet=True)
    far: list[Collector] = []

    async def scenario() -> Day:
        day = Day(tmp_path / "journal", VirtualClock(loop), broker.port)
        if met:
            broker.start()
        tasks = [asyncio.create_task(one) for one in (day.floor.cycle.run(), day.bridge.run(), day.tell_events())]
        if met:
            await eventually_async(lambda: day.outbox.ack >= 3, within_s=60)
            broker.kill()
            await eventually_async(lambda: not day.bridge.health.connected, within_s=60)
            day.first_left = day.outbox.ack
        day.longest_ms = 0
        loop.selector.jump()
        with held(broker.port):
            await day.spend_hours(hours, loop.selector)
        day.longest_ms, day.slept_ms = 0, day.longest_ms  # what follows takes the machine's own time
        loop.selector.walk()
        tasks[2].cancel()
        broker.start()
        far.append(every_message_validates(broker.port))
        day.last = day.outbox.last
        began_s = loop.time()
        await eventually_async(lambda: day.outbox.ack == day.last, within_s=400, every_s=0.2)
        tell(f"delivered after {loop.time() - began_s:.0f} s")
        await day.bridge.stop("test")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return day

    try:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            day = runner.run(scenario())
        heard = [one.data for one in far[0].of("event")]
        judge_costs(day)
        judge_drops(day, heard, met=met)
    finally:
        broker.kill()
