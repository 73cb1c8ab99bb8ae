"""The report of one incident, of the two classes that the emergency plans know: technical fault or major emergency.

From the book's document of it. Knows no format.
"""

from collections.abc import Iterator, Sequence

from firmware_py.report.advice import advice_table
from firmware_py.report.course import LOOK_TYPE, read_course
from firmware_py.report.page import Block, Facts, Page, Picture, Signature, Table
from firmware_py.report.picture import draw
from firmware_py.report.words import Doc, Words, data_of, docs, number, strings

MAX_LINES = 400  # of a timeline; what is between is told as left out
_QUIET = frozenset({LOOK_TYPE})


def incident_page(incident: Doc, site: Doc, words: Words) -> Page:
    """The page of an incident with its `timeline`."""
    timeline = docs(incident.get("timeline"))
    kind = str(incident.get("class"))
    blocks: list[Block] = [Facts(heading=words("head.facts"), rows=tuple(_facts(incident, timeline, words)))]
    if incident.get("state") != "closed":
        raised = (data_of(record) for record in timeline if record.get("type") == "alarm.raised")
        blocks.append(advice_table(raised, words))
    course = read_course(incident, timeline)
    if course is not None:
        told = tuple(
            f"{words.local(span.start_s)}  {words.mode(span.label)}  {words.span((span.end_s - span.start_s) * 1000)}"
            for span in course.modes
        )
        blocks.append(Picture(heading=words("head.course"), svg=draw(course, words), words=told))
    blocks += [_notices(timeline, words), _lists(timeline, words), _timeline(timeline, words)]
    blocks.append(Signature(roles=(words("sign.duty"), words("sign.manager"))))
    return Page(
        title=words("title.incident", id=incident.get("id")),
        subtitle=f"{site.get('name')} · {words('class.' + kind)} · {words.cause(incident.get('cause'))}",
        language=words("language"),
        made=words("made", site=site.get("id")),
        blocks=tuple(blocks),
        data={"kind": "incident", "site": site, "incident": incident},
    )


def _facts(incident: Doc, timeline: Sequence[Doc], words: Words) -> Iterator[tuple[str, str]]:
    is_open = incident.get("state") != "closed"
    yield words("fact.class"), words(f"class.{incident.get('class')}")
    yield words("fact.cause"), words.cause(incident.get("cause"))
    if incident.get("drill"):
        yield words("fact.drill"), words("yes")
    yield words("fact.start"), words.when(incident.get("opened"))
    yield words("fact.recovery"), words("still_open") if is_open else words.when(incident.get("closed"))
    yield words("fact.duration"), words.span(incident.get("age_ms"))
    yield words("fact.acked_by"), ", ".join(strings(incident.get("acked_by"))) or words("nobody")
    yield words("fact.tier"), str(incident.get("tier", 0))
    modes = strings(incident.get("modes")) or list(
        dict.fromkeys(str(data_of(r)["mode"]) for r in timeline if "mode" in data_of(r))
    )
    yield words("fact.modes"), " → ".join(words.mode(mode) for mode in modes) or "-"
    yield words("fact.stages"), ", ".join(strings(incident.get("stages"))) or "-"
    if not is_open:
        yield words("fact.saved"), f"{number(incident.get('saved_wh')) / 1000:.2f} kWh"
        yield words("fact.paused"), words.span(incident.get("outbound_paused_ms"))
        yield words("fact.blind"), words.span(incident.get("longest_blind_ms"))
    if guidance := next((text for r in timeline if (text := data_of(r).get("guidance"))), ""):
        yield words("fact.guidance"), str(guidance)
    if str(incident.get("clk")) == "none":
        yield words("fact.clock"), words("clock_unknown")


def _notices(timeline: Sequence[Doc], words: Words) -> Table:
    told = [r for r in timeline if r.get("type") in ("incident.escalated", "incident.repeated", "incident.situation")]
    return Table(
        heading=words("head.notices"),
        columns=(words("col.time"), words("col.what"), words("col.tier"), words("col.who")),
        rows=tuple(
            (
                words.when(r.get("ts")), words(f"notice.{str(r.get('type')).partition('.')[2]}"),
                str(data_of(r).get("tier")), "; ".join(strings(data_of(r).get("contacts"))) or words("nobody_named"),
            )
            for r in told
        ),
        none=words("none.notices"),
    )  # fmt: skip


def _lists(timeline: Sequence[Doc], words: Words) -> Table:
    """Items of checklists that opened under this incident, each with who ticked it and when."""
    ticked = {
        (str(data_of(r).get("list")), str(data_of(r).get("item"))): (str(data_of(r).get("by")), words.when(r.get("ts")))
        for r in timeline
        if r.get("type") == "checklist.ticked"
    }
    rows = [
        (words.list_name(name), words.item(item), *ticked.get((name, item), (words("open"), "")))
        for r in timeline
        if r.get("type") == "checklist.opened"
        for name in [str(data_of(r).get("list"))]
        for item in strings(data_of(r).get("items"))
    ]
    columns = (words("col.list"), words("col.item"), words("col.by"), words("col.time"))
    return Table(heading=words("head.lists"), columns=columns, rows=tuple(rows), none=words("none.lists"))


def _timeline(timeline: Sequence[Doc], words: Words) -> Table:
    told = [record for record in timeline if record.get("type") not in _QUIET]
    rows = [(words.when(record.get("ts")), words.event(record), _why(record)) for record in told]
    if len(rows) > MAX_LINES:
        cut = len(rows) - MAX_LINES
        rows = [*rows[: MAX_LINES // 2], ("", words("left_out", n=cut), ""), *rows[-MAX_LINES // 2 :]]
    return Table(
        heading=words("head.timeline"),
        columns=(words("col.time"), words("col.what"), words("col.why")),
        rows=tuple(rows),
        none=words("none.timeline"),
    )


def _why(record: Doc) -> str:
    data = data_of(record)
    because = strings(data.get("because"))
    return " → ".join(because) or str(data.get("evidence") or data.get("by") or "")
