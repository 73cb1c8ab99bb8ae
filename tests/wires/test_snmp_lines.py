"""A line card against net-snmp's agent: states of lines, an index that is not there, silence, and its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.library import Library
from drivers.snmp_access import Community
from drivers.snmp_lines import REBUILD_AFTER, LineBus, LineCard
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run
from tests.wires.snmp_peers import HOST, Snmpd

pytestmark = pytest.mark.wire
DS1 = "1.3.6.1.2.1.10.18"


class Card(Snmpd):
    """An agent that also serves the DS1-MIB."""

    def __init__(self, folder: Path, port: int) -> None:
        super().__init__(folder, port)
        self._lines = folder / "lines"
        server = f"pass_persist .{DS1} {sys.executable} {folder / 'values.py'} {self._lines}\n"
        with (folder / "snmpd.conf").open("a") as conf:
            conf.write(server)

    def show(self, **status: int) -> None:
        rows = [f"{DS1}.6.1.10.{name.removeprefix('line')} integer {value}\n" for name, value in status.items()]
        new = self._lines.with_suffix(".new")
        new.write_text("".join(rows))
        new.replace(self._lines)


@pytest.fixture(name="card")
def card_fixture(tmp_path: Path, free_udp_port: int) -> Iterator[Card]:
    card = Card(tmp_path, free_udp_port)
    card.show(line10=1, line11=64, line12=1 << 20)
    card.start()
    try:
        yield card
    finally:
        card.stop()


def make_bus(card: Card, deadline_ms: int = 1_800) -> LineBus:
    lines = {"one": 10, "two": 11, "odd": 12, "absent": 99}
    profile = Library(Path("nowhere")).line("line_ds1")
    access = Community(name="floor")
    asked = LineCard(
        name="gw1", host=HOST, port=card.port, access=access, profile=profile, lines=lines, deadline_ms=deadline_ms
    )
    return LineBus(asked)


async def states(bus: LineBus) -> dict[str, Sample] | None:
    try:
        return {name.split(".")[1]: sample for name, sample in (await bus.read(bus.groups[0])).items()}
    except DeviceError:
        return None


def test_each_line_is_read_by_its_index_and_an_unlisted_bit_is_never_up(card: Card) -> None:
    async def scenario() -> None:
        bus = make_bus(card)
        try:
            seen = await eventually_async(lambda: states(bus), within_s=15)
            assert seen is not None and set(bus.groups[0].points) == {f"trunks.{name}.state" for name in seen}
            assert (seen["one"].value, seen["two"].value) == ("up", "down")
            assert "loss of signal" in seen["two"].detail
            assert seen["odd"].because is Reason.UNKNOWN_WORD and seen["absent"].because is Reason.NOT_SUPPORTED
            card.show(line10=32, line11=1, line12=1, line99=128)

            async def turned() -> bool:
                now = await states(bus)
                return now is not None and [now[name].value for name in ("one", "two", "odd", "absent")] == [
                    "down", "up", "up", "maintenance",
                ]  # fmt: skip

            await eventually_async(turned, within_s=15, every_s=0.2)
        finally:
            await bus.close()

    run(scenario(), within_s=60)


def test_a_card_that_falls_silent_calls_no_line_down_and_is_read_again_afterwards(card: Card) -> None:
    async def scenario() -> None:
        bus = make_bus(card, deadline_ms=600)
        try:
            await eventually_async(lambda: states(bus), within_s=15)
            card.stop()
            for _ in range(REBUILD_AFTER):  # one more than this has a new engine
                with pytest.raises(DeviceError, match="no answer"):
                    await bus.read(bus.groups[0])
            card.start()
            seen = await eventually_async(lambda: states(bus), within_s=15)
            assert seen is not None and seen["one"].quality is Quality.GOOD
        finally:
            await bus.close()
            await bus.close()

    run(scenario(), within_s=60)
