"""The words in which a day is written: what happens on the floor, and what must then be seen, by when and why.

Pure values and their judgement over what was seen. It must not know sockets, clocks or the terminal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import TypeAlias, assert_never

from config.valued import dataclass

Json: TypeAlias = "bool | int | float | str | Sequence[Json] | Mapping[str, Json] | None"
Table: TypeAlias = Mapping[str, Json]


# ------------------------------------------------------------------------------------------------------- what happens
@dataclass(frozen=True, slots=True, kw_only=True)
class Mains:
    """The mains fails or returns."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Trunks:
    """Lines of the exchange fail or recover."""

    names: tuple[str, ...]
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """The air conditioner fails or works again."""

    works: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Detector:
    """A zone (from 1) of the fire panel: a detector speaks, a walk test begins or ends. None leaves it as it is."""

    zone: int
    fire: bool | None = None
    walk_test: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelReset:
    """Somebody resets the fire panel, at the panel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UpsCard:
    """The UPS's network card falls silent or speaks again."""

    silent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The operator gives an order through the control socket, as a technician at the shell does.

    `may_be_refused`: there may be nothing left to do.
    """

    kind: str
    target: str = ""
    may_be_refused: bool = False


Act: TypeAlias = Mains | Trunks | Cooling | Detector | PanelReset | UpsCard | Order


# ------------------------------------------------------------------------------------------------- what must be seen
@dataclass(frozen=True, slots=True, kw_only=True)
class ModeIs:
    """The floor's mode, and the reasons that are among those given for it."""

    mode: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PointIs:
    """A point is GOOD and has this value, or lies above or below one."""

    point: str
    value: Json = None
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsBad:
    """All of these points are BAD, each with a reason."""

    points: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PointsFresh:
    """All of these points are GOOD and no older than this."""

    points: tuple[str, ...]
    age_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputIs:
    """What an output is told (one of these values), and the reasons that are among those given for it."""

    output: str
    values: tuple[Json, ...]
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmIs:
    """An alarm's display state; "normal" for one that is at rest."""

    alarm: str
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event of this type since the scene began, with these entries among its data."""

    type: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldInOrder:
    """These events since the scene began, in this order; others may lie between."""

    events: tuple[Told, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotTold:
    """No event of these types since the scene began."""

    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What the broker has under this topic of the site carries these entries; None: nothing is there."""

    topic: str
    carries: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FarEnd:
    """What the device at the far end of the wire really does: a load `fed`, a `gate` closed, the `fans` running."""

    what: str
    on: bool


Check: TypeAlias = (
    ModeIs | PointIs | PointsBad | PointsFresh | OutputIs | AlarmIs | Told | ToldInOrder | NotTold | Published | FarEnd
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expect:
    """All `checks` at the same time, no later than `within_ms` after the scene began.

    `for_ms`: they must then stay true for this long without a break. `later`: other scenes may begin before it is met.
    """

    what: str
    checks: tuple[Check, ...]
    within_ms: int
    for_ms: int = 0
    later: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What happens at `at_ms` of the day, and what must follow. It begins when all that was expected before it has been
    met or missed; with `after_all`, also what was put off (`later`)."""

    at_ms: int
    title: str
    after_all: bool = False
    acts: tuple[Act, ...] = ()
    expects: tuple[Expect, ...] = ()


# ---------------------------------------------------------------------------------------------------------- judgement
@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """All that can be seen from outside: the control socket's picture, the events since the scene began, the broker's
    messages by topic, and the far ends by name."""

    picture: Table
    events: Sequence[Table] = ()
    messages: Mapping[str, Json] = field(default_factory=dict)
    far_ends: Mapping[str, bool] = field(default_factory=dict)


def holds(check: Check, sight: Sight) -> bool:
    """Whether it is so in this sight."""
    match check:
        case ModeIs():
            return sight.picture.get("mode") == check.mode and _among(check.because, sight.picture.get("because"))
        case PointIs():
            return _point_is(check, _entry(sight.picture, "points", check.point))
        case PointsBad():
            entries = [_entry(sight.picture, "points", name) for name in check.points]
            return all(entry.get("quality") == "bad" and entry.get("reason") for entry in entries)
        case PointsFresh():
            entries = [_entry(sight.picture, "points", name) for name in check.points]
            return all(entry.get("quality") == "good" and _age_ms(entry) <= check.age_ms for entry in entries)
        case OutputIs():
            entry = _entry(sight.picture, "outputs", check.output)
            # `1 == True` in Python: a value and its type must both be the wanted ones.
            wanted = any(entry.get("wanted") is value or entry.get("wanted") == value for value in check.values)
            return wanted and _among(check.because, entry.get("because"))
        case AlarmIs():
            state = _entry(sight.picture, "alarms", check.alarm).get("state", "normal")
            return "alarms" in sight.picture and state in check.states
        case Told():
            return any(_is_told(check, event) for event in sight.events)
        case ToldInOrder():
            return _in_order(check.events, sight.events)
        case NotTold():
            return not any(event.get("type") in check.types for event in sight.events)
        case Published():
            return _is_published(check, sight.messages.get(check.topic))
        case FarEnd():
            return sight.far_ends.get(check.what) is check.on
        case _ as never:
            assert_never(never)


def all_hold(expect: Expect, sight: Sight) -> bool:
    """Whether everything that is expected together is so in this sight."""
    return all(holds(check, sight) for check in expect.checks)


def describe(check: Check, sight: Sight) -> str:
    """What was seen instead, for the person who has to find out why."""
    match check:
        case ModeIs():
            return f"mode {sight.picture.get('mode')} because {sight.picture.get('because')}"
        case PointIs():
            return f"{check.point}: {dict(_entry(sight.picture, 'points', check.point))}"
        case PointsBad() | PointsFresh():
            shown = {name: _entry(sight.picture, "points", name) for name in check.points}
            return ", ".join(f"{name} {entry.get('quality')} {entry.get('age_ms')} ms" for name, entry in shown.items())
        case OutputIs():
            return f"{check.output}: {dict(_entry(sight.picture, 'outputs', check.output))}"
        case AlarmIs():
            return f"{check.alarm}: {dict(_entry(sight.picture, 'alarms', check.alarm)) or 'normal'}"
        case Told() | ToldInOrder() | NotTold():
            return f"told since: {[event.get('type') for event in sight.events]}"
        case Published():
            return f"{check.topic}: {sight.messages.get(check.topic)}"
        case FarEnd():
            return f"{check.what}: {sight.far_ends.get(check.what)}"
        case _ as never:
            assert_never(never)


def _point_is(check: PointIs, entry: Table) -> bool:
    value = entry.get("value")
    if entry.get("quality") != "good":
        return False
    if check.value is not None and value != check.value:
        return False
    if check.above is None and check.below is None:
        return True
    if not isinstance(value, int | float):
        return False
    return (check.above is None or value > check.above) and (check.below is None or value < check.below)


def _in_order(wanted: Sequence[Told], events: Sequence[Table]) -> bool:
    place = 0
    for event in events:
        if place < len(wanted) and _is_told(wanted[place], event):
            place += 1
    return place == len(wanted)


def _is_told(told: Told, event: Table) -> bool:
    data = event.get("data")
    return event.get("type") == told.type and isinstance(data, Mapping) and _carries(told.data, data)


def _is_published(check: Published, message: Json) -> bool:
    if check.carries is None:
        return message is None
    return isinstance(message, Mapping) and _carries(check.carries, message)


def _carries(wanted: Mapping[str, Json], found: Table) -> bool:
    return all(key in found and _agrees(value, found[key]) for key, value in wanted.items())


def _agrees(wanted: Json, found: Json) -> bool:
    if isinstance(wanted, tuple):  # these among others
        return _among(wanted, found)
    return bool(wanted == found)


def _among(wanted: Sequence[Json], given: Json) -> bool:
    return not wanted or (isinstance(given, Sequence) and all(one in given for one in wanted))


def _entry(picture: Table, part: str, name: str) -> Table:
    listed = picture.get(part)
    found = listed.get(name) if isinstance(listed, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _age_ms(entry: Table) -> float:
    age = entry.get("age_ms")
    return age if isinstance(age, int | float) else float("inf")
