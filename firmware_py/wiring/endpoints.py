"""What makes one endpoint the same as before: its section, profile, outputs, and the content of every file it names.

A driver is only replaced when this differs. It must not build a driver, nor show a secret.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from config.floor import Devices
from config.model_devices import ModbusEndpoint, Ups
from config.model_site import Site
from config.secrets import locate
from config.shape import Model, items_of
from config.strict import ConfigError, Document
from config.valued import dataclass
from firmware_py.wiring.devices import Ears, Maker, Wired, makers

if TYPE_CHECKING:
    from drivers.modbus_profile import ModbusUnit
    from drivers.snmp_traps import TrapPort

_MOST_SECRET_BYTES: Final = 64 * 1024
_NOWHERE: Final = Document(file="", tree={})
_COMMON: Final = ("name", "normal", "on_stop", "on_fault", "min_on_ms", "min_off_ms", "lease_ms")  # not the driver's


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint that can be built. Two with equal recipes are the same driver on the same wire."""

    name: str
    recipe: object
    make: Maker


class TrapShare:
    """The one trap port of all UPSs: the same object for as long as its settings are the same."""

    def __init__(self) -> None:
        self._settings: object = None
        self._port: TrapPort | None = None

    def port(self, site: Site) -> "TrapPort | None":
        """None where the site listens for no traps."""
        if site.snmp_traps != self._settings:
            traps = self._settings = site.snmp_traps
            self._port = None
            if traps.enabled:
                from drivers.snmp_traps import TrapPort

                self._port = TrapPort(traps.address, traps.port)
        return self._port


def find_endpoints(
    site: Site, devices: Devices, environ: Mapping[str, str], traps: TrapShare, ears: Ears | None = None
) -> tuple[Endpoint, ...]:
    """Every endpoint of the site. Reads secrets only to see whether they have changed."""
    return tuple(
        Endpoint(
            name=one.id,
            recipe=(one, _profile(site, one, devices), _wired(site, one), _contents(one, environ)),
            make=make,
        )
        for one, make in makers(site, devices, environ, traps.port(site), ears)
    )


def _profile(site: Site, one: Wired, devices: Devices) -> object:
    match one:
        case Ups():
            return site.snmp_traps, devices.ups[one.id]
        case ModbusEndpoint():
            return [_essence(unit) for unit in devices.units[one.id]]
        case _:
            return getattr(one, "profile", None)


def _essence(unit: "ModbusUnit") -> object:
    """A unit without the place that its profile was read from."""
    return replace(unit, profile=replace(unit.profile, document=_NOWHERE))


def _wired(site: Site, one: Wired) -> object:
    """The outputs behind an endpoint, as far as its driver knows of them."""
    owners = {unit.id for unit in one.units} if isinstance(one, ModbusEndpoint) else {one.id}
    return [
        {name: value for name, value in items_of(output) if name not in _COMMON}
        for output in site.output
        if {getattr(output, key, None) for key in ("unit", "exchange", "ups")} & owners
    ]


def _contents(section: Model, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Digests of all files that a section names: a new password under an old name is a change."""
    found: list[tuple[str, str]] = []
    for key, value in items_of(section):
        if isinstance(value, Model):
            found += _contents(value, environ)
        elif key.endswith("_file") and isinstance(value, str):
            try:
                raw = locate(value, environ).read_bytes()[:_MOST_SECRET_BYTES]
            except (OSError, ConfigError):
                raw = b""  # whoever needs it says so
            found.append((key, hashlib.blake2b(raw).hexdigest()))
    return found
