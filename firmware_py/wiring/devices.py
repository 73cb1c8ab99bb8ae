"""Drivers built from the site: every bus, every port, with the secrets read from their files at this moment.

A secret that cannot be read is a ConfigError, all of them at once. Loads the drivers that the site has a use for, and
no others. It must not open a connection.
"""

import ssl
from collections.abc import Callable, Container, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.faults import ConfigError, Fault
from config.floor import Devices, state_directory
from config.model_devices import Exchange, ModbusEndpoint, SnmpV3, SnmpVersion, Ups
from config.model_outputs import CampaignOutput, ModbusOutput, OutletOutput, SetpointOutput
from config.model_phones import LineCard
from config.model_site import Site
from config.secrets import read_secret
from config.valued import dataclass
from drivers.snmp_access import Access, Auth, Community, Privacy, User
from firmware_py.ports import Bus, RemotePort
from firmware_py.runtime.ask import DEFAULT_LIMITS, Limits
from firmware_py.runtime.disk import Disk
from firmware_py.wiring.kept import CAMPAIGNS, KeptWords
from firmware_py.wiring.overhear import Hearing

if TYPE_CHECKING:
    from drivers.modbus import OutputPlace
    from drivers.snmp_outlets import OutletPort
    from drivers.snmp_traps import TrapPort

AUTH: Final[Mapping[str, Auth | None]] = {
    "none": None, "md5": "md5", "sha1": "sha", "sha224": "sha224", "sha256": "sha256", "sha384": "sha384",
    "sha512": "sha512",
}  # fmt: skip
PRIVACY: Final[Mapping[str, Privacy | None]] = {
    "none": None, "des": "des", "aes128": "aes", "aes192": "aes192", "aes256": "aes256",
}  # fmt: skip
PARITY: Final = {"even": "E", "odd": "O", "none": "N"}
_DEADLINE_SHARE: Final = 0.9  # of the period: a read that is not over by then would delay the next one


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """One endpoint: what reads it, and what writes to it where it has outputs. `again` makes a fresh driver after one
    had to be abandoned. `limits`: how long its calls may take."""

    bus: Bus | None
    port: RemotePort | None = None
    again: Callable[[], "Attached"] | None = None
    limits: Limits = DEFAULT_LIMITS


Maker = Callable[[], Attached]
Ears = Callable[[str], Hearing]  # by the name of an endpoint
Wired = Ups | ModbusEndpoint | LineCard | CampaignOutput | Exchange


def makers(
    site: Site, devices: Devices, environ: Mapping[str, str], traps: "TrapPort | None", ears: Ears | None = None
) -> list[tuple[Wired, Maker]]:
    """Every endpoint of the site by its section, with what builds its driver. `ears`: who hears it."""

    def hearing(name: str) -> Hearing | None:
        return None if ears is None else ears(name)

    campaigns = [output for output in site.output if isinstance(output, CampaignOutput)]
    return [
        *((ups, partial(_snmp, site, ups, devices, environ, traps, hearing(ups.id))) for ups in site.ups),
        *((endpoint, partial(_modbus, site, endpoint, devices, hearing(endpoint.id))) for endpoint in site.modbus),
        *((card, partial(_line_card, site, card, devices, environ)) for card in site.line_card),
        *((output, partial(_campaign, output, state_directory(site, environ), environ)) for output in campaigns),
        *((exchange, partial(_exchange, site, exchange, environ, hearing(exchange.id))) for exchange in site.exchange),
    ]


def attach(site: Site, devices: Devices, environ: Mapping[str, str]) -> tuple[Attached, ...]:
    """Every endpoint of the site. ConfigError with all faults of all secrets and certificates."""
    from drivers.snmp_traps import TrapPort

    traps = TrapPort(site.snmp_traps.address, site.snmp_traps.port) if site.snmp_traps.enabled else None
    attached: list[Attached] = []
    faults: list[Fault] = []
    for _, make in makers(site, devices, environ, traps):
        try:
            attached.append(replace(make(), again=make))
        except ConfigError as error:
            faults += error.faults
    if faults:
        raise ConfigError(faults)
    return tuple(attached)


def _snmp(
    site: Site,
    ups: Ups,
    devices: Devices,
    environ: Mapping[str, str],
    traps: "TrapPort | None",
    ear: Hearing | None,
) -> Attached:
    from drivers.snmp_bus import SnmpBus

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
        hear=None if ear is None else ear.hear_object,
    )
    return Attached(bus=bus, port=port)


def _outlets(site: Site, ups: Ups, devices: Devices, environ: Mapping[str, str]) -> "OutletPort | None":
    """What switches the listed groups of a UPS, None where no output is one of them: then nothing can be written."""
    groups = {
        output.id: output.outlet for output in site.output if isinstance(output, OutletOutput) and output.ups == ups.id
    }
    if not groups:
        return None
    from drivers.snmp_outlets import OutletPort

    return OutletPort(
        name=ups.id,
        host=ups.address,
        port=ups.port,
        access=_access(ups, ups.write_community_file, ups.write_v3, environ),
        mibs=devices.ups[ups.id].outlets,
        outlets=groups,
    )


def _access(ups: Ups | LineCard, community_file: str | None, v3: SnmpV3 | None, environ: Mapping[str, str]) -> Access:
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


def _modbus(site: Site, endpoint: ModbusEndpoint, devices: Devices, ear: Hearing | None) -> Attached:
    from drivers.modbus import ModbusBus
    from drivers.modbus_guard import Framing
    from drivers.modbus_profile import LATE_EVERY_MS, Endpoint

    units = {unit.id for unit in endpoint.units}
    places = _places(site, units)
    try:
        bus = ModbusBus(
            Endpoint(
                name=endpoint.id,
                framing=Framing(endpoint.transport.value),
                host=endpoint.address or "",
                port=endpoint.port,
                serial=endpoint.device or "",
                baud=endpoint.baud,
                parity=PARITY[endpoint.parity],
                stop_bits=endpoint.stop_bits,
                count_every_ms=LATE_EVERY_MS,
            ),
            devices.units[endpoint.id],
            places,
            None if ear is None else ear.hear_registers,
        )
    except ValueError as error:
        raise ConfigError([Fault(file=endpoint.id, line=1, col=1, key="modbus", message=str(error))]) from error
    return Attached(bus=bus, port=bus if places else None)


def _places(site: Site, units: Container[str]) -> "dict[str, OutputPlace]":
    """What is written to these units: mostly nothing."""
    coils = [output for output in site.output if isinstance(output, ModbusOutput) and output.unit in units]
    setpoints = [output for output in site.output if isinstance(output, SetpointOutput) and output.unit in units]
    if not coils and not setpoints:
        return {}
    from config.driven import setpoint_place
    from drivers.modbus_write import CoilOutput

    places: dict[str, OutputPlace] = {
        output.id: CoilOutput(device=output.unit, coil=output.coil, active_low=output.polarity.value == "active_low")
        for output in coils
    }
    return places | {output.id: setpoint_place(output) for output in setpoints}


def _line_card(site: Site, card: LineCard, devices: Devices, environ: Mapping[str, str]) -> Attached:
    from drivers.snmp_lines import LineBus
    from drivers.snmp_lines import LineCard as CardAsked

    asked = CardAsked(
        name=card.id,
        host=card.address,
        port=card.port,
        access=_access(card, card.community_file, card.v3, environ),
        profile=devices.cards[card.id],
        lines={line.name: line.index for line in site.line if line.card == card.id and line.index is not None},
        period_ms=card.fast_ms,
        deadline_ms=max(card.timeout_ms, int(card.fast_ms * _DEADLINE_SHARE)),
    )
    return Attached(bus=LineBus(asked))


def _exchange(site: Site, exchange: Exchange, environ: Mapping[str, str], ear: Hearing | None) -> Attached:
    from config.driven import pbx_config
    from drivers.pbx import PbxBus

    secret = read_secret(exchange.secret_file, environ).reveal()
    tls = _authority(exchange.ca_file, exchange.id, "exchange.ca_file") if exchange.tls else None
    bus = PbxBus(pbx_config(site, exchange, secret=secret, tls=tls), None if ear is None else ear.hear_answer)
    return Attached(bus=bus, port=bus if bus.outputs else None)


def _authority(ca_file: str | None, name: str, key: str) -> "ssl.SSLContext":
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        message = f"the authority cannot be read: {error.strerror}; put its certificate there"
        raise ConfigError([Fault(file=ca_file or name, line=1, col=1, key=key, message=message)]) from error


def _campaign(output: CampaignOutput, directory: Path, environ: Mapping[str, str]) -> Attached:
    from drivers.campaign import Campaign, CampaignPort
    from drivers.http import Request

    def request(url: str, body: str | None = None) -> Request:
        return Request(url=url, body=body, authorization=output.authorization or "")

    campaign = Campaign(
        output=output.id,
        pause=request(output.pause, output.pause_body),
        resume=request(output.resume, output.resume_body),
        look=None if output.look is None else request(output.look),
        paused=output.paused or "",
        done=output.done or "",
        accepts=frozenset({200, 201, 202, 204, *output.also_accepts}),
        secret="" if output.secret_file is None else read_secret(output.secret_file, environ).reveal(),
        tls=_authority(output.ca_file, output.id, "output.ca_file") if output.ca_file else None,
        answer_ms=output.timeout_ms,
    )
    # A list for each campaign: each is written by the task of its own dialler.
    marks = KeptWords(directory / CAMPAIGNS.format(output.id), Disk())
    limits = replace(DEFAULT_LIMITS, write_ms=4 * output.timeout_ms)  # look, tell, look again
    return Attached(bus=None, port=CampaignPort(campaign, marks), limits=limits)
