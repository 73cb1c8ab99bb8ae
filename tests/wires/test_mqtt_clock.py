"""Events that were stamped before the time was known go out with the right time once it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from mqtt_bridge.settings import Bridge, Broker
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import SITE, ListOutbox, LoopClock, make_publisher, see, utc_text
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]


def test_unacknowledged_events_of_this_run_are_corrected_and_others_are_not(
    mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    far = every_message_validates(mosquitto.port)
    clock, outbox = LoopClock(clk="none"), ListOutbox()
    for _ in range(4):
        outbox.append()
    outbox.records[0] |= {"clk": "none", "boot": "0000"}  # an earlier run: its clock is nobody's any more
    outbox.records[1] |= {"clk": "none"}
    outbox.records[2] |= {"clk": "rtc"}
    outbox.ack, outbox.cursor_seen = 0, True

    async def scenario() -> None:
        broker = Broker(host="127.0.0.1", port=mosquitto.port)
        bridge = make_publisher(Bridge(site=SITE, broker=broker, resend_ms=300), outbox=outbox, clock=clock)
        bridge.offer(see())
        task = asyncio.create_task(bridge.run())
        await eventually_async(lambda: len(far.of("event")) == 4)
        assert not any("ts_fixed" in one.data for one in far.of("event"))
        clock.clk, clock.known_ms = "ntp", 3_600_000
        await eventually_async(lambda: len(far.of("event")) >= 8)
        await bridge.stop("test")
        await task

    run(scenario())
    sent = [one.data for one in far.of("event")][4:8]
    assert [one["seq"] for one in sent] == [1, 2, 3, 4]
    assert [one.get("ts_fixed", False) for one in sent] == [False, True, True, False]
    assert [one["ts"] for one in sent] == [utc_text(1), utc_text(3_600_002), utc_text(3_600_003), utc_text(4)]
    assert [one["clk"] for one in sent] == ["none", "none", "rtc", "ntp"]  # what the stamp was worth when it was made
