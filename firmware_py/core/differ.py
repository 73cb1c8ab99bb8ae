"""What is not the very same object as before: a comparison that costs next to nothing where little has moved.

Whoever leaves a thing alone hands on the same object, so that identity tells what has changed. This module must not
know what it compares.
"""

from collections.abc import Mapping
from itertools import compress
from operator import is_, is_not


def moved(before: Mapping[str, object], now: Mapping[str, object]) -> list[str]:
    """Names of `now` that had another object in `before`, or none."""
    if before is now:
        return []
    if len(before) == len(now) and all(map(is_, before, now)):
        return list(compress(now, map(is_not, now.values(), before.values())))
    return [name for name, one in now.items() if before.get(name) is not one]
