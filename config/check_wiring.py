"""What a schema cannot see about the wiring: ids, references, pins and coils used twice, roles of outputs.

Each check is a function from the site to findings. Judges the file only; asks no device and opens nothing.
"""

from collections.abc import Iterator
from typing import assert_never

from config.faults import Path
from config.finding import Check, Finding, repeated, unknown
from config.model_common import OnOff
from config.model_devices import SnmpVersion, UnitClass, Ups
from config.model_outputs import (
    AmiOutput,
    CampaignOutput,
    ExchangeOutput,
    Fallback,
    GpioOutput,
    ModbusOutput,
    OutletOutput,
    SetpointOutput,
    Switch,
)
from config.model_site import Site

# First parts of ids, and keys of the MQTT state, that the controller uses itself.
RESERVED = frozenset(
    (
        *("v", "log", "seq", "boot", "ts", "clk", "mode", "flags", "because", "stage", "outputs"),
        *("clock", "trunks", "mqtt", "link", "controller", "floor", "fire", "journal", "planned", "generator"),
    )
)


def check_ids(site: Site) -> Iterator[Finding]:
    """Ids are unique in their kind, and no id stands where the controller's own names are."""
    devices: list[tuple[Path, object]] = [(("ups", index, "id"), ups.id) for index, ups in enumerate(site.ups)]
    devices += [(("exchange", index, "id"), one.id) for index, one in enumerate(site.exchange)]
    rooms: list[tuple[Path, object]] = []
    for index, endpoint in enumerate(site.modbus):
        for place, unit in enumerate(endpoint.units):
            devices.append((("modbus", index, "unit", place, "id"), unit.id))
            rooms.append((("modbus", index, "unit", place, "room"), unit.room))
    names = {name for _, name in devices}
    yield from repeated(devices, "another device has this id already, at {first}")
    for path, name in devices + rooms:
        if name in RESERVED:
            yield Finding(path=path, message="the controller uses this name itself; choose another", got=name)
    for path, name in rooms:
        if name in names:
            yield Finding(path=path, message="a device has this id; a room needs a name of its own", got=name)
    for index, entry in enumerate(site.input):
        if entry.id.split(".")[0] in names | RESERVED:
            path = ("input", index, "id")
            yield Finding(
                path=path,
                message="begins with a name that a device or the controller uses; choose another",
                got=entry.id,
            )


def check_repeated_ids(site: Site) -> Iterator[Finding]:
    """Endpoints, trunks, trunk groups, loads, stages, outputs and inputs have ids of their own."""
    for table, entries in (
        ("modbus", site.modbus),
        ("trunk_group", site.trunk_group),
        ("load", site.load),
        ("stage", site.stage),
        ("output", site.output),
        ("input", site.input),
    ):
        given = [((table, index, "id"), entry.id) for index, entry in enumerate(entries)]
        yield from repeated(given, f"another [[{table}]] has this id already, at {{first}}")
        for path, name in given:
            inner = [other for _, other in given if other.startswith(f"{name}.")]
            if inner:
                # In a message one would have to be a value and a table at the same time.
                yield Finding(path=path, message=f"is also the beginning of {inner[0]}; rename one of them", got=name)
    trunks: list[tuple[Path, object]] = [
        (("exchange", index, "trunk", place, "name"), trunk.name)
        for index, one in enumerate(site.exchange)
        for place, trunk in enumerate(one.trunks)
    ]
    trunks += [(("line", index, "name"), line.name) for index, line in enumerate(site.line)]
    yield from repeated(trunks, "another trunk has this name already, at {first}")


def check_references(site: Site) -> Iterator[Finding]:
    """Every name of something else is the name of something."""
    upses = [ups.id for ups in site.ups]
    outputs = [output.id for output in site.output]
    loads = [load.id for load in site.load]
    groups = [group.id for group in site.trunk_group]
    for index, load in enumerate(site.load):
        yield from unknown(("load", index, "ups"), load.ups, upses, "ups")
        yield from unknown(("load", index, "output"), load.output, outputs, "output")
    for index, stage in enumerate(site.stage):
        for place, name in enumerate(stage.loads):
            yield from unknown(("stage", index, "loads", place), name, loads, "load")
    for index, lamp in enumerate(site.lamp):
        yield from unknown(("lamp", index, "output"), lamp.output, outputs, "output")
    for path, names, known, table in (
        (("annunciator", "beacons"), site.annunciator.beacons, outputs, "output"),
        (("annunciator", "sounders"), site.annunciator.sounders, outputs, "output"),
        (("outbound", "outputs"), site.outbound.outputs, outputs, "output"),
        (("cooling", "fans"), site.cooling.fans, outputs, "output"),
        (("cooling", "gentle"), site.cooling.gentle, outputs, "output"),
        (("fire", "off_on_fire"), site.fire.off_on_fire, loads, "load"),
    ):
        for place, name in enumerate(names):
            yield from unknown((*path, place), name, known, table)
    yield from unknown(("failover", "output"), site.failover.output, outputs, "output")
    yield from unknown(("failover", "group"), site.failover.group, groups, "trunk_group")
    for index, one in enumerate(site.exchange):
        for place, trunk in enumerate(one.trunks):
            yield from unknown(("exchange", index, "trunk", place, "group"), trunk.group, groups, "trunk_group")


def check_output_targets(site: Site) -> Iterator[Finding]:
    """An output goes to something that exists and that may be written to."""
    units = {unit.id: unit for _, unit in site.units}
    exchanges = {one.id: one for one in site.exchange}
    upses = {one.id: one for one in site.ups}
    for index, output in enumerate(site.output):
        match output:
            case ModbusOutput(unit=name) | SetpointOutput(unit=name):
                yield from unknown(("output", index, "unit"), name, units, "modbus.unit")
                if name in units and units[name].kind is UnitClass.FIRE:
                    message = "is a fire panel; it is watched only, nothing is ever written to it"
                    yield Finding(path=("output", index, "unit"), message=message, got=name)
            case ExchangeOutput(exchange=name, switch=switch):
                yield from unknown(("output", index, "exchange"), name, exchanges, "exchange")
                if switch is Switch.MEMBERS and name in exchanges and not exchanges[name].pause_queues:
                    message = f"the exchange {name} names no pause_queues; list them there"
                    yield Finding(path=("output", index, "switch"), message=message, absence=True)
                missing = name in exchanges and not (exchanges[name].agents_from and exchanges[name].agents_to)
                if switch is Switch.AGENTS and missing:
                    message = f"the exchange {name} names no agents_from and agents_to; name the queues there"
                    yield Finding(path=("output", index, "switch"), message=message, absence=True)
                if switch is Switch.SURGE and name in exchanges and exchanges[name].surge_gate is None:
                    message = f"the exchange {name} names no surge_gate; name the device state there"
                    yield Finding(path=("output", index, "switch"), message=message, absence=True)
            case OutletOutput(ups=name):
                yield from unknown(("output", index, "ups"), name, upses, "ups")
                if name in upses:
                    yield from _check_outlet(upses[name], output, index)
            case AmiOutput(exchange=name):
                yield from unknown(("output", index, "exchange"), name, exchanges, "exchange")
            case GpioOutput() | CampaignOutput():
                pass
            case _ as never:
                assert_never(never)


def _check_outlet(ups: Ups, output: OutletOutput, index: int) -> Iterator[Finding]:
    """Switching needs the explicit list and a credential of its own."""
    if output.outlet not in ups.outlets:
        message = f"{ups.id} does not list this group in `outlets`, so it is never switched"
        yield Finding(path=("output", index, "outlet"), message=message, got=output.outlet)
    v3 = ups.version is SnmpVersion.V3
    if (ups.write_v3 if v3 else ups.write_community_file) is None:
        missing = "write_v3" if v3 else "write_community_file"
        message = f"{ups.id} has no {missing}; without a credential of its own nothing is switched"
        yield Finding(path=("output", index, "ups"), message=message, absence=True)
    if ups.write_community_file is not None and ups.write_community_file == ups.community_file:
        message = f"{ups.id} writes with the credential that it reads with; give writing its own"
        yield Finding(path=("output", index, "ups"), message=message, got=output.ups)


def check_wires(site: Site) -> Iterator[Finding]:
    """No pin, coil or switch is used twice, and pins need a factory."""
    pins: list[tuple[Path, object]] = []
    coils: list[tuple[Path, object]] = []
    setpoints: list[tuple[Path, object]] = []
    switches: list[tuple[Path, object]] = []
    outlets: list[tuple[Path, object]] = []
    for index, output in enumerate(site.output):
        match output:
            case GpioOutput():
                pins.append((("output", index, "pin"), output.pin))
            case ModbusOutput():
                coils.append((("output", index, "coil"), f"{output.coil} of {output.unit}"))
            case SetpointOutput():
                setpoints.append((("output", index, "point"), f"{output.point} of {output.unit}"))
            case OutletOutput():
                outlets.append((("output", index, "outlet"), f"{output.outlet} of {output.ups}"))
            case CampaignOutput() | AmiOutput():
                pass  # the same request may stand behind two outputs: what it does is not ours to know
            case ExchangeOutput():
                switches.append((("output", index, "switch"), f"{output.switch} of {output.exchange}"))
            case _ as never:
                assert_never(never)
    pins += [(("input", index, "pin"), entry.pin) for index, entry in enumerate(site.input)]
    halves = [(("input", index, "opposite_pin"), entry.opposite_pin) for index, entry in enumerate(site.input)]
    pins += [(path, pin) for path, pin in halves if pin is not None]
    yield from repeated(pins, "this pin is in use already, at {first}")
    yield from repeated(coils, "this coil is in use already, at {first}")
    yield from repeated(setpoints, "this set point is in use already, at {first}")
    yield from repeated(outlets, "this outlet is in use already, at {first}")
    yield from repeated(switches, "this switch is in use already, at {first}")
    if pins and site.gpio is None:
        message = 'pins need the section [gpio] with factory = "lgpio", or "mock" where there are none'
        yield Finding(path=pins[0][0], message=message, absence=True)


def _roles(site: Site) -> Iterator[tuple[Path, str, str]]:
    for index, lamp in enumerate(site.lamp):
        yield ("lamp", index, "output"), lamp.output, "a lamp"
    for place, name in enumerate(site.annunciator.beacons):
        yield ("annunciator", "beacons", place), name, "a beacon"
    for place, name in enumerate(site.annunciator.sounders):
        yield ("annunciator", "sounders", place), name, "a sounder"
    for place, name in enumerate(site.outbound.outputs):
        yield ("outbound", "outputs", place), name, "the pause of outbound"
    for place, name in enumerate(site.cooling.fans):
        yield ("cooling", "fans", place), name, "a fan"
    for place, name in enumerate(site.cooling.gentle):
        yield ("cooling", "gentle", place), name, "gentler cooling"
    for index, load in enumerate(site.load):
        if load.output is not None:
            yield ("load", index, "output"), load.output, "a load's feed"
    if site.failover.output is not None:
        yield ("failover", "output"), site.failover.output, "the failover"
    if site.surge.announcement is not None:
        yield ("surge", "announcement"), site.surge.announcement, "the surge announcement"
    if site.surge.agents is not None:
        yield ("surge", "agents"), site.surge.agents, "the move of agents"
    if site.generator is not None:
        yield ("generator", "output"), site.generator.output, "the generator's start contact"


def check_roles(site: Site) -> Iterator[Finding]:
    """An output does one thing, and has the values that this thing needs."""
    places = {output.id: index for index, output in enumerate(site.output)}
    taken: dict[str, str] = {}
    for path, name, role in _roles(site):
        if name in taken:
            yield Finding(path=path, message=f"this output is {taken[name]} already; name another", got=name)
            continue
        taken[name] = role
        if name not in places:
            continue
        index = places[name]
        output = site.output[index]
        wanted = OnOff.ON if role == "a load's feed" else OnOff.OFF
        if output.normal is not wanted:
            message = f'is {role}, so its normal must be "{wanted}" (on means {_meaning(role)})'
            yield Finding(path=("output", index, "normal"), message=message, got=str(output.normal))
        if isinstance(output, SetpointOutput) and role != "gentler cooling":
            yield Finding(path=path, message=f"{role} cannot be a set point", got=name)
        if isinstance(output, ExchangeOutput) and role in ("a lamp", "a beacon", "a sounder", "a fan"):
            yield Finding(path=path, message=f"{role} cannot hang on an exchange's switch", got=name)
        for key, value in (("on_stop", output.on_stop), ("on_fault", output.on_fault)):
            if role == "a sounder" and value is not Fallback.OFF:
                message = 'is a sounder, so it must be "off"; else it sounds when nobody can silence it'
                yield Finding(path=("output", index, key), message=message, got=str(value))


def _meaning(role: str) -> str:
    return "that the load is fed" if role == "a load's feed" else "that it acts"


def check_lamps(site: Site) -> Iterator[Finding]:
    """A panel has each row once."""
    given = [(("lamp", index, "row"), f"{lamp.row} of panel {lamp.panel}") for index, lamp in enumerate(site.lamp)]
    yield from repeated(given, "this panel has this row already, at {first}")


CHECKS: tuple[Check, ...] = (
    check_ids,
    check_repeated_ids,
    check_references,
    check_output_targets,
    check_wires,
    check_roles,
    check_lamps,
)
