"""Puts another floor in force while the controller runs: what stays goes on, outputs keep their places, memory is kept.

Everything that can be refused is refused before anything is touched. It must not know generations or who asked.
"""

import logging
from collections.abc import Callable

from config.faults import ConfigError, Fault
from config.floor import Devices, Floor, sounds
from config.valued import dataclass
from firmware_py.core.looks import looks
from firmware_py.runtime.board import Board
from firmware_py.runtime.cycle import Cycle
from firmware_py.runtime.poller import Poller
from firmware_py.runtime.supervisor import Supervisor
from firmware_py.runtime.table import PointTable
from firmware_py.runtime.writer import Writer
from firmware_py.wiring.link import Link
from firmware_py.wiring.links import Archive, Buttons
from firmware_py.wiring.orders import FarOrders
from firmware_py.wiring.pins import buttons_of
from firmware_py.wiring.records import Records
from firmware_py.wiring.voices import TASK, Voices
from firmware_py.wiring.wires import Change, Wires
from mqtt_bridge.publisher import Publisher

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What a running controller is made of, as far as a floor can change it. `link_key` and `make_publisher` read a
    floor's [mqtt]; they raise ConfigError for a password that cannot be read."""

    table: PointTable
    writer: Writer
    board: Board
    cycle: Cycle
    archive: Archive
    wires: Wires
    buttons: Buttons
    supervisor: Supervisor
    link: Link
    orders: FarOrders
    voices: Voices
    records: Records
    link_key: Callable[[Floor], object]
    make_publisher: Callable[[Floor], Publisher | None]


class Swap:
    """One exchange at a time; the caller sees to that."""

    def __init__(self, parts: Parts, floor: Floor) -> None:
        self._parts, self.floor = parts, floor

    async def to(self, floor: Floor, devices: Devices) -> tuple[str, ...]:
        """Names of the endpoints that were started anew. ConfigError when refused; then all is as it was."""
        parts = self._parts
        _refuse_what_needs_a_restart(self.floor, floor)
        key = parts.link_key(floor)
        change = parts.wires.prepare(floor, devices)
        await parts.wires.quiet(floor.site, parts.supervisor)
        try:
            old, farewell = self._commit(floor, change, key)
        finally:
            parts.wires.start(parts.supervisor) if self.floor is not floor else None
        if parts.voices.adopt(floor):
            await self._serve_notices()
        await parts.wires.hand_over(parts.supervisor, old, change)
        await parts.link.part_with(farewell)
        return tuple(sorted(one.name for one in change.fresh))

    async def _serve_notices(self) -> None:
        supervisor, hook = self._parts.supervisor, self._parts.voices.hook
        if TASK in supervisor.restarts:
            await supervisor.dismiss(TASK)
        if hook is not None:
            supervisor.supervise(TASK, hook, group="own")

    def _commit(self, floor: Floor, change: Change, key: object) -> tuple[list[Poller], Publisher | None]:
        """Between two cycles, without a pause: either all of it or nothing."""
        parts, plan = self._parts, floor.plan
        normal = {output.id: output.normal for output in plan.outputs.values()}
        parts.wires.rewire_pins(change, normal | dict(parts.writer.levels))
        parts.table.adopt(plan.points, looks(plan))
        old = parts.wires.take(change)
        parts.writer.adopt(plan.outputs, local=parts.wires.local, remote=parts.wires.remote, steps=sounds(floor.site))
        parts.board.adopt(plan)
        parts.buttons.adopt(buttons_of(floor.site))
        parts.orders.adopt(plan)
        parts.records.adopt(floor.site)
        farewell = parts.link.exchange(key, lambda: parts.make_publisher(floor))
        parts.archive.adopt(floor.digest, parts.cycle.state)
        parts.cycle.adopt(plan)
        self.floor = floor
        return old, farewell


def _refuse_what_needs_a_restart(before: Floor, after: Floor) -> None:
    old, new = before.site, after.site
    changed = [
        ("storage.directory", old.storage.directory, new.storage.directory),
        ("control", old.control, new.control),
        ("site.timezone", old.site.timezone, new.site.timezone),
        ("gpio.factory", old.gpio and old.gpio.factory, new.gpio and new.gpio.factory),
    ]
    message = "cannot change while the controller runs: stop it, `floorguard apply`, start it"
    faults = [
        Fault(file="site.toml", line=1, col=1, key=key, message=message)
        for key, was, now in changed
        if was != now and not (key == "gpio.factory" and was is None)
    ]
    if faults:
        raise ConfigError(faults)
