"""The storage thread and the door to it: real files, a real thread, and a medium that stalls."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from firmware_py.core.event import Event, Severity
from firmware_py.core.state import State
from firmware_py.ports import DeviceError
from firmware_py.runtime.backlog import Stamp
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.lines import Document
from firmware_py.runtime.recorded import replay
from firmware_py.runtime.segments import Damage
from firmware_py.runtime.storage import MAX_INPUTS, Status, Storage, damage_event
from firmware_py.runtime.storage_thread import StorageThread
from tests.runtime.test_recorder import day

STAMP = Stamp(ts="2026-11-22T00:00:00.000Z", clk="ntp", boot="b1")


def now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def event(number: int, severity: Severity = Severity.INFO, incident: str | None = None) -> Event:
    return Event(type="test.told", severity=severity, at_ms=number, incident=incident, data={"n": number})


class SlowDisk(Disk):
    """The real disk behind a medium that stalls for a while at every write."""

    stall_s = 0.0

    def append(self, path: Path, data: bytes, *, sync: bool) -> None:
        time.sleep(self.stall_s)
        super().append(path, data, sync=sync)

    def write_whole(self, path: Path, data: bytes) -> None:
        time.sleep(self.stall_s)
        super().write_whole(path, data)


class Floor:
    """A storage with what it told."""

    def __init__(self, directory: Path, disk: Disk | None = None) -> None:
        self.synced: list[Document] = []
        self.statuses: list[Status] = []
        self.storage = Storage(
            directory, "b1", now_ms, disk=disk, on_synced=self.synced.extend, on_status=self.statuses.append
        )

    async def until(self, done: Callable[[], object], timeout_s: float = 5.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not done():  # noqa: ASYNC110  # what is waited for happens in another thread or on the disk
                await asyncio.sleep(0.005)


@asynccontextmanager
async def running(directory: Path, disk: Disk | None = None) -> AsyncIterator[Floor]:
    floor = Floor(directory, disk)
    floor.storage.start()
    try:
        yield floor
    finally:
        await floor.storage.stop()


def test_a_critical_event_is_synced_at_once_and_another_within_a_second(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as floor:
            await floor.until(lambda: floor.storage.status.log)
            begun = now_ms()
            floor.storage.record([event(1), event(2, Severity.CRITICAL)], STAMP)
            await floor.until(lambda: len(floor.synced) == 2)
            assert now_ms() - begun < 200
            floor.storage.record([event(3)], STAMP)
            await floor.until(lambda: len(floor.synced) == 3, 1.0)
            assert [record["seq"] for record in floor.synced] == [1, 2, 3]
            assert await floor.storage.pending(1, 10) == floor.synced[1:]

    asyncio.run(story())


def test_all_that_waits_is_written_at_the_stop_and_is_there_afterwards(tmp_path: Path) -> None:
    async def story() -> None:
        floor = Floor(tmp_path)
        assert floor.storage.restore() is None
        floor.storage.start()
        floor.storage.record([event(number) for number in range(1, 51)], STAMP)
        floor.storage.keep(State(stepped_ms=1), 1, (), STAMP)
        await floor.until(lambda: (tmp_path / "state" / "state-a").exists())
        floor.storage.keep(State(stepped_ms=777), 777, (), STAMP)
        told = list(day(5))
        for inputs in told:
            floor.storage.remember(inputs)
        assert await floor.storage.stop()
        assert len(floor.synced) == 50
        assert [step.image for step in replay(Disk(), tmp_path / "inputs")] == [inputs.image for inputs in told]
        again = Floor(tmp_path)
        stored = again.storage.restore()
        assert stored is not None
        assert stored.state.stepped_ms == 777
        again.storage.start()
        again.storage.record([event(51, Severity.CRITICAL)], STAMP)
        await again.until(lambda: again.synced)
        assert again.synced[0]["seq"] == 51
        assert await again.storage.stop()

    asyncio.run(story())


def test_acknowledgements_reach_the_journal_and_the_status(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as floor:
            floor.storage.record([event(1, Severity.CRITICAL)], STAMP)
            await floor.until(lambda: floor.synced)
            assert await floor.storage.acknowledged(1, cursor=True)
            assert not await floor.storage.acknowledged(2, cursor=True)
            await floor.until(lambda: floor.storage.status.ack == 1 and floor.storage.status.cursor_seen)

    asyncio.run(story())


def test_the_book_follows_the_journal_and_catches_up_after_a_crash(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as floor:
            floor.storage.record([event(1, Severity.CRITICAL, "2026-0001"), event(2)], STAMP)
            await floor.until(lambda: len(floor.synced) == 2)
            (found,) = await floor.storage.book(lambda book: book.incidents())
            assert found["id"] == "2026-0001"
        (tmp_path / "book" / "book.jsonl").unlink()  # as if the cut had come before the book was written
        async with running(tmp_path) as floor:
            await floor.until(lambda: floor.storage.status.log)
            incident = await floor.storage.book(lambda book: book.incident("2026-0001"))
            assert incident is not None
            assert [entry["seq"] for entry in incident["timeline"]] == [1]

    asyncio.run(story())


def test_a_lost_book_is_made_again_in_small_steps_while_the_heartbeat_goes_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as floor:
            told = [event(number, Severity.CRITICAL, f"2026-{number // 10:04d}") for number in range(10, 1510)]
            floor.storage.record(told, STAMP)
            await floor.until(lambda: len(floor.synced) == len(told), 20)
        for path in (tmp_path / "book").iterdir():
            path.unlink()
        async with running(tmp_path) as floor:
            beats = set[int]()
            incidents = list[Document]()
            async with asyncio.timeout(20):
                while len(incidents) < 150:
                    incidents = await floor.storage.book(lambda book: book.incidents(limit=999))
                    beats.add(floor.storage.beat_ms)
            assert len(beats) >= 7

    asyncio.run(story())


def test_a_stall_of_five_seconds_leaves_the_loop_free_and_loses_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        disk = SlowDisk()
        async with running(tmp_path, disk) as floor:
            await floor.until(lambda: floor.storage.status.log)
            disk.stall_s = 5.0
            floor.storage.record([event(0, Severity.CRITICAL)], STAMP)
            lags, slowest_call, begun = list[float](), 0.0, time.monotonic()
            inputs = next(iter(day(1)))
            number = 0
            while time.monotonic() - begun < 4.5:
                number += 1
                before = time.monotonic()
                floor.storage.record([event(number)], STAMP)
                floor.storage.keep(State(stepped_ms=number), number, (), STAMP)
                floor.storage.remember(inputs)
                called = time.monotonic()
                slowest_call = max(slowest_call, called - before)
                await asyncio.sleep(0.01)
                lags.append(time.monotonic() - called - 0.01)
            assert floor.synced == []
            assert now_ms() - floor.storage.beat_ms > 3000  # the watchdog can see it
            disk.stall_s = 0.0
            await floor.until(lambda: len(floor.synced) == number + 1, 8.0)
            assert sorted(lags)[len(lags) // 2] < 0.05 and max(lags) < 2.5
            assert slowest_call < 2.5, "one that waited for the disk would take what is left of five seconds"
            assert [record["data"]["n"] for record in floor.synced] == list(range(number + 1))

    asyncio.run(story())


def test_a_stop_does_not_wait_for_a_medium_that_hangs(tmp_path: Path) -> None:
    async def story() -> None:
        disk = SlowDisk()
        floor = Floor(tmp_path, disk)
        floor.storage.start()
        await floor.until(lambda: floor.storage.status.log)
        disk.stall_s = 1.5
        floor.storage.record([event(0, Severity.CRITICAL)], STAMP)
        await floor.until(lambda: not len(floor.storage._backlog))
        begun = time.monotonic()
        assert not await floor.storage.stop(0.2)
        assert time.monotonic() - begun < 1.0

    asyncio.run(story())


def test_a_directory_that_is_a_file_is_degraded_told_and_mended_when_it_is_gone(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("in the way")

    async def story() -> None:
        floor = Floor(tmp_path / "kept")
        assert floor.storage.restore() is None
        floor.storage.start()
        floor.storage.keep(State(), 0, (), STAMP)
        floor.storage.record([event(1, Severity.CRITICAL)], STAMP)
        await floor.until(lambda: floor.statuses and {"journal", "state"} <= floor.statuses[-1].degraded.keys())
        assert floor.synced == []
        (tmp_path / "kept").unlink()
        await floor.until(lambda: floor.synced and not floor.storage.status.degraded)
        assert floor.statuses[-1].degraded == {}
        assert await floor.storage.stop()

    asyncio.run(story())


def test_damage_found_at_the_start_is_in_the_status_and_has_an_event(tmp_path: Path) -> None:
    async def story() -> None:
        async with running(tmp_path) as floor:
            floor.storage.record([event(number, Severity.CRITICAL) for number in range(9)], STAMP)
            await floor.until(lambda: len(floor.synced) == 9)
        (path,) = (tmp_path / "journal").glob("events-*.jsonl")
        content = bytearray(path.read_bytes())
        content[300] ^= 1
        path.write_bytes(content)
        async with running(tmp_path) as floor:
            await floor.until(lambda: floor.statuses and floor.statuses[-1].damage)
            (damage,) = floor.storage.status.damage
            assert (tmp_path / "journal" / damage.aside).exists()
            assert damage_event(damage, 5).data["file"] == path.name
            assert len(await floor.storage.pending(0, 99)) == 9  # eight and a gap

    asyncio.run(story())


def test_a_recording_that_fell_behind_has_a_hole_and_no_wrong_step(tmp_path: Path) -> None:
    told = list(day(MAX_INPUTS + 20))

    async def story() -> None:
        floor = Floor(tmp_path)
        for inputs in told[: MAX_INPUTS + 10]:
            floor.storage.remember(inputs)
        floor.storage.start()
        await floor.until(lambda: not floor.storage._inputs and not floor.storage._inputs_lost)
        for inputs in told[MAX_INPUTS + 10 :]:
            floor.storage.remember(inputs)
        assert await floor.storage.stop()

    asyncio.run(story())
    found = [step.image for step in replay(Disk(), tmp_path / "inputs")]
    assert found == [inputs.image for inputs in (*told[:MAX_INPUTS], *told[MAX_INPUTS + 10 :])]


# ------------------------------------------------------------------------------------------------- the thread alone
def test_too_many_jobs_are_refused_at_once() -> None:
    async def story() -> None:
        thread = StorageThread(lambda _: None, now_ms, job_limit=2)
        jobs = [thread.submit(lambda: 7) for _ in range(3)]
        with pytest.raises(DeviceError):
            await jobs[2]
        thread.start()
        assert await asyncio.gather(*jobs[:2]) == [7, 7]
        assert await thread.stop()
        with pytest.raises(DeviceError):
            await thread.submit(lambda: 7)

    asyncio.run(story())


def test_a_fault_of_the_medium_in_a_job_is_a_device_error() -> None:
    def fail() -> None:
        raise OSError(5, "Input/output error")

    def refuse() -> None:
        raise DeviceError("no")

    async def story() -> None:
        thread = StorageThread(lambda _: None, now_ms)
        thread.start()
        with pytest.raises(DeviceError, match="Input/output error"):
            await thread.submit(fail)
        with pytest.raises(DeviceError, match="no"):
            await thread.submit(refuse)
        assert await thread.stop()

    asyncio.run(story())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_ends_the_thread_is_told_and_stops_the_heartbeat() -> None:
    def bug() -> None:
        raise KeyError("ours")

    async def story() -> None:
        told: list[BaseException] = []
        thread = StorageThread(lambda _: None, now_ms, rest_s=lambda: 0.01, on_failure=told.append)
        thread.start()
        with pytest.raises(KeyError):
            await thread.submit(bug)
        assert not await thread.stop()
        assert isinstance(thread.failure, KeyError)
        assert told == [thread.failure]
        beat_ms = thread.beat_ms
        await asyncio.sleep(0.05)
        assert thread.beat_ms == beat_ms

    asyncio.run(story())


def test_a_stop_before_the_start_has_nothing_to_do() -> None:
    assert asyncio.run(StorageThread(lambda _: None, now_ms).stop())


def test_damage_that_could_not_be_copied_says_so() -> None:
    assert damage_event(Damage(file="f", offset=1, length=2, what="bad"), 0).data["aside"] is None


def test_what_was_told_counts_as_unwritten_until_it_has_its_number(tmp_path: Path) -> None:
    async def scenario() -> None:
        disk = SlowDisk()
        disk.stall_s = 0.05
        async with running(tmp_path, disk) as floor:
            await floor.until(lambda: floor.storage.status.log)
            assert not floor.storage.unwritten
            for number in range(1, 6):
                floor.storage.record([event(number, Severity.CRITICAL)], STAMP)
                assert floor.storage.unwritten
                await floor.until(lambda: not floor.storage.unwritten)
                assert floor.storage.status.last == number

    asyncio.run(scenario())
