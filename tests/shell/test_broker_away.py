"""A broker that was never there, or is gone for a day, at one event a second, in virtual time.

Cycle, journal and bridge are the real ones. Where the broker is there it is a real one, and time runs as outside.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

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
CAP_BYTES = 600 * 1024  # full after an hour
WARM = 2  # hours, until all that has a limit has reached it


class PacedSelector(JumpingSelector):
    """Jumps, unless `paced`: then time runs as outside, so that a real peer can keep up."""

    paced = True
    _seen_s = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if not self.paced:
            return super().select(timeout)
        before_s = self._seen_s or time.monotonic()
        events = super(JumpingSelector, self).select(0.02 if timeout is None else min(timeout, 0.02))
        passed_ms = int((time.monotonic() - before_s) * 1000)
        self._seen_s = before_s + passed_ms / 1000
        self.loop.ms += passed_ms
        return events

    def jump(self) -> None:
        self.paced = False

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


class Forgetful(list[Health]):
    """Takes reports and keeps none: a list of them would be the growth that is looked for."""

    def append(self, health: Health) -> None:
        """Gone."""


def severity(count: int) -> Severity:
    return Severity.CRITICAL if count % 100 == 0 else Severity.WARNING if count % 40 == 0 else Severity.INFO


class Day:
    """One event and one cycle a second. `costs`: (CPU seconds, allocated blocks) after each hour."""

    def __init__(self, folder: Path, clock: VirtualClock, port: int) -> None:
        self.clock, self.floor, self.outbox = clock, Floor(clock), JournalOutbox(folder)
        settings = Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port), events_per_s=5_000)
        self.bridge: Publisher = make_publisher(
            settings,
            outbox=self.outbox,  # type: ignore[arg-type]  # another one than the tests' list
            clock=LoopClock(),
            healths=Forgetful(),
        )
        self.floor.diary.record = lambda *_: None  # type: ignore[method-assign]  # it would grow
        self.floor.diary.show = self.show  # type: ignore[method-assign]  # it looks on in the diary's place
        self.costs: list[tuple[float, int]] = []
        self.longest_ms = self.late_ms = 0
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

    async def spend_hours(self, hours: int) -> None:
        for _ in range(hours):
            before_s = time.process_time()
            await asyncio.sleep(3_600)
            spent_s = time.process_time() - before_s
            gc.collect()
            self.costs.append((spent_s, sys.getallocatedblocks()))


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    """pytest keeps every line, which would be the growth that is looked for."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def judge_costs(day: Day) -> None:
    """The hours are alike once the journal is full."""
    cpu_s, blocks = [cost[0] for cost in day.costs], [cost[1] for cost in day.costs]
    tell(f"CPU s an hour {[round(one, 1) for one in cpu_s]}; blocks {blocks[WARM]} .. {blocks[-1]}; last {day.last}")
    assert day.late_ms == 0, "no cycle was ever late"
    assert blocks[-1] - blocks[WARM] < 3_000, "memory is flat"
    assert min(cpu_s[-2:]) < 2 * max(cpu_s[WARM - 1 : WARM + 1]), "so is the work"


def judge_drops(day: Day, heard: list[dict[str, Any]], *, met: bool) -> None:
    """In order, all warnings and critical ones, the newest of the rest; what is missing is told as a gap."""
    assert day.last > len(day.costs) * 3_600
    numbers = [one["seq"] for one in heard]
    assert all(low < high for low, high in pairwise(numbers)) and numbers[-1] == day.last
    kept = {one["seq"]: one["data"]["n"] for one in heard if one["type"] == "test.counted"}
    gaps = [(one["data"]["from"], one["data"]["to"]) for one in heard if one["type"] == "journal.gap"]
    missing = {number for first, last in gaps for number in range(first, last + 1)}
    assert gaps and not missing & kept.keys()
    before = min(numbers[0], gaps[0][0]) - 1
    assert before == (day.first_left if met else 0)
    assert missing | kept.keys() == set(range(before + 1, day.last + 1)), "nothing is missing that was not told"
    # Events were numbered from 1 on, in order.
    lost = [severity(number - 1) for number in missing]
    assert set(lost) == {Severity.INFO}
    newest = max(missing)
    tell(f"kept {len(kept)}, dropped {len(missing)} in {len(gaps)} gaps, all info up to number {newest}")
    stay = [number for number in kept if severity(number - 1) is Severity.INFO and before < number < newest]
    assert not stay, "the oldest go first"
    assert day.outbox.journal.size_bytes <= CAP_BYTES


@pytest.mark.parametrize(
    ("met", "hours"),
    [
        pytest.param(True, 4, id="gone for hours", marks=pytest.mark.acceptance),
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
        await day.spend_hours(hours)
        loop.selector.walk()
        tasks[2].cancel()
        broker.start()
        far.append(every_message_validates(broker.port))
        day.last = day.outbox.last
        await eventually_async(lambda: day.outbox.ack == day.last, within_s=400, every_s=0.2)
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
