"""The victim: real storage and real publisher in one process, which makes numbered facts until it is killed.

`python -m tests.chaos.daemon PORT FOLDER RUN RATE`; RATE 0: only deliver what is there, then end.
"""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import firmware_py.runtime.storage as kept
from firmware_py.core.event import Event, Severity
from firmware_py.runtime.backlog import Backlog, Stamp
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.links import Outbox
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker
from tests.mqtt_bridge.floors import SITE, make_publisher, see, utc_text

# Small limits, so that a full disk of seconds does what one of hours would.
BACKLOG = 40


class FillingDisk(Disk):
    """Full as long as a file of the name `full` lies in the folder."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / "full"

    def _write(self, path: Path, flag: int, data: bytes, *, sync: bool) -> None:
        if self._mark.exists():
            super()._write(path, flag, data[: len(data) // 2], sync=False)  # a part may well be there
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super()._write(path, flag, data, sync=sync)


class Daemon:
    def __init__(self, port: int, folder: Path, run: str, rate: float) -> None:
        self._run, self._rate = run, rate
        self._truth = os.open(folder / "synced.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        kept.HOUSEKEEPING_MS = 200
        kept.Backlog = partial(Backlog, limit=BACKLOG)  # type: ignore[attr-defined,misc]  # a smaller one
        self.storage = kept.Storage(folder / "state", run, self.now_ms, disk=FillingDisk(folder), on_synced=self._note)
        broker = Broker(
            host="127.0.0.1", port=port, keep_alive_ms=1_000, connect_within_ms=1_500, puback_within_ms=2_000
        )
        settings = Bridge(site=SITE, broker=broker, events_per_s=1_000, resend_ms=1_000)
        self.bridge: Publisher = make_publisher(settings, outbox=Outbox(self.storage), boot=run)  # type: ignore[arg-type]  # the real one

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def _note(self, records: Any) -> None:
        """What is on the medium from here on, whatever happens to this process."""
        os.write(self._truth, "".join(f"{r['log']} {r['seq']} {r['type']}\n" for r in records).encode())
        self.bridge.notify()

    def _is_due(self) -> bool:
        status = self.storage.status
        return not status.log or status.ack < status.last

    async def live(self) -> None:
        self.storage.start()
        self.bridge.offer(see())
        task = asyncio.create_task(self.bridge.run())
        count = 0
        while self._rate:
            severity = (Severity.CRITICAL, Severity.WARNING, Severity.INFO)[count % 3]
            event = Event(type="test.counted", severity=severity, at_ms=self.now_ms(), data={"count": count})
            self.storage.record([event], Stamp(ts=utc_text(count), clk="ntp", boot=self._run))
            count += 1
            await asyncio.sleep(1 / self._rate)
        while self._is_due():  # noqa: ASYNC110 - the storage has no event for this
            await asyncio.sleep(0.05)
        await self.bridge.stop("done")
        await task
        await self.storage.stop()


if __name__ == "__main__":
    asyncio.run(Daemon(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], float(sys.argv[4])).live())
