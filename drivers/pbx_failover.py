"""Whether a call would go on to the backup when a trunk is dead: the dial's own limit against SIP timer B.

A dial that ends first was never told that the trunk is dead: it ends as "no answer", and the dialplan's way to the
backup is not taken (docs/asterisk-gate.md). Pure; reads what ShowDialPlan lists, and must not know connections.
"""

from collections.abc import Sequence
from enum import StrEnum

from config.valued import dataclass
from drivers.pbx_dialplan import ENDS, STEPS_LIMIT, Listing, Question, Row, find_row, find_target

HIDDEN = frozenset({"gosub", "macro", "gosubif", "switch", "tryexec", "exec", "while"})


class Chance(StrEnum):
    """What becomes of a call while the first trunk is dead."""

    WORKS = "works"
    NEVER = "never"  # the dial ends before anybody knows
    NONE = "none"  # nothing is dialled after the first trunk
    UNPROVEN = "unproven"  # cannot be followed from outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The verdict, with what people need to mend it."""

    chance: Chance
    detail: str


def look_ahead(number: str, context: str, listed: Listing, timer_b_ms: int) -> Way | Question:
    """Walk from a desk's context to the first Dial, as if no branch were taken, and look at its limit."""
    place, exten, priority = context, number, "1"
    for _ in range(STEPS_LIMIT):
        if (place, exten) not in listed:
            return Question(context=place, exten=exten)
        rows = listed[(place, exten)]
        row = find_row(rows, exten, priority)
        where = f"{place},{exten},{priority}"
        if row is None or row.app in ENDS:
            return Way(chance=Chance.UNPROVEN, detail=f"{where} does not lead to a Dial")
        if row.app == "dial":
            return _weigh(where, row, rows, timer_b_ms)
        if row.app in HIDDEN:
            return Way(chance=Chance.UNPROVEN, detail=f"{where} is {row.app}")
        if row.app != "goto":
            priority = str(row.priority + 1)
            continue
        target = find_target(row, place, exten)
        if target is None:
            return Way(chance=Chance.UNPROVEN, detail=f"{where} goes to {row.data[:60]!r}")
        place, exten, priority = target
    return Way(chance=Chance.UNPROVEN, detail=f"no Dial within {STEPS_LIMIT} steps")


def _weigh(where: str, row: Row, rows: Sequence[Row], timer_b_ms: int) -> Way:
    later = [one for one in rows if one.exten == row.exten and one.app == "dial" and one.priority > row.priority]
    if not later:
        return Way(chance=Chance.NONE, detail=f"{where} is the only Dial")
    limit = [part.strip() for part in row.data.split(",")][1:2]
    if not limit or not limit[0]:
        return Way(chance=Chance.WORKS, detail=f"{where} dials without a limit")
    whole = limit[0].partition(".")[0]
    if not (whole.isascii() and whole.isdigit() and len(whole) < 7):
        return Way(chance=Chance.UNPROVEN, detail=f"{where} dials for {limit[0][:40]!r}")
    said = f"{where} dials for {whole} s, SIP timer B is {timer_b_ms / 1000:g} s"
    return Way(chance=Chance.WORKS if int(whole) * 1000 > timer_b_ms else Chance.NEVER, detail=said)
