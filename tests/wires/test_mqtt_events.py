"""Numbered events and retained alarms against a real mosquitto: in order, once, and again where that is the rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from firmware_py.core.alarm import AlarmState
from mqtt_bridge.publisher import Publisher
from mqtt_bridge.settings import Bridge, Broker, MqttVersion
from tests.conftest import eventually_async, run
from tests.mqtt_bridge.floors import ACTIVE, SITE, TOPIC, ListOutbox, Notes, make_publisher, power_cut, see
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates, mosquitto

pytestmark = pytest.mark.wire
__all__ = ["every_message_validates", "mosquitto"]
Listen = Callable[..., Collector]


def settings(port: int, version: MqttVersion = MqttVersion.V5, resend_ms: int = 5_000) -> Bridge:
    broker = Broker(host="127.0.0.1", port=port, version=version)
    return Bridge(site=SITE, broker=broker, events_per_s=1_000, resend_ms=resend_ms, state_gap_ms=200)


@asynccontextmanager
async def running(bridge: Publisher) -> AsyncIterator[Publisher]:
    task = asyncio.create_task(bridge.run())
    try:
        yield bridge
        await bridge.stop("test")
        await task
    finally:
        task.cancel()


def numbers(far: Collector) -> list[int]:
    return [one.data["seq"] for one in far.of("event")]


@pytest.mark.parametrize("version", list(MqttVersion))
def test_events_arrive_in_order_once_each_and_a_puback_trims_them(
    version: MqttVersion, mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    outbox = ListOutbox(delay_s=0.001)
    for _ in range(150):
        outbox.append(charge_pct=96)

    async def scenario() -> None:
        async with running(make_publisher(settings(mosquitto.port, version), outbox=outbox)) as bridge:
            bridge.offer(see())
            await eventually_async(lambda: outbox.ack == 150, within_s=20)
            for _ in range(50):
                outbox.append("power.mains_returned")
                bridge.notify()
            await eventually_async(lambda: outbox.ack == 200, within_s=20)

    run(scenario())
    far.wait_for(lambda c: len(c.of("event")) >= 200, what="all events")
    assert numbers(far) == list(range(1, 201))
    assert [one.data["replay"] for one in far.of("event")] == [True] * 150 + [False] * 50
    assert far.last("event")["id"] == f"{SITE}/7f3a/200"
    assert not outbox.cursor_seen
    assert max(outbox.asked) <= 32


def test_a_state_and_the_alarms_come_before_the_events_of_the_past(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    outbox = ListOutbox()
    outbox.append()

    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port), outbox=outbox)
        bridge.offer(power_cut())
        async with running(bridge):
            await eventually_async(lambda: outbox.ack == 1)

    run(scenario())
    far.wait_for(lambda c: len(c.heard) >= 5, what="everything")
    assert [one.kind for one in far.heard[:5]] == ["status", "info", "state", "alarm", "event"]


def test_once_a_cursor_was_seen_only_it_trims_and_what_it_does_not_pass_is_sent_again(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    outbox = ListOutbox()
    for _ in range(5):
        outbox.append()

    async def scenario() -> None:
        far.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 2, "unknown": True}, retain=True)
        async with running(make_publisher(settings(mosquitto.port, resend_ms=300), outbox=outbox)):
            await asyncio.to_thread(far.wait_for, lambda c: numbers(c).count(5) >= 2, what="a second time")
            assert outbox.ack == 2 and outbox.cursor_seen
            far.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 5}, retain=True)
            await eventually_async(lambda: outbox.ack == 5)

    run(scenario())
    beyond = [number for number in numbers(far) if number > 2]  # the cursor may come just after the first are sent
    assert beyond[:6] == [3, 4, 5, 3, 4, 5]
    assert far.last("event")["replay"] is True
    assert far.last("event")["ack"] == 2


def test_a_server_that_goes_back_gets_everything_from_there_again(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)
    outbox = ListOutbox()
    for _ in range(10):
        outbox.append()

    async def scenario() -> None:
        async with running(make_publisher(settings(mosquitto.port), outbox=outbox)):
            await eventually_async(lambda: outbox.ack == 10)
            far.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 6}, retain=True)
            await asyncio.to_thread(far.wait_for, lambda c: len(c.of("event")) >= 14, what="7 to 10 again")

    run(scenario())
    assert numbers(far) == [*range(1, 11), 7, 8, 9, 10]
    assert outbox.ack == 6


def test_a_cursor_ahead_of_the_journal_of_another_log_or_no_cursor_at_all_moves_nothing(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    listener = every_message_validates(mosquitto.port, root="nothing-here")
    outbox = ListOutbox()
    outbox.append()

    async def scenario() -> None:
        async with running(make_publisher(settings(mosquitto.port), outbox=outbox)) as bridge:
            await eventually_async(lambda: outbox.ack == 1)
            hostile: list[object] = [b"", b"[" * 900, b"\xff\xfe", b"x" * 70_000, {"log": "7f3a", "seq": True}]
            hostile += [{"log": "7f3a", "seq": -1}, {"log": "dead", "seq": 0}, {"log": "7f3a", "seq": "1"}]
            for content in hostile:
                listener.publish(f"{TOPIC}/cursor", content)
            listener.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 99})
            await eventually_async(lambda: bridge.health.cursor_ahead)
            assert outbox.ack == 1 and not outbox.cursor_seen
            listener.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 1})
            await eventually_async(lambda: not bridge.health.cursor_ahead)

    run(scenario())


def test_a_journal_that_opens_late_or_is_busy_at_first_loses_nothing(
    mosquitto: Mosquitto, every_message_validates: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mqtt_bridge.courier._ASK_AGAIN_S", 0.1)
    far = every_message_validates(mosquitto.port)

    class Busy(ListOutbox):
        async def pending(self, after: int, limit: int) -> Sequence[dict[str, Any]]:
            found = await super().pending(after, limit)
            return found if len(self.asked) > 2 else ()

    outbox = Busy(log="")

    async def scenario() -> None:
        bridge = make_publisher(settings(mosquitto.port), outbox=outbox)
        bridge.offer(see())
        far.publish(f"{TOPIC}/cursor", {"log": "7f3a", "seq": 1}, retain=True)
        async with running(bridge):
            await asyncio.to_thread(far.wait_for, lambda c: c.of("state"), what="state without a journal")
            outbox.log = "7f3a"
            for _ in range(3):
                outbox.append()
            bridge.notify()
            await asyncio.to_thread(far.wait_for, lambda c: len(c.of("event")) >= 2, what="the events")

    run(scenario())
    assert far.of("state")[0].data["log"] == ""
    assert numbers(far) == [2, 3], "the cursor that came before the journal opened counts"
    assert outbox.cursor_seen


def test_an_alarm_is_published_changed_and_emptied(mosquitto: Mosquitto, every_message_validates: Listen) -> None:
    far = every_message_validates(mosquitto.port)
    acked = AlarmState(active=True, acked=True, activations=1)

    async def scenario() -> None:
        async with running(make_publisher(settings(mosquitto.port))) as bridge:
            for number, alarms in enumerate(({"trunks.main.down": ACTIVE}, {"trunks.main.down": acked}, {}), 1):
                bridge.offer(see(alarms=alarms))
                bridge.offer(see(now_ms=number, alarms=alarms))
                await asyncio.to_thread(far.wait_for, lambda c, n=number: len(c.of("alarm")) >= n, what="alarm")

    run(scenario())
    assert {one.topic for one in far.of("alarm")} == {f"{TOPIC}/alarm/trunks/main_down"}
    assert [one.data and one.data["state"] for one in far.of("alarm")] == ["active_unacked", "active_acked", None]


def test_an_alarm_that_ended_while_the_controller_was_off_is_emptied_at_the_next_start(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    notes = Notes()

    async def first() -> None:
        async with running(make_publisher(settings(mosquitto.port), notes=notes)) as bridge:
            bridge.offer(power_cut())
            await asyncio.to_thread(far.wait_for, lambda c: c.of("alarm"), what="alarm")

    async def second() -> None:
        async with running(make_publisher(settings(mosquitto.port), notes=notes, boot="c0de")) as bridge:
            bridge.offer(see())
            await eventually_async(lambda: not notes.alarms)

    far = every_message_validates(mosquitto.port)
    run(first())
    assert notes.alarms == {f"{TOPIC}/alarm/ups1/on_battery"}
    run(second())
    far.wait_for(lambda c: c.last("alarm") is None and len(c.of("alarm")) == 2, what="emptied")
    late = every_message_validates(mosquitto.port)
    late.wait_for(lambda c: len(c.heard) >= 3, what="what is retained")
    assert not late.of("alarm")


def test_a_change_of_mode_goes_out_at_once_and_values_at_their_rate(
    mosquitto: Mosquitto, every_message_validates: Listen
) -> None:
    far = every_message_validates(mosquitto.port)

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        async with running(make_publisher(settings(mosquitto.port))) as bridge:
            bridge.offer(see())
            await asyncio.to_thread(far.wait_for, lambda c: c.of("state"), what="state")
            until_s = loop.time() + 1.0
            charge = 0
            while loop.time() < until_s:
                charge += 1
                bridge.offer(see(charge_pct=charge % 100))
                await asyncio.sleep(0.005)
            assert 3 <= len(far.of("state")) <= 7, "every 200 ms at most"
            bridge.offer(power_cut())
            cut_s = loop.time()
            await asyncio.to_thread(far.wait_for, lambda c: c.last("state")["mode"] == "conservation", what="mode")
            assert loop.time() - cut_s < 0.19

    run(scenario())
