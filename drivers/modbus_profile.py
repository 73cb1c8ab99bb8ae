"""Modbus profiles: what a TOML file says about a device, checked and turned into points with addresses.

The file format is `ProfileFile`; a site's copy is `ModbusUnit`, which gives it a unit id, a name and its settings.
This module knows no connection and no request. A profile of class `fire` that names anything writable is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path

from config.strict import ConfigError, Document, Fault, check, read
from config.valued import dataclass
from drivers.modbus_decode import Encoding, Form, encode
from drivers.modbus_guard import Framing
from drivers.modbus_plan import Limits, Span, Table
from drivers.modbus_schema import DeviceClass, Pace, PointEntry, ProfileFile, SetpointEntry
from firmware_py.core.point import Kind, Point

MAX_POINTS = 4_000
LATE_EVERY_MS = 10_000
_ONLY_WATCHED = "a fire panel is watched only: this class has nothing writable"
_MODICON = {Table.COIL: 0, Table.DISCRETE: 1, Table.INPUT: 3, Table.HOLDING: 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A checked profile; `document` is kept so that faults found later still have a place in the file."""

    name: str
    file: ProfileFile
    document: Document

    @property
    def device_class(self) -> DeviceClass:
        """What the unit is."""
        return self.file.device_class


@dataclass(frozen=True, slots=True, kw_only=True)
class ModbusUnit:
    """One unit of a site, as its configuration says.

    `settings` overrides the profile's parameters. `room` is the first part of the ids of points that the profile marks
    as the room's; `aliases` gives any other point (by its profile name) a full id of its own. `watched`: nothing is
    ever written to it; class fire is so whatever this says. `safety_ms`: what the board's own timer is set to, 0: not.
    """

    device: str
    unit: int
    profile: Profile
    timeout_ms: int = 500
    spacing_ms: int = 0
    fast_ms: int | None = None
    slow_ms: int | None = None
    stale_ms: int | None = None
    room: str | None = None
    settings: Mapping[str, int] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    watched: bool = False
    safety_ms: int = 0

    @property
    def watched_only(self) -> bool:
        """True for a unit that is never written to."""
        return self.watched or self.profile.device_class is DeviceClass.FIRE

    def period_ms(self, pace: Pace) -> int:
        """How often points of this pace are read: the site's word, else the profile's."""
        read = self.profile.file.read
        return (self.fast_ms or read.fast) if pace is Pace.FAST else (self.slow_ms or read.slow)

    def stale_after_ms(self, pace: Pace) -> int:
        """The age at which a reading of this pace is BAD: five fast periods; for slow ones two of theirs more."""
        fast = self.stale_ms or 5 * self.period_ms(Pace.FAST)
        return fast if pace is Pace.FAST else fast + 2 * self.period_ms(Pace.SLOW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """How a line is reached. `mute_ms` and `mute_reads`: an open link without any answer for both is opened anew.
    `count_every_ms`: how often the line's own counters are told, 0 for never."""

    name: str
    framing: Framing = Framing.TCP
    host: str = ""
    port: int = 502
    serial: str = ""
    baud: int = 9_600
    parity: str = "E"
    stop_bits: int = 1
    connect_ms: int = 2_000
    mute_ms: int = 5_000
    mute_reads: int = 2
    count_every_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """One point of one unit: where it lies and how it is decoded."""

    id: str
    span: Span
    encoding: Encoding
    pace: Pace
    urgent: bool
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitMap:
    """A unit with all numbers resolved to wire addresses."""

    points: tuple[Mapped, ...]
    limits: Limits
    writable: tuple[Span, ...]
    canary: Span | None


def load(path: Path, reader: Callable[[Path], Document] = read) -> Profile:
    """Read and check one profile file; every fault at once as ConfigError. Settings left at their defaults must map."""
    document = reader(path)
    profile = Profile(name=path.stem, file=check(document, ProfileFile), document=document)
    faults = list(_faults(profile))
    if not faults:
        try:
            resolve(ModbusUnit(device="unit1", unit=1, profile=profile))
        except ValueError as error:
            faults = [document.fault(("points",), str(error))]
    if faults:
        raise ConfigError(faults)
    return profile


def resolve(unit: ModbusUnit) -> UnitMap:
    """The unit's points at wire addresses. ValueError with one sentence when its settings do not fit the profile."""
    file = unit.profile.file
    _check_settings(unit)
    values = {name: unit.settings.get(name, each.default) for name, each in file.parameters.items()}
    points: list[Mapped] = []
    for entry in file.points:
        flags: Mapping[str, int | None] = entry.bits or {entry.name or "": entry.bit}
        kinds = {name: _encoding(entry, bit) for name, bit in flags.items()}  # one for all copies
        for n in range(1, 1 + (values[entry.repeat] if entry.repeat else 1)):
            points.extend(_map_entry(unit, entry, kinds, values, n))
    ids = [point.id for point in points]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{unit.device}: two points share the id {next(each for each in ids if ids.count(each) > 1)}")
    if len(ids) > MAX_POINTS:
        raise ValueError(f"{unit.device}: more than {MAX_POINTS} points")
    unknown = set(unit.aliases.values()) - set(ids)
    if unknown:
        raise ValueError(f"{unit.device}: no point of the profile for the alias {min(unknown)}")
    limits = Limits(
        max_registers=file.read.max_registers,
        max_bits=file.read.max_bits,
        max_gap=file.read.max_gap,
        ranges=tuple(_wire(file.numbers, each.table, each.address, each.count) for each in file.read.ranges),
    )
    writable = tuple(_wire(file.numbers, each.table, each.address, each.count) for each in file.writable)
    proof = file.canary
    canary = _wire(file.numbers, proof.table, proof.address, proof.count) if proof else None
    return UnitMap(points=tuple(points), limits=limits, writable=writable, canary=canary)


def points(unit: ModbusUnit) -> tuple[Point, ...]:
    """The unit's points as the site compiler and the point table need them. Raises ValueError as `resolve` does."""
    return tuple(
        Point(
            id=each.id,
            kind=each.encoding.kind,
            stale_after_ms=unit.stale_after_ms(each.pace),
            unit=each.unit,
            urgent=each.urgent,
            low=each.encoding.low,
            high=each.encoding.high,
            words=tuple(dict.fromkeys(each.encoding.words.values())),
        )
        for each in resolve(unit).points
    )


def late_point(endpoint: str) -> Point:
    """Answers that came after their question was given up: a count that grows says "raise the timeout", not "dead"."""
    return Point(id=f"{endpoint}.late_replies", kind=Kind.INTEGER, stale_after_ms=5 * LATE_EVERY_MS, low=0)


def holding_register(file: ProfileFile, number: int) -> int:
    """The wire address of a holding register that the profile names by its document's number. Raises ValueError."""
    return _wire(file.numbers, Table.HOLDING, number, 1).address


def _faults(profile: Profile) -> list[Fault]:
    file, document = profile.file, profile.document
    found: list[Fault] = []
    if file.device_class is DeviceClass.FIRE and file.writable:
        found.append(document.fault(("writable",), _ONLY_WATCHED))
    for index, entry in enumerate(file.points):
        found.extend(document.fault(("points", index), text) for text in _point_faults(file, entry))
    if file.canary and file.canary.expect and len(file.canary.expect) != file.canary.count:
        found.append(document.fault(("canary", "expect"), "needs one number for each register"))
    for index, each in enumerate(file.writable):
        if each.table is not Table.COIL:
            found.append(document.fault(("writable", index), "only coils can be outputs"))
    watched = file.device_class is DeviceClass.FIRE
    for index, setpoint in enumerate(file.setpoints):
        text = _ONLY_WATCHED if watched else _setpoint_fault(file, setpoint)
        found += [document.fault(("setpoints", index), text)] if text else []
    if watched and file.safety_timer is not None:
        found.append(document.fault(("safety_timer",), _ONLY_WATCHED))
    return found


def _setpoint_fault(file: ProfileFile, setpoint: SetpointEntry) -> str:
    """What is wrong with a set point, or nothing."""
    entry = next((entry for entry in file.points if entry.name == setpoint.point), None)
    if entry is None or entry.table is not Table.HOLDING or entry.repeat or entry.room or entry.bit is not None:
        return f"{setpoint.point} is not the name of one holding register's point of the unit's own"
    if setpoint.range[0] > setpoint.range[1]:
        return "the range is upside down"
    try:
        for end in setpoint.range:
            encode(_encoding(entry, None), end)
    except ValueError as error:
        return str(error)
    return ""


def _point_faults(file: ProfileFile, entry: PointEntry) -> list[str]:
    names = [entry.name] if entry.name else list(entry.bits or ())
    form = entry.type or (Form.BIT if entry.table.of_bits or entry.bits or entry.bit is not None else Form.U16)
    checks = (
        ((entry.name is None) == (entry.bits is None), "needs either a name or bits"),
        (entry.table.of_bits and form not in (Form.BIT, Form.ANY_BIT), f"a {entry.table} holds bits, not {form}"),
        (entry.table.of_bits and (entry.bits or entry.bit is not None), f"a {entry.table} has no bits inside"),
        (not entry.table.of_bits and form is Form.ANY_BIT, "any_bit is for coils and discrete inputs"),
        (not entry.table.of_bits and form is Form.BIT and not entry.bits and entry.bit is None, "which bit?"),
        (any(("{n}" in name) != bool(entry.repeat) for name in names), "{n} in the name goes with repeat"),
        (entry.repeat is not None and entry.repeat not in file.parameters, f"no parameter is called {entry.repeat}"),
        (entry.base is not None and entry.base not in file.parameters, f"no parameter is called {entry.base}"),
        (entry.scale == 0, "a scale of 0 would make every value the same"),
        (entry.range is not None and entry.range[0] > entry.range[1], "the range is upside down"),
        (entry.mask is not None and entry.mask <= 0, "the mask must have at least one bit"),
        (any(_integer(key) is None for key in entry.words or ()), "words are keyed by whole numbers, like 3 or 0x1f"),
    )
    return [text for wrong, text in checks if wrong]


def _check_settings(unit: ModbusUnit) -> None:
    parameters = unit.profile.file.parameters
    if not 0 <= unit.unit <= 255:
        raise ValueError(f"{unit.device}: unit {unit.unit} is not between 0 and 255")
    for name, value in unit.settings.items():
        if name not in parameters:
            raise ValueError(f"{unit.device}: the profile {unit.profile.name} has no setting {name}")
        if not parameters[name].least <= value <= parameters[name].most:
            least, most = parameters[name].least, parameters[name].most
            raise ValueError(f"{unit.device}: {name} must be between {least} and {most}, not {value}")


def _map_entry(
    unit: ModbusUnit, entry: PointEntry, kinds: Mapping[str, Encoding], values: Mapping[str, int], n: int
) -> list[Mapped]:
    start = entry.address + (values[entry.base] if entry.base else 0) + (n - 1) * entry.step
    made = []
    for name, encoding in kinds.items():
        local = name.replace("{n}", str(n))
        mapped = Mapped(
            id=unit.aliases.get(local, f"{(unit.room if entry.room else None) or unit.device}.{local}"),
            span=_wire(unit.profile.file.numbers, entry.table, start, encoding.cells),
            encoding=encoding,
            pace=entry.group,
            urgent=entry.urgent,
            unit=entry.unit,
        )
        made.append(mapped)
    return made


def _encoding(entry: PointEntry, bit: int | None) -> Encoding:
    low, high = entry.range or (None, None)
    default = Form.BIT if entry.table.of_bits or bit is not None else Form.U16
    words = {_integer(key) or 0: word for key, word in (entry.words or {}).items()}
    return Encoding(
        form=entry.type or default, order=entry.order, count=entry.count, bit=bit, mask=entry.mask,
        equals=entry.equals, invert=entry.invert, words=words, scale=entry.scale, offset=entry.offset,
        fahrenheit=entry.fahrenheit, sentinels=entry.sentinels, low=low, high=high,
    )  # fmt: skip


def _wire(numbers: str, table: Table, number: int, count: int) -> Span:
    address = number
    if numbers == "from_1":
        address = number - 1
    elif numbers == "modicon":
        # 5 digits (40001) or 6 (400001); coils have no leading digit, so 25 is coil 25.
        place = 100_000 if number >= 100_000 else 10_000
        if number // place != _MODICON[table] and table is not Table.COIL:
            raise ValueError(f"{number} is not a number of a {table} table")
        address = number % place - 1 if table is not Table.COIL else number - 1
    if address < 0 or address + count > 0x10000:
        raise ValueError(f"{table} {number} is not an address a device can have")
    return Span(table, address, count)


def _integer(text: str) -> int | None:
    try:
        return int(text, 0)
    except ValueError:
        return None
