"""What is not the very same object as before: a comparison that costs next to nothing where little has moved.

Whoever leaves a thing alone hands on the same object, so that identity tells what has changed. This module must not
know what it compares.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import compress
from operator import attrgetter, is_, is_not


def moved(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Names of `now` that had another object in `before`, or none."""
    if before is now:
        return []
    if len(before) == len(now) and all(map(is_, before, now)):
        return list(compress(now, map(is_not, now.values(), before.values())))
    return [name for name, one in now.items() if before.get(name) is not one]


def unlike_fields(before: object, now: object, names: tuple[str, ...]) -> Iterator[tuple[str, object, object]]:
    """Those of these fields, with both parts, that are not the very same object in both."""
    if not names:
        return iter(())
    read = _reader(names)
    was, are = read(before), read(now)
    return compress(zip(names, was, are), map(is_not, was, are))  # noqa: B905 - one more is read, see there


@cache
def _reader(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """One more than named is read: of one name alone it would give no tuple."""
    return attrgetter(*names, names[0])
