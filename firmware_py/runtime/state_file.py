"""The controller's memory on the medium: two files in turn, each whole or absent, so that one sound copy always exists.

Written when something changed that matters, and now and then for the timers. Must not know what the state means; the
names of its fields tell what is a running timer.
"""

import base64
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from operator import attrgetter
from pathlib import Path

from config.valued import dataclass
from firmware_py.core.codec import decode, encode
from firmware_py.core.differ import moved, unlike_fields
from firmware_py.core.mode import CausePhase
from firmware_py.core.state import State
from firmware_py.runtime.backlog import Unwritten
from firmware_py.runtime.disk import Disk, remove_temporaries, write_atomic
from firmware_py.runtime.lines import Document, encode_line, parse_lines
from firmware_py.runtime.segments import Damage, move_aside
from firmware_py.runtime.spare import Spare

FORMAT, PACKED = 1, 3
PLAIN_BYTES = 8 * 1024
NAMES = ("state-a", "state-b")
MAX_BYTES = 1024 * 1024
BUSY_TIMERS_MS = 10_000
QUIET_TIMERS_MS = 300_000
NOTHING = Unwritten()
_UNREAD_LEAP = 1_000_000_000
_SHELVED_MS = attrgetter("shelved_ms")
_COUNT_DOWN = ("shelved_ms", "left_ms", "lamp_test_ms")  # timers whose end is a transition
_CHATTER = (
    "evidence",
    "confirmed",
    "load_w",
    "load_pm",
    "trends",
    "volumes",
    "saved_wh",
)  # texts with live values, counters, noise


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What was kept. `at_ms`: monotonic time of the write, in the boot `boot`; `same_boot`: that this is still it.

    `unwritten`: events that led to this state and were not in the journal yet.
    """

    state: State
    generation: int
    boot: str
    at_ms: int
    same_boot: bool
    unwritten: Unwritten = NOTHING


class StateFile:
    """One writer (the storage thread); `load` once before anything else. Never raises OSError: `degraded` says why.
    `spare`: takes what the medium does not."""

    def __init__(self, disk: Disk, directory: Path, spare: Spare | None = None) -> None:
        self.degraded = ""
        self.damage: list[Damage] = []
        self._disk, self._directory, self._spare = disk, directory, spare
        self._generation = 0
        self._turn = 0
        self._written_ms: int | None = None
        self._saved: State | None = None

    def load(self, boot: str) -> Stored | None:
        """The newest sound state, None when there is none. Of another boot it has no `stepped_ms`: that clock is gone.

        A file that is damaged or of a format we do not know is renamed aside and listed in `damage`.
        """
        try:
            self._disk.make_directory(self._directory)
            remove_temporaries(self._disk, self._directory)
        except OSError as error:
            self.degraded = error.strerror or str(error)
        newest: Stored | None = None
        for turn, name in enumerate(NAMES):
            stored = self._read(name, boot)
            if stored and (newest is None or stored.generation > newest.generation):
                newest, self._turn = stored, 1 - turn
        newest = self._newer(newest, boot)
        self._generation = newest.generation if newest else 0
        if self.degraded:
            # A file that cannot be read now may be readable at the next start: what we write must count as newer.
            self._generation += _UNREAD_LEAP
        return newest

    def save(
        self, state: State, boot: str, now_ms: int, *, unwritten: Unwritten = NOTHING, force: bool = False
    ) -> bool:
        """Write the state if it is due: at once when something that matters changed, else by age. True if written.

        `unwritten` goes into the same file: a state is never on the medium without the events that led to it.
        """
        if state is self._saved:
            return False
        same = self._saved is not None and same_matter(self._saved, state)
        is_due = self._written_ms is None or now_ms - self._written_ms >= _patience_ms(state)
        if same and not (is_due or force or self.degraded):
            return False
        head: Document = {"v": FORMAT, "gen": self._generation + 1, "boot": boot, "at_ms": now_ms}
        beside: Document = {"unwritten": encode(unwritten)} if unwritten.drafts else {}
        line = _as_line(head, beside | {"state": encode(state, sparse=True)})
        try:
            self._disk.make_directory(self._directory)
            write_atomic(self._disk, self._directory / NAMES[self._turn], line)
        except OSError as error:
            self.degraded = error.strerror or str(error)
            if self._spare is not None:
                self._spare.write(line)
            return False
        if self._spare is not None:
            self._spare.forget()
        self.degraded = ""
        # Advanced only now: after a failure the same file is tried again, never the one that holds the newest state.
        self._generation, self._turn = self._generation + 1, 1 - self._turn
        self._written_ms, self._saved = now_ms, state
        return True

    def _newer(self, newest: Stored | None, boot: str) -> Stored | None:
        """The spare, where it is of this boot and of a time when the medium took nothing."""
        try:
            lines = list(parse_lines(b"" if self._spare is None else self._spare.read()))
            document = lines[0].document if len(lines) == 1 else None
            spare = None if document is None else _whole(_unpacked(document), boot)
        except ValueError:
            return newest  # of another version: the medium's is what there is
        if spare is None or not spare.same_boot or (newest and spare.generation <= newest.generation):
            return newest
        return spare

    def _read(self, name: str, boot: str) -> Stored | None:
        path = self._directory / name
        try:
            if not self._disk.exists(path):
                return None
            lines = list(parse_lines(self._disk.read(path, MAX_BYTES)))
        except OSError as error:
            self.degraded = error.strerror or str(error)
            self.damage.append(Damage(file=name, offset=0, length=0, what=self.degraded))
            return None
        document = lines[0].document if len(lines) == 1 else None
        try:
            if document is None:
                raise ValueError("damaged")
            document = _unpacked(document)
            stored = _stored(document, boot)
        except ValueError as error:
            self.damage.append(move_aside(self._disk, path, str(error)))
            return None
        try:
            return replace(stored, unwritten=decode(Unwritten, document.get("unwritten", {})))
        except ValueError as error:  # of another version: the state is worth more than what led to it
            self.damage.append(Damage(file=name, offset=0, length=0, what=f"events beside the state: {error}"[:200]))
            return stored


def _as_line(head: Document, body: Document) -> bytes:
    """Plain where that fits into two blocks of the medium, for whoever looks at it; else packed, so that a large floor
    in the middle of much trouble costs the card no more."""
    plain = encode_line(head | body)
    if len(plain) <= PLAIN_BYTES:
        return plain
    raw = encode_line(body).partition(b" ")[2]
    return encode_line(head | {"v": PACKED, "packed": base64.b64encode(zlib.compress(raw, 9)).decode()})


def _unpacked(document: Document) -> Document:
    """As if it had been written plain. ValueError for what cannot be unpacked within bounds."""
    match document.get("v"):
        case 3:
            unwrap: Callable[[str], bytes] = base64.b64decode
        case 2:  # as it was written before: base 85, which Python reckons by itself, with a table of 300 KiB
            unwrap = base64.b85decode
        case _:
            return document
    unpacker = zlib.decompressobj()
    try:
        body: object = json.loads(unpacker.decompress(unwrap(str(document.get("packed"))), MAX_BYTES))
    except (zlib.error, RecursionError) as error:
        raise ValueError(f"cannot be unpacked: {error}") from error
    if unpacker.unconsumed_tail or not isinstance(body, dict):
        raise ValueError("cannot be unpacked: more than there can be")
    return document | body | {"v": FORMAT}


def _whole(document: Document, boot: str) -> Stored:
    """With the events beside it. ValueError."""
    return replace(_stored(document, boot), unwritten=decode(Unwritten, document.get("unwritten", {})))


def _stored(document: Mapping[str, object], boot: str) -> Stored:
    generation, written_in, at_ms = document.get("gen"), document.get("boot"), document.get("at_ms")
    if document.get("v") != FORMAT:
        raise ValueError(f"format {document.get('v')!r} is not known here")
    if not isinstance(generation, int) or not isinstance(written_in, str) or not isinstance(at_ms, int):
        raise ValueError("head is not complete")
    state = decode(State, document.get("state"))
    same_boot = written_in == boot
    if not same_boot:
        state = replace(state, stepped_ms=None)
    return Stored(state=state, generation=generation, boot=written_in, at_ms=at_ms, same_boot=same_boot)


def same_matter(before: object, after: object) -> bool:
    """Whether nothing differs that must be on the medium at once: running timers, live evidence and counters of
    readings may. Costs what changed, as far as unchanged parts are the same objects.

    Goes by the names of fields, never by the keys of mappings: a condition may be called what it likes.
    """
    if before is after:
        return True
    kind = type(after)
    if type(before) is kind and hasattr(kind, "__dataclass_fields__"):
        names = _material_fields(kind)  # type: ignore[arg-type]  # a class can be hashed, whatever its objects can
        return all(
            bool(was) == bool(now) if name in _COUNT_DOWN else same_matter(was, now)
            for name, was, now in unlike_fields(before, after, names)
        )
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(
            same_matter(before[key], after[key]) for key in moved(before, after)
        )
    return before == after


@cache
def _material_fields(kind: type) -> tuple[str, ...]:
    names = (field.name for field in fields(kind))
    return tuple(n for n in names if n in _COUNT_DOWN or not (n.endswith("_ms") or n in _CHATTER))


def _patience_ms(state: State) -> int:
    """Timers matter while a cause, an incident, an override or a shed stage is running."""
    is_busy = bool(
        state.incidents
        or state.overrides
        or any(cause.phase is not CausePhase.IDLE for cause in state.causes.values())
        or any(stage.shed for stage in state.stages.values())
        or any(map(_SHELVED_MS, state.alarms.values()))
    )
    return BUSY_TIMERS_MS if is_busy else QUIET_TIMERS_MS
