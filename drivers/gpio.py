"""The board's own pins: lamps, relays and sounder as a LocalPort, contacts and buttons as a Bus. Only user of gpiozero.

The pin factory is chosen by name, never found by chance. Polarity ends here: above this file on is on. It must not know
what a pin means, and it makes no rhythm: gpiozero's blink threads stay unused.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, TypeAlias, assert_never, cast

from config.partly import load_partly
from config.valued import dataclass
from firmware_py.core.reading import Quality, Reason, Sample, bad
from firmware_py.ports import DeviceError, PollGroup

FactoryName: TypeAlias = Literal["lgpio", "mock"]
Pull: TypeAlias = Literal["up", "down", "none"]

# The chips that carry the 40-pin header, by label: the kernel renumbers its chips from release to release.
HEADER_CHIPS = ("pinctrl-rp1", "pinctrl-bcm2711", "pinctrl-bcm2835")
_MOST_CHIPS = 32
_DEBOUNCE_S = 0.005
_MOST_LOOKS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPin:
    """One output on a pin (BCM number). `active_low`: the load is on while the pin is low."""

    output: str
    pin: int
    active_low: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """One input. `active_low`: closed to ground means true. `opposite_pin`: the other half of a changeover contact,
    which supervises the wiring: both halves alike means a cut or a short. `momentary`: a button, whose press counts
    even if it was over before anybody looked."""

    point: str
    pin: int
    pull: Pull = "up"
    active_low: bool = True
    opposite_pin: int | None = None
    momentary: bool = False

    @property
    def supervised(self) -> bool:
        """True when a fault of the wiring can be seen."""
        return self.opposite_pin is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An open pin factory of gpiozero (it has no types), and all errors that it and its pins may raise."""

    factory: Any
    errors: tuple[type[Exception], ...]


def open_chip(name: FactoryName) -> Chip:
    """The chosen pins. DeviceError when they cannot be had: nothing falls back to anything else."""
    load_partly("gpiozero")  # without boards, SPI, energenies and the like
    load_partly("importlib.metadata", "entry_points")  # it searches factories there; ours is named
    load_partly("statistics", "median", "mean")  # for devices that smooth
    load_partly("colorzero", "Color")  # for lamps of many colours; it reckons in fractions and decimals
    match name:
        case "mock":
            return _open_mock()
        case "lgpio":
            return _open_header()
        case _ as never:
            assert_never(never)


def _open_mock() -> Chip:
    from gpiozero.exc import GPIOZeroError
    from gpiozero.pins.mock import MockFactory, MockPin

    return Chip(factory=MockFactory(pin_class=_keep_level(MockPin)), errors=(GPIOZeroError,))


def _open_header() -> Chip:
    lgpio = _load_lgpio()
    number = find_chip(lgpio)
    from gpiozero.exc import GPIOZeroError
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin

    errors = (GPIOZeroError, OSError, lgpio.error)
    try:
        factory = LGPIOFactory(chip=number)
    except errors as error:
        raise DeviceError(f"gpiochip{number} cannot be opened: {error}", unit_only=False) from error
    factory.pin_class = _keep_level(LGPIOPin)
    return Chip(factory=factory, errors=errors)


def _load_lgpio() -> ModuleType:
    try:
        import lgpio
    except ImportError as error:
        raise DeviceError("lgpio is not installed (apt install python3-lgpio)", unit_only=False) from error
    if not hasattr(lgpio, "gpiochip_open"):
        # Release 0.0.0.2 is an empty file, and pip chooses it where there is no wheel of a real one.
        raise DeviceError("lgpio is the empty stub 0.0.0.2 (apt install python3-lgpio)", unit_only=False)
    return cast(ModuleType, lgpio)


def find_chip(lgpio: ModuleType, devices: Path = Path("/dev")) -> int:
    """Number of the chip with the header's pins. DeviceError, with what is there instead, when none may be opened."""
    seen = []
    for number in range(_MOST_CHIPS):
        if not (devices / f"gpiochip{number}").exists():
            continue
        try:
            handle = lgpio.gpiochip_open(number)
        except lgpio.error as error:
            seen.append(f"gpiochip{number} ({error})")
            continue
        label = str(lgpio.gpio_get_chip_info(handle)[3]).rstrip("\0")
        lgpio.gpiochip_close(handle)
        if label in HEADER_CHIPS:
            return number
        seen.append(f"gpiochip{number} ({label})")
    found = ", ".join(seen) or "no GPIO chip at all"
    raise DeviceError(f"none of {', '.join(HEADER_CHIPS)} is here: {found}", unit_only=False)


def _keep_level(kind: type[Any]) -> type[Any]:
    """The pin class without its habit of making a closed output a floating input. The kernel frees the line when the
    chip is closed, and on a Pi it keeps the last level."""
    return type(f"Kept{kind.__name__}", (kind,), {"close": lambda pin: None})


class GpioPort:
    """Outputs on pins. `levels`: on or off as restored from the last run, with which the pins are claimed. lgpio claims
    a pin as input first, so each start is a glitch of microseconds; a relay does not see it."""

    def __init__(self, pins: Iterable[OutputPin], chip: Chip, levels: Mapping[str, bool], name: str = "gpio") -> None:
        self._name, self._chip = name, chip
        self._devices: dict[str, Any] = {}
        self._pins: dict[str, OutputPin] = {}
        self.rewire(pins, levels, {})

    @property
    def name(self) -> str:
        """The port's name."""
        return self._name

    @property
    def outputs(self) -> frozenset[str]:
        """Ids of the outputs on pins."""
        return frozenset(self._devices)

    def rewire(self, pins: Iterable[OutputPin], levels: Mapping[str, bool], leave: Mapping[str, bool]) -> None:
        """Other pins from now on; one that stays is not touched. `leave`: what a pin that nobody has any more is left
        at, by its old output. DeviceError when one cannot be claimed; what was claimed until then stays so."""
        wanted = {pin.output: pin for pin in pins}
        numbers = {pin.pin for pin in wanted.values()}
        for name in [name for name, pin in self._pins.items() if wanted.get(name) != pin]:
            pin, device = self._pins.pop(name), self._devices.pop(name)
            with suppress(*self._chip.errors):  # a pin that is gone can be left at nothing
                if name in leave and pin.pin not in numbers:
                    device.value = leave[name]
                device.close()
        for name in wanted.keys() - self._pins.keys():
            self._devices[name] = self._claim(wanted[name], levels.get(name, False))
            self._pins[name] = wanted[name]

    def _claim(self, pin: OutputPin, on: bool) -> Any:
        from gpiozero.output_devices import OutputDevice

        try:
            return OutputDevice(
                pin.pin, active_high=not pin.active_low, initial_value=on, pin_factory=self._chip.factory
            )  # fmt: skip
        except self._chip.errors as error:
            raise DeviceError(f"pin {pin.pin} for {pin.output} cannot be claimed: {error}") from error

    def set_level(self, output: str, on: bool) -> None:
        """Drive one pin. DeviceError when that cannot be done."""
        device = self._devices[output]
        try:
            device.on() if on else device.off()
        except self._chip.errors as error:
            raise DeviceError(f"{output} cannot be driven: {error}") from error

    def close(self) -> None:
        """Give the chip back; every pin keeps its level as far as the kernel allows. Inputs of the chip end too."""
        self._chip.factory.close()


class ContactBus:
    """Contacts and buttons: read every `period_ms`, and at once on an edge where `edges` is set (gpiozero's thread for
    that costs some percent of a Pi Zero's core). A level counts when two looks 5 ms apart agree."""

    def __init__(
        self,
        contacts: Iterable[Contact],
        chip: Chip,
        *,
        period_ms: int = 100,
        edges: bool = True,
        name: str = "contacts",
    ) -> None:
        self._name, self._chip, self._edges = name, chip, edges
        self._contacts = {contact.point: contact for contact in contacts}
        self._devices: list[Any] = []  # held, else gpiozero closes them
        self._pins: dict[int, Any] = {}
        self._known: dict[int, bool] = {}
        self._pressed: set[str] = set()
        self._callbacks: list[Callable[[object, object], None]] = []  # gpiozero itself keeps them only weakly
        for contact in self._contacts.values():
            self._claim(contact.pin, contact)
            if contact.opposite_pin is not None:
                self._claim(contact.opposite_pin, contact)
        self._group = PollGroup(
            id=name, device=name, points=tuple(self._contacts), period_ms=period_ms, deadline_ms=250
        )  # fmt: skip

    @property
    def name(self) -> str:
        """The source's name."""
        return self._name

    @property
    def groups(self) -> tuple[PollGroup, ...]:
        """All contacts are read together."""
        return (self._group,)

    async def read(self, group: PollGroup) -> dict[str, Sample]:
        """Levels as flags. DeviceError when a pin cannot be read."""
        first = self._look()
        for _ in range(_MOST_LOOKS):
            if first == self._known:
                break
            await asyncio.sleep(_DEBOUNCE_S)
            second = self._look()
            if first == second:
                self._known = second
            first = second
        restless = {pin for pin, high in first.items() if self._known.get(pin) is not high}
        return {point: self._decide(self._contacts[point], first, restless) for point in group.points}

    async def close(self) -> None:
        """No more edges; the chip is closed by whoever opened it."""
        for pin in self._pins.values():
            pin.when_changed = None
        self._callbacks.clear()

    def release(self) -> None:
        """Give the pins back at once, for whoever is to have them next. Nothing can be read afterwards."""
        for pin in self._pins.values():
            pin.when_changed = None
        with suppress(*self._chip.errors):
            for device in self._devices:
                device.close()
        self._devices.clear()
        self._pins.clear()
        self._callbacks.clear()

    def listen(self, hint: Callable[[str], None]) -> None:
        """Edges make a hint, from whatever thread they come."""
        if not self._edges:
            return
        loop = asyncio.get_running_loop()
        for contact in self._contacts.values():
            pin = self._pins[contact.pin]
            callback = partial(self._on_edge, contact, pin, loop, hint)
            self._callbacks.append(callback)
            pin.edges = "both"
            pin.when_changed = callback

    def _on_edge(
        self, contact: Contact, pin: Any, loop: asyncio.AbstractEventLoop, hint: Callable[[str], None], *_: object
    ) -> None:
        # In gpiozero's thread: nothing here may raise or wait.
        if contact.momentary and bool(pin.state) is not contact.active_low:
            self._pressed.add(contact.point)
        if not loop.is_closed():
            loop.call_soon_threadsafe(hint, self._name)

    def _claim(self, number: int, contact: Contact) -> None:
        from gpiozero.input_devices import InputDevice

        pull = {"up": True, "down": False, "none": None}[contact.pull]
        try:
            device = InputDevice(
                number, pull_up=pull, active_state=True if pull is None else None, pin_factory=self._chip.factory
            )  # fmt: skip
        except self._chip.errors as error:
            raise DeviceError(f"pin {number} for {contact.point} cannot be claimed: {error}") from error
        self._pins[number] = device.pin
        self._devices.append(device)

    def _look(self) -> dict[int, bool]:
        try:
            return {number: bool(pin.state) for number, pin in self._pins.items()}
        except self._chip.errors as error:
            raise DeviceError(f"a pin cannot be read: {error}", unit_only=False) from error

    def _decide(self, contact: Contact, levels: Mapping[int, bool], restless: set[int]) -> Sample:
        active = levels[contact.pin] is not contact.active_low
        if contact.point in self._pressed:
            self._pressed.discard(contact.point)
            active = True
        if contact.opposite_pin is not None and levels[contact.opposite_pin] is levels[contact.pin]:
            return bad(Reason.SOURCE_LOST, "both halves of the changeover contact are alike: cut or shorted wire")
        if {contact.pin, contact.opposite_pin} & restless:
            return Sample(value=active, quality=Quality.UNCERTAIN, because=Reason.DOUBTFUL, detail="restless level")
        return Sample(value=active)
