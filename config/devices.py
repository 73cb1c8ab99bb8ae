"""From the site's words to the drivers' own configurations, and every point that the devices bring.

Secrets are filled in by whoever starts the drivers; points are known without them, so that `check` needs no secret.
It must not open a connection.
"""

from collections.abc import Iterable
from dataclasses import replace

from config.driven import pbx_config, setpoint_place
from config.floor import Devices
from config.library import Library
from config.model_devices import ModbusEndpoint, ModbusUnit, Ups
from config.model_outputs import SetpointOutput
from config.model_site import Site
from config.strict import ConfigError, Document, Fault, known_of
from drivers import line_status, modbus_profile, modbus_write, snmp_profile, snmp_signals
from drivers.pbx_config import declare_points
from firmware_py.core.point import Kind, Point

LINE_STALE_MS = 15_000  # a state that is worked out anew in each cycle
_NO_SECRET = "-"  # noqa: S105 - stands where a secret will be, while only the points are asked for


def find_devices(document: Document, site: Site, library: Library) -> Devices:
    """Look every profile up. All faults of all profiles at once, as one ConfigError."""
    faults: list[Fault] = []
    ups: dict[str, snmp_profile.Profile] = {}
    units: dict[str, tuple[modbus_profile.ModbusUnit, ...]] = {}
    points: list[Point] = []
    for one in site.ups:
        try:
            ups[one.id] = library.snmp(one.profile)
            points += _ups_points(one, ups[one.id])
        except ConfigError as error:
            faults += error.faults
    for place, endpoint in enumerate(site.modbus):
        made = []
        for index, entry in enumerate(endpoint.units):
            try:
                unit = _unit(endpoint, entry, library)
                points += modbus_profile.points(unit)
                made.append(unit)
            except ConfigError as error:
                faults += error.faults
            except ValueError as error:
                faults.append(document.fault(("modbus", place, "unit", index), str(error)))
        units[endpoint.id] = tuple(made)
        faults += _output_faults(document, site, made)
        points.append(modbus_profile.late_point(endpoint.id))
    cards: dict[str, line_status.LineProfile] = {}
    for card in site.line_card:
        try:
            cards[card.id] = library.line(card.profile)
        except ConfigError as error:
            faults += error.faults
    faults += _unsensed(document, site, points)
    if faults:
        raise ConfigError(faults)
    points += _line_points(site)
    for exchange in site.exchange:
        points += declare_points(pbx_config(site, exchange, secret=_NO_SECRET, tls=None))
    return Devices(ups=ups, units=units, cards=cards, points=tuple(points))


def _unsensed(document: Document, site: Site, points: Iterable[Point]) -> Iterable[Fault]:
    """Lines whose contact is neither an input nor a flag of a unit."""
    flags = {point.id for point in points if point.kind is Kind.FLAG} | {entry.id for entry in site.input}
    for index, line in enumerate(site.line):
        if line.contact is not None and line.contact not in flags:
            message = f"no [[input]] and no flag of a unit has this id{known_of(line.contact, sorted(flags))}"
            yield document.fault(("line", index, "contact"), message, line.contact)


def _line_points(site: Site) -> Iterable[Point]:
    limits_ms = {card.id: card.stale_ms for card in site.line_card}
    return [line_status.declare(line.name, limits_ms.get(line.card or "", LINE_STALE_MS)) for line in site.line]


def _output_faults(document: Document, site: Site, units: Iterable[modbus_profile.ModbusUnit]) -> Iterable[Fault]:
    """Set points and safety timers that the units' profiles do not have, or not with these values."""
    for unit in units:
        try:
            modbus_write.check_safety(unit)
        except ValueError as error:
            yield document.fault(_place_of(site, unit.device), str(error))
        for index, output in enumerate(site.output):
            if isinstance(output, SetpointOutput) and output.unit == unit.device:
                try:
                    modbus_write.check_setpoint(unit, setpoint_place(output))
                except ValueError as error:
                    yield document.fault(("output", index, "point"), str(error), output.point)


def _place_of(site: Site, device: str) -> tuple[str | int, ...]:
    places = [(p, i) for p, end in enumerate(site.modbus) for i, unit in enumerate(end.units) if unit.id == device]
    place, index = places[0]
    return ("modbus", place, "unit", index, "safety_timer")


def _ups_points(ups: Ups, profile: snmp_profile.Profile) -> Iterable[Point]:
    for name in profile.sources:
        signal = snmp_signals.SIGNALS[name]
        stale_ms = ups.stale_ms if signal.group is snmp_signals.Group.FAST else ups.slow_stale_ms
        yield replace(signal.point(ups.id, ups.fast_ms), stale_after_ms=stale_ms)


def _unit(endpoint: ModbusEndpoint, unit: ModbusUnit, library: Library) -> modbus_profile.ModbusUnit:
    profile = library.modbus(unit.profile)
    if profile.device_class.value != unit.kind.value:
        message = f"{unit.id} is declared as {unit.kind.value}, its profile {unit.profile} is of class " + str(
            profile.device_class.value
        )
        raise ConfigError([profile.document.fault(("class",), message)])
    return modbus_profile.ModbusUnit(
        device=unit.id,
        unit=unit.unit,
        profile=profile,
        timeout_ms=endpoint.timeout_ms,
        spacing_ms=max(endpoint.spacing_ms, unit.spacing_ms),
        safety_ms=unit.safety_timer_ms,
        fast_ms=unit.fast_ms,
        slow_ms=unit.slow_ms,
        stale_ms=unit.stale_ms,
        room=unit.room,
        settings=unit.parameters,
    )
