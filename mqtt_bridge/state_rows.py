"""The leaves of a message with the text between them: what usually stays is one piece, what has moved lately its own.

So a message is put together from as many pieces as move. Pure; it must not know what a leaf tells.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import field

from config.valued import dataclass

_FORGET_EVERY = 128  # messages: who has not moved since then is one piece with its neighbours again


@dataclass(slots=True)
class _Node:
    """One object of the message: the number of the leaf that is planted in it, and what is below it."""

    leaf: int = -1
    below: dict[str, "_Node"] = field(default_factory=dict)


class Rows:
    """`kept`: leaves that are laid out. `parts`: what the next message is made of, with each loose leaf's own text at
    its spot; whoever changes a text of `texts` puts it here as well."""

    def __init__(self) -> None:
        self.kept = -1
        self.parts: dict[int, str] = {0: "", 1: ""}  # in their order
        self.spots: list[int] = []  # of each leaf that is laid out, among the parts; -1 of those that are not loose
        self._order: list[int] = []  # leaves as they follow one another
        self._between: list[str] = [""]  # before, between and behind them
        self._loose: set[int] = set()
        self._gathered, self._made = False, 0

    def lay_out(self, paths: Sequence[Sequence[str]], texts: Mapping[int, str]) -> None:
        """These leaves from now on, each under its keys."""
        root = _Node(below={"outputs": _Node()})
        for leaf, path in enumerate(paths):
            node = root
            for part in path:
                node = node.below.setdefault(part, _Node())
            node.leaf = leaf
        self.kept, self._order, self._between = len(paths), [], [""]
        _write(root, self._between, self._order, top=True)
        self.spots = [-1] * self.kept
        self._loose.clear()
        self._gather(texts)

    def put(self, leaf: int, text: str) -> None:
        """The leaf's text has changed."""
        if leaf < self.kept and (spot := self.spots[leaf]) >= 0:
            self.parts[spot] = text
        else:
            self.loosen(leaf)

    def loosen(self, leaf: int) -> None:
        """The text of a leaf without a spot has changed."""
        if leaf < self.kept:
            self._loose.add(leaf)
            self._gathered = False

    def join(self, head: str, tail: str, texts: Mapping[int, str]) -> str:
        """The message between `head` and `tail`."""
        self._made += 1
        if not self._gathered:
            self._gather(texts)
        parts = self.parts
        parts[0], parts[len(parts) - 1] = head, tail
        return "".join(parts.values())

    def _gather(self, texts: Mapping[int, str]) -> None:
        if self._made >= _FORGET_EVERY:
            # Who has just moved for the first time brought us here; all others have to move once more to be loose.
            self._loose, self._made = {leaf for leaf in self._loose if self.spots[leaf] < 0}, 0
        parts, self.spots = [""], [-1] * self.kept
        piece = [self._between[0]]
        for leaf, after in zip(self._order, self._between[1:], strict=True):
            if leaf in self._loose:
                self.spots[leaf] = len(parts) + 1
                parts += ["".join(piece), texts[leaf]]
                piece = [after]
            else:
                piece += [texts[leaf], after]
        parts += ["".join(piece), ""]
        self.parts = dict(enumerate(parts))
        self._gathered = True


def _write(node: _Node, between: list[str], order: list[int], *, top: bool = False) -> None:
    comma = "," if top else ""  # behind the head
    if node.leaf >= 0:
        order.append(node.leaf)
        between.append("")
        comma = ","
    for name, below in node.below.items():
        between[-1] += f"{comma}{json.dumps(name, ensure_ascii=False)}:{{"
        _write(below, between, order)
        between[-1] += "}"
        comma = ","
