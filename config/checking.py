"""The schema of a configuration model, made from its declaration (`config.shape`) when a configuration is checked.

The only module that knows pydantic; it is loaded where something is checked, never to run what was checked before.
Must not know any key.
"""

import json
import os
from collections.abc import Iterator, Mapping
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # before it is loaded: nobody else's code, and no search

import pydantic
from pydantic_core import ErrorDetails

from config import shape
from config.shape import Key, Model, keys_of

M = TypeVar("M", bound=Model)


class Wrong(Exception):
    """`details`: what pydantic says of each fault."""

    def __init__(self, details: list[ErrorDetails]) -> None:
        super().__init__(f"{len(details)} faults")
        self.details = details


class _Schema(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(
        strict=True, extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False, populate_by_name=False
    )


def validated(tree: Mapping[str, object], model: type[M]) -> M:
    """`tree` as `model`. Wrong, with every fault."""
    try:
        # By way of JSON: pydantic's strict mode then takes words for enums and lists for tuples, yet no "5" for 5.
        text = json.dumps(tree, default=lambda date: {"date": str(date)})
        found = schema_of(model).model_validate_json(text)
    except pydantic.ValidationError as error:
        raise Wrong(error.errors(include_url=False)) from None
    plain = _plain(found)
    assert isinstance(plain, model)
    return plain


@cache
def schema_of(model: type[Model]) -> type[pydantic.BaseModel]:
    """The schema of one table, those of the tables within included."""
    fields: dict[str, Any] = {name: (_translate(key.annotation), _field(key)) for name, key in keys_of(model).items()}
    made = pydantic.create_model(model.__name__, __base__=_Schema, **fields)
    _plain_of[made] = model
    return made


_plain_of: dict[type[pydantic.BaseModel], type[Model]] = {}


def _plain(value: object) -> object:
    match value:
        case pydantic.BaseModel():
            return _plain_of[type(value)](**{name: _plain(inner) for name, inner in value.__dict__.items()})
        case tuple():
            return tuple(map(_plain, value))
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case _:
            return value


def _field(key: Key) -> object:
    said: dict[str, Any] = {"alias": key.alias, **key.limits}
    if key.factory is not None:
        said["default_factory"] = key.factory
    elif not key.needed:
        said["default"] = key.default
    return pydantic.Field(**said)


def _translate(annotation: Any) -> Any:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if isinstance(annotation, type) and origin is None:
        return schema_of(annotation) if issubclass(annotation, Model) else annotation
    if origin is Annotated:
        return Annotated[(_translate(arguments[0]), *_metadata(arguments[1:]))]
    if origin in (Union, UnionType):
        return reduce(or_, map(_translate, arguments))
    if origin in (tuple, dict) or origin is Mapping:
        return origin[tuple(map(_translate, arguments))]
    return annotation


def _metadata(said: tuple[object, ...]) -> Iterator[object]:
    for one in said:
        match one:
            case shape.BeforeValidator():
                yield pydantic.BeforeValidator(one.parse)
            case shape.AfterValidator():
                yield pydantic.AfterValidator(one.judge)
            case Key():
                limits: dict[str, Any] = {**one.limits}
                yield pydantic.Field(**limits)
            case _:
                pass  # a unit, which is for those who show the value
