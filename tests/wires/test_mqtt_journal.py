"""The real storage behind the real publisher, killed again and again: nothing lost, nothing renumbered."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]

VICTIM = """
import asyncio, sys, time
from pathlib import Path
import firmware_py.runtime.storage
from firmware_py.core.event import Event, Severity
from firmware_py.runtime.backlog import Stamp
from firmware_py.runtime.storage import Storage
from firmware_py.wiring.links import Outbox
from mqtt_bridge.settings import Bridge, Broker
from tests.mqtt_bridge.floors import SITE, make_publisher, see, utc_text

# Otherwise each run would tell all from the beginning, for none lives the 10 s after which the position is kept.
firmware_py.runtime.storage.HOUSEKEEPING_MS = 100
port, folder, run, total = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4])

synced = []

def keep(records):
    synced.extend(record for record in records if record["boot"] == run)
    bridge.notify()

async def main():
    global bridge
    storage = Storage(folder, run, lambda: time.monotonic_ns() // 1_000_000, on_synced=keep)
    bridge = make_publisher(
        Bridge(site=SITE, broker=Broker(host="127.0.0.1", port=port), events_per_s=2_000),
        outbox=Outbox(storage), boot=run,
    )
    storage.start()
    bridge.offer(see())
    task = asyncio.create_task(bridge.run())
    for count in range(total):
        severity = Severity.CRITICAL if count % 3 == 0 else Severity.INFO
        event = Event(type="test.counted", severity=severity, at_ms=count, data={"count": count})
        storage.record([event], Stamp(ts=utc_text(count), clk="ntp", boot=run))
        await asyncio.sleep(0.01)
    while len(synced) < total or storage.status.ack < synced[-1]["seq"]:
        await asyncio.sleep(0.02)
    await bridge.stop("done")
    await task
    await storage.stop()

asyncio.run(main())
"""


@pytest.mark.parametrize("kills", [6, pytest.param(200, marks=pytest.mark.proof)])
def test_no_kill_between_append_and_publish_loses_or_renumbers_an_event(
    kills: int, tmp_path: Path, mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    far = every_message_validates(mosquitto.port)
    chance = random.Random(3)

    def start(run: str, total: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", VICTIM, str(mosquitto.port), str(tmp_path), run, str(total)]
        return subprocess.Popen(command, cwd=PROJECT)

    for number in range(kills):
        run = f"{number:04x}"
        victim = start(run, 100_000)
        try:
            far.wait_for(lambda c, run=run: (c.last("event") or {}).get("boot") == run, within_s=20, what=run)
            time.sleep(chance.uniform(0.0, 0.3))
        finally:
            victim.kill()
            victim.wait(10)
    last = start("ffff", 30)
    try:
        assert last.wait(30) == 0
    finally:
        last.kill()
    far.wait_for(lambda c: c.last("status")["state"] == "offline", what="goodbye")

    told: dict[int, tuple[str, int]] = {}
    for one in far.of("event"):
        fact = (one.data["boot"], one.data["data"]["count"])
        assert told.setdefault(one.data["seq"], fact) == fact, "a number was given twice"
    assert set(told) == set(range(1, max(told) + 1)), "a number is missing"
    for number in range(kills):  # of each run, all up to the last that was journalled
        counts = [count for boot, count in told.values() if boot == f"{number:04x}"]
        assert sorted(counts) == list(range(len(counts)))
    assert sum(1 for boot, _ in told.values() if boot == "ffff") == 30
    firsts = list(dict.fromkeys(one.data["seq"] for one in far.of("event")))
    assert firsts == sorted(firsts), "in order, but for what was sent again"
