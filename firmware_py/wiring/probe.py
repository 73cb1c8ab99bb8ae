"""A device read once by its address alone: which driver an address means, and what that driver then sees.

One entry in SCHEMES for each protocol. Needs no site file and leaves nothing behind; it must not print.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from config.faults import ConfigError, Fault
from config.library import Library
from config.secrets import read_secret
from config.valued import dataclass
from drivers.ami_account import Account
from drivers.modbus import ModbusBus
from drivers.modbus_guard import Framing
from drivers.modbus_profile import Endpoint, ModbusUnit, resolve
from drivers.pbx import PbxBus
from drivers.pbx_config import PbxConfig, declare_points
from drivers.snmp_access import Access, Community, User
from drivers.snmp_bus import SnmpBus
from drivers.snmp_signals import SIGNALS
from firmware_py.core.reading import Reason, Sample
from firmware_py.ports import Bus, DeviceError, PollGroup
from firmware_py.wiring.capture import Capture, spell_settings
from firmware_py.wiring.devices import AUTH, PARITY, PRIVACY

DEVICE: Final = "ups1"
ATTEMPT_MS: Final = 3_000  # a card that is asked for everything for the first time may need it
CLOSE_S: Final = 2.0
SERIAL: Final = "modbus+rtu"
BAUDS: Final = ("1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What an address does not say. Secrets are named by their files, as in a site file."""

    profile: str = ""
    version: str = "2c"
    auth: str = "none"
    auth_file: str = ""
    privacy: str = "none"
    privacy_file: str = ""
    community_file: str = ""
    secret_file: str = ""
    timeout_ms: int = 10_000
    folder: Path = field(default_factory=Path)
    environ: Mapping[str, str] = field(default_factory=dict)
    capture: Capture | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """The parts of SCHEME://USER@HOST:PORT/UNIT; `user` is the community or the user's name, and may be a secret.

    On a serial line `host` is the device's file.
    """

    scheme: str
    user: str = field(repr=False)
    host: str
    port: int | None
    unit: str = ""
    baud: int = 9_600
    parity: str = "even"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A driver for one address. `sources` says, after reading, where each point came from."""

    bus: Bus
    sources: Callable[[], Mapping[str, str]]
    units: Mapping[str, str]
    device: str = ""  # of several behind one line: only this one is read
    about: Mapping[str, str | int] = field(default_factory=dict)  # for a capture: what the driver was told

    def groups(self) -> tuple[PollGroup, ...]:
        """What is read, in its order."""
        return tuple(group for group in self.bus.groups if self.device in ("", group.device))


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was seen: samples, sources and units by point, the time that each group took, and why it ended early."""

    samples: Mapping[str, Sample]
    sources: Mapping[str, str]
    units: Mapping[str, str]
    latency_ms: Mapping[str, int]
    error: str = ""
    line_lost: bool = False  # nobody behind this line can be asked
    about: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def silent(self) -> bool:
        """True when not one question was answered."""
        return bool(self.error) and not self.latency_ms

    @property
    def known(self) -> bool:
        """True when at least one value can be trusted."""
        return any(sample.because is None for sample in self.samples.values())


def parse_address(text: str) -> Address:
    """The parts of an address. ConfigError when it cannot be one, or when no driver of ours speaks its protocol."""
    try:
        parts = urlsplit(text)
        port, host, user = parts.port, parts.hostname, unquote(parts.username or "")
    except ValueError as error:
        raise _refuse(f"is not an address ({error}); write it like snmp://public@192.0.2.7:161") from None
    if parts.scheme not in SCHEMES:
        raise _refuse(f"must begin with {' or '.join(f'{name}://' for name in SCHEMES)}")
    if parts.scheme == SERIAL:
        return _serial_line(host, parts.path, parts.query)
    if not host:
        raise _refuse("names no host; like snmp://public@192.0.2.7:161")
    return Address(scheme=parts.scheme, user=user, host=host, port=port, unit=parts.path.strip("/"))


def _serial_line(host: str | None, path: str, query: str) -> Address:
    """modbus+rtu:///dev/ttyUSB0/3?baud=19200&parity=none&stop_bits=1."""
    device, _, unit = path.rpartition("/")
    said = dict(parse_qsl(query, keep_blank_values=True))
    baud, parity, stop_bits = said.pop("baud", "9600"), said.pop("parity", "even"), said.pop("stop_bits", "1")
    if host or not device.startswith("/"):
        raise _refuse("must name the line's file and the unit; like modbus+rtu:///dev/ttyUSB0/3?baud=9600&parity=even")
    if said or baud not in BAUDS or parity not in PARITY or stop_bits not in ("1", "2"):
        raise _refuse(f"takes baud ({', '.join(BAUDS)}), parity ({', '.join(PARITY)}) and stop_bits (1, 2) only")
    return Address(
        scheme=SERIAL, user="", host=device, port=None, unit=unit, baud=int(baud), parity=parity,
        stop_bits=int(stop_bits),
    )  # fmt: skip


async def probe(address: Address, options: Options) -> Report:
    """Read everything once, patiently, within the time that `options` allow. ConfigError for bad options or secrets."""
    return await read_once(SCHEMES[address.scheme](address, options), options.timeout_ms)


async def read_once(opened: Opened, timeout_ms: int) -> Report:
    """All groups of an opened driver, which is closed then."""
    samples: dict[str, Sample] = {}
    latency_ms: dict[str, int] = {}
    error, line_lost = "", False
    deadline_s = asyncio.get_running_loop().time() + timeout_ms / 1000
    try:
        for group in opened.groups():
            try:
                found, latency_ms[group.id] = await _read(opened.bus, group.id, deadline_s)
            except DeviceError as trouble:
                error, line_lost = str(trouble), not trouble.unit_only
                break
            samples.update(found)
    finally:
        await asyncio.wait({asyncio.ensure_future(opened.bus.close())}, timeout=CLOSE_S)
    return Report(
        samples=samples, sources=opened.sources(), units=opened.units, latency_ms=latency_ms, error=error,
        line_lost=line_lost,
        about=opened.about,
    )  # fmt: skip


async def _read(bus: Bus, group_id: str, deadline_s: float) -> tuple[Mapping[str, Sample], int]:
    """One group and the milliseconds it took; asked again while the far end is silent and there is time."""
    loop = asyncio.get_running_loop()
    (group,) = (one for one in bus.groups if one.id == group_id)
    while True:
        started_s = loop.time()
        try:
            found = await bus.read(group)
        except DeviceError as error:
            if error.because is not Reason.NO_COMMUNICATION or loop.time() + group.deadline_ms / 1000 > deadline_s:
                raise
        else:
            return found, round((loop.time() - started_s) * 1000)


def _open_snmp(address: Address, options: Options) -> Opened:
    attempt_ms = min(ATTEMPT_MS, options.timeout_ms)
    bus = SnmpBus(
        name="the options",
        device=DEVICE,
        host=address.host,
        port=address.port or 161,
        access=_snmp_access(address, options),
        profile=Library(options.folder).snmp(options.profile or "ups_auto"),
        fast_deadline_ms=attempt_ms,
        slow_deadline_ms=attempt_ms,
        hear=None if options.capture is None else options.capture.hear_object,
    )
    units = {f"{DEVICE}.{signal.id}": signal.unit for signal in SIGNALS.values()}
    about = {"protocol": "snmp", "profile": options.profile or "ups_auto", "device": DEVICE}
    return Opened(bus=bus, sources=lambda: bus.sources, units=units, about=about)


def _snmp_access(address: Address, options: Options) -> Access:
    def secret(ref: str) -> str:
        return read_secret(ref, options.environ).reveal() if ref else ""

    if options.version != "3":
        name = secret(options.community_file) or address.user or "public"
        return Community(name=name, version="1" if options.version == "1" else "2c")
    return User(
        name=address.user,
        auth=AUTH[options.auth],
        auth_phrase=secret(options.auth_file),
        privacy=PRIVACY[options.privacy],
        privacy_phrase=secret(options.privacy_file),
    )


def _open_modbus(address: Address, options: Options) -> Opened:
    """One unit behind modbus+tcp://HOST:PORT/UNIT, modbus+rtu-tcp:// or a serial line. Reads only, like every probe."""
    if not address.unit.isdecimal() or int(address.unit) > 255:
        raise _refuse("must end with the unit's number, 0 to 255; like modbus+tcp://192.0.2.20:502/1")
    if not options.profile:
        raise _refuse("says nothing about registers; name a profile, like --profile hvac_generic")
    profile = Library(options.folder).modbus(options.profile)
    unit = ModbusUnit(
        device=profile.device_class.value,
        unit=int(address.unit),
        profile=profile,
        timeout_ms=min(ATTEMPT_MS, options.timeout_ms),
        watched=True,
    )
    where = _line(address)
    mapped = resolve(unit).points
    sources = {point.id: f"{point.span.table} {point.span.address}" for point in mapped}
    return Opened(
        bus=ModbusBus(where, [unit], hear=None if options.capture is None else options.capture.hear_registers),
        sources=lambda: sources,
        units={point.id: point.unit for point in mapped},
        about={"protocol": "modbus", "profile": options.profile, "device": unit.device},
    )


def _line(address: Address) -> Endpoint:
    if address.scheme == SERIAL:
        return Endpoint(
            name=address.host, framing=Framing.RTU, serial=address.host, baud=address.baud,
            parity=PARITY[address.parity], stop_bits=address.stop_bits,
        )  # fmt: skip
    framing = Framing(address.scheme.removeprefix("modbus+"))
    return Endpoint(name=address.host, framing=framing, host=address.host, port=address.port or 502)


def _open_exchange(address: Address, options: Options) -> Opened:
    """The manager of an exchange: whether it lets us in, and what it says of itself. Nothing is written."""
    if not options.secret_file:
        raise _refuse("takes the secret of its user; name its file with --secret-file")
    secret = read_secret(options.secret_file, options.environ).reveal()
    account = Account(
        host=address.host, port=address.port or 5038, user=address.user, secret=secret, tls=None,
        answer_ms=min(ATTEMPT_MS, options.timeout_ms),
    )  # fmt: skip
    settings = PbxConfig(name="pbx1", account=account, trunks=(), gate="", failover="")
    points = declare_points(settings)
    sources = dict.fromkeys((point.id for point in points), "AMI")
    return Opened(
        bus=PbxBus(settings, None if options.capture is None else options.capture.hear_answer),
        sources=lambda: sources,
        units={point.id: point.unit for point in points},
        about={"protocol": "ami", "profile": "", "device": settings.name, "settings": spell_settings(settings)},
    )


def _refuse(message: str) -> ConfigError:
    return ConfigError([Fault(file="the address", line=1, col=1, key="", message=message)])


SCHEMES: Final[Mapping[str, Callable[[Address, Options], Opened]]] = {
    "ami": _open_exchange,
    "snmp": _open_snmp,
    "modbus+tcp": _open_modbus,
    "modbus+rtu-tcp": _open_modbus,
    SERIAL: _open_modbus,
}
