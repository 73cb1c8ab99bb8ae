"""Whether an emergency number would pass: the dialplan read as a program and followed without dialling.

Works on what the manager's ShowDialPlan lists for one number (class `reporting`, so the least account may ask). What it
cannot follow it calls unproven, never passed. Pure; it must not know connections.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from config.valued import dataclass
from drivers.ami import Packet

STEPS_LIMIT = 200  # a dialplan that takes longer to its first Dial is not followed
PLACE = re.compile(r"[A-Za-z0-9_.*#+-]{1,80}")
BRANCHES = frozenset(
    {"gotoif", "execif", "gosubif", "gosub", "macro", "switch", "gotoiftime", "tryexec", "exec", "while"}
)
ENDS = frozenset({"hangup", "congestion", "busy", "zapateller", "park", "queue", "voicemail"})


class Path(StrEnum):
    """What stands between a desk and an emergency number."""

    PASSES = "passes"
    GATED = "gated"  # the gate or a limit on lines is asked first
    MISSING = "missing"  # the number leads nowhere
    UNPROVEN = "unproven"  # something on the way cannot be followed from outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A verdict with what people need to mend it."""

    path: Path
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What has to be listed next."""

    context: str
    exten: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One priority of one extension. `label` may be ''."""

    context: str
    exten: str
    priority: int
    label: str
    app: str
    data: str


Listing = Mapping[tuple[str, str], Sequence[Row]]


def rows(items: Iterable[Packet]) -> tuple[Row, ...]:
    """The rows of one ShowDialPlan answer; those without a number (hints, switches) are left out."""
    return tuple(
        Row(
            context=item.get("Context"), exten=item.get("Extension"), priority=int(item.get("Priority")),
            label=item.get("ExtensionLabel"), app=item.get("Application").lower(), data=item.get("AppData"),
        )
        for item in items
        if item.event == "ListDialplan" and item.get("Priority").isdecimal() and len(item.get("Priority")) < 6
    )  # fmt: skip


def follow(number: str, context: str, listed: Listing, gates: Iterable[str]) -> Finding | Question:
    """Walk from a desk's context to the first Dial. `gates`: device states (`Custom:...`) that must not be asked."""
    banned = tuple(gate.lower() for gate in gates if gate)
    place, exten, priority = context, number, "1"
    doubts: list[str] = []
    for _ in range(STEPS_LIMIT):
        if (place, exten) not in listed:
            return Question(context=place, exten=exten)
        row = find_row(listed[(place, exten)], exten, priority)
        where = f"{number}: {place},{exten},{priority}"
        if row is None:
            return Finding(path=Path.MISSING, detail=f"{where} leads nowhere")
        data = row.data.lower()
        if "group_count(" in data or any(gate in data for gate in banned):
            return Finding(path=Path.GATED, detail=f"{where} asks {row.data[:60]!r} before it dials")
        if row.app == "dial":
            return _reached(where, doubts)
        if row.app in ENDS:
            return Finding(path=Path.MISSING, detail=f"{where} ends in {row.app} before it dials")
        if row.app in BRANCHES:
            doubts.append(f"{where} is {row.app}")
        if row.app != "goto":
            priority = str(row.priority + 1)
            continue
        target = find_target(row, place, exten)
        if target is None:
            return Finding(path=Path.UNPROVEN, detail=f"{where} goes to {row.data[:60]!r}")
        place, exten, priority = target
    return Finding(path=Path.UNPROVEN, detail=f"{number}: no Dial within {STEPS_LIMIT} steps")


def _reached(where: str, doubts: list[str]) -> Finding:
    if doubts:
        return Finding(path=Path.UNPROVEN, detail="; ".join(doubts[:3]))
    return Finding(path=Path.PASSES, detail=where)


def find_row(listed: Sequence[Row], exten: str, priority: str) -> Row | None:
    """The row that Asterisk would take: the context itself before what it includes, the narrowest pattern first."""
    if not listed:
        return None
    first = listed[0].context
    own = [row for row in listed if row.context == first]
    best = min((row.exten for row in own), key=lambda pattern: _breadth(pattern, exten))
    chosen = [row for row in own if row.exten == best]
    if priority.isdecimal():
        return next((row for row in chosen if row.priority == int(priority)), None)
    return next((row for row in chosen if row.label == priority), None)


def _breadth(pattern: str, exten: str) -> tuple[int, ...]:
    """Sort key: how many digits each place of a pattern takes; a number written out is narrower than any pattern."""
    if pattern == exten or not pattern.startswith("_"):
        return (0,)
    widths, place = [1], 1
    wide = {"N": 8, "Z": 9, "X": 10, ".": 1_000, "!": 2_000}
    while place < len(pattern):
        if pattern[place] == "[":
            end = pattern.find("]", place)
            end = len(pattern) if end < 0 else end
            widths.append(_members(pattern[place + 1 : end]))
            place = end + 1
            continue
        widths.append(wide.get(pattern[place].upper(), 1))
        place += 1
    return tuple(widths)


def _members(inside: str) -> int:
    count, place = 0, 0
    while place < len(inside):
        if inside[place + 1 : place + 2] == "-" and place + 2 < len(inside):
            count += abs(ord(inside[place + 2]) - ord(inside[place])) + 1
            place += 3
        else:
            count, place = count + 1, place + 1
    return max(count, 1)


def find_target(row: Row, place: str, exten: str) -> tuple[str, str, str] | None:
    """Context, extension and priority that a Goto leads to; None where that is computed."""
    parts = [part.strip().replace("${EXTEN}", exten).replace("${CONTEXT}", place) for part in row.data.split(",")]
    if not 1 <= len(parts) <= 3 or not all(PLACE.fullmatch(part) for part in parts):
        return None
    padded = [place, exten, *parts] if len(parts) == 1 else [place, *parts] if len(parts) == 2 else parts
    return padded[-3], padded[-2], padded[-1]


def worst(findings: Sequence[Finding]) -> Finding:
    """The verdict on all numbers: the first that does not pass, the clearer fault first. There is at least one."""
    order = (Path.MISSING, Path.GATED, Path.UNPROVEN, Path.PASSES)
    return min(findings, key=lambda finding: order.index(finding.path))
