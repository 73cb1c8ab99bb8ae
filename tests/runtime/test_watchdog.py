"""Heartbeats decide whether the service service's watchdog is petted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_py.runtime.notify import Notifier
from firmware_py.runtime.watchdog import LIMITS_MS, Beats, Watchdog
from tests.shell.virtual import VirtualClock, VirtualLoop, run_virtual, running, spend


@pytest.fixture
def service(tmp_path: Path) -> Iterator[socket.socket]:
    """The service service's end of the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def heard(service: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(service.recv(4096).decode())
        except BlockingIOError:
            return messages


def notifier(service: socket.socket, usec: int = 8_000_000) -> Notifier:
    return Notifier({"NOTIFY_SOCKET": str(service.getsockname()), "WATCHDOG_USEC": str(usec)}, 1)


@pytest.mark.parametrize("silent", sorted(set(LIMITS_MS) - {"loop"}))
def test_the_dog_is_petted_only_while_every_part_moves(
    service: socket.socket, silent: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario(clock: VirtualClock) -> None:
        beats, talking = Beats(clock), notifier(service)
        stopped = False

        async def beat() -> None:
            while True:
                for name in LIMITS_MS:
                    if name != "loop" and not (stopped and name == silent):
                        beats.beat(name)
                await spend(500)

        dog = Watchdog(beats, talking, clock, lambda: "normal")
        assert dog.period_ms == 2_000
        async with running(beat(), dog.run()):
            for _ in range(6):  # the kernel keeps ten messages for a slow reader
                assert heard(service).count("WATCHDOG=1") <= 6
                await spend(10_000)
            assert heard(service).count("WATCHDOG=1") == 5
            stopped = True
            await spend(LIMITS_MS[silent] + 3_000)
            heard(service)
            await spend(60_000)
            assert heard(service) == []
            stopped = False
            await spend(4_100)
            assert {"WATCHDOG=1", "STATUS=normal"} <= set(heard(service))
        talking.close()
        logged = [record.message for record in caplog.records]
        assert len(logged) == 2
        assert logged[0].startswith(f"standing still: {silent} for ")
        assert logged[1] == "everything moves again"

    run_virtual(scenario)


def test_a_blocked_loop_pets_nobody(service: socket.socket) -> None:
    async def scenario(clock: VirtualClock) -> None:
        beats, talking = Beats(clock), notifier(service)
        async with running(Watchdog(beats, talking, clock, lambda: "normal").run()):
            await spend(2_500)
            heard(service)
            clock._loop.ms += 20_000  # somebody computes for twenty seconds
            assert heard(service) == []
            await asyncio.sleep(0)
        talking.close()

    run_virtual(scenario)


def test_a_part_that_never_moved_is_late_too() -> None:
    loop = VirtualLoop()
    beats = Beats(VirtualClock(loop))
    assert beats.late() == ()
    loop.ms += 16_000
    assert set(beats.late()) == set(LIMITS_MS)
    with pytest.raises(AssertionError):
        beats.beat("poller")  # a hung poller does not count


def test_without_a_watchdog_the_log_still_tells_what_stands_still() -> None:
    clock = VirtualClock(VirtualLoop())
    dog = Watchdog(Beats(clock), Notifier({}, 1), clock, lambda: "normal")
    assert dog.period_ms == 2_000
    clock._loop.ms += 60_000
    dog.look()
    assert dog._late
