"""Pins over gpiozero's own mock factory; finding the header's chip against a stand-in for lgpio."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from drivers.gpio import Chip, Contact, ContactBus, GpioPort, OutputPin, find_chip, open_chip
from firmware_py.core.reading import Quality, Reason, Sample
from firmware_py.ports import DeviceError
from tests.conftest import eventually_async, run

PINS = (OutputPin(output="beacon", pin=17), OutputPin(output="lamp.power", pin=27, active_low=True))


@pytest.fixture
def chip() -> Chip:
    return open_chip("mock")


def pin(chip: Chip, number: int) -> Any:
    return chip.factory.pin(number)


# ------------------------------------------------------------------------------------------------------------- outputs
def test_pins_are_claimed_with_the_level_that_was_restored(chip: Chip) -> None:
    port = GpioPort(PINS, chip, {"beacon": True})
    assert (pin(chip, 17).function, pin(chip, 17).state) == ("output", True)
    assert pin(chip, 27).state is True  # off, for a load that is on while the pin is low
    assert pin(chip, 17).states[-1].state is True
    assert port.outputs == {"beacon", "lamp.power"}
    assert port.name == "gpio"
    port.close()


def test_polarity_ends_at_the_pin(chip: Chip) -> None:
    port = GpioPort(PINS, chip, {})
    port.set_level("beacon", True)
    port.set_level("lamp.power", True)
    assert (pin(chip, 17).state, pin(chip, 27).state) == (True, False)
    port.set_level("beacon", False)
    port.set_level("lamp.power", False)
    assert (pin(chip, 17).state, pin(chip, 27).state) == (False, True)
    port.close()


def test_closing_changes_no_level_and_makes_no_pin_an_input(chip: Chip) -> None:
    port = GpioPort(PINS, chip, {"beacon": True, "lamp.power": True})
    pins = [pin(chip, 17), pin(chip, 27)]
    before = [len(one.states) for one in pins]
    port.close()
    del port
    gc.collect()  # gpiozero closes what is collected
    assert [(one.function, one.state) for one in pins] == [("output", True), ("output", False)]
    assert [len(one.states) for one in pins] == before


def test_a_pin_has_one_user(chip: Chip) -> None:
    GpioPort(PINS[:1], chip, {}, name="first")
    port = GpioPort((OutputPin(output="horn", pin=22),), chip, {})
    with pytest.raises(DeviceError, match="pin 22 for siren cannot be claimed"):
        GpioPort((OutputPin(output="siren", pin=22),), chip, {})
    with pytest.raises(DeviceError, match="pin 99"):
        GpioPort((OutputPin(output="siren", pin=99),), chip, {})
    port.close()


def test_a_pin_that_cannot_be_driven_is_a_device_error(chip: Chip) -> None:
    port = GpioPort(PINS, chip, {})
    pin(chip, 17).function = "input"  # somebody else took it
    with pytest.raises(DeviceError, match="beacon cannot be driven"):
        port.set_level("beacon", True)
    port.close()


def test_the_driver_starts_no_thread(chip: Chip) -> None:
    before = threading.active_count()
    port = GpioPort(PINS, chip, {})
    for _ in range(100):
        port.set_level("beacon", True)
        port.set_level("beacon", False)
    assert threading.active_count() == before
    port.close()


# ------------------------------------------------------------------------------------------------------------ contacts
async def look(bus: ContactBus) -> dict[str, Sample]:
    return await bus.read(bus.groups[0])


def test_a_contact_to_ground_is_true_when_it_closes(chip: Chip) -> None:
    async def scenario() -> None:
        bus = ContactBus((Contact(point="door.open", pin=5),), chip, edges=False)
        assert pin(chip, 5).pull == "up"
        assert (await look(bus))["door.open"] == Sample(value=False)
        pin(chip, 5).drive_low()
        assert (await look(bus))["door.open"] == Sample(value=True)
        await bus.close()

    run(scenario())


@pytest.mark.parametrize(
    ("pull", "active_low", "level", "expected"),
    [
        ("up", False, True, True),  # a closed loop that opens: a cut wire looks like the alarm
        ("down", False, True, True),
        ("down", True, False, True),
        ("none", False, False, False),
    ],
)
def test_pull_and_polarity_are_independent(
    chip: Chip, pull: Any, active_low: bool, level: bool, expected: bool
) -> None:
    async def scenario() -> None:
        bus = ContactBus((Contact(point="leak.wet", pin=6, pull=pull, active_low=active_low),), chip, edges=False)
        one = pin(chip, 6)
        assert one.pull == {"none": "floating"}.get(pull, pull)
        one.drive_high() if level else one.drive_low()
        assert (await look(bus))["leak.wet"] == Sample(value=expected)
        await bus.close()

    run(scenario())


def test_a_supervised_contact_tells_a_cut_from_an_open_door(chip: Chip) -> None:
    async def scenario() -> None:
        contact = Contact(point="panic.pressed", pin=5, opposite_pin=6)
        assert contact.supervised
        bus = ContactBus((contact,), chip, edges=False)
        pin(chip, 6).drive_low()
        assert (await look(bus))["panic.pressed"] == Sample(value=False)
        pin(chip, 5).drive_low()
        pin(chip, 6).drive_high()
        assert (await look(bus))["panic.pressed"] == Sample(value=True)
        pin(chip, 5).drive_high()  # the cable is gone: both float up
        sample = (await look(bus))["panic.pressed"]
        assert (sample.quality, sample.because) == (Quality.BAD, Reason.SOURCE_LOST)
        await bus.close()

    run(scenario())


def test_a_level_counts_when_two_looks_agree_and_a_restless_one_is_uncertain(chip: Chip) -> None:
    async def scenario() -> None:
        bus = ContactBus((Contact(point="door.open", pin=5), Contact(point="leak.wet", pin=6)), chip, edges=False)
        await look(bus)

        async def chatter() -> None:
            while True:
                pin(chip, 5).drive_low()
                await asyncio.sleep(0.004)
                pin(chip, 5).drive_high()
                await asyncio.sleep(0.004)

        task = asyncio.create_task(chatter())
        await asyncio.sleep(0)
        seen = [await look(bus) for _ in range(20)]
        task.cancel()
        await asyncio.wait({task})
        assert {one["leak.wet"] for one in seen} == {Sample(value=False)}
        assert {one["door.open"].quality for one in seen} <= {Quality.GOOD, Quality.UNCERTAIN}
        await bus.close()

    run(scenario())


def test_an_edge_from_another_thread_becomes_a_hint_in_the_loop(chip: Chip) -> None:
    async def scenario() -> None:
        bus = ContactBus((Contact(point="door.open", pin=5),), chip)
        hints: list[tuple[str, int]] = []
        bus.listen(lambda device: hints.append((device, threading.get_ident())))
        gc.collect()  # gpiozero keeps callbacks only weakly
        worker = threading.Thread(target=pin(chip, 5).drive_low)
        worker.start()
        worker.join()
        await eventually_async(lambda: hints)
        assert hints == [("contacts", threading.get_ident())]
        await bus.close()
        pin(chip, 5).drive_high()
        await asyncio.sleep(0.01)
        assert len(hints) == 1

    run(scenario())


def test_a_button_that_was_released_before_anybody_looked_was_still_pressed(chip: Chip) -> None:
    async def scenario() -> None:
        button = Contact(point="ack.pressed", pin=5, momentary=True)
        bus = ContactBus((button, Contact(point="door.open", pin=6)), chip)
        bus.listen(lambda device: None)
        await look(bus)
        for number in (5, 6):
            pin(chip, number).drive_low()
            pin(chip, number).drive_high()
        seen = await look(bus)
        assert (seen["ack.pressed"].value, seen["door.open"].value) == (True, False)
        assert (await look(bus))["ack.pressed"].value is False  # once
        await bus.close()

    run(scenario())


def test_an_edge_after_the_end_of_the_loop_harms_nobody(chip: Chip) -> None:
    bus = ContactBus((Contact(point="door.open", pin=5),), chip)

    async def scenario() -> None:
        bus.listen(lambda device: None)

    run(scenario())
    pin(chip, 5).drive_low()


def test_a_contact_on_a_pin_in_use_is_refused(chip: Chip) -> None:
    port = GpioPort(PINS, chip, {})
    with pytest.raises(DeviceError, match=r"pin 17 for door\.open cannot be claimed"):
        ContactBus((Contact(point="door.open", pin=17),), chip)
    port.close()


# ------------------------------------------------------------------------------------------------------------ the chip
class LgpioError(Exception):
    pass


def stand_in(labels: dict[int, str], locked: set[int] = frozenset()) -> ModuleType:  # type: ignore[assignment]  # a frozen set is a set here
    """What find_chip uses of lgpio 0.2.2: chips by number, with their labels."""
    lgpio = ModuleType("lgpio")
    still_open: set[int] = set()

    def gpiochip_open(number: int) -> int:
        if number in locked:
            raise LgpioError("permission denied")
        still_open.add(number)
        return number

    lgpio.error = LgpioError  # type: ignore[attr-defined]  # built by hand
    lgpio.gpiochip_open = gpiochip_open  # type: ignore[attr-defined]  # built by hand
    lgpio.gpiochip_close = still_open.discard  # type: ignore[attr-defined]  # built by hand
    lgpio.gpio_get_chip_info = lambda number: [0, 54, f"gpiochip{number}", labels[number]]  # type: ignore[attr-defined]  # built by hand
    lgpio.still_open = still_open  # type: ignore[attr-defined]  # built by hand
    return lgpio


@pytest.mark.parametrize("label", ["pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835\0\0"])
@pytest.mark.parametrize("number", [0, 4, 15])
def test_the_chip_is_found_by_its_label_whatever_its_number(tmp_path: Path, label: str, number: int) -> None:
    labels = {number: label, 1: "raspberrypi-exp-gpio"}
    for one in labels:
        (tmp_path / f"gpiochip{one}").touch()
    lgpio = stand_in(labels)
    assert find_chip(lgpio, tmp_path) == number
    assert not lgpio.still_open


def test_without_the_header_it_says_what_is_there_instead(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="no GPIO chip at all"):
        find_chip(stand_in({}), tmp_path)
    for one in (0, 1):
        (tmp_path / f"gpiochip{one}").touch()
    with pytest.raises(DeviceError, match=r"gpiochip0 \(gpio-mockup\), gpiochip1 \(permission denied\)"):
        find_chip(stand_in({0: "gpio-mockup"}, {1}), tmp_path)


def test_the_empty_stub_of_lgpio_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", ModuleType("lgpio"))
    with pytest.raises(DeviceError, match="empty stub"):
        open_chip("lgpio")


def test_without_lgpio_nothing_falls_back_to_anything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")
    with pytest.raises(DeviceError, match="lgpio is not installed"):
        open_chip("lgpio")
