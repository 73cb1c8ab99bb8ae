"""The configuration in force, defaults included, as TOML in human units: it loads again and gives the same site.

Secrets are only named, never read. Must not know the meaning of any key.
"""

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import get_args

from config.shape import Key, Model, keys_of
from config.units import Unit


def effective(model: Model) -> str:
    """`model` as TOML text. What has no value and no default is left out."""
    return "\n".join(_table(model, "")).lstrip("\n") + "\n"


def show_value(value: object, key: Key) -> str:
    """One value as the file has it, in the unit of its field."""
    return _value(value, unit_of(key))


def _table(model: Model, name: str) -> Iterator[str]:
    inner: list[tuple[str, object]] = []
    for field, said in keys_of(type(model)).items():
        key, value = said.alias or field, getattr(model, field)
        if value is None:
            continue
        if isinstance(value, Model) or _is_tables(value):
            inner.append((key, value))
        elif isinstance(value, Mapping):
            items = ", ".join(f"{_key(one)} = {_value(given, None)}" for one, given in value.items())
            yield f"{key} = {{ {items} }}" if items else f"{key} = {{}}"
        else:
            yield f"{key} = {_value(value, unit_of(said))}"
    for key, value in inner:
        path = f"{name}.{key}" if name else key
        if isinstance(value, Model):
            yield from ("", f"[{path}]", *_table(value, path))
        elif isinstance(value, tuple):
            for one in value:
                yield from ("", f"[[{path}]]", *_table(one, path))


def _is_tables(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > 0 and all(isinstance(one, Model) for one in value)


def _value(value: object, unit: Unit | None) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float() if unit is not None:
            return json.dumps(unit.show(value))
        case Enum():
            return _value(value.value, None)
        case str():
            return _key(value)
        case tuple():
            return f"[{', '.join(_value(one, unit) for one in value)}]"
        case _:
            return str(value)


def _key(text: str) -> str:
    # JSON's escapes are TOML's, but for the one control character that JSON lets stand.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def unit_of(key: Key) -> Unit | None:
    """The unit of a field, also where it stands inside `X | None`."""
    waiting: list[object] = [key.annotation]
    while waiting:
        found = waiting.pop()
        if isinstance(found, Unit):
            return found
        waiting.extend(getattr(found, "__metadata__", ()))
        waiting.extend(get_args(found))
    return None
