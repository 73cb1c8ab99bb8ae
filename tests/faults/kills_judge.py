"""What a run of kills must have left: pure judgement of wires, journal and pictures, without a daemon or a clock.

All times are seconds of time.monotonic(). It must not know how a daemon is killed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from firmware_py.runtime.lines import parse_lines

CONFIRM = 2  # readings that agree, before an outage is acted on
REACTION_S = 1.5  # of the whole chain while the machine is shared: decision, wire, far end
KEPT_S = 0.5  # an output that stood for so long has its reason on the medium
STEADY_S = 1.0  # a mode that was shown for so long is on the medium


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process: when it was started, when its first picture came (None: killed before), when it was killed."""

    began_s: float
    up_s: float | None
    killed_s: float


@dataclass
class Kills:
    """`starting`: kills before it was up. `held`: looks at an output over a restart in an outage. `late`: starts that
    took too long, less what they queued for a processor that had other work (`slowest_served_s`; `slowest_s` is by the
    clock); `wrong`: outputs against what the daemon had been told by the UPS; `behind`: starts in another mode than
    what was kept."""

    kills: int = 0
    starting: int = 0
    seed: int = 0
    events: int = 0
    orders: int = 0
    outages: int = 0
    late: list[str] = field(default_factory=list)
    slowest_s: float = 0.0
    slowest_served_s: float = 0.0
    slowest_reaction_s: float = 0.0
    reactions: int = 0
    held: int = 0
    wrong: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    behind: list[str] = field(default_factory=list)
    unhealed: str = ""
    seconds: float = 0.0

    @property
    def holds(self) -> bool:
        """What the contract promises."""
        return not (self.late or self.wrong or self.lost or self.unreadable or self.behind or self.unhealed)


class Ledger:
    """The journal as it was after each kill: numbers without a hole, and what once stood there never changes."""

    def __init__(self) -> None:
        self.mode = ""
        self.last = 0
        self._seen: dict[int, int] = {}

    def read(self, folder: Path, about: str, outcome: Kills) -> None:
        """Everything that is on the medium now; the files are left as they are."""
        self.last, self.mode, before = 0, "", len(self._seen)
        for file in sorted(folder.glob("events-*.jsonl")):
            for line in parse_lines(file.read_bytes()):
                if line.document is None:
                    if line.records_at_most:
                        outcome.unreadable.append(f"{about}: {file.name} at {line.offset}")
                    continue
                self._take(line.document, zlib.crc32(line.raw), about, outcome)
        if self.last < before:
            outcome.lost.append(f"{about}: {before} were there before, {self.last} are")
        outcome.events = self.last

    def _take(self, document: dict[str, object], mark: int, about: str, outcome: Kills) -> None:
        seq = document.get("seq")
        assert isinstance(seq, int)
        if seq != self.last + 1:
            outcome.lost.append(f"{about}: {seq} follows {self.last}")
        self.last = seq
        if self._seen.setdefault(seq, mark) != mark:
            outcome.lost.append(f"{about}: {seq} is another event than before")
        data = document.get("data")
        if document.get("type") == "mode.changed" and isinstance(data, dict):
            if self.mode and self.mode != data["from"]:
                outcome.behind.append(f"{about}: {seq} leaves {data['from']}, but it was {self.mode}")
            self.mode = str(data["to"])


def modes_left(folder: Path, *, after: int) -> list[str]:
    """The modes that were left since event `after`, as the journal says now."""
    told = [line.document for file in sorted(folder.glob("events-*.jsonl")) for line in parse_lines(file.read_bytes())]
    found = []
    for event in told:
        match event:
            case {"type": "mode.changed", "seq": int(seq), "data": {"from": str(mode)}} if seq > after:
                found.append(mode)
            case _:
                pass
    return found


def steady_mode(seen: Sequence[tuple[float, dict[str, object]]], killed_s: float) -> str:
    """The mode that the last pictures agree on, if they did for long enough; else empty."""
    since_s, mode = killed_s, ""
    for at_s, picture in reversed(seen):
        if mode and picture.get("mode") != mode:
            break
        since_s, mode = at_s, str(picture.get("mode", ""))
    return mode if killed_s - since_s >= STEADY_S and mode != "starting" else ""


def judge_output(
    name: str, written: Iterable[tuple[float, bool]], answers: Sequence[tuple[float, bool]], lives: Iterable[Life],
    outcome: Kills, *, on_delay_s: float, reaction_s: float = REACTION_S,
) -> None:  # fmt: skip
    """One output that has to be closed in an outage. `written`: what its far end was told; `answers`: (when, on mains).

    Within each life: two answers that say battery close it in time, however the start went; and an outage that stood
    when the life before was killed lets nothing open before this life was told of mains.
    """
    levels, stands = sorted(written), False
    for life in lives:
        told = [(at_s, mains) for at_s, mains in answers if life.began_s <= at_s <= life.killed_s]
        first_mains_s = min((at_s for at_s, mains in told if mains), default=life.killed_s)
        if stands:
            _judge_holding(name, levels, life.began_s, first_mains_s, outcome)
        outages = list(_outages(told, life, on_delay_s))
        for due_s, until_s in outages:
            _judge_closing(name, levels, due_s, until_s, outcome, reaction_s)
        fresh = bool(outages) and outages[-1][1] == life.killed_s and _level_before(levels, life.killed_s - KEPT_S)
        stands = fresh or (stands and first_mains_s == life.killed_s)


def _judge_holding(
    name: str, levels: list[tuple[float, bool]], from_s: float, to_s: float, outcome: Kills
) -> None:  # fmt: skip
    """What was closed when the last life ended stays so until there is news."""
    outcome.held += 1
    for at_s, closed in levels:
        if from_s <= at_s < to_s and not closed and _level_before(levels, at_s):
            outcome.wrong.append(f"{name} opened {at_s - from_s:.2f} s after a start, without mains")


def _judge_closing(
    name: str, levels: list[tuple[float, bool]], due_s: float, until_s: float, outcome: Kills, reaction_s: float
) -> None:
    """From `due_s` on it must be closed; the evidence or the process ends at `until_s`."""
    if _level_before(levels, due_s):
        return
    closed_s = min((at_s for at_s, level in levels if level and at_s >= due_s), default=float("inf"))
    if closed_s > until_s:  # killed, or mains came back, before it got so far: no verdict unless it had the time
        if until_s - due_s > reaction_s:
            outcome.wrong.append(f"{name} stayed open for {until_s - due_s:.2f} s of an outage")
        return
    outcome.reactions += 1
    outcome.slowest_reaction_s = max(outcome.slowest_reaction_s, round(closed_s - due_s, 3))
    if closed_s - due_s > reaction_s:
        outcome.wrong.append(f"{name} was closed {closed_s - due_s:.2f} s too late")


def _outages(told: Sequence[tuple[float, bool]], life: Life, on_delay_s: float) -> Iterable[tuple[float, float]]:
    """(from when outputs must follow, until when the evidence lasted) of each outage that this life was told of."""
    row: list[float] = []
    for at_s, mains in [*told, (life.killed_s, True)]:
        if not mains:
            row.append(at_s)
            continue
        if len(row) >= CONFIRM:
            due_s = max(row[CONFIRM - 1], row[0] + on_delay_s)
            if due_s < at_s:
                yield due_s, at_s
        row = []


def _level_before(levels: Iterable[tuple[float, bool]], at_s: float) -> bool:
    known = [level for when_s, level in levels if when_s < at_s]
    return known[-1] if known else False
