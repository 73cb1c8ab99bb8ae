"""A month of journal records, boiled down to what a report needs: each alarm's coming and going, lists, hand-overs.

So that a busy month fits into one answer of the control socket. Must not know files, nor what is judged of the numbers.
"""

from collections.abc import Iterable, Mapping

from firmware_py.runtime.lines import Document

MAX_ACTIVATIONS = 12_000  # ten times what is called over-demanding would be 93,000 a month: told as cut off
MAX_NOTES = 2_000


def activations(records: Iterable[Document]) -> list[Document]:
    """Each activation as its own instance: alarm, priority, when raised, acknowledged and cleared, and its incident. One
    whose beginning is not among the records has no `raised`."""
    found: list[Document] = []
    running: dict[str, Document] = {}
    for record in records:
        kind, data, ts = record.get("type"), _data(record), record.get("ts")
        alarm = str(data.get("alarm"))
        if kind == "alarm.raised":
            running[alarm] = {
                "alarm": alarm, "priority": data.get("priority"), "text": data.get("text"), "raised": ts,
                "acked": None, "cleared": None, "incident": record.get("incident"), "drill": record.get("drill"),
            }  # fmt: skip
            found.append(running[alarm])
        elif kind in ("alarm.acked", "alarm.cleared"):
            if alarm not in running:
                running[alarm] = {
                    "alarm": alarm, "priority": data.get("priority"), "text": data.get("text"), "raised": None,
                    "acked": None, "cleared": None, "incident": record.get("incident"), "drill": record.get("drill"),
                }  # fmt: skip
                found.append(running[alarm])
            end = "acked" if kind == "alarm.acked" else "cleared"
            running[alarm][end] = running[alarm][end] or ts
    return found


def notes(records: Iterable[Document], *kinds: str) -> list[Document]:
    """Records of some families (`handover.`, `checklist.`) as they are, without what only the journal needs."""
    return [
        {"ts": one.get("ts"), "type": one.get("type"), "incident": one.get("incident"), "data": one.get("data")}
        for one in records
        if str(one.get("type")).startswith(kinds)
    ]


def summary(month: str, incidents: Iterable[Document], records: Iterable[Document]) -> Document:
    """The month. `cut`: how many activations were too many to tell."""
    told = list(records)
    listed = activations(told)
    return {
        "month": month,
        "incidents": list(incidents),
        "activations": listed[:MAX_ACTIVATIONS],
        "cut": max(0, len(listed) - MAX_ACTIVATIONS),
        "notes": notes(told, "handover.", "checklist.", "power.", "drill.")[-MAX_NOTES:],
    }


def _data(record: Document) -> Mapping[str, object]:
    data = record.get("data")
    return data if isinstance(data, dict) else {}
