"""The month: alarm rates against the targets, outages and whether the battery lasted, incidents, what was closed.

From the ledger of the month. Knows no format.
"""

from collections.abc import Iterator, Sequence

from firmware_py.core.calendar import seconds_of
from firmware_py.report.kpi import (
    FEW,
    MANAGEABLE_PER_DAY,
    MIX_TARGET_PCT,
    OVER_DEMANDING_PER_DAY,
    Kpis,
    measure_month,
)
from firmware_py.report.page import Page, Signature, Table
from firmware_py.report.words import Doc, Words, docs, number, strings

POWER = "power"


def month_page(ledger: Doc, site: Doc, words: Words, now_s: int) -> Page:
    """The page of a month; one that is not over is measured as far as it has come (`now_s`)."""
    month = str(ledger.get("month"))
    start_s = seconds_of(f"{month}-01T00:00Z")
    end_s = max(start_s + 86_400, min(seconds_of(f"{_next(month)}-01T00:00Z"), now_s))
    activations, incidents = docs(ledger.get("activations")), docs(ledger.get("incidents"))
    kpis = measure_month(activations, start_s, end_s)
    blocks = (
        _rates(kpis, words),
        _alarms(kpis, activations, words),
        _outages(incidents, docs(ledger.get("notes")), site, words),
        _incidents(incidents, words),
        Signature(roles=(words("sign.duty"), words("sign.manager"))),
    )
    return Page(
        title=words("title.month", month=month),
        subtitle=str(site.get("name")),
        language=words("language"),
        made=words("made", site=site.get("id")),
        blocks=blocks,
        data={"kind": "month", "site": site, "kpis": _plain(kpis), **ledger},
    )


def incidents_page(found: Sequence[Doc], asked: str, site: Doc, words: Words) -> Page:
    """The incidents that were asked for, one a line."""
    return Page(
        title=words("title.incidents"), subtitle=" · ".join(filter(None, (str(site.get("name")), asked))),
        language=words("language"), made=words("made", site=site.get("id")), blocks=(_incidents(found, words),),
        data={"kind": "incidents", "site": site, "asked": asked, "incidents": list(found)},
    )  # fmt: skip


def _rates(kpis: Kpis, words: Words) -> Table:
    def row(name: str, value: str, target: str, kept: bool) -> tuple[str, ...]:
        return words(f"kpi.{name}"), value, target, words("kept") if kept else words("missed")

    mix = " / ".join(f"{kpis.mix_pct[name]:.0f}" for name in MIX_TARGET_PCT)
    rows = [
        row("per_day", f"{kpis.per_day:.1f}", f"≤ {MANAGEABLE_PER_DAY}", kpis.per_day <= MANAGEABLE_PER_DAY),
        row("worst_day", str(kpis.worst_day), f"≤ {OVER_DEMANDING_PER_DAY}", kpis.worst_day <= OVER_DEMANDING_PER_DAY),
        row("peak", str(kpis.peak), "≤ 10", kpis.peak <= 10),
        row("flood", f"{kpis.flood_pct:.2f} % ({kpis.floods})", "< 1 %", kpis.flood_pct < 1),
        row("chattering", str(len(kpis.chattering)), "0", not kpis.chattering),
        row("stale", str(len(kpis.stale)), "0", not kpis.stale),
        row("mix", mix if kpis.count else "-", "~ 80 / 15 / 5", _is_balanced(kpis)),
    ]
    if kpis.count < FEW:  # of a handful of alarms shares mean nothing; the target is told all the same
        rows[-1] = (*rows[-1][:-1], words("too_few", n=FEW))
    if kpis.answer_s is not None:
        rows.append((words("kpi.answer"), words.span(kpis.answer_s * 1000), "-", ""))
    columns = (words("col.measure"), words("col.value"), words("col.target"), words("col.result"))
    return Table(heading=words("head.rates", n=kpis.count), columns=columns, rows=tuple(rows), none="")


def _is_balanced(kpis: Kpis) -> bool:
    """About as many of each priority as ISA-18.2 asks for, and not more than twice as many high ones."""
    return abs(kpis.mix_pct["low"] - MIX_TARGET_PCT["low"]) <= 10 and kpis.mix_pct["high"] <= 10


def _alarms(kpis: Kpis, activations: Sequence[Doc], words: Words) -> Table:
    sentences = {str(one.get("alarm")): words.alarm(one) for one in activations}
    chattering, stale = dict(kpis.chattering), set(kpis.stale)

    def remark(name: str) -> str:
        said = [words("chatters", n=chattering[name])] if name in chattering else []
        return ", ".join([*said, words("is_stale")] if name in stale else said)

    named = dict(kpis.top)
    counted = [*kpis.top, *((name, 0) for name in kpis.stale if name not in named)]
    rows = tuple((sentences.get(name, name), str(count) if count else "-", remark(name)) for name, count in counted)
    columns = (words("col.alarm"), words("col.count"), words("col.remark"))
    return Table(heading=words("head.top"), columns=columns, rows=rows, none=words("none.alarms"))


def _outages(incidents: Sequence[Doc], notes: Sequence[Doc], site: Doc, words: Words) -> Table:
    """Each power cut: how long, and whether the phones were fed to its end."""
    ended = {str(note.get("incident")) for note in notes if str(note.get("type")) == "power.manual_records"}
    rows = []
    for one in incidents:
        if one.get("cause") != POWER or one.get("drill"):
            continue
        is_open = one.get("state") != "closed"
        kept = words("still_open") if is_open else words("missed") if str(one.get("id")) in ended else words("kept")
        rows.append((str(one.get("id")), words.when(one.get("opened")), words.span(one.get("age_ms")), kept))
    target = words.span(site.get("endurance_ms"))
    columns = (words("col.incident"), words("col.start"), words("col.duration"), words("col.endurance", target=target))
    return Table(heading=words("head.outages"), columns=columns, rows=tuple(rows), none=words("none.outages"))


def _incidents(incidents: Sequence[Doc], words: Words) -> Table:
    rows = tuple(tuple(_incident(one, words)) for one in incidents)
    columns = ("incident", "class", "cause", "start", "duration", "tier", "by", "saved")
    named = tuple(words(f"col.{name}") for name in columns)
    return Table(heading=words("head.incidents", n=len(rows)), columns=named, rows=rows, none=words("none.incidents"))


def _incident(one: Doc, words: Words) -> Iterator[str]:
    yield str(one.get("id"))
    yield words(f"class.{one.get('class')}") + (f" ({words('fact.drill')})" if one.get("drill") else "")
    yield words.cause(one.get("cause"))
    yield words.when(one.get("opened"))
    yield words.span(one.get("age_ms")) if one.get("state") == "closed" else words("still_open")
    yield str(one.get("tier", 0))
    yield ", ".join(strings(one.get("acked_by"))) or "-"
    yield f"{number(one.get('saved_wh')) / 1000:.2f} kWh" if one.get("state") == "closed" else "-"


def _next(month: str) -> str:
    year, number_ = int(month[:4]), int(month[5:7])
    return f"{year + number_ // 12:04d}-{number_ % 12 + 1:02d}"


def _plain(kpis: Kpis) -> dict[str, object]:
    return {
        "count": kpis.count, "per_day": round(kpis.per_day, 2), "worst_day": kpis.worst_day, "peak_10_min": kpis.peak,
        "floods": kpis.floods, "flood_pct": round(kpis.flood_pct, 3), "chattering": dict(kpis.chattering),
        "stale": list(kpis.stale), "mix_pct": {name: round(share, 1) for name, share in kpis.mix_pct.items()},
        "top": dict(kpis.top), "answer_s": kpis.answer_s,
    }  # fmt: skip
