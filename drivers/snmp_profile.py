"""Where a UPS tells what: profiles that name the sources of each of our signals.

A profile is TOML data (`config/profiles/ups_*.toml`): per MIB, per signal, objects with conversion, word table, marks
for "not known". This module is pure: it must not know sockets, polling, or which agent answers what.
"""

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated

from config.shape import Field
from config.strict import ConfigError, Document, Fault, Model, check, known_of
from config.valued import dataclass
from drivers.snmp_signals import SIGNALS, Signal

MAX_INCLUDES = 32
# xupsLoadShedSecsWithRestart and ShedSecsWithRestart: once sent they cannot be called back, so they are never sent.
NEVER = ("1.3.6.1.4.1.534.1.9.6", "1.3.6.1.4.1.534.1.12.2.1.7")


class Combine(StrEnum):
    """What several objects of one source (the phases) become."""

    FIRST = "first"
    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unless:
    """A second object that corrects a word: when it reads one of `values`, or `at_least` so much, a word among `of`
    becomes `word`. `sunk`: raw limits of other objects; one that reads below its limit forbids the correction."""

    oid: str
    of: tuple[str, ...]
    word: str
    values: frozenset[int] = frozenset()
    at_least: int | None = None
    sunk: Mapping[str, int] = field(default_factory=dict)


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
    "not known". `repairs` are factors that a wrong scale may need. A word or flag source has `words` or `alarms`.
    `place`: the object is a text of digits, and this one (from 1) is the number. `root`: what its MIB lies under.
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
    place: int | None = None
    root: str = ""

    @property
    def asked(self) -> tuple[str, ...]:
        """Every object that a GET must name to decode this source."""
        count = () if self.alarms is None else (self.alarms.count,)
        corrections = (oid for unless in self.unless for oid in (unless.oid, *unless.sunk))
        return (*self.oids, *corrections, *count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlets:
    """How one MIB switches groups of outlets; each object is a column that the group's number is added to."""

    mib: str
    state: str
    states: Mapping[int, bool]
    on: tuple[str, int]
    off: tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The sources of each signal, the best first. `traps`: what the notifications of these MIBs lie under. `outlets`:
    the MIBs that can switch, in their order."""

    name: str
    sources: Mapping[str, tuple[Source, ...]]
    traps: tuple[str, ...] = ()
    outlets: tuple[Outlets, ...] = ()


# ------------------------------------------------------------------------------------------------------ the TOML form

_Oid = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})(\.(0|[1-9][0-9]{0,9})){0,63}$")]
_Number = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,9})$")]
_Word = Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")]
_Scale = Annotated[float, Field(gt=0, le=1e6)]


class _Unless(Model):
    oid: _Oid
    value: int | None = None
    values: Annotated[tuple[int, ...], Field(max_length=16)] = ()
    at_least: int | None = None
    sunk: Annotated[dict[_Oid, int], Field(max_length=8)] = Field(default_factory=dict)
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
    place: Annotated[int, Field(ge=1, le=64)] | None = None


class _Command(Model):
    oid: _Oid
    value: int


class _Outlets(Model):
    state: _Oid
    on_states: Annotated[tuple[int, ...], Field(min_length=1, max_length=8)]
    off_states: Annotated[tuple[int, ...], Field(min_length=1, max_length=8)]
    on: _Command
    off: _Command


class _Profile(Model):
    """One MIB (`root`, `signals`), or several profiles put together (`include`, `prefer`)."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
    title: str = ""
    document: str = ""
    revision: str = ""
    verified: str = ""
    gap: str = ""
    root: _Oid | None = None
    traps: Annotated[tuple[_Oid, ...], Field(max_length=8)] = ()
    outlets: _Outlets | None = None
    signals: dict[str, Annotated[tuple[_Source, ...], Field(min_length=1, max_length=8)]] = Field(default_factory=dict)
    include: Annotated[tuple[str, ...], Field(max_length=MAX_INCLUDES)] = ()
    prefer: dict[str, tuple[str, ...]] = Field(default_factory=dict)


def compile_profile(document: Document, find: Callable[[str], Document]) -> Profile:
    """A checked profile; `find` gives the document of an included one by its name. ConfigError with all faults.

    Included profiles come in their order; `prefer` names, signal by signal, which of them go first.
    """
    return _compile(document, check(document, _Profile), find)


def _compile(document: Document, model: _Profile, find: Callable[[str], Document]) -> Profile:
    faults = _faults(document, model)
    if faults:
        raise ConfigError(faults)
    sources: dict[str, tuple[Source, ...]] = {
        signal: tuple(_source(model.name, model.root, given) for given in rows)
        for signal, rows in model.signals.items()
    }
    traps = model.traps
    outlets: tuple[Outlets, ...] = () if model.outlets is None else (_outlets(model.name, model.root, model.outlets),)
    for name in model.include:
        found = find(name)
        included = check(found, _Profile)
        if included.include:
            raise ConfigError([document.fault(("include",), f"{name} includes others itself; name those here")])
        part = _compile(found, included, find)
        traps += part.traps
        outlets += part.outlets
        for signal, rows in part.sources.items():
            sources[signal] = (*sources.get(signal, ()), *rows)
    known = {source.mib for rows in sources.values() for source in rows}
    faults = [
        document.fault(("prefer", signal), f"no included profile is called {mib}{known_of(mib, known)}")
        for signal, order in model.prefer.items()
        for mib in order
        if mib not in known
    ]
    if faults:
        raise ConfigError(faults)
    return Profile(
        name=model.name,
        sources={signal: _ordered(rows, model.prefer.get(signal, ())) for signal, rows in sources.items()},
        traps=tuple(dict.fromkeys(traps)),
        outlets=outlets,
    )


def _outlets(mib: str, root: str | None, given: _Outlets) -> Outlets:
    def full(oid: str) -> str:
        return oid if root is None else f"{root}.{oid}"

    return Outlets(
        mib=mib,
        state=full(given.state),
        states={**dict.fromkeys(given.on_states, True), **dict.fromkeys(given.off_states, False)},
        on=(full(given.on.oid), given.on.value),
        off=(full(given.off.oid), given.off.value),
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
        unless=tuple(
            Unless(
                oid=full(u.oid),
                of=u.of,
                word=u.word,
                values=frozenset(u.values if u.value is None else (*u.values, u.value)),
                at_least=u.at_least,
                sunk={full(oid): limit for oid, limit in u.sunk.items()},
            )
            for u in given.unless
        ),
        alarms=None
        if alarms is None
        else AlarmRows(
            table=full(alarms.table),
            count=full(alarms.count),
            words={full(oid): word for oid, word in alarms.words.items()},
            otherwise=alarms.otherwise,
        ),
        place=given.place,
        root=root or "",
    )


def _faults(document: Document, model: _Profile) -> list[Fault]:
    """What the shapes alone do not say: signals and words that we know, and one kind of table per source."""
    faults: list[Fault] = []
    if model.outlets is not None:
        switches = _outlets(model.name, model.root, model.outlets)
        for key, (oid, _) in (("on", switches.on), ("off", switches.off)):
            if oid.startswith(NEVER):
                message = "this command cannot be called back, so it is never sent; take it out"
                faults.append(document.fault(("outlets", key), message))
    if not model.signals and not model.include:
        faults.append(document.fault((), "names neither signals nor profiles; it needs [signals] or include"))
    for part, names in (("signals", tuple(model.signals)), ("prefer", tuple(model.prefer))):
        for name in names:
            if name not in SIGNALS:
                faults.append(document.fault((part, name), f"is not a signal{known_of(name, set(SIGNALS))}"))
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
    if (row.words is not None or row.alarms is not None) != bool(signal.words):
        wrong.append(f"{row.name}: {signal.id} is {'a word' if signal.words else 'a number'}")
    if any((u.value is not None or bool(u.values)) == (u.at_least is not None) for u in row.unless):
        wrong.append(f"{row.name}: each unless needs either value, values or at_least")
    if row.repairs and signal.window is None:
        wrong.append(f"{row.name}: the scale of {signal.id} cannot be repaired, since no range tells it")
    said = [*(row.words or {}).values(), *(unless.word for unless in row.unless)]
    if row.alarms is not None:
        said += [*row.alarms.words.values(), row.alarms.otherwise]
    wrong += [f"{row.name}: {word} is not a word of {signal.id}" for word in said if word not in signal.words]
    return wrong
