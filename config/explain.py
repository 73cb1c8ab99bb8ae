"""What pydantic found, said as a sentence that a technician can act on, with the nearest known name.

Knows pydantic's error details and type annotations; must not know files, positions or the meaning of any key.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Union, get_args, get_origin

from config.shape import Model, keys_of

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_TYPES = {
    "string_type": 'must be text in quotes, like "abc"',
    "int_type": "must be a whole number without quotes",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number without quotes",
    "finite_number": "must be a finite number",
    "bool_type": "must be true or false, without quotes",
    "tuple_type": "must be a list, like [1, 2]",
    "list_type": "must be a list, like [1, 2]",
    "set_type": "must be a list without repetition",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "missing": "is missing; it has no default",
    "none_required": "must not be given here",
    "path_type": "must be a path in quotes",
}
_LIMITS = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
    "too_long": "must have at most {max_length} entries",
    "too_short": "must have at least {min_length} entries",
    "string_pattern_mismatch": "must match {pattern}",
    "multiple_of": "must be a multiple of {multiple_of}",
}


_LISTED = 12


def nearest(word: object, known: Iterable[str]) -> str:
    """`; did you mean "x"?` for the nearest of `known`, else nothing."""
    from difflib import get_close_matches  # only where something is wrong

    close = get_close_matches(str(word)[:80], list(known), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def known_of(word: object, known: Iterable[str]) -> str:
    """The same, or what there is where nothing is near: an advice in any case."""
    every = sorted(known)
    listed = (
        f"; there are {', '.join(every[:_LISTED])}{', ...' * (len(every) > _LISTED)}" if every else "; there is none"
    )
    return nearest(word, every) or listed


def sentence(detail: "ErrorDetails", names: Iterable[str], got: object) -> str:
    """The sentence for one fault. `names`: keys that would be known at this place; `got`: the value in the file."""
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        names = tuple(names)
        close = nearest(detail["loc"][-1] if detail["loc"] else "", names)
        return f"unknown key{close}" if close or not names else f"unknown key; known here: {', '.join(sorted(names))}"
    if kind in ("literal_error", "enum"):
        return _choice(_words(str(context.get("expected", ""))), got)
    if kind == "union_tag_invalid":
        return _choice(_words(str(context.get("expected_tags", ""))), context.get("tag"))
    if kind == "union_tag_not_found":
        return f"needs the key {context.get('discriminator', '')} to say which kind it is"
    if kind in ("value_error", "assertion_error"):
        return str(context.get("error", detail["msg"]))
    if kind in _LIMITS:
        return _LIMITS[kind].format_map(context)
    return _TYPES.get(kind, detail["msg"])


def _choice(words: tuple[str, ...], got: object) -> str:
    return f"must be one of {', '.join(words)}{nearest(got, words) if isinstance(got, str) else ''}"


def _words(expected: str) -> tuple[str, ...]:
    """pydantic writes `'a', 'b' or 'c'`."""
    return tuple(expected.replace(" or ", ", ").replace("'", "").split(", "))


def known_keys(model: type[Model], loc: tuple[int | str, ...]) -> tuple[str, ...]:
    """The keys that TOML may use in the table at `loc` (pydantic's location, union tags included)."""
    found: object = model
    for part in loc:
        found = _step(found, part)
    return tuple(key.alias or name for kind in _models(found) for name, key in keys_of(kind).items())


def _step(annotation: object, part: int | str) -> object:
    """The annotation one level down; a union tag leads to the member that carries it."""
    tagged = [kind for kind in _models(annotation) if part in _tags(kind)]
    for kind in _models(annotation):
        for name, key in keys_of(kind).items():
            if part == (key.alias or name):
                return key.annotation
    if tagged:
        return tagged[0]
    for inner in _flatten(annotation):
        arguments = [one for one in get_args(inner) if one is not Ellipsis]
        if arguments and get_origin(inner) in (tuple, list, dict, Mapping):
            return arguments[-1]
    return None


def _tags(kind: type[Model]) -> tuple[object, ...]:
    return tuple(word for key in keys_of(kind).values() for word in get_args(key.annotation))


def _models(annotation: object) -> Iterator[type[Model]]:
    for inner in _flatten(annotation):
        if isinstance(inner, type) and issubclass(inner, Model):
            yield inner


def _flatten(annotation: object) -> Iterator[object]:
    """The annotation without Annotated and unions."""
    if get_origin(annotation) is Annotated:
        yield from _flatten(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for member in get_args(annotation):
            yield from _flatten(member)
    else:
        yield annotation
