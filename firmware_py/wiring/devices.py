"""Drivers built from the site: every bus, every port, with the secrets read from their files at this moment.

A secret that cannot be read is a ConfigError, all of them at once. It must not open a connection.
"""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from pydantic import BaseModel

from config.devices import Devices, pbx_config
from config.model_devices import Exchange, ModbusEndpoint, SnmpV3, SnmpVersion, Ups
from config.model_floor import ExchangeOutput, ModbusOutput, OutletOutput
from config.secrets import locate, read_secret
from config.site import Site
from config.strict import ConfigError, Document, Fault
from drivers.modbus import ModbusBus
from drivers.modbus_guard import Framing
from drivers.modbus_profile import LATE_EVERY_MS, CoilOutput
from drivers.modbus_profile import Endpoint as ModbusLine
from drivers.modbus_profile import ModbusUnit as UnitOnWire
from drivers.pbx import PbxBus
from drivers.snmp_access import Access, Auth, Community, Privacy, User
from drivers.snmp_bus import SnmpBus
from drivers.snmp_outlets import OutletPort
from drivers.snmp_traps import TrapPort
from firmware_py.ports import Bus, RemotePort

AUTH: Final[Mapping[str, Auth | None]] = {
    "none": None, "md5": "md5", "sha1": "sha", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384",
    "sha512": "sha512",
}  # fmt: skip
PRIVACY: Final[Mapping[str, Privacy | None]] = {
    "none": None, "des": "des", "aes128": "aes", "aes192": "aes192", "aes256": "aes256",
}  # fmt: skip
_PARITY: Final = {"even": "E", "odd": "O", "none": "N"}
_MOST_SECRET_BYTES: Final = 64 * 1024
_NOWHERE: Final = Document(file="", tree={})
_DEADLINE_SHARE: Final = 0.9  # of the period: a read that is not over by then would delay the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One endpoint: what reads it, and what writes to it where it has outputs. `again` makes a fresh driver after one
    had to be abandoned."""

    bus: Bus | None
    port: RemotePort | None = None
    again: Callable[[], "Attached"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One endpoint that can be built. Two with equal recipes are the same driver on the same wire."""

    name: str
    recipe: object
    make: Callable[[], Attached]


class TrapShare:
    """The one trap port of all UPSs: the same object for as long as its settings are the same."""

    def __init__(self) -> None:
        self._settings: object = None
        self._port: TrapPort | None = None

    def port(self, site: Site) -> TrapPort | None:
        """None where the site listens for no traps."""
        if site.snmp_traps != self._settings:
            traps = self._settings = site.snmp_traps
            self._port = TrapPort(traps.address, traps.port) if traps.enabled else None
        return self._port


def find_endpoints(site: Site, devices: Devices, environ: Mapping[str, str], traps: TrapShare) -> tuple[Endpoint, ...]:
    """Every endpoint of the site. Reads secrets only to see whether they have changed."""
    trap_port = traps.port(site)
    makers: list[tuple[Ups | ModbusEndpoint | Exchange, object, Callable[[], Attached]]] = [
        *((ups, (site.snmp_traps, devices.ups[ups.id]), partial(_snmp, site, ups, devices, environ, trap_port))
          for ups in site.ups),
        *((one, [_essence(unit) for unit in devices.units[one.id]], partial(_modbus, site, one, devices))
          for one in site.modbus),
        *((one, None, partial(_exchange, site, one, environ)) for one in site.exchange),
    ]  # fmt: skip
    return tuple(
        Endpoint(name=one.id, recipe=(one, more, _wired(site, one), _contents(one, environ)), make=make)
        for one, more, make in makers
    )


def attach(site: Site, devices: Devices, environ: Mapping[str, str]) -> tuple[Attached, ...]:
    """Every endpoint of the site. ConfigError with all faults of all secrets and certificates."""
    attached: list[Attached] = []
    faults: list[Fault] = []
    for endpoint in find_endpoints(site, devices, environ, TrapShare()):
        try:
            attached.append(replace(endpoint.make(), again=endpoint.make))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    return tuple(attached)


def _essence(unit: UnitOnWire) -> object:
    """A unit without the place that its profile was read from."""
    return replace(unit, profile=replace(unit.profile, document=_NOWHERE))


def _wired(site: Site, one: Ups | ModbusEndpoint | Exchange) -> object:
    """The outputs behind an endpoint, as far as its driver knows of them."""
    owners = {unit.id for unit in one.units} if isinstance(one, ModbusEndpoint) else {one.id}
    found: list[object] = []
    for output in site.output:
        match output:
            case ModbusOutput(unit=owner) if owner in owners:
                found.append((output.id, output.unit, output.coil, output.polarity))
            case OutletOutput(ups=owner) if owner in owners:
                found.append((output.id, output.outlet))
            case ExchangeOutput(exchange=owner) if owner in owners:
                found.append((output.id, output.switch))
            case _:
                pass
    return found


def _contents(section: BaseModel, environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Digests of all files that a section names: a new password under an old name is a change."""
    found: list[tuple[str, str]] = []
    for key, value in section:
        if isinstance(value, BaseModel):
            found += _contents(value, environ)
        elif key.endswith("_file") and isinstance(value, str):
            try:
                raw = locate(value, environ).read_bytes()[:_MOST_SECRET_BYTES]
            except (OSError, ConfigError):
                raw = b""  # whoever needs it says so
            found.append((key, hashlib.blake2b(raw).hexdigest()))
    return found


def _snmp(site: Site, ups: Ups, devices: Devices, environ: Mapping[str, str], traps: TrapPort | None) -> Attached:
    fast_ms = max(ups.timeout_ms, int(ups.fast_ms * _DEADLINE_SHARE))
    port = _outlets(site, ups, devices, environ)
    bus = SnmpBus(
        name=ups.id,
        device=ups.id,
        host=ups.address,
        port=ups.port,
        access=_access(ups, ups.community_file, ups.v3, environ),
        profile=devices.ups[ups.id],
        fast_period_ms=ups.fast_ms,
        slow_period_ms=ups.slow_ms,
        fast_deadline_ms=min(fast_ms, ups.timeout_ms + 200),
        slow_deadline_ms=2 * ups.timeout_ms + 400,
        traps=traps,
        outlets=port,
    )
    return Attached(bus=bus, port=port)


def _outlets(site: Site, ups: Ups, devices: Devices, environ: Mapping[str, str]) -> OutletPort | None:
    """What switches the listed groups of a UPS, None where no output is one of them: then nothing can be written."""
    groups = {
        output.id: output.outlet for output in site.output if isinstance(output, OutletOutput) and output.ups == ups.id
    }
    if not groups:
        return None
    return OutletPort(
        name=ups.id,
        host=ups.address,
        port=ups.port,
        access=_access(ups, ups.write_community_file, ups.write_v3, environ),
        mibs=devices.ups[ups.id].outlets,
        outlets=groups,
    )


def _access(ups: Ups, community_file: str | None, v3: SnmpV3 | None, environ: Mapping[str, str]) -> Access:
    if ups.version is not SnmpVersion.V3:
        name = "public" if community_file is None else read_secret(community_file, environ).reveal()
        return Community(name=name, version="1" if ups.version is SnmpVersion.V1 else "2c")
    assert v3 is not None, "the cross checks ask for the user of version 3"
    phrases = [
        "" if ref is None else read_secret(ref, environ).reveal()
        for ref in (v3.auth_secret_file, v3.privacy_secret_file)
    ]
    return User(
        name=v3.user,
        auth=AUTH[v3.auth_protocol],
        auth_phrase=phrases[0],
        privacy=PRIVACY[v3.privacy_protocol],
        privacy_phrase=phrases[1],
    )


def _modbus(site: Site, endpoint: ModbusEndpoint, devices: Devices) -> Attached:
    units = {unit.id for unit in endpoint.units}
    coils = {
        output.id: CoilOutput(device=output.unit, coil=output.coil, active_low=output.polarity.value == "active_low")
        for output in site.output
        if isinstance(output, ModbusOutput) and output.unit in units
    }
    try:
        bus = ModbusBus(
            ModbusLine(
                name=endpoint.id,
                framing=Framing(endpoint.transport.value),
                host=endpoint.address or "",
                port=endpoint.port,
                serial=endpoint.device or "",
                baud=endpoint.baud,
                parity=_PARITY[endpoint.parity],
                stop_bits=endpoint.stop_bits,
                count_every_ms=LATE_EVERY_MS,
            ),
            devices.units[endpoint.id],
            coils,
        )
    except ValueError as error:
        raise ConfigError([Fault(file=endpoint.id, line=1, col=1, key="modbus", message=str(error))]) from error
    return Attached(bus=bus, port=bus if coils else None)


def _exchange(site: Site, exchange: Exchange, environ: Mapping[str, str]) -> Attached:
    secret = read_secret(exchange.secret_file, environ).reveal()
    tls: ssl.SSLContext | None = None
    if exchange.tls:
        try:
            tls = ssl.create_default_context(cafile=exchange.ca_file)
        except OSError as error:
            message = f"the authority cannot be read: {error.strerror}"
            fault = Fault(file=exchange.ca_file or exchange.id, line=1, col=1, key="exchange.ca_file", message=message)
            raise ConfigError([fault]) from error
    bus = PbxBus(pbx_config(site, exchange, secret=secret, tls=tls))
    return Attached(bus=bus, port=bus if bus.outputs else None)
