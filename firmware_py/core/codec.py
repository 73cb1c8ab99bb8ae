"""Between our frozen dataclasses and documents that JSON can hold, driven by their type hints alone.

Strict about types, forgiving about keys: an unknown key is ignored and a missing one takes its default, so that a state
written by another version still loads. Must not know files, JSON text or what the values mean.
"""

import hashlib
import json
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TypeAlias, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from firmware_py.core.differ import moved, unlike_fields

Document: TypeAlias = "bool | int | float | str | list[Document] | dict[str, Document] | None"
T = TypeVar("T")


_PLAIN = frozenset((type(None), bool, int, float, str))


def encode(value: object, *, sparse: bool = False) -> Document:
    """The document of a value made of dataclasses, mappings, tuples, frozensets, enums and plain values.

    `sparse` leaves out fields that have their default, which `decode` puts back: a floor at rest takes a fraction.
    """
    if type(value) in _PLAIN:  # most are, and a union is put together anew each time that it is named
        return cast("int | str", value)
    if isinstance(value, Enum):
        return cast("int | str", value.value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {name: getattr(value, name) for name in _names(type(value))}
        rest = _defaults(type(value)) if sparse else {}
        return {
            name: encode(part, sparse=sparse) for name, part in parts.items() if name not in rest or part != rest[name]
        }
    if isinstance(value, Mapping):
        return {str(encode(key)): encode(part, sparse=sparse) for key, part in value.items()}
    if isinstance(value, frozenset):
        return sorted((encode(part, sparse=sparse) for part in value), key=repr)
    if isinstance(value, list | tuple):
        return [encode(part, sparse=sparse) for part in value]
    raise TypeError(f"{type(value).__name__} has no document form")


def decode(wanted: type[T], document: object, path: str = "") -> T:
    """The value of dataclass `wanted` from its document. Raises ValueError that names the path of what does not fit."""
    return cast("T", _decode(wanted, document, path))


def digest(value: object) -> str:
    """16 hex digits that stand for a value: equal for equal values, whatever the order of its mappings."""
    text = json.dumps(encode(value), sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def difference(before: object, after: object) -> Document:
    """The document of what `after` has that `before` has not, by path; {} where nothing differs. Costs what changed, as
    far as unchanged parts are the same objects."""
    if before is after:
        return {}
    kind = type(after)
    if type(before) is kind and kind not in _PLAIN and is_dataclass(kind):
        parts = ((name, difference(was, now)) for name, was, now in unlike_fields(before, after, _names(kind)))
        return {name: part for name, part in parts if part != {}}
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found: dict[str, Document] = {}
        same_keys = before.keys() == after.keys()
        for key in moved(before, after) if same_keys else after:
            part: Document = difference(before[key], after[key]) if key in before else [encode(after[key])]
            if part != {}:
                found[str(encode(key))] = part
        return found if same_keys else found | {str(encode(key)): [] for key in before if key not in after}
    return {} if type(before) is type(after) and before == after else [encode(after)]


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind) if field.compare)  # what is worked out is no part of a value


@cache
def _defaults(kind: type) -> Mapping[str, object]:
    known = {field.name: field.default for field in fields(kind) if field.default is not MISSING}
    made = {field.name: field.default_factory() for field in fields(kind) if field.default_factory is not MISSING}
    return known | made


@cache
def _hints(kind: type) -> Mapping[str, object]:
    return get_type_hints(kind)


def _decode(wanted: object, document: object, path: str) -> object:
    origin = get_origin(wanted)
    if origin in (Union, types.UnionType):
        return _decode_union(get_args(wanted), document, path)
    if origin is tuple:
        return _decode_tuple(get_args(wanted), document, path)
    if origin is frozenset:
        return frozenset(_decode_tuple((*get_args(wanted), ...), document, path))
    if origin is not None and issubclass(origin, Mapping):
        return _decode_mapping(get_args(wanted), document, path)
    if not isinstance(wanted, type):
        raise TypeError(f"{path}: no way to decode {wanted!r}")
    if is_dataclass(wanted):
        return _decode_dataclass(wanted, document, path)
    if issubclass(wanted, Enum):
        return _decode_enum(wanted, document, path)
    return _decode_plain(wanted, document, path)


def _decode_dataclass(wanted: type, document: object, path: str) -> object:
    if not isinstance(document, Mapping):
        raise _misfit(path, "an object", document)
    hints = _hints(wanted)
    found: dict[str, object] = {}
    for field in fields(wanted):
        if field.name in document:
            found[field.name] = _decode(hints[field.name], document[field.name], f"{path}.{field.name}".lstrip("."))
        elif field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{path or wanted.__name__}: {field.name} is missing")
    try:
        return wanted(**found)
    except AssertionError as error:  # a dataclass that checks itself
        raise ValueError(f"{path or wanted.__name__}: {error}") from error


def _decode_union(members: tuple[object, ...], document: object, path: str) -> object:
    faults: list[str] = []
    for member in members:
        try:
            return _decode(member, document, path)
        except ValueError as error:
            faults.append(str(error))
    raise ValueError("; or ".join(faults))


def _decode_tuple(members: tuple[object, ...], document: object, path: str) -> tuple[object, ...]:
    if not isinstance(document, list | tuple):
        raise _misfit(path, "a list", document)
    if len(members) == 2 and members[1] is ...:
        members = (members[0],) * len(document)
    if len(members) != len(document):
        raise _misfit(path, f"a list of {len(members)}", document)
    return tuple(
        _decode(member, part, f"{path}[{index}]")
        for index, (member, part) in enumerate(zip(members, document, strict=True))
    )


def _decode_mapping(members: tuple[object, ...], document: object, path: str) -> dict[object, object]:
    if not isinstance(document, Mapping):
        raise _misfit(path, "an object", document)
    kind, content = members
    return {_decode(kind, key, path): _decode(content, part, f"{path}.{key}") for key, part in document.items()}


def _decode_enum(wanted: type[Enum], document: object, path: str) -> Enum:
    for member in wanted:
        # The type as well, for 1 == True and a flag is no member of an enumeration of numbers.
        if type(document) is type(member.value) and document == member.value:
            return member
    raise _misfit(path, f"one of {', '.join(str(member.value) for member in wanted)}", document)


def _decode_plain(wanted: type, document: object, path: str) -> object:
    if wanted is float and isinstance(document, int) and not isinstance(document, bool):
        return float(document)
    if wanted in (bool, int, float, str, type(None)):
        if type(document) is wanted:
            return document
        raise _misfit(path, "null" if wanted is type(None) else wanted.__name__, document)
    raise TypeError(f"{path}: no way to decode {wanted.__name__}")


def _misfit(path: str, wanted: str, document: object) -> ValueError:
    return ValueError(
        f"{path or 'document'}: expected {wanted}, found {str(document)[:60]!r} ({type(document).__name__})"
    )
