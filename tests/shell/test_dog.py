"""The watchdog over the real parts: each is made to stand still in turn, and the dog is petted no more.

In virtual time; `tests/systemd/test_standstill.py` does the same to a whole daemon. The storage thread, which virtual
time does not reach, is there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drivers.simulated import Behaviour
from firmware_py.runtime.notify import Notifier
from firmware_py.runtime.watchdog import LIMITS_MS, Watchdog
from tests.shell.floor import DEVICES, Floor
from tests.shell.virtual import VirtualClock, run_virtual, spend

STANDS_MS = 20_000


async def never(*_: object, **__: object) -> Any:
    await asyncio.get_running_loop().create_future()


def stop_cycle(floor: Floor, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(floor.cycle._urge, "wait", never)


def stop_writer(floor: Floor, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(floor.writer.flasher._waker, "wait", never)


def stop_supervisor(floor: Floor, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(floor.supervisor._waker, "wait", never)


def stop_pollers(floor: Floor, patch: pytest.MonkeyPatch) -> None:
    for device in floor.devices.values():
        device.behaviour = Behaviour.HANGING


Stop = Callable[[Floor, pytest.MonkeyPatch], None]


def pets_after(folder: Path, stop: Stop, patch: pytest.MonkeyPatch) -> tuple[int, int, list[str]]:
    """(pets in the last ten seconds before, in the last ten after it stood for a while, what was late then)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as service:
        service.bind(str(folder / "notify"))
        service.setblocking(False)

        def heard() -> int:
            count = 0
            while True:
                try:
                    count += b"WATCHDOG=1" in service.recv(4_096)
                except BlockingIOError:
                    return count

        async def scenario(clock: VirtualClock) -> tuple[int, int, list[str]]:
            floor = Floor(clock)
            notifier = Notifier({"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "8000000"}, 1)
            dog = Watchdog(floor.beats, notifier, clock, lambda: "normal")
            floor.supervisor.supervise("watchdog", dog.run, group="own")

            async def beat_storage() -> None:
                while True:
                    floor.beats.beat("storage")
                    await spend(500)

            floor.supervisor.supervise("storage beat", beat_storage, group="own")
            life = asyncio.create_task(floor.supervisor.run(floor.closing()))
            await spend(10_000)
            heard()
            await spend(10_000)
            before = heard()
            stop(floor, patch)
            await spend(STANDS_MS)
            heard()
            await spend(10_000)
            after, late = heard(), list(floor.beats.late())
            patch.undo()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)
            notifier.close()
            await spend(3_700_000)  # whoever ignores its end for an hour has ended
            return before, after, late

        return run_virtual(scenario)


@pytest.mark.parametrize(
    ("name", "stop"), [("cycle", stop_cycle), ("writer", stop_writer), ("supervisor", stop_supervisor)]
)
def test_a_part_that_stands_still_ends_the_petting(
    name: str, stop: Stop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, after, late = pets_after(tmp_path, stop, monkeypatch)
    assert (before, after) == (5, 0)
    assert late == [name]


def test_pollers_that_all_hang_do_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after, late = pets_after(tmp_path, stop_pollers, monkeypatch)
    assert (before, after, late) == (5, 5, [])


def test_every_part_has_a_test_that_stops_it() -> None:
    from tests.systemd.standstill import STOPS

    assert set(STOPS) == set(LIMITS_MS) | {"poller"}
    assert len(DEVICES) == 5
