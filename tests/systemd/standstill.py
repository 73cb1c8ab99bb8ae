"""Runs the daemon as `witness` does, and makes one part of it stand still some seconds after its start.

`python -m tests.systemd.standstill PART BOARD SITE VERB ...`; found among the objects of the process, so that the
daemon is the real one until then. Only its first life is hurt: a file beside the board remembers.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.systemd.witness import keep_levels

AFTER_S = 4.0
LONG_S = 600.0


def found(kind: type[Any]) -> Any:
    """The one object of this kind, also where it was frozen out of collections."""
    gc.unfreeze()
    return next(one for one in gc.get_objects() if isinstance(one, kind))


async def never(*_: object, **__: object) -> Any:
    await asyncio.get_running_loop().create_future()


async def deaf(*_: object, **__: object) -> Any:
    """Does not even let itself be cancelled."""
    until_s = time.monotonic() + LONG_S
    while time.monotonic() < until_s:
        try:
            await asyncio.sleep(LONG_S)
        except asyncio.CancelledError:
            continue


def stop_cycle() -> None:
    from firmware_py.runtime.cycle import Cycle

    found(Cycle)._waker.wait = never


def stop_writer() -> None:
    from firmware_py.runtime.flash import Flasher

    found(Flasher)._waker.wait = never


def stop_supervisor() -> None:
    from firmware_py.runtime.supervisor import Supervisor

    found(Supervisor)._waker.wait = never


def stop_storage() -> None:
    from firmware_py.runtime.storage_thread import StorageThread

    found(StorageThread)._duty = lambda final: time.sleep(LONG_S)


def stop_poller() -> None:
    from drivers.snmp_bus import SnmpBus

    found(SnmpBus).read = deaf


STOPS: dict[str, Callable[[], None]] = {
    "loop": lambda: time.sleep(LONG_S),
    "cycle": stop_cycle,
    "writer": stop_writer,
    "supervisor": stop_supervisor,
    "storage": stop_storage,
    "poller": stop_poller,
}


def hurt_later(part: str, mark: Path) -> None:
    """In each loop that runs for so long, by a timer of its own; looking for objects from a thread beside the imports
    would break these."""
    if mark.exists():
        return
    mark.touch()
    run_forever = asyncio.SelectorEventLoop.run_forever

    def run_and_hurt(loop: asyncio.SelectorEventLoop) -> None:
        loop.call_later(AFTER_S, STOPS[part])
        run_forever(loop)

    asyncio.SelectorEventLoop.run_forever = run_and_hurt  # type: ignore[method-assign]  # for good


if __name__ == "__main__":
    from firmware_py.cli import main, verbs

    hurt_later(sys.argv[1], Path(sys.argv[2]).with_suffix(".hurt"))
    keep_levels(Path(sys.argv[2]))
    verbs.DEFAULT_SITE = sys.argv[3]
    sys.exit(main(sys.argv[4:]))
