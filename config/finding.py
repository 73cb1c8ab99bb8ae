"""One thing that the cross checks found: where in the document, what is wrong, what was given.

Knows no file and no position; `config.site` turns findings into faults.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeAlias

from config.explain import known_of
from config.faults import Path
from config.valued import dataclass

if TYPE_CHECKING:
    from config.model_site import Site


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`absence`: it rests on something that is not there, so it is worth nothing while faulty parts are cut out;
    unless it is `wanted`, an id, that is missing and the whole document has no such id either."""

    path: Path
    message: str
    got: object | None = None
    absence: bool = False
    wanted: str | None = None


Check: TypeAlias = "Callable[[Site], Iterator[Finding]]"


def repeated(entries: Iterable[tuple[Path, object]], what: str) -> Iterator[Finding]:
    """A finding for each value that stood before. `what`: sentence with {first} for the first one's path."""
    seen: dict[object, Path] = {}
    for path, value in entries:
        if value in seen:
            yield Finding(path=path, message=what.format(first=_spell(seen[value])), got=value)
        else:
            seen[value] = path


def unknown(path: Path, value: str | None, known: Iterable[str], table: str) -> Iterator[Finding]:
    """A finding when `value` is not among `known`, the ids of [[table]]."""
    known = tuple(known)
    if value is not None and value not in known:
        yield Finding(
            path=path,
            message=f"no [[{table}]] has this id{known_of(value, known)}",
            got=value,
            absence=True,
            wanted=value,
        )


def _spell(path: Path) -> str:
    return ".".join(str(part) for part in path)
