"""Every key of the site file with its unit, default and reason, as a page: written from the model, so that it is true.

`python -m config.reference` prints docs/configuration.md; a test compares the two. It must not know what a key does
beyond what the model says of it.
"""

import sys
from collections.abc import Iterator
from enum import Enum
from types import NoneType
from typing import Literal, get_args, get_origin

from config.effective import show_value, unit_of
from config.model_site import Site
from config.shape import Key, Model, keys_of

_HEAD = """# Configuration: every key

Written from the model by `python -m config.reference`; a test holds it to that. A quantity carries its unit in the
value: `"5 s"`, `"30 %"`, `"27 C"`, `"3 kW"`, `"16 MB"`. A key whose default is **none** must be given. What is in
force, defaults included: `floorguard check --effective`. What putting a change in force would do: `floorguard diff`.
Secrets are never values but names of files (`credential:NAME`, or an absolute path).
"""


def reference() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections(Site, "", False)]) + "\n"


def _sections(model: type[Model], path: str, listed: bool) -> Iterator[str]:
    rows: list[str] = []
    inner: list[tuple[type[Model], str, bool]] = []
    for name, said in keys_of(model).items():
        key = said.alias or name
        below = list(dict.fromkeys(_models(said.annotation)))
        where = f"{path}.{key}" if path else key
        if below:
            many = _is_list(said.annotation)
            inner += [(one, where, many) for one in below]
        else:
            rows.append(f"| `{key}` | {_kind(said)} | {_default(said)} | {said.description or ''} |")
    if rows:
        yield f"## `[[{path}]]`" if listed else f"## `[{path}]`"
        doc = (model.__doc__ or "").strip().splitlines()
        yield ""
        if doc:
            yield " ".join(line.strip() for line in doc)
            yield ""
        yield "| key | value | default | what for |"
        yield "|---|---|---|---|"
        yield from rows
        yield ""
    for one, where, many in inner:
        yield from _sections(one, where, many)


def _models(annotation: object) -> Iterator[type[Model]]:
    if isinstance(annotation, type) and issubclass(annotation, Model):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _is_list(annotation: object) -> bool:
    if get_origin(annotation) is tuple:
        return True
    return any(_is_list(part) for part in get_args(annotation))


def _default(key: Key) -> str:
    if key.needed:
        return "**none**"
    value = key.make_default()
    if value is None or value == ():
        return "-"
    return f"`{show_value(value, key)}`"


def _kind(key: Key) -> str:
    unit = unit_of(key)
    if unit is not None:
        return unit.name
    words = list(_words(key.annotation))
    if words:
        return ", ".join(f"`{word}`" for word in words)
    kinds = {bool: "true, false", int: "number", float: "number", str: "text"}
    found = [kinds[part] for part in _plain(key.annotation) if part in kinds]
    text = found[0] if found else "table"
    return f"list of {text}" if _is_list(key.annotation) else text


def _words(annotation: object) -> Iterator[str]:
    if get_origin(annotation) is Literal:
        yield from (str(word) for word in get_args(annotation))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield from (str(member.value) for member in annotation)
    else:
        for part in get_args(annotation):
            yield from _words(part)


def _plain(annotation: object) -> Iterator[type]:
    if isinstance(annotation, type) and annotation is not NoneType and not get_args(annotation):
        yield annotation
    for part in get_args(annotation):
        yield from _plain(part)


if __name__ == "__main__":
    sys.stdout.write(reference())
