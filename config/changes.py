"""What differs between two sites, key by key as people write them, and what putting the second in force will do.

Secrets are named in a site and never held by it, so that nothing here has to be hidden. It must not know drivers.
"""

from collections.abc import Iterator, Mapping

from config.effective import show_value
from config.model_site import Site
from config.shape import Model, keys_of
from config.valued import dataclass

_ENDPOINTS = ("ups", "modbus", "exchange")
_PLACE = ("port", "pin", "polarity", "unit", "coil", "exchange", "switch", "ups", "outlet")
_RESTART = {"storage.directory", "gpio.factory", "site.timezone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One key with its values as the file has them; None where it has none. `keys`: the steps to it."""

    keys: tuple[str, ...]
    was: str | None
    now: str | None

    @property
    def key(self) -> str:
        """As people say it: `ups[ups1].address`."""
        return ".".join(self.keys).replace(".[", "[")


def changes(before: Site, after: Site) -> tuple[Change, ...]:
    """Every difference, in the order of the model."""
    was, now = dict(_flatten(before, ())), dict(_flatten(after, ()))
    return tuple(
        Change(keys=keys, was=was.get(keys), now=now.get(keys))
        for keys in {**was, **now}
        if was.get(keys) != now.get(keys)
    )


def consequences(before: Site, after: Site) -> tuple[str, ...]:
    """What happens on the floor when `after` replaces `before`, a sentence each."""
    return tuple(dict.fromkeys((*_drivers(before, after), *_outputs(before, after), *_others(before, after)))) or (
        "nothing that is running is touched",
    )


def _drivers(before: Site, after: Site) -> Iterator[str]:
    for table in _ENDPOINTS:
        was = {one.id: one for one in getattr(before, table)}
        now = {one.id: one for one in getattr(after, table)}
        for name in {**was, **now}:
            if name not in was:
                yield f"starts driver {name}"
            elif name not in now:
                yield f"stops driver {name}"
            elif was[name] != now[name] or _behind(before, was[name]) != _behind(after, now[name]):
                yield f"restarts driver {name}"


def _behind(site: Site, endpoint: Model) -> list[tuple[object, ...]]:
    """Outputs behind an endpoint."""
    units = {unit.id for unit in getattr(endpoint, "units", ())}
    owners = units or {getattr(endpoint, "id", "")}
    return [
        (output.id, *_place(output))
        for output in site.output
        if {getattr(output, key, None) for key in ("unit", "exchange", "ups")} & owners
    ]


def _place(output: Model) -> tuple[object, ...]:
    return tuple(getattr(output, key, None) for key in _PLACE)


def _outputs(before: Site, after: Site) -> Iterator[str]:
    was, now = {one.id: one for one in before.output}, {one.id: one for one in after.output}
    for name in {**was, **now}:
        if name not in was:
            yield f"output {name} is new, at {_spell_place(now[name])}"
        elif name not in now:
            yield f"output {name} goes away; {_spell_place(was[name])} is left {was[name].on_stop}"
        elif _place(was[name]) != _place(now[name]):
            old, new = _spell_place(was[name]), _spell_place(now[name])
            yield f"output {name} moves from {old} to {new}; its old place is left {was[name].on_stop}"


def _spell_place(output: Model) -> str:
    match getattr(output, "port", ""):
        case "gpio":
            return f"pin {getattr(output, 'pin', '?')} ({getattr(output, 'polarity', '')})"
        case "modbus":
            return f"coil {getattr(output, 'coil', '?')} of {getattr(output, 'unit', '?')}"
        case "outlet":
            return f"outlet {getattr(output, 'outlet', '?')} of {getattr(output, 'ups', '?')}"
        case _:
            return f"switch {getattr(output, 'switch', '?')} of {getattr(output, 'exchange', '?')}"


def _others(before: Site, after: Site) -> Iterator[str]:
    if before.input != after.input:
        yield "contacts and buttons are claimed anew"
    if before.mqtt != after.mqtt:
        yield "the line to the broker is made anew"
    if before.site.id != after.site.id:
        yield "the site's topics change; empty the old ones with `floorguard decommission` first"
    for change in changes(before, after):
        if change.key in _RESTART or change.keys[0] == "control":
            yield f"{change.key} cannot change while the controller runs: stop it, `floorguard apply`, start it"
        if change.keys[0] in ("power", "trunks", "cooling", "fire", "recovery", "escalation", "load", "stage"):
            yield f"rules of {change.keys[0]} change; conditions and alarms that stay keep their state"


def _flatten(model: Model, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, said in keys_of(type(model)).items():
        key, value = said.alias or name, getattr(model, name)
        where = (*keys, key)
        if value is None:
            continue
        if isinstance(value, Model):
            yield from _flatten(value, where)
        elif isinstance(value, tuple) and value and isinstance(value[0], Model):
            for place, one in enumerate(value, 1):
                yield from _flatten(one, (*where, f"[{_mark(one, place)}]"))
        elif isinstance(value, Mapping):
            for inner, given in value.items():
                yield (*where, str(inner)), str(given)
        else:
            yield where, show_value(value, said)


def _mark(entry: Model, place: int) -> str:
    """By what people know one of several: its id, its name, else its place."""
    if hasattr(entry, "row"):
        return f"{getattr(entry, 'panel', '')}/{entry.row}"
    return str(getattr(entry, "id", None) or getattr(entry, "name", None) or place)
