"""What a site may write to a unit: coils, set points and a board's safety timer, each only where its profile lists it.

A unit of class fire never gets past here. This module knows no connection and no request.
"""

from config.valued import dataclass
from drivers.modbus_decode import Encoding, encode
from drivers.modbus_guard import WRITE_REGISTERS
from drivers.modbus_plan import Span, Table
from drivers.modbus_profile import ModbusUnit, holding_register, resolve


@dataclass(frozen=True, slots=True, kw_only=True)
class CoilOutput:
    """An output behind the line: a coil by its wire address, from 0. `active_low`: on means that the coil is off."""

    device: str
    coil: int
    active_low: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetpointOutput:
    """An output that is a set point: on means `raised`, off `usual`, both in the unit of the profile's point."""

    device: str
    point: str
    raised: float
    usual: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Setpoint:
    """A set point at wire addresses: what its registers hold while raised, and what they are given back as."""

    span: Span
    encoding: Encoding
    function: int
    raised: tuple[int, ...]
    usual: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SafetyTimer:
    """The register of a board's own timer, and what it must hold."""

    address: int
    count: int
    function: int


def check_coil(unit: ModbusUnit, address: int) -> int:
    """Give back the wire address of a coil that may be an output. ValueError when it may not be written."""
    if unit.watched_only:
        raise ValueError(f"{unit.device} is watched only (class fire): nothing is ever written to it")
    if not any(each.table is Table.COIL and each.address <= address < each.end for each in resolve(unit).writable):
        raise ValueError(f"{unit.device}: the profile {unit.profile.name} does not list coil {address} as writable")
    return address


def check_setpoint(unit: ModbusUnit, output: SetpointOutput) -> Setpoint:
    """The set point that an output stands for. ValueError when it may not be written, or not with these values."""
    if unit.watched_only:
        raise ValueError(f"{unit.device} is watched only (class fire): nothing is ever written to it")
    entry = next((each for each in unit.profile.file.setpoints if each.point == output.point), None)
    if entry is None:
        names = ", ".join(each.point for each in unit.profile.file.setpoints) or "none"
        raise ValueError(f"{unit.device}: the profile {unit.profile.name} has no such set point; it has {names}")
    low, high = entry.range
    for value in (output.raised, output.usual):
        if not low <= value <= high:
            raise ValueError(f"{unit.device}: {output.point} must be between {low:g} and {high:g}, not {value:g}")
    name = unit.aliases.get(entry.point, f"{unit.device}.{entry.point}")
    mapped = next(each for each in resolve(unit).points if each.id == name)
    raised, usual = encode(mapped.encoding, output.raised), encode(mapped.encoding, output.usual)
    if raised == usual:
        raise ValueError(f"{unit.device}: both values of {output.point} are the same to the device")
    function = WRITE_REGISTERS if mapped.span.count > 1 else entry.function
    return Setpoint(span=mapped.span, encoding=mapped.encoding, function=function, raised=raised, usual=usual)


def check_safety(unit: ModbusUnit) -> SafetyTimer | None:
    """The board's timer as the site wants it, None where it wants none. ValueError when the board cannot be set so."""
    if not unit.safety_ms:
        return None
    entry = unit.profile.file.safety_timer
    if unit.watched_only or entry is None:
        raise ValueError(f"{unit.device}: the profile {unit.profile.name} knows no safety timer")
    count = unit.safety_ms // entry.step
    if not 1 <= count <= entry.most:
        least_s, most_s = entry.step / 1000, entry.step * entry.most / 1000
        raise ValueError(f"{unit.device}: its safety timer must be between {least_s:g} s and {most_s:g} s")
    address = holding_register(unit.profile.file, entry.address)
    return SafetyTimer(address=address, count=count, function=entry.function)
