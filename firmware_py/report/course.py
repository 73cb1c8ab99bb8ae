"""The course of an incident as series and spans, taken from its timeline: mode, loads, alarms, trunks, numbers.

What could not be read makes a hole, never a line across it. Knows nothing of drawing.
"""

from collections.abc import Iterable, Sequence

from config.valued import dataclass
from firmware_py.report.words import Doc, data_of, number, seconds, strings

LOOK_TYPE = "incident.course"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Something that was so from `start_s` to `end_s` (seconds since 1970)."""

    start_s: int
    end_s: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Numbers over time; None is a hole."""

    name: str
    points: tuple[tuple[int, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """From `start_s` to `end_s`. `modes` and `outbound` one after the other; `alarms` and `trunks` by their id."""

    start_s: int
    end_s: int
    modes: tuple[Span, ...]
    outbound: tuple[Span, ...]
    stages: tuple[Span, ...]
    alarms: tuple[tuple[str, tuple[Span, ...]], ...]
    trunks: tuple[tuple[str, tuple[Span, ...]], ...]
    charges: tuple[Series, ...]
    runtimes: tuple[Series, ...]


def read_course(incident: Doc, timeline: Sequence[Doc]) -> Course | None:
    """The course, None for an incident that has no time (an empty or damaged record)."""
    stamps = [stamp for record in timeline if (stamp := seconds(record.get("ts"))) is not None]
    start_s, end_s = seconds(incident.get("opened")), seconds(incident.get("closed"))
    start_s = start_s if start_s is not None else min(stamps, default=None)
    if start_s is None:
        return None
    end_s = max(end_s if end_s is not None else max(stamps, default=start_s), start_s + 60)
    looks = [
        (stamp, data_of(record))
        for record in timeline
        if record.get("type") == LOOK_TYPE and (stamp := seconds(record.get("ts"))) is not None
    ]
    names = sorted({name for _, data in looks for name in data})
    return Course(
        start_s=start_s,
        end_s=end_s,
        modes=_spans([(s, str(data.get("mode"))) for s, data in looks], end_s),
        outbound=_only(_spans([(s, "paused" if data.get("outbound_paused") else "") for s, data in looks], end_s)),
        stages=_only(_spans([(s, ", ".join(strings(data.get("stages")))) for s, data in looks], end_s)),
        alarms=_alarms(timeline, end_s),
        trunks=tuple(
            (name.removeprefix("trunks.").removesuffix(".state"), _spans(
                [(s, str(data[name]) if data.get(name) is not None else "") for s, data in looks if name in data], end_s
            ))
            for name in names
            if name.startswith("trunks.")
        ),
        charges=_series(looks, names, ".charge_pct"),
        runtimes=_series(looks, names, ".runtime_s"),
    )  # fmt: skip


def _spans(states: Iterable[tuple[int, str]], end_s: int) -> tuple[Span, ...]:
    """States in a row, equal neighbours as one."""
    spans: list[Span] = []
    for at_s, label in states:
        if spans and spans[-1].label == label:
            continue
        if spans:
            spans[-1] = Span(start_s=spans[-1].start_s, end_s=max(at_s, spans[-1].start_s), label=spans[-1].label)
        spans.append(Span(start_s=at_s, end_s=end_s, label=label))
    return tuple(spans)


def _only(spans: Iterable[Span]) -> tuple[Span, ...]:
    return tuple(span for span in spans if span.label)


def _alarms(timeline: Sequence[Doc], end_s: int) -> tuple[tuple[str, tuple[Span, ...]], ...]:
    found: dict[str, list[Span]] = {}
    for record in timeline:
        at_s, data = seconds(record.get("ts")), data_of(record)
        if at_s is None or record.get("type") not in ("alarm.raised", "alarm.cleared"):
            continue
        spans = found.setdefault(str(data.get("alarm")), [])
        if record.get("type") == "alarm.raised":
            spans.append(Span(start_s=at_s, end_s=end_s, label=str(data.get("priority"))))
        elif spans:
            spans[-1] = Span(start_s=spans[-1].start_s, end_s=max(at_s, spans[-1].start_s), label=spans[-1].label)
    return tuple((name, tuple(spans)) for name, spans in found.items() if spans)


def _series(looks: Sequence[tuple[int, Doc]], names: Iterable[str], end: str) -> tuple[Series, ...]:
    return tuple(
        Series(
            name=name.split(".")[0],
            points=tuple((s, None if data.get(name) is None else number(data[name])) for s, data in looks),
        )
        for name in names
        if name.endswith(end)
    )
