"""The text of `state` from one second to the next: what has not changed is not written anew.

Says exactly what `payload.state` says (a test compares them), which takes over where the floor has other points or
outputs than before. Pure; it must not know sessions or when something is sent.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from config.valued import dataclass
from firmware_py.core.image import Readings, same_points, touched
from firmware_py.core.output import Drive
from firmware_py.core.point import Point
from firmware_py.core.reading import Reading
from mqtt_bridge import payload
from mqtt_bridge.payload import Identity, Stamp, UtcText
from mqtt_bridge.ports import Snapshot


@dataclass(slots=True)
class _Node:
    """One object of the message: the number of the leaf that is planted in it, and what is below it."""

    leaf: int = -1
    below: dict[str, "_Node"] = field(default_factory=dict)


_NUMBERS = (int, float)


class StateText:
    """The encoded `state` of one set of points. Call `encode` with one snapshot after the other."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._ids = tuple(point.id for point in points)
        self._paths = tuple(payload.key_path(id_) for id_ in self._ids)
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}
        self._outputs: tuple[str, ...] = ()
        self._drives: list[Drive] = []
        self._readings: list[Reading | None] = []  # as each leaf tells it
        self._texts: list[str] = []  # of the outputs' leaves, then of the points', without their braces
        self._sizes: list[int] = []  # of the keys above each leaf
        self._costs: list[int] = []  # of each leaf with its keys, by its text
        self._seen: Mapping[str, Reading] | None = None  # the picture that was told last
        self._late: set[int] = set()  # leaves that did not fit, and may tell what was
        self._timed: set[int] = set()  # leaves that tell a time, which a corrected clock tells otherwise
        self._kept, self._used_bytes = 0, 0  # how many leaves fitted last time
        self._parts: list[str] = []  # what is between the leaves, and their texts
        self._spots: list[int] = []  # where among the parts each leaf's text is
        self._laid = -1  # leaves that the parts are for

    def encode(self, who: Identity, *, stamp: Stamp, seq: int, seen: Snapshot, utc: UtcText) -> bytes:
        """The message as `payload.encode(payload.state(...))` has it, but for the order of keys."""
        outputs = tuple(seen.decision.outputs)
        if outputs != self._outputs or not self._sizes:
            self._begin(outputs)
        head = payload.state_head(who, stamp=stamp, seq=seq, decision=seen.decision)
        self._note_outputs(seen)
        self._note_readings(seen, utc)
        kept = self._fit(seen, utc, payload.room_for_leaves(head))
        if self._laid != kept:
            self._lay_out(kept)
        text = payload.encode(head)[:-1].decode() + "".join(self._parts)
        if kept < len(self._texts):
            text += f',"cut":{len(self._texts) - kept}'
        return (text + "}").encode("utf-8", "replace")

    def _begin(self, outputs: tuple[str, ...]) -> None:
        self._outputs, self._laid, self._seen = outputs, -1, None
        paths = [*(payload.output_path(id_) for id_ in outputs), *self._paths]
        self._sizes = [sum(len(part) + 6 for part in path) + 2 for path in paths]
        self._costs, self._texts = self._sizes.copy(), [""] * len(paths)
        self._drives, self._readings = [], [None] * len(self._ids)
        self._kept, self._used_bytes = 0, 0
        self._late, self._timed = set(), set()

    def _note_outputs(self, seen: Snapshot) -> None:
        drives = list(seen.decision.outputs.values())
        for leaf, drive in enumerate(drives):
            if not self._drives or drive is not self._drives[leaf]:
                self._rewrite(leaf, payload.output_leaf(drive))
        self._drives = drives

    def _note_readings(self, seen: Snapshot, utc: UtcText) -> None:
        """Bring the leaves that fitted last time up to date, and note which others are not."""
        now, before, first = seen.image.readings, self._seen, len(self._outputs)
        self._seen = now
        moved: Iterable[int] = range(first, len(self._texts))
        if before is not None and same_points(before, now):
            timed = self._timed.copy()
            moved = [*self._renew_numbers(touched(before, now), now, utc), *timed]
        for leaf in moved:
            if leaf < self._kept:
                self._renew(leaf, seen, utc)
            else:
                self._late.add(leaf)

    def _renew_numbers(self, names: Iterable[str], now: Mapping[str, Reading], utc: UtcText) -> Iterator[int]:
        """Sound numbers that were sound before are most of what moves; the leaves of all others."""
        first, kept, numbers, told = len(self._outputs), self._kept, self._numbers, self._readings
        late = self._late
        content = now.content if isinstance(now, Readings) else now.__getitem__
        for name in names:
            if (number := numbers.get(name)) is None:
                continue
            if (leaf := first + number) >= kept:
                late.add(leaf)
                continue
            old, new = told[number], content(name)
            value = new.value
            if old is None or old.because or new.because or type(value) not in _NUMBERS:
                yield leaf
            elif value != old.value or type(value) is not type(old.value):
                told[number] = new
                self._rewrite(leaf, payload.reading_leaf(new, utc))

    def _renew(self, leaf: int, seen: Snapshot, utc: UtcText) -> None:
        number = leaf - len(self._outputs)
        name, readings, old = self._ids[number], seen.image.readings, self._readings[number]
        new = readings.content(name) if isinstance(readings, Readings) and name in readings else seen.image[name]
        if new.because is not None:
            new = seen.image[name]  # its time is told as well
        if new is old or (old is not None and _alike(new, old)):
            return
        tells_time = new.because is not None and new.value is not None
        (self._timed.add if tells_time else self._timed.discard)(leaf)
        self._readings[number] = None if tells_time else new
        self._rewrite(leaf, payload.reading_leaf(new, utc))

    def _rewrite(self, leaf: int, text: str) -> None:
        cost = self._sizes[leaf] + _bytes(text)
        if leaf < self._kept:
            self._used_bytes += cost - self._costs[leaf]
        self._texts[leaf], self._costs[leaf] = text, cost
        if leaf < self._laid:
            self._parts[self._spots[leaf]] = text

    def _fit(self, seen: Snapshot, utc: UtcText, room_bytes: int) -> int:
        """How many leaves there is room for: the first that does not fit and all behind it are cut."""
        while self._used_bytes > room_bytes:
            self._kept -= 1
            self._used_bytes -= self._costs[self._kept]
        while (leaf := self._kept) < len(self._texts):
            if leaf in self._late:
                self._late.discard(leaf)
                self._renew(leaf, seen, utc)
            if self._used_bytes + self._costs[leaf] > room_bytes:
                break
            self._used_bytes += self._costs[leaf]
            self._kept += 1
        return self._kept

    def _lay_out(self, kept: int) -> None:
        """The first `kept` leaves with the text around them."""
        root = _Node(below={"outputs": _Node()})
        paths = [*(payload.output_path(id_) for id_ in self._outputs), *self._paths]
        for leaf, path in enumerate(paths[:kept]):
            node = root
            for part in path:
                node = node.below.setdefault(part, _Node())
            node.leaf = leaf
        between, order = [""], list[int]()
        _write(root, between, order, top=True)
        self._laid, self._spots, self._parts = kept, [0] * kept, [between[0]]
        for leaf, after in zip(order, between[1:], strict=True):
            self._spots[leaf] = len(self._parts)
            self._parts += [self._texts[leaf], after]


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


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _alike(new: Reading, old: Reading) -> bool:
    """Whether both look the same in the message."""
    if new.quality is not old.quality or new.because is not old.because:
        return False
    return new.value is old.value or (new.value == old.value and type(new.value) is type(old.value))
