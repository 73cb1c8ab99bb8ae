"""A device recorded while the controller reads it: its next readings become a capture, over the same connection.

For the control socket. It must not ask a device anything by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from config.explain import known_of
from config.model_devices import Exchange, ModbusEndpoint, Ups
from config.model_site import Site
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.board import Json
from firmware_py.runtime.clock import Clock, utc_text
from firmware_py.wiring.captured import about
from firmware_py.wiring.overhear import Overheard, Taking

LIMIT_S = 60.0  # what is read more rarely is left out, and that is said
Fields = Mapping[str, object]
Section = Ups | ModbusEndpoint | Exchange


class Recording:
    """`site`: what runs. `heard`: the bus of an endpoint."""

    def __init__(self, site: Callable[[], Site], heard: Callable[[str], Overheard | None], clock: Clock) -> None:
        self._site, self._heard, self._clock = site, heard, clock
        self.verbs: Mapping[str, Callable[[str, Fields], Awaitable[Json]]] = {"capture": self.answer}

    async def answer(self, by: str, fields: Fields) -> Json:
        """The capture of `device` as a text, and which groups were not read in time. CommandRefused without any."""
        name, site = str(fields.get("device", ""))[:64], self._site()
        section = _section(site, name)
        bus = self._heard(section.id)
        if bus is None:
            raise CommandRefused(f"{name} has just been exchanged; try again in a few seconds")
        if bus.taken:
            raise CommandRefused(f"somebody records {section.id} at this moment; try again in a minute")
        taking = _taking(section, name)
        bus.record(taking)
        try:
            async with asyncio.timeout(LIMIT_S):
                await taking.done.wait()
        except TimeoutError:
            pass
        finally:
            bus.end()
        if taking.capture.empty:
            raise CommandRefused(f"{name} answered nothing within {LIMIT_S:.0f} s; `floorguard probe {name}` says why")
        taken = utc_text(self._clock.utc_ms())[:19] + "Z"
        text = taking.capture.text(about=about(site, name, section), taken=taken, samples=taking.samples)
        return {"text": text, "left": list[Json](sorted(taking.left))}


def _section(site: Site, name: str) -> Section:
    every: dict[str, Section] = {ups.id: ups for ups in site.ups}
    every |= {exchange.id: exchange for exchange in site.exchange}
    every |= {unit.id: line for line, unit in site.units}
    if name not in every:
        raise CommandRefused(
            f"no UPS, Modbus unit or exchange is called {name}{known_of(name, every)}; only these can be recorded"
        )
    return every[name]


def _taking(section: Section, name: str) -> Taking:
    match section:
        case ModbusEndpoint():
            return Taking(devices=frozenset({name}), unit=next(u.unit for u in section.units if u.id == name))
        case Exchange():
            return Taking(devices=frozenset({name, f"{name}.link"}))
        case _:
            return Taking(devices=frozenset({name}))
