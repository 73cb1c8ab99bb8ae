"""Every command of the contract through the whole daemon and a real broker: done or refused in words, journalled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from mqtt_bridge.commands import KINDS, LATER, NAMES
from tests.conftest import run
from tests.e2e.rig import Rig
from tests.e2e.site import NAME, Times
from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates as every_message_validates
from tests.wires.mqtt_fixtures import mosquitto as mosquitto

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
TIMES = Times(on_delay="500 ms")
ALLOWED = f"""
[mqtt.commands]
enabled = true

[[mqtt.commands.sender]]
by = "ops@noc"
may = {list(NAMES)}
"""


class Noc:
    """Orders as the operations centre gives them, and keeps every answer."""

    def __init__(self, far: Collector) -> None:
        self.far, self.answers = far, dict[str, dict[str, Any]]()
        self._ids = (f"order-{number}" for number in count(1))

    async def order(self, name: str, *, by: str = "ops@noc", **args: object) -> tuple[str, str]:
        """(status, error)"""
        id_, tag = next(self._ids), name.encode()
        boot = self.far.last("status")["boot"]
        words = {"id": id_, "by": by, "boot": boot, "ttl_s": 30, "args": args}
        await asyncio.to_thread(self.far.publish, f"floor/v1/{NAME}/cmd/{name}", words, correlation=tag)

        def answered(far: Collector) -> Any:
            return next((one for one in far.heard if one.kind == "reply" and one.data["id"] == id_), None)

        reply = await asyncio.to_thread(self.far.wait_for, answered, within_s=15, what=f"the answer to {name}")
        assert reply.correlation == tag
        self.answers[id_] = reply.data | {"command": name}
        return reply.data["status"], reply.data["error"] or ""


def open_to_commands(rig: Rig) -> None:
    rig.site_file.write_text(rig.site_file.read_text().replace("\n[storage]\n", ALLOWED + "\n[storage]\n", 1))


def alarmed(picture: dict[str, Any], state: str) -> bool:
    return bool(picture["alarms"].get("ups1.on_battery", {}).get("state") == state)


def sounds(alarm: dict[str, Any]) -> bool:
    return bool(alarm["state"] == "active_unacked")


async def order_on_a_quiet_floor(rig: Rig, noc: Noc) -> None:
    assert await noc.order("lamp-test") == ("done", "")
    assert await noc.order("ack") == ("rejected", "nothing waits to be acknowledged")
    births = len(noc.far.of("status"))
    assert await noc.order("announce", tele_s=5) == ("accepted", "")
    await asyncio.to_thread(
        noc.far.wait_for, lambda far: len(far.of("status")) > births and far.of("tele"), what="tele"
    )
    assert await noc.order("conserve") == ("done", "")
    await rig.until(lambda seen: seen["mode"] == "conservation", what="conservation by order")
    assert await noc.order("release") == ("done", "")
    await rig.until(lambda seen: seen["mode"] == "normal", what="normal again")
    assert await noc.order("pause-outbound") == ("done", "")
    await rig.until(lambda seen: seen["outputs"]["outbound_paused"]["wanted"] is True, what="outbound paused")
    assert await noc.order("resume-outbound") == ("done", "")
    status, error = await noc.order("resume-outbound")
    assert status == "rejected" and "not paused by hand" in error
    assert (await noc.order("lamp-test", by="stranger"))[0] == "forbidden"
    for local in ("fire-confirm", "override", "config"):
        assert await noc.order(local) == ("rejected", "no such command")
    for later in sorted(LATER):
        assert await noc.order(later) == ("rejected", "this release of the controller cannot do that")


async def order_in_an_outage(rig: Rig, noc: Noc) -> None:
    rig.world.mains = False
    await rig.until(lambda seen: alarmed(seen, "active_unacked"), what="alarm")
    assert await noc.order("silence", alarm="ups1.on_battery") == ("done", "")
    assert await noc.order("ack", alarm="ups1.on_battery") == ("done", "")
    await rig.until(lambda seen: alarmed(seen, "active_acked"), what="acknowledged")
    status, error = await noc.order("release")
    assert status == "rejected" and "while a cause is present: power" in error
    status, error = await noc.order("resume-outbound")
    assert status == "rejected", "a pause with a cause is nobody's to end"
    if "shelve" in KINDS:
        assert await noc.order("shelve", alarm="ups1.on_battery", for_s=600, why="known") == ("done", "")
        assert await noc.order("unshelve", alarm="ups1.on_battery") == ("done", "")
    for unheard in {"tick", "drill"} & KINDS.keys():
        status, error = await noc.order(unheard, item="no.such")
        assert status == "rejected" and error
    rig.world.mains = True


async def order_in_a_fire(rig: Rig, noc: Noc) -> None:
    rig.world.zones[0].fire = True
    rig.peers.show()

    def burning(seen: dict[str, Any]) -> str:
        return next((name for name, one in seen["alarms"].items() if name.endswith(".burning") and sounds(one)), "")

    name = await rig.until(burning, what="the fire sounds")
    why = f"a fire alarm is silenced at the floor only: {name}"
    for order, alarm in (("silence", ""), ("ack", ""), ("silence", name), ("ack", name)):
        assert await noc.order(order, alarm=alarm) == ("rejected", why)
    assert sounds(rig.picture["alarms"][name])


def test_each_command_of_the_list_is_done_or_refused_in_words_answered_and_journalled(
    tmp_path: Path, mosquitto: Mosquitto, every_message_validates: Callable[..., Collector]
) -> None:
    async def scenario() -> None:
        far = every_message_validates(mosquitto.port)
        noc = Noc(far)
        async with Rig.open(tmp_path, broker=mosquitto.port, times=TIMES) as rig:
            open_to_commands(rig)
            await rig.start()
            await rig.until_ready(60)
            await asyncio.to_thread(far.wait_for, lambda far: far.last("info"), what="info")
            await order_on_a_quiet_floor(rig, noc)
            await order_in_an_outage(rig, noc)
            await order_in_a_fire(rig, noc)
            await asyncio.to_thread(far.wait_for, lambda far: len(journalled(far)) >= len(noc.answers), what="journal")
            check_journal(far, noc)
            assert await rig.stop() == 0

    run(scenario(), within_s=240)


def journalled(far: Collector) -> dict[int, dict[str, Any]]:
    """Events about commands, by number."""
    return {one.data["seq"]: one.data for one in far.of("event") if one.data["type"].startswith("command.")}


def check_journal(far: Collector, noc: Noc) -> None:
    """Each order stands there once: who, what, done or refused and why; in the order in which they came."""
    told = [one for _, one in sorted(journalled(far).items())]
    answers = list(noc.answers.values())
    assert len(told) == len(answers)
    for event, answer in zip(told, answers, strict=True):
        known = answer["command"] if answer["command"] in NAMES else "unknown"
        assert event["data"]["command"] == known
        assert event["data"]["by"].startswith("mqtt:")
        assert (event["type"] == "command.done") is (answer["status"] in ("done", "accepted"))
        assert event["data"]["error"] == (answer["error"] or "")
    assert {"mqtt:ops@noc", "mqtt:stranger"} == {event["data"]["by"] for event in told}
