"""The text of `state` from one second to the next: what has not changed is not written anew.

Says exactly what `payload.state` says (a test compares them), which takes over where the floor has other points or
outputs than before. Pure; it must not know sessions or when something is sent.
"""

import json
from collections.abc import Sequence
from dataclasses import field

from config.valued import dataclass
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


class StateText:
    """The encoded `state` of one set of points. Call `encode` with one snapshot after the other."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._ids = tuple(point.id for point in points)
        self._paths = tuple(payload.key_path(id_) for id_ in self._ids)
        self._outputs: tuple[str, ...] = ()
        self._drives: list[Drive] = []
        self._readings: list[Reading | None] = []
        self._texts: list[str] = []  # of the outputs' leaves, then of the points', without their braces
        self._sizes: list[int] = []  # of the keys above each leaf
        self._frame: tuple[int, list[str], list[int]] | None = None  # leaves, text between them, their order

    def encode(self, who: Identity, *, stamp: Stamp, seq: int, seen: Snapshot, utc: UtcText) -> bytes:
        """The message as `payload.encode(payload.state(...))` has it, but for the order of keys."""
        outputs = tuple(seen.decision.outputs)
        if outputs != self._outputs or not self._sizes:
            self._begin(outputs)
        head = payload.state_head(who, stamp=stamp, seq=seq, decision=seen.decision)
        self._note_outputs(seen)
        kept = self._note_readings(seen, utc, payload.room_for_leaves(head))
        if self._frame is None or self._frame[0] != kept:
            self._frame = self._layout(kept)
        _, between, order = self._frame
        texts = self._texts
        tail = "".join([part for pair in zip(between, [texts[leaf] for leaf in order], strict=False) for part in pair])
        text = payload.encode(head)[:-1].decode() + tail + between[-1]
        if kept < len(self._texts):
            text += f',"cut":{len(self._texts) - kept}'
        return (text + "}").encode("utf-8", "replace")

    def _begin(self, outputs: tuple[str, ...]) -> None:
        self._outputs, self._frame = outputs, None
        paths = [*(payload.output_path(id_) for id_ in outputs), *self._paths]
        self._sizes = [sum(len(part) + 6 for part in path) + 2 for path in paths]
        self._texts = [""] * len(paths)
        self._drives, self._readings = [], [None] * len(self._ids)

    def _note_outputs(self, seen: Snapshot) -> None:
        drives = list(seen.decision.outputs.values())
        for place, drive in enumerate(drives):
            if not self._drives or drive is not self._drives[place]:
                self._texts[place] = payload.output_leaf(drive)
        self._drives = drives

    def _note_readings(self, seen: Snapshot, utc: UtcText, room_bytes: int) -> int:
        """Bring the texts up to date as far as they fit; how many leaves do."""
        texts, sizes, first = self._texts, self._sizes, len(self._outputs)
        for place in range(first):
            room_bytes -= sizes[place] + _bytes(texts[place])
            if room_bytes < 0:
                return place
        get, olds = seen.image.readings.get, self._readings
        for place, id_ in enumerate(self._ids):
            new = get(id_) or seen.image[id_]
            old = olds[place]
            if new is not old and (old is None or not _alike(new, old)):
                texts[first + place] = payload.reading_leaf(new, utc)
                # One that carries a time is told anew each time: a corrected clock tells it otherwise.
                olds[place] = new if new.because is None or new.value is None else None
            room_bytes -= sizes[first + place] + _bytes(texts[first + place])
            if room_bytes < 0:
                return first + place
        return first + len(self._ids)

    def _layout(self, kept: int) -> tuple[int, list[str], list[int]]:
        """The text around the first `kept` leaves, and in which order they stand."""
        root = _Node(below={"outputs": _Node()})
        paths = [*(payload.output_path(id_) for id_ in self._outputs), *self._paths]
        for leaf, path in enumerate(paths[:kept]):
            node = root
            for part in path:
                node = node.below.setdefault(part, _Node())
            node.leaf = leaf
        between, order = [""], list[int]()
        _write(root, between, order, top=True)
        return kept, between, order


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
