"""Every wire of a running controller: pins and one poller for each endpoint, changed while the rest goes on.

An endpoint whose recipe stays is not touched. It must not know what any value means.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import partial

from config.faults import ConfigError
from config.floor import Devices, Floor
from config.model_alarms import Service
from config.model_outputs import Fallback
from config.model_site import Site
from config.valued import dataclass
from drivers.gpio import Chip, GpioPort
from firmware_py.ports import Bus, LocalPort, RemotePort
from firmware_py.runtime.bell import Bell
from firmware_py.runtime.clock import Clock
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.supervisor import Supervisor
from firmware_py.runtime.table import PointTable
from firmware_py.wiring.devices import Attached
from firmware_py.wiring.endpoints import Endpoint, TrapShare, find_endpoints
from firmware_py.wiring.overhear import Ear, Overheard
from firmware_py.wiring.pins import Contacts, claim, open_pins
from firmware_py.wiring.reach import services

log = logging.getLogger(__name__)
FLUSH_MS = 2_000
GROUP = "pollers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One endpoint with its poller."""

    recipe: object
    poller: Poller


@dataclass(slots=True, kw_only=True)
class Change:
    """What a new site does to the wires; `leave`: outputs that go away or move, and the level that their old place is
    left at (absent: as it is)."""

    site: Site
    keep: dict[str, Served] = field(default_factory=dict)
    fresh: tuple[Endpoint, ...] = ()
    made: dict[str, Attached] = field(default_factory=dict)
    gone: dict[str, Served] = field(default_factory=dict)
    leave: dict[str, bool] = field(default_factory=dict)


class Wires:
    """`levels` at the first building: on or off by output, as restored."""

    def __init__(
        self, site: Site, devices: Devices, environ: Mapping[str, str], clock: Clock, table: PointTable,
        levels: Mapping[str, bool],
    ) -> None:  # fmt: skip
        self._clock, self._table, self._environ = clock, table, environ
        self._bell = Bell(clock)
        self._traps = TrapShare()
        self._ears: dict[str, Ear] = {}
        self._heard: dict[str, Overheard] = {}
        self._site = site
        endpoints = self._find(site, devices)
        made = make_all(endpoints)
        self._served = {one.name: self._serve(one, made[one.name]) for one in endpoints}
        self._chip: Chip | None = open_pins(site)
        self._port: GpioPort | None = None
        self._contacts = Contacts()
        if self._chip is not None:
            self._port = GpioPort((), self._chip, {})
            claim(self._port, site, levels, {})
            self._contacts.claim(site, self._chip)
        self._contact_poller = self._poll_contacts()

    @property
    def pollers(self) -> tuple[Poller, ...]:
        """All that are served now."""
        every = [served.poller for served in self._served.values()]
        return tuple(every if self._contact_poller is None else [*every, self._contact_poller])

    @property
    def local(self) -> tuple[LocalPort, ...]:
        """Outputs on this board."""
        return () if self._port is None else (self._port,)

    @property
    def remote(self) -> tuple[Poller, ...]:
        """Endpoints with outputs."""
        return tuple(poller for poller in self.pollers if poller.outputs)

    def start(self, supervisor: Supervisor) -> None:
        """Hand the pollers to the supervisor that it does not have yet."""
        for poller in self.pollers:
            if task_name(poller) not in supervisor.restarts:
                supervisor.supervise(task_name(poller), poller.run, group=GROUP)

    # -------------------------------------------------------------------------------------------------- a new site
    def prepare(self, floor: Floor, devices: Devices) -> Change:
        """Everything that can be refused, and nothing that can be seen. ConfigError with all faults."""
        site = floor.site
        endpoints = self._find(site, devices)
        same = {one.name for one in endpoints if self._is_served(one)}
        fresh = tuple(one for one in endpoints if one.name not in same)
        return Change(
            site=site,
            keep={name: self._served[name] for name in same},
            fresh=fresh,
            made=make_all(fresh),
            gone={name: one for name, one in self._served.items() if name not in same},
            leave=_leave(self._site, site),
        )

    async def quiet(self, site: Site, supervisor: Supervisor) -> None:
        """Nobody reads contacts that are about to be exchanged."""
        if self._contact_poller is not None and self._contacts.differ(site):
            await supervisor.dismiss(task_name(self._contact_poller))
            self._contact_poller = None

    def rewire_pins(self, change: Change, levels: Mapping[str, bool]) -> None:
        """The pins become those of the new site, at once. ConfigError, with the old ones claimed again."""
        if self._chip is None:
            self._chip = open_pins(change.site)
        if self._chip is None:
            return
        self._port = self._port or GpioPort((), self._chip, {})
        try:
            self._contacts.let_go(change.site)
            claim(self._port, change.site, levels, change.leave)
            self._contacts.claim(change.site, self._chip)
        except ConfigError:
            self._contacts.let_go(self._site)
            claim(self._port, self._site, levels, {})
            self._contacts.claim(self._site, self._chip)
            self._contact_poller = self._contact_poller or self._poll_contacts()
            raise

    def take(self, change: Change) -> list[Poller]:
        """From now on the new endpoints count; the pollers that are to be let go, which read nothing more."""
        old = [served.poller for served in change.gone.values()]
        for poller in old:
            poller.stop_reading()
        self._served = change.keep | {one.name: self._serve(one, change.made[one.name]) for one in change.fresh}
        self._contact_poller = self._contact_poller or self._poll_contacts()
        self._site = change.site
        return old

    async def hand_over(self, supervisor: Supervisor, old: Iterable[Poller], change: Change) -> None:
        """The old drivers say what their outputs are left at and close, each its own way; then the new ones start."""
        await asyncio.gather(*(self._let_go(supervisor, poller, change.leave) for poller in old))
        self.start(supervisor)

    async def _let_go(self, supervisor: Supervisor, poller: Poller, leave: Mapping[str, bool]) -> None:
        for output in poller.outputs & leave.keys():
            poller.want(output, on=leave[output], lease_ms=60_000)
        if poller.outputs and not await poller.flush(FLUSH_MS):
            log.warning("%s: its outputs could not be left as declared", poller.name)
        await supervisor.dismiss(task_name(poller))
        await poller.close()

    # ------------------------------------------------------------------------------------------------------- the rest
    def close(self) -> None:
        """Pins are given back as they are."""
        if self._port is not None:
            self._port.close()

    def _find(self, site: Site, devices: Devices) -> tuple[Endpoint, ...]:
        watched = (
            Endpoint(name=made.bus.name, recipe=entry, make=partial(_again, entry, site, self._clock))
            for entry, made in zip(site.service, services(site, self._clock), strict=True)
            if made.bus is not None
        )
        polled = find_endpoints(site, devices, self._environ, self._traps, self._ear)
        return (*polled, *watched)

    def _ear(self, name: str) -> Ear:
        return self._ears.setdefault(name, Ear())

    def _listen(self, name: str, bus: Bus | None) -> Bus | None:
        """The bus with an ear on it, where its driver tells one."""
        if bus is None or name not in self._ears:
            return bus
        self._heard[name] = Overheard(bus, self._ears[name])
        return self._heard[name]

    def heard(self, name: str) -> Overheard | None:
        """The bus of an endpoint, for who records it; None where it cannot be recorded."""
        return self._heard.get(name) if name in self._served else None

    def _is_served(self, one: Endpoint) -> bool:
        return one.name in self._served and self._served[one.name].recipe == one.recipe

    def _serve(self, one: Endpoint, made: Attached) -> Served:
        def rebuild() -> tuple[Bus | None, RemotePort | None]:
            again = one.make()
            return self._listen(one.name, again.bus), again.port

        poller = Poller(
            bus=self._listen(one.name, made.bus), port=made.port, clock=self._clock, table=self._table,
            limits=made.limits, rebuild=rebuild, bell=self._bell,
        )  # fmt: skip
        return Served(recipe=one.recipe, poller=poller)

    def _poll_contacts(self) -> Poller | None:
        bus = self._contacts.bus
        return None if bus is None else Poller(bus=bus, port=None, clock=self._clock, table=self._table)


def _again(entry: Service, site: Site, clock: Clock) -> Attached:
    return services(site.altered({"service": (entry,)}), clock)[0]


def task_name(poller: Poller) -> str:
    """As the supervisor calls it."""
    return f"poller {poller.name}"


def make_all(endpoints: Iterable[Endpoint]) -> dict[str, Attached]:
    """A driver for each. ConfigError with the faults of all."""
    made: dict[str, Attached] = {}
    faults: list[ConfigError] = []
    for one in endpoints:
        try:
            made[one.name] = one.make()
        except ConfigError as error:
            faults.append(error)
    if faults:
        raise ConfigError([fault for error in faults for fault in error.faults])
    return made


def _leave(before: Site, after: Site) -> dict[str, bool]:
    """Outputs whose place is not theirs any more, with their on_stop; one to be held is left as it is."""
    places = {output.id: _place(output) for output in after.output}
    left = [output for output in before.output if places.get(output.id) != _place(output)]
    return {output.id: output.on_stop is Fallback.ON for output in left if output.on_stop is not Fallback.HOLD}


def _place(output: object) -> tuple[object, ...]:
    keys = ("port", "pin", "polarity", "unit", "coil", "point", "exchange", "switch", "ups", "outlet")
    return tuple(getattr(output, key, None) for key in keys)
