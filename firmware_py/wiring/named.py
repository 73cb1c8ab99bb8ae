"""One device of a site file by its id, opened as the controller would open it, before any of that file is in force.

Reads secrets as the controller does. It must not print, and it writes to no device.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from config.explain import nearest
from config.faults import ConfigError, Fault
from config.floor import Devices
from config.model_devices import ModbusEndpoint
from config.model_outputs import CampaignOutput
from drivers.modbus_profile import resolve
from drivers.snmp_bus import SnmpBus
from firmware_py.ports import Bus
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.capture import Capture
from firmware_py.wiring.captured import about, recordable
from firmware_py.wiring.devices import Wired, makers
from firmware_py.wiring.probe import Opened


def open_named(name: str, path: Path, environ: Mapping[str, str], capture: Capture | None) -> Opened:
    """The device `name` of the site file at `path`. ConfigError when there is none, or a secret cannot be read."""
    floor, devices = build_floor(path)
    for section, make in makers(floor.site, devices, environ, None, None if capture is None else lambda _: capture):
        if isinstance(section, CampaignOutput) or name not in devices_of(section):
            continue
        if capture is not None and not recordable(section):
            raise _refuse(path, f"{name} cannot be recorded; --record is for UPSs, Modbus units and exchanges")
        bus = make().bus
        assert bus is not None, "only a campaign has none"
        return Opened(
            bus=bus,
            device=name if isinstance(section, ModbusEndpoint) else "",
            sources=partial(_sources, name, section, devices, bus),
            units={point.id: point.unit for point in devices.points},
            about=about(floor.site, name, section),
        )
    known = [one for section, _ in makers(floor.site, devices, environ, None) for one in devices_of(section)]
    raise _refuse(path, f"no device is called {name}{nearest(name, known)}; there are {', '.join(known) or 'none'}")


def devices_of(section: Wired) -> tuple[str, ...]:
    """Ids of what can be probed behind an endpoint."""
    return tuple(unit.id for unit in section.units) if isinstance(section, ModbusEndpoint) else (section.id,)


def _sources(name: str, section: Wired, devices: Devices, bus: Bus) -> Mapping[str, str]:
    if isinstance(bus, SnmpBus):
        return bus.sources
    if not isinstance(section, ModbusEndpoint):
        return {}
    unit = next(one for one in devices.units[section.id] if one.device == name)
    return {point.id: f"{point.span.table} {point.span.address}" for point in resolve(unit).points}


def _refuse(path: Path, message: str) -> ConfigError:
    return ConfigError([Fault(file=str(path), line=1, col=1, key="", message=message)])
