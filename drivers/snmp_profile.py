"""What a UPS can tell and where it tells it: our closed list of signals, and profiles that name the sources of each.

A profile is TOML data (`config/profiles/ups_*.toml`): per MIB, per signal, objects with conversion, word table, marks
for "not known". This module is pure: it must not know sockets, polling, or which agent answers what.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from config.strict import ConfigError, Document, Fault, Model, check, nearest
from firmware_py.core.point import Kind, Point

STALE_POLLS = 3
MAX_INCLUDES = 16


class Group(StrEnum):
    """How often a signal is read: every second in one request, or every ten seconds."""

    FAST = "fast"
    SLOW = "slow"


class Combine(StrEnum):
    """What several objects of one source (the phases) become."""

    FIRST = "first"
    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One thing that we want to know. `low`..`high`: plausible, in `unit`. `window`: where a healthy value lies; only
    a value outside it may have its scale repaired, and only into it."""

    id: str
    kind: Kind
    group: Group
    unit: str = ""
    urgent: bool = False
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    window: tuple[float, float] | None = None

    def point(self, device: str, period_ms: int) -> Point:
        """The point of `device` that carries this signal; stale after three polls of `period_ms`."""
        return Point(
            id=f"{device}.{self.id}",
            kind=self.kind,
            stale_after_ms=STALE_POLLS * period_ms,
            unit=self.unit,
            urgent=self.urgent,
            low=self.low,
            high=self.high,
            words=self.words,
        )


SOURCE_WORDS = ("mains", "battery", "bypass", "off", "test", "unknown")
BATTERY_WORDS = ("normal", "low", "depleted", "fault", "absent", "unknown")
WEEK_S = 7 * 24 * 3600
_VOLTS = (80.0, 300.0)
_HERTZ = (45.0, 65.0)


def _word(id: str, group: Group, words: tuple[str, ...]) -> Signal:
    return Signal(id=id, kind=Kind.WORD, group=group, urgent=group is Group.FAST, words=words)


def _number(id: str, unit: str, low: float, high: float, window: tuple[float, float] | None = None) -> Signal:
    return Signal(id=id, kind=Kind.NUMBER, group=Group.SLOW, unit=unit, low=low, high=high, window=window)


SIGNALS: Mapping[str, Signal] = {
    signal.id: signal
    for signal in (
        _word("output_source", Group.FAST, SOURCE_WORDS),
        _word("battery.status", Group.FAST, BATTERY_WORDS),
        _word("card_link", Group.FAST, ("ok", "lost")),
        Signal(id="alarms_present", kind=Kind.INTEGER, group=Group.FAST, low=0, high=10_000),
        _number("battery.charge_pct", "%", 0, 100),
        _number("battery.runtime_s", "s", 0, WEEK_S),
        _number("battery.temp_c", "C", -20, 80),
        _number("battery.voltage_v", "V", 1, 1000),
        _number("battery.current_a", "A", -2000, 2000),
        _number("output.load_pct", "%", 0, 250),
        _number("output.power_w", "W", 0, 2_000_000),
        _number("output.voltage_v", "V", 0, 500, _VOLTS),
        _number("output.frequency_hz", "Hz", 0, 100, _HERTZ),
        _number("input.voltage_v", "V", 0, 500, _VOLTS),
        _number("input.frequency_hz", "Hz", 0, 100, _HERTZ),
        Signal(id="on_battery_s", kind=Kind.INTEGER, group=Group.SLOW, unit="s", low=0, high=WEEK_S),
    )
}


def points(device: str, *, fast_period_ms: int = 1000, slow_period_ms: int = 10_000) -> tuple[Point, ...]:
    """The points of any UPS called `device`, for the site to register; stale after three polls."""
    periods_ms = {Group.FAST: fast_period_ms, Group.SLOW: slow_period_ms}
    return tuple(signal.point(device, periods_ms[signal.group]) for signal in SIGNALS.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    """A second object that corrects a word: when it reads `value`, a word among `of` becomes `word`."""

    oid: str
    value: int
    of: tuple[str, ...]
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRows:
    """A table whose rows name the alarms that are present; `count` says how many rows there are."""

    table: str
    count: str
    words: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One place where a signal can be read. Object ids are complete and without a leading dot.

    `scale` turns the device's unit into ours (60 for minutes, 0.01 for TimeTicks). `marks` are raw values that mean
    "not known". `repairs` are factors that a wrong scale may need. A word source has `words` or `alarms`.
    """

    mib: str
    name: str
    oids: tuple[str, ...]
    scale: float = 1.0
    marks: frozenset[int] = frozenset()
    repairs: tuple[float, ...] = ()
    combine: Combine = Combine.FIRST
    words: Mapping[int, str] | None = None
    unless: tuple[Unless, ...] = ()
    alarms: AlarmRows | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """Every object that a GET must name to decode this source."""
        count = () if self.alarms is None else (self.alarms.count,)
        return (*self.oids, *(unless.oid for unless in self.unless), *count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The sources of each signal, the best first."""

    name: str
    sources: Mapping[str, tuple[Source, ...]]


# ------------------------------------------------------------------------------------------------------ the TOML form

_Oid = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){0,63}$")]
_Number = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})$")]
_Word = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
_Scale = Annotated[float, Field(gt=0, le=1e6)]


class _Unless(Model):
    oid: _Oid
    value: int
    of: Annotated[tuple[_Word, ...], Field(min_length=1, max_length=8)]
    word: _Word


class _Alarms(Model):
    table: _Oid
    count: _Oid
    words: Annotated[dict[_Oid, _Word], Field(min_length=1, max_length=64)]
    otherwise: _Word


class _Source(Model):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    oid: _Oid | None = None
    oids: Annotated[tuple[_Oid, ...], Field(min_length=1, max_length=6)] = ()
    scale: _Scale = 1.0
    marks: Annotated[tuple[int, ...], Field(max_length=16)] = ()
    repairs: Annotated[tuple[_Scale, ...], Field(max_length=4)] = ()
    combine: Combine = Combine.FIRST
    words: dict[_Number, _Word] | None = None
    unless: Annotated[tuple[_Unless, ...], Field(max_length=8)] = ()
    alarms: _Alarms | None = None


class _Profile(Model):
    """One MIB (`root`, `signals`), or several profiles put together (`include`, `prefer`)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: str = ""
    root: _Oid | None = None
    signals: dict[str, Annotated[tuple[_Source, ...], Field(min_length=1, max_length=8)]] = Field(default_factory=dict)
    include: Annotated[tuple[str, ...], Field(max_length=MAX_INCLUDES)] = ()
    prefer: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def compile_profile(document: Document, find: Callable[[str], Document]) -> Profile:
    """A checked profile; `find` gives the document of an included one by its name. ConfigError with all faults.

    Included profiles come in their order; `prefer` names, signal by signal, which of them go first.
    """
    model = check(document, _Profile)
    faults = _faults(document, model)
    if faults:
        raise ConfigError(faults)
    sources: dict[str, tuple[Source, ...]] = {
        signal: tuple(_source(model.name, model.root, given) for given in rows)
        for signal, rows in model.signals.items()
    }
    for name in model.include:
        included = check(find(name), _Profile)
        if included.include:
            raise ConfigError([document.fault(("include",), f"{name} includes others itself; name those here")])
        for signal, rows in compile_profile(find(name), find).sources.items():
            sources[signal] = (*sources.get(signal, ()), *rows)
    known = {source.mib for rows in sources.values() for source in rows}
    faults = [
        document.fault(("prefer", signal), f"no included profile is called {mib}{nearest(mib, known)}")
        for signal, order in model.prefer.items()
        for mib in order
        if mib not in known
    ]
    if faults:
        raise ConfigError(faults)
    return Profile(
        name=model.name,
        sources={signal: _ordered(rows, model.prefer.get(signal, ())) for signal, rows in sources.items()},
    )


def _ordered(rows: tuple[Source, ...], order: tuple[str, ...]) -> tuple[Source, ...]:
    rank = {mib: place for place, mib in enumerate(order)}
    return tuple(sorted(rows, key=lambda source: rank.get(source.mib, len(rank))))


def _source(mib: str, root: str | None, given: _Source) -> Source:
    def full(oid: str) -> str:
        return oid if root is None else f"{root}.{oid}"

    alarms = given.alarms
    return Source(
        mib=mib,
        name=given.name,
        oids=tuple(full(oid) for oid in (given.oids or (given.oid,)) if oid is not None),
        scale=given.scale,
        marks=frozenset(given.marks),
        repairs=given.repairs,
        combine=given.combine,
        words=None if given.words is None else {int(number): word for number, word in given.words.items()},
        unless=tuple(Unless(oid=full(u.oid), value=u.value, of=u.of, word=u.word) for u in given.unless),
        alarms=None
        if alarms is None
        else AlarmRows(
            table=full(alarms.table),
            count=full(alarms.count),
            words={full(oid): word for oid, word in alarms.words.items()},
            otherwise=alarms.otherwise,
        ),
    )


def _faults(document: Document, model: _Profile) -> list[Fault]:
    """What the shapes alone do not say: signals and words that we know, and one kind of table per source."""
    faults: list[Fault] = []
    if not model.signals and not model.include:
        faults.append(document.fault((), "names neither signals nor profiles to include"))
    for part, names in (("signals", tuple(model.signals)), ("prefer", tuple(model.prefer))):
        for name in names:
            if name not in SIGNALS:
                faults.append(document.fault((part, name), f"is not a signal{nearest(name, set(SIGNALS))}"))
    for name, rows in model.signals.items():
        if name in SIGNALS:
            for place, row in enumerate(rows):
                faults += [document.fault(("signals", name, place), text) for text in _wrong(SIGNALS[name], row)]
    return faults


def _wrong(signal: Signal, row: _Source) -> list[str]:
    wrong: list[str] = []
    places = (row.oid is not None) + bool(row.oids) + (row.alarms is not None)
    if places != 1:
        wrong.append(f"{row.name}: needs exactly one of oid, oids and alarms")
    if (row.words is not None or row.alarms is not None) != (signal.kind is Kind.WORD):
        wrong.append(f"{row.name}: {signal.id} is {'a word' if signal.kind is Kind.WORD else 'a number'}")
    if row.repairs and signal.window is None:
        wrong.append(f"{row.name}: the scale of {signal.id} cannot be repaired, since no range tells it")
    said = [*(row.words or {}).values(), *(unless.word for unless in row.unless)]
    if row.alarms is not None:
        said += [*row.alarms.words.values(), row.alarms.otherwise]
    wrong += [f"{row.name}: {word} is not a word of {signal.id}" for word in said if word not in signal.words]
    return wrong
