"""What is left of a faulty document without its faulty keys, so that the rest can be checked in the same run.

A technician then sees schema faults and cross faults at once. Must not know any key's meaning.
"""

import copy
from collections.abc import Iterable
from dataclasses import field

from config.faults import Path
from config.strict import ConfigError, Document, M, check
from config.valued import dataclass

_ROUNDS = 5


@dataclass(slots=True)
class Rest:
    """The pruned tree. `removed`: original paths that were taken out; `kept`: original indices of shortened lists."""

    tree: dict[str, object]
    removed: set[Path] = field(default_factory=set)
    kept: dict[Path, list[int]] = field(default_factory=dict)  # by the list's path in the pruned tree

    def original(self, path: Path) -> Path:
        """The path in the whole document for a path in the pruned one."""
        return tuple(
            self.kept[path[:index]][part] if isinstance(part, int) and path[:index] in self.kept else part
            for index, part in enumerate(path)
        )

    def touches(self, path: Path) -> bool:
        """Whether something at, in or around this original path was taken out."""
        return any(path[: len(gone)] == gone or gone[: len(path)] == path for gone in self.removed)

    def remove(self, path: Path) -> bool:
        """Take out what stands at this path of the pruned tree. False for the whole."""
        if not path:
            return False
        self.removed.add(self.original(path))
        holder = _at(self.tree, path[:-1])
        last = path[-1]
        if isinstance(holder, dict):
            del holder[last]
            self.kept = {one: kept for one, kept in self.kept.items() if one[: len(path)] != path}
        elif isinstance(holder, list) and isinstance(last, int):
            self._shorten(path[:-1], holder, last)
        return True

    def _shorten(self, where: Path, holder: list[object], index: int) -> None:
        depth = len(where)
        moved = {}
        for one, kept in self.kept.items():
            if one[:depth] == where and len(one) > depth and isinstance(part := one[depth], int):
                if part == index:
                    continue
                if part > index:
                    one = (*where, part - 1, *one[depth + 1 :])
            moved[one] = kept
        moved.setdefault(where, list(range(len(holder))))
        del moved[where][index], holder[index]
        self.kept = moved


def prune(document: Document, error: ConfigError, model: type[M]) -> tuple[M, Rest] | None:
    """The sound part of the document as `model`, and what was taken out; None when too little is left."""
    tree = copy.deepcopy(dict(document.tree))
    rest = Rest(tree)
    for _ in range(_ROUNDS):
        if not _take_out(rest, (fault.path for fault in error.faults)):
            return None
        try:
            return check(Document(file=document.file, tree=tree), model), rest
        except ConfigError as again:
            error = again
    return None


def _take_out(rest: Rest, paths: Iterable[Path]) -> bool:
    # From the end of each list, so that the indices that are still to come stay right.
    ordered = sorted(set(paths), key=lambda path: tuple((isinstance(part, int), part) for part in path), reverse=True)
    done: set[Path] = set()
    for path in ordered:
        if any(path[:length] in done for length in range(1, len(path) + 1)):
            continue  # in a table that is out already; by now another may stand at its index
        target = path
        while target and not _has(rest.tree, target):
            target = target[:-1]
        if not rest.remove(target):
            return False
        done.add(target)
    return True


def _has(tree: object, path: Path) -> bool:
    return _at(tree, path) is not None


def _at(node: object, path: Path) -> object | None:
    for part in path:
        match node:
            case dict() if part in node:
                node = node[part]
            case list() if isinstance(part, int) and 0 <= part < len(node):
                node = node[part]
            case _:
                return None
    return node
