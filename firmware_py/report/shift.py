"""Shift hand-over and the list of open defects: what is open now, and what of it was taken over or closed.

From the daemon's picture and the months of the book. Knows no format.
"""

from collections.abc import Iterator, Sequence

from firmware_py.report.advice import advice_table
from firmware_py.report.page import Block, Facts, Page, Signature, Table
from firmware_py.report.words import Doc, Words, data_of, docs, number, strings

CLOSED_LISTED = 100
OVERDUE_MS = 86_400_000  # an alarm or a list that stands for a day is overdue: stale, in the words of ISA-18.2


def shift_page(picture: Doc, ledger: Doc, site: Doc, words: Words) -> Page:
    """What the next shift takes over, item by item; and who has taken over what in the last hand-overs."""
    matters = docs(picture.get("matters"))
    taken = {str(one.get("matter")): str(one.get("by")) for one in docs(data(picture, "handover").get("taken"))}
    rows = tuple((*_matter(one, picture, words), taken.get(str(one.get("id")), "")) for one in matters)
    columns = tuple(words(f"col.{name}") for name in ("kind", "what", "since", "by", "taken"))
    blocks: tuple[Block, ...] = (
        Facts(heading=words("head.now"), rows=tuple(_now(picture, words))),
        _open_table(words("head.matters", n=len(rows)), columns, rows, words),
        advice_table(_alarms(matters, picture), words),
        _handovers(docs(ledger.get("notes")), words),
        Signature(roles=(words("sign.leaves"), words("sign.comes"))),
    )
    return Page(
        title=words("title.shift"), subtitle=str(site.get("name")), language=words("language"),
        made=words("made", site=site.get("id")), blocks=blocks,
        data={
            "kind": "shift", "site": site, "mode": picture.get("mode"), "flags": picture.get("flags"),
            "matters": picture.get("matters"), "handover": picture.get("handover"), "lists": picture.get("lists"),
        },
    )  # fmt: skip


def defects_page(picture: Doc, ledgers: Sequence[Doc], site: Doc, words: Words) -> Page:
    """Faults, what is shelved, out of service or overridden and what is overdue; then what was closed lately."""
    matters = [one for one in docs(picture.get("matters")) if one.get("kind") != "incident"]
    rows = tuple(_matter(one, picture, words) for one in matters)
    closed = [
        one
        for ledger in ledgers
        for one in docs(ledger.get("activations"))
        if one.get("cleared") is not None and not one.get("drill")
    ]
    closed.sort(key=lambda one: str(one.get("cleared")), reverse=True)
    closings = tuple(
        (words.alarm(one), words.when(one.get("raised")), words.when(one.get("acked")), words.when(one.get("cleared")))
        for one in closed[:CLOSED_LISTED]
    )
    columns = tuple(words(f"col.{name}") for name in ("kind", "what", "since", "by"))
    ends = tuple(words(f"col.{name}") for name in ("what", "start", "acked", "closed"))
    return Page(
        title=words("title.defects"), subtitle=str(site.get("name")), language=words("language"),
        made=words("made", site=site.get("id")),
        blocks=(
            _open_table(words("head.defects", n=len(rows)), columns, rows, words),
            advice_table(_alarms(matters, picture), words),
            Table(heading=words("head.closings"), columns=ends, rows=closings, none=words("none.closings")),
            Signature(roles=(words("sign.duty"),)),
        ),
        data={"kind": "defects", "site": site, "open": matters, "closed": closed[:CLOSED_LISTED]},
    )  # fmt: skip


def _open_table(heading: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], words: Words) -> Table:
    return Table(heading=heading, columns=columns, rows=rows, none=words("none.matters"), box=True)


def data(picture: Doc, name: str) -> Doc:
    """A part of the picture that is an object, empty where it is none."""
    part = picture.get(name)
    return part if isinstance(part, dict) else {}


def _now(picture: Doc, words: Words) -> Iterator[tuple[str, str]]:
    yield words("fact.mode"), words.mode(picture.get("mode"))
    yield words("fact.because"), ", ".join(strings(picture.get("because"))) or "-"
    yield words("fact.flags"), ", ".join(words(f"flag.{flag}") for flag in strings(picture.get("flags"))) or "-"
    handover = data(picture, "handover")
    left = strings(handover.get("left"))
    if left:
        yield words("fact.handover"), words("handover.running", by=handover.get("by"), n=len(left))


def _alarms(matters: Sequence[Doc], picture: Doc) -> Iterator[Doc]:
    """The alarms among what is open."""
    known = data(picture, "alarms")
    for one in matters:
        if one.get("kind") in ("alarm", "shelved", "out_of_service"):
            yield {"alarm": one.get("about"), "text": data(known, str(one.get("about"))).get("text")}


def _matter(one: Doc, picture: Doc, words: Words) -> tuple[str, str, str, str]:
    kind, about = str(one.get("kind")), str(one.get("about"))
    what, age_ms = about, None
    if kind in ("alarm", "shelved", "out_of_service"):
        alarm = data(picture, "alarms").get(about)
        known = alarm if isinstance(alarm, dict) else {}
        what, age_ms = words.alarm({"alarm": about, "text": known.get("text")}), known.get("elapsed_ms")
    elif kind == "item":
        name, _, item = about.rpartition(".")
        listed = data(picture, "lists").get(name)
        what = f"{words.list_name(name)}: {words.item(item)}"
        age_ms = listed.get("elapsed_ms") if isinstance(listed, dict) else None
    elif kind == "incident":
        open_ones = docs(list(data(picture, "incidents").values()))
        open_one: Doc = next((i for i in open_ones if i.get("id") == about), {})
        what, age_ms = f"{about} {words.cause(one.get('why'))}", open_one.get("elapsed_ms")
    why = str(one.get("why")) if kind in ("shelved", "out_of_service") else ""
    overdue = f" ({words('overdue')})" if number(age_ms) >= OVERDUE_MS else ""
    label = words(f"kind.{kind}") + overdue
    return label, f"{what} ({why})" if why else what, words.span(age_ms), str(one.get("by") or "-")


def _handovers(notes: Sequence[Doc], words: Words) -> Table:
    told = [note for note in notes if str(note.get("type")).startswith("handover.")][-40:]
    rows = tuple(
        (
            words.when(note.get("ts")), words(f"said.{note.get('type')}"), str(data_of(note).get("by")),
            str(data_of(note).get("matter") or ""),
        )
        for note in told
    )  # fmt: skip
    columns = tuple(words(f"col.{name}") for name in ("time", "what", "by", "matter"))
    return Table(heading=words("head.handovers"), columns=columns, rows=rows, none=words("none.handovers"))
