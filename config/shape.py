"""What a table of a configuration file looks like, as a class: frozen, slotted values with what each key may hold.

Only the declaration, which costs next to nothing to load: the controller reads configurations that are checked already.
Who checks one (`config.checking`) makes a schema of these classes. It must not check anything.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Self, TypeVar, dataclass_transform

T = TypeVar("T")
NEEDED: Final = object()  # the default of a key that must be given


class BeforeValidator:
    """In Annotated: turns what the file has into the value, before its type is looked at. ValueError: a sentence."""

    __slots__ = ("parse",)

    def __init__(self, parse: Callable[[Any], Any]) -> None:
        self.parse = parse


class AfterValidator:
    """In Annotated: judges or turns a value whose type is right. ValueError: a sentence."""

    __slots__ = ("judge",)

    def __init__(self, judge: Callable[[Any], Any]) -> None:
        self.judge = judge


class Key:
    """What is said of one key: its name in the file, default, reason, and limits by pydantic's names."""

    __slots__ = ("alias", "annotation", "default", "description", "factory", "limits")

    def __init__(self, default: object, factory: Callable[[], object] | None, **said: object) -> None:
        self.default, self.factory, self.annotation = default, factory, said.pop("annotation", None)
        alias, description = said.pop("alias", None), said.pop("description", None)
        self.alias = alias if isinstance(alias, str) else None
        self.description = description if isinstance(description, str) else None
        self.limits: Mapping[str, object] = {name: limit for name, limit in said.items() if limit is not None}

    @property
    def needed(self) -> bool:
        """Whether it has no default."""
        return self.default is NEEDED and self.factory is None

    def make_default(self) -> object:
        """Its value where the file says nothing."""
        return self.default if self.factory is None else self.factory()


def Field(  # noqa: N802 - reads like the declaration that it is
    *,
    default: object = NEEDED,
    default_factory: Callable[[], object] | None = None,
    alias: str | None = None,
    description: str | None = None,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    min_length: int | None = None,
    max_length: int | None = None,
    pattern: str | None = None,
    discriminator: str | None = None,
) -> Any:
    """One key of a Model; in Annotated, limits of a value."""
    return Key(
        default, default_factory, alias=alias, description=description, ge=ge, gt=gt, le=le, min_length=min_length,
        max_length=max_length, pattern=pattern, discriminator=discriminator,
    )  # fmt: skip


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(Field,))
class _Shaping(type):
    """Makes slots of the annotations, and of the rest what `keys_of` gives."""

    _keys: Mapping[str, Key]
    _spell: Callable[[str], str] | None

    def __new__(
        mcs, name: str, bases: tuple[type, ...], space: dict[str, Any], spell: Callable[[str], str] | None = None
    ) -> "_Shaping":
        above = next((base for base in bases if isinstance(base, _Shaping)), None)
        spell = spell or (above._spell if above is not None else None)
        inherited = dict(above._keys) if above is not None else {}
        keys = dict(inherited)
        for field, annotation in space.get("__annotations__", {}).items() if above is not None else ():
            said = space.pop(field, NEEDED)
            key = said if isinstance(said, Key) else Key(said, None)
            key.annotation = annotation
            if key.alias is None and spell is not None:
                key.alias = spell(field)
            keys[field] = key
        made = super().__new__(
            mcs, name, bases, {**space, "__slots__": tuple(field for field in keys if field not in inherited)}
        )
        made._keys, made._spell = MappingProxyType(keys), spell
        return made


class Model(metaclass=_Shaping):
    """What every configuration model derives from. A list in TOML is a `tuple[X, ...]`, a word an enum or Literal."""

    def __init__(self, **given: object) -> None:
        for name, key in type(self)._keys.items():
            if name not in given and key.needed:
                raise TypeError(f"{type(self).__name__} needs {name}")
            object.__setattr__(self, name, given.pop(name) if name in given else key.make_default())
        if given:
            raise TypeError(f"{type(self).__name__} has no {', '.join(given)}")

    def altered(self, changes: Mapping[str, object]) -> Self:
        """A copy with other values, unchecked."""
        return type(self)(**{**dict(items_of(self)), **changes})

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or all(value == getattr(other, name) for name, value in items_of(self))

    def __hash__(self) -> int:
        return hash((type(self), *(value for _, value in items_of(self))))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in items_of(self))})"

    def __getstate__(self) -> object:
        return tuple(value for _, value in items_of(self))

    def __setstate__(self, state: tuple[object, ...]) -> None:
        for name, value in zip(type(self)._keys, state, strict=True):
            object.__setattr__(self, name, value)


def keys_of(model: "type[Model]") -> Mapping[str, Key]:
    """What is declared of each field, in order; those of a base come first."""
    return model._keys


def items_of(model: Model) -> Iterator[tuple[str, Any]]:
    """Fields and values."""
    for name in type(model)._keys:
        yield name, getattr(model, name)


def tree_of(value: object) -> object:
    """Models within as plain dictionaries."""
    match value:
        case Model():
            return {name: tree_of(inner) for name, inner in items_of(value)}
        case tuple():
            return tuple(tree_of(inner) for inner in value)
        case dict():
            return {key: tree_of(inner) for key, inner in value.items()}
        case _:
            return value
