"""What answers at the addresses that somebody gave: which profile suits it, and how much of it.

Asks these addresses and no others, reads only, one question at a time. It must not print or write files.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from config.library import Library
from config.site import PACKAGED
from config.strict import ConfigError, Fault, read
from config.valued import dataclass
from firmware_py.core.reading import Quality
from firmware_py.wiring.probe import SERIAL, Address, Options, Report, probe

MOST_UNITS: Final = 32
_SILENT_MOST: Final = 3  # profiles that are tried on a unit that answers none of them: they ask different tables
_AMI_PORT: Final = 5038
_BANNER_S: Final = 3.0
_BANNER: Final = b"Asterisk Call Manager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suit:
    """One profile with what it made of the answers: good values, and all that it asks for."""

    profile: str
    kind: str
    good: int
    asked: int

    @property
    def share(self) -> float:
        """How much of it was answered soundly."""
        return self.good / self.asked if self.asked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One device at one address. `suits`: the best first, empty where it does not answer; `said`: for people."""

    scheme: str
    host: str
    port: int
    unit: int = 0
    line: str = ""  # how a serial one is set: baud=9600&parity=even&stop_bits=1
    suits: tuple[Suit, ...] = ()
    said: str = ""

    @property
    def address(self) -> str:
        """As people give it, without a credential."""
        if self.scheme == SERIAL:
            return f"{self.scheme}://{self.host}/{self.unit}?{self.line}"
        return f"{self.scheme}://{self.host}:{self.port}" + (
            f"/{self.unit}" if self.scheme.startswith("modbus") else ""
        )


async def discover(address: Address, options: Options) -> list[Found]:
    """All devices at one address: several where a Modbus address names several units, like /1-4."""
    if address.scheme == "snmp":
        return [await _snmp(address, options)]
    if address.scheme == "ami":
        return [await _exchange(address)]
    return [await _unit(replace(address, unit=str(unit)), options) for unit in units_of(address.unit)]


def units_of(text: str) -> list[int]:
    """`3`, `1-4` or `1,5,7`. ConfigError for anything else, and for more than anybody wires to one line."""
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise _refuse("must end with a unit's number or several, like modbus+tcp://192.0.2.20:502/1-4")
        units += range(int(first), int(last or first) + 1)
    if not units or len(units) > MOST_UNITS or max(units) > 247:
        raise _refuse(f"must name 1 to {MOST_UNITS} units, from 0 to 247")
    return units


async def _snmp(address: Address, options: Options) -> Found:
    report = await probe(address, replace(options, profile=options.profile or "ups_auto"))
    mibs = sorted({source for source in report.sources.values() if source})
    said = report.error or (f"answers; its values come from {', '.join(mibs)}" if mibs else "answers nothing of a UPS")
    suit = _suit(options.profile or "ups_auto", "ups", report)
    suits = (suit,) if suit.good else ()
    return Found(scheme="snmp", host=address.host, port=address.port or 161, suits=suits, said=said)


async def _unit(address: Address, options: Options) -> Found:
    names = [options.profile] if options.profile else modbus_profiles()
    suits: list[Suit] = []
    error, silent = "", 0
    for name in names:
        report = await probe(address, replace(options, profile=name, timeout_ms=min(options.timeout_ms, 2_000)))
        error = report.error
        if report.known:
            kind = Library(options.folder).modbus(name).device_class.value
            suits.append(_suit(name, kind, report))
        silent = silent + 1 if report.silent else 0
        if not suits and (report.line_lost or silent == _SILENT_MOST):
            break  # nobody is there: no other profile will change that
    suits.sort(key=lambda one: (one.share, one.good), reverse=True)
    said = f"answers to {len(suits)} of {len(names)} profiles" if suits else error or "no profile suits"
    serial = address.scheme == SERIAL
    return Found(
        scheme=address.scheme, host=address.host, port=0 if serial else address.port or 502, unit=int(address.unit),
        line=f"baud={address.baud}&parity={address.parity}&stop_bits={address.stop_bits}" if serial else "",
        suits=tuple(suits), said=said,
    )  # fmt: skip


async def _exchange(address: Address) -> Found:
    port = address.port or _AMI_PORT
    found = Found(scheme="ami", host=address.host, port=port)
    try:
        async with asyncio.timeout(_BANNER_S):
            reader, writer = await asyncio.open_connection(address.host, port, limit=1024)
            try:
                line = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError) as error:
        return replace(found, said=f"does not answer: {error}")
    if not line.startswith(_BANNER):
        return replace(found, said="answers, and is no Asterisk Manager")
    said = line.decode("ascii", "replace").strip()[:60]
    return replace(found, said=said, suits=(Suit(profile="", kind="exchange", good=1, asked=1),))


def _suit(name: str, kind: str, report: Report) -> Suit:
    good = sum(sample.quality is Quality.GOOD for sample in report.samples.values())
    return Suit(profile=name, kind=kind, good=good, asked=len(report.samples))


def modbus_profiles() -> list[str]:
    """Names of all shipped Modbus profiles; makers' own before the generic ones, so that they win a tie."""
    names = [path.stem for path in PACKAGED.glob("*.toml") if "class" in read(path).tree]
    return sorted(names, key=lambda name: (name.endswith("_generic"), name))


def sites_of(found: Iterable[Found]) -> list[Found]:
    """Those that answered."""
    return [one for one in found if one.suits]


def _refuse(message: str) -> ConfigError:
    return ConfigError([Fault(file="the address", line=1, col=1, key="", message=message)])
