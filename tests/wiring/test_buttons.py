"""Buttons on real mock pins give orders through the desk: one press, one order, in the button's name."""

from __future__ import annotations

import asyncio
from typing import Any

from config.checking import validated
from config.model_floor import InputEntry, InputKind
from config.site import Site
from drivers.gpio import ContactBus, open_chip
from firmware_py.core.command import Command, CommandKind, CommandRefused, Reply
from firmware_py.core.image import InputImage
from firmware_py.core.reading import Quality, Reading, Reason
from firmware_py.runtime.desk import Desk
from firmware_py.wiring.links import Buttons
from firmware_py.wiring.pins import contacts_of
from tests.conftest import run

KINDS = {"button.ack": CommandKind.ACK, "button.silence": CommandKind.SILENCE, "button.test": CommandKind.LAMP_TEST}


def site() -> Site:
    pins = {"button.ack": (16, "ack"), "button.silence": (20, "silence"), "button.test": (21, "lamp_test")}
    entries = [
        validated({"id": name, "pin": pin, "kind": kind, "contact": "normally_open"}, InputEntry)
        for name, (pin, kind) in pins.items()
    ]
    changeover = {
        "id": "contact.door", "pin": 23, "opposite_pin": 24, "kind": InputKind.DOOR, "contact": "normally_open",
    }  # fmt: skip
    entries.append(validated(changeover, InputEntry))
    return validated({"site": {"id": "s", "name": "s"}}, Site).altered({"input": tuple(entries)})


def level(chip: Any, pin: int, high: bool) -> None:
    chip.factory.pin(pin).drive_high() if high else chip.factory.pin(pin).drive_low()


async def _look(bus: Any) -> InputImage:
    samples = await bus.read(bus.groups[0])
    readings = {
        name: Reading(value=one.value, quality=one.quality, at_ms=1, because=one.because, detail=one.detail)
        for name, one in samples.items()
    }
    return InputImage(now_ms=1, readings=readings)


def test_each_press_is_one_order_in_the_buttons_name() -> None:
    chip = open_chip("mock")
    bus = ContactBus(contacts_of(site()), chip)
    assert bus is not None

    async def scenario() -> list[Command]:
        desk, given = Desk(lambda: None), []
        buttons = Buttons(KINDS, desk)
        buttons.show(await _look(bus), None)  # type: ignore[arg-type] # the decision is not looked at
        for pin in (16, 20, 21):
            for high in (False, True):
                level(chip, pin, high)
                for _ in range(3):  # held down or let go for several cycles
                    buttons.show(await _look(bus), None)  # type: ignore[arg-type] # as above
                    await asyncio.sleep(0)
                    given += (taken := list(desk.take()))
                    desk.answer([Reply(command=one.id, done=True) for one in taken])
        await asyncio.sleep(0.01)
        return given

    orders = run(scenario())
    assert [order.kind for order in orders] == list(KINDS.values())
    assert [order.by for order in orders] == [f"button {name}" for name in KINDS]
    chip.factory.close()


def test_a_press_that_the_floor_refuses_is_only_logged(caplog: Any) -> None:
    class Refusing(Desk):
        async def ask(self, command: Command, limit_ms: int = 5_000) -> Reply:
            raise CommandRefused("nothing sounds")

    async def scenario() -> None:
        buttons = Buttons(KINDS, Refusing(lambda: None))
        for down in (False, True):
            pressed = Reading(value=down, quality=Quality.GOOD, at_ms=1)
            buttons.show(InputImage(now_ms=1, readings={"button.silence": pressed}), None)  # type: ignore[arg-type] # as above
        await asyncio.sleep(0.01)

    with caplog.at_level("INFO"):
        run(scenario())
    assert "button button.silence: nothing sounds" in caplog.text


def test_a_supervised_contact_knows_a_cut_wire_from_an_open_door() -> None:
    chip = open_chip("mock")
    bus = ContactBus(contacts_of(site()), chip)
    assert bus is not None
    level(chip, 23, True)
    level(chip, 24, False)
    assert run(_look(bus))["contact.door"].value is False
    level(chip, 23, False)
    level(chip, 24, True)
    assert run(_look(bus))["contact.door"].value is True
    level(chip, 23, True)  # both halves float: the wire is cut
    assert run(_look(bus))["contact.door"].because is Reason.SOURCE_LOST
    chip.factory.close()
