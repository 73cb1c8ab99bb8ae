"""The text of `state` from one second to the next: what has not changed is not written anew.

Says exactly what `payload.state` says (a test compares them), which takes over where the floor has other points or
outputs than before. Pure; it must not know sessions or when something is sent.
"""

from collections.abc import Iterable, Mapping, Sequence

from firmware_py.core.image import Readings, changes, same_points
from firmware_py.core.output import Drive
from firmware_py.core.point import Point
from firmware_py.core.reading import Reading
from mqtt_bridge import payload
from mqtt_bridge.payload import Identity, Stamp, UtcText
from mqtt_bridge.ports import Snapshot
from mqtt_bridge.state_rows import Rows


class StateText:
    """The encoded `state` of one set of points. Call `encode` with one snapshot after the other."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._ids = tuple(point.id for point in points)
        self._paths = tuple(payload.key_path(id_) for id_ in self._ids)
        self._outputs: tuple[str, ...] = ()
        self._leaves: dict[str, int] = {}  # of each point
        self._drives: list[Drive] = []
        self._texts: dict[int, str] = {}  # of the outputs' leaves, then of the points', without their braces
        self._sizes: list[int] = []  # of the keys above each leaf
        self._seen: Mapping[str, Reading] | None = None  # the picture that was told last
        self._late: set[int] = set()  # leaves that did not fit, and may tell what was
        self._timed: set[int] = set()  # leaves that tell a time, which a corrected clock tells otherwise
        self._kept, self._used_bytes = 0, 0  # how many leaves fitted last time
        self.rows = Rows()

    def encode(self, who: Identity, *, stamp: Stamp, seq: int, seen: Snapshot, utc: UtcText) -> bytes:
        """The message as `payload.encode(payload.state(...))` has it, but for the order of keys."""
        outputs = tuple(seen.decision.outputs)
        if outputs != self._outputs or not self._sizes:
            self._begin(outputs)
        head = payload.state_head(who, stamp=stamp, seq=seq, decision=seen.decision)
        self._note_outputs(seen)
        self._note_readings(seen, utc)
        begun = payload.encode(head)
        kept = self._fit(seen, utc, payload.room_for_leaves(len(begun)))
        if self.rows.kept != kept:
            paths = [*(payload.output_path(id_) for id_ in self._outputs), *self._paths]
            self.rows.lay_out(paths[:kept], self._texts)
        cut = f',"cut":{len(self._texts) - kept}}}' if kept < len(self._texts) else "}"
        return self.rows.join(begun[:-1].decode(), cut, self._texts).encode("utf-8", "replace")

    def _begin(self, outputs: tuple[str, ...]) -> None:
        self._outputs, self._seen, self.rows = outputs, None, Rows()
        paths = [*(payload.output_path(id_) for id_ in outputs), *self._paths]
        self._sizes = [sum(len(part) + 6 for part in path) + 2 for path in paths]
        self._leaves = {id_: len(outputs) + number for number, id_ in enumerate(self._ids)}
        self._texts = dict.fromkeys(range(len(paths)), "")
        self._drives = []
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
        now, before = seen.image.readings, self._seen
        self._seen = now
        moved: Iterable[int] = range(len(self._outputs), len(self._texts))
        if before is not None and same_points(before, now):
            moved = [*self._timed, *self._renew_numbers(*changes(before, now))]
        for leaf in moved:
            if leaf < self._kept:
                self._renew(leaf, seen, utc)
            else:
                self._late.add(leaf)

    def _renew_numbers(self, names: Sequence[str], contents: Sequence[Reading]) -> list[int]:
        """Sound numbers are most of what moves; the leaves of all others, but those that are told anew anyway."""
        kept, timed, fresh, others = self._kept, self._timed, dict[int, str](), list[int]()
        for leaf, new in zip(map(self._leaves.get, names), contents, strict=True):
            if leaf is None or leaf in timed:
                continue
            value = new.value
            is_number = type(value) is int or (type(value) is float and value - value == 0.0)
            if is_number and new.because is None and leaf < kept:
                fresh[leaf] = f'"v":{value!r},"q":"good"'  # as `payload.reading_leaf`
            else:
                others.append(leaf)
        texts, rows, new_texts = self._texts, self.rows, fresh.values()
        old_texts = [*map(texts.__getitem__, fresh)]
        old_bytes = sum(map(len if all(map(str.isascii, old_texts)) else _bytes, old_texts))
        self._used_bytes += sum(map(len, new_texts)) - old_bytes
        texts.update(fresh)
        spots = [*map(rows.spots.__getitem__, fresh)]
        if -1 not in spots:
            rows.parts.update(zip(spots, new_texts, strict=True))
        else:
            for leaf, old in zip(fresh, old_texts, strict=True):
                if (text := fresh[leaf]) != old:
                    rows.put(leaf, text)
        return others

    def _renew(self, leaf: int, seen: Snapshot, utc: UtcText) -> None:
        name, readings = self._ids[leaf - len(self._outputs)], seen.image.readings
        new = readings.content(name) if isinstance(readings, Readings) and name in readings else seen.image[name]
        if new.because is not None:
            new = seen.image[name]  # its time is told as well
        tells_time = new.because is not None and new.value is not None
        (self._timed.add if tells_time else self._timed.discard)(leaf)
        self._rewrite(leaf, payload.reading_leaf(new, utc))

    def _rewrite(self, leaf: int, text: str) -> None:
        if text != (old := self._texts[leaf]):
            if leaf < self._kept:
                self._used_bytes += _bytes(text) - _bytes(old)
            self._texts[leaf] = text
            self.rows.put(leaf, text)

    def _cost(self, leaf: int) -> int:
        """Bytes of a leaf with its keys."""
        return self._sizes[leaf] + _bytes(self._texts[leaf])

    def _fit(self, seen: Snapshot, utc: UtcText, room_bytes: int) -> int:
        """How many leaves there is room for: the first that does not fit and all behind it are cut."""
        while self._used_bytes > room_bytes:
            self._kept -= 1
            self._used_bytes -= self._cost(self._kept)
        while (leaf := self._kept) < len(self._texts):
            if leaf in self._late:
                self._late.discard(leaf)
                self._renew(leaf, seen, utc)
            if self._used_bytes + self._cost(leaf) > room_bytes:
                break
            self._used_bytes += self._cost(leaf)
            self._kept += 1
        return self._kept


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
