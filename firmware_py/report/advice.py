"""What follows from alarms if nobody acts, and what to do: for whoever holds the report of something that is not over.

Knows no format.
"""

from collections.abc import Iterable

from firmware_py.report.page import Table
from firmware_py.report.words import Doc, Words


def advice_table(alarms: Iterable[Doc], words: Words) -> Table:
    """One row for each alarm (`alarm` its id, `text` its key), those of one kind together."""
    kinds: dict[str, list[Doc]] = {}
    for one in alarms:
        kinds.setdefault(str(one.get("text")), []).append(one)
    rows = []
    for text, several in kinds.items():
        follows, todo = words.texts.advice(text)
        if todo:
            said = dict.fromkeys(words.alarm(one) for one in several)
            rows.append(("; ".join(said), follows, todo))
    columns = tuple(words(f"col.{name}") for name in ("alarm", "follows", "todo"))
    return Table(heading=words("head.advice"), columns=columns, rows=tuple(rows), none=words("none.advice"))
