"""The board's pins built from the site: outputs, contacts and buttons, the latter two exchanged as a whole.

It must not know what a pin is for.
"""

from collections.abc import Mapping

from config.faults import ConfigError, Fault
from config.model_outputs import GpioOutput
from config.model_site import Site
from drivers.gpio import Chip, Contact, ContactBus, GpioPort, OutputPin, open_chip
from firmware_py.core.command import CommandKind
from firmware_py.ports import DeviceError

BUTTONS: Mapping[str, CommandKind] = {
    "ack": CommandKind.ACK,
    "silence": CommandKind.SILENCE,
    "lamp_test": CommandKind.LAMP_TEST,
}


def buttons_of(site: Site) -> dict[str, CommandKind]:
    """What each button orders."""
    return {entry.id: BUTTONS[entry.kind.value] for entry in site.input if entry.kind.value in BUTTONS}


def open_pins(site: Site) -> Chip | None:
    """The board's pins, None for a site without any. ConfigError when they cannot be had: nothing falls back."""
    if site.gpio is None:
        return None
    try:
        return open_chip(site.gpio.factory)
    except DeviceError as error:
        raise _refused("gpio.factory", error) from error


def claim(port: GpioPort, site: Site, levels: Mapping[str, bool], leave: Mapping[str, bool]) -> None:
    """The outputs on pins become those of the site. ConfigError when a pin cannot be had."""
    pins = [
        OutputPin(output=output.id, pin=output.pin, active_low=output.polarity.value == "active_low")
        for output in site.output
        if isinstance(output, GpioOutput)
    ]
    try:
        port.rewire(pins, levels, leave)
    except DeviceError as error:
        raise _refused("output.pin", error) from error


class Contacts:
    """The contacts and buttons of the board: one bus, or none."""

    def __init__(self) -> None:
        self.bus: ContactBus | None = None
        self._known: tuple[Contact, ...] = ()

    def differ(self, site: Site) -> bool:
        """True when this site has others."""
        return contacts_of(site) != self._known

    def let_go(self, site: Site) -> None:
        """Give back the pins if this site has other contacts."""
        if self.bus is not None and self.differ(site):
            self.bus.release()
            self.bus, self._known = None, ()

    def claim(self, site: Site, chip: Chip) -> None:
        """The contacts of this site. ConfigError when a pin cannot be had."""
        wanted = contacts_of(site)
        if wanted == self._known:
            return
        self.let_go(site)
        try:
            self.bus = ContactBus(wanted, chip) if wanted else None
        except DeviceError as error:
            raise _refused("input.pin", error) from error
        self._known = wanted


def contacts_of(site: Site) -> tuple[Contact, ...]:
    """The site's inputs as the driver wants them."""
    buttons = buttons_of(site)
    return tuple(
        Contact(
            point=entry.id,
            pin=entry.pin,
            pull=entry.pull,
            # Closed to ground pulls the pin low. A normally closed one reports by opening: a cut wire reports too.
            active_low=(entry.contact == "normally_open") == (entry.pull != "down"),
            momentary=entry.id in buttons,
            opposite_pin=entry.opposite_pin,
        )
        for entry in site.input
    )


def _refused(key: str, error: DeviceError) -> ConfigError:
    return ConfigError([Fault(file="gpio", line=1, col=1, key=key, message=str(error))])
