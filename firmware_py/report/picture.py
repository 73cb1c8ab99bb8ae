"""The course of an incident as one SVG: bands for mode and loads, bars for alarms and trunks, charge, runtime.

Pattern and words carry the meaning, colour is redundant, so that a grey print says the same. Every label is measured
and shortened to its place. Knows no HTML.
"""

from collections.abc import Iterator, Sequence
from html import escape

from firmware_py.report.course import Course, Series, Span
from firmware_py.report.words import Words

WIDTH, LEFT, RIGHT = 960, 190, 60
TEXT, BAND, BAR, GAP, PANEL = 11, 22, 14, 4, 130
MAX_ALARMS, MAX_TRUNKS = 14, 12
_MODES = {"conservation": "url(#hatch)", "evacuation": "url(#cross)", "recovery": "url(#dots)", "normal": "#eef3ee"}
_DASHES = ("", "6 3", "2 3", "9 3 2 3")
_STEPS_S = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)


def draw(course: Course, words: Words) -> str:
    """The whole drawing, with a title for those who cannot see it."""
    sheet = _Sheet(course, words)
    sheet.band(
        words("picture.mode"), [(span, words.mode(span.label), _MODES.get(span.label, "#fff")) for span in course.modes]
    )
    sheet.band(words("picture.stages"), [(span, span.label, "url(#hatch)") for span in course.stages])
    sheet.band(words("picture.outbound"), [(s, words("picture.paused"), "url(#hatch)") for s in course.outbound])
    for name, spans in course.alarms[:MAX_ALARMS]:
        sheet.bar(name, spans, ("high",))
    if len(course.alarms) > MAX_ALARMS:
        sheet.note(words("picture.more", n=len(course.alarms) - MAX_ALARMS))
    for name, spans in course.trunks[:MAX_TRUNKS]:
        sheet.bar(f"{words('picture.trunk')} {name}", [s for s in spans if s.label], ("down", "full"), named=words)
    if course.charges:
        sheet.panel(words("picture.charge"), course.charges, 100.0, "%")
    if course.runtimes:
        longest_s = max((value or 0 for one in course.runtimes for _, value in one.points), default=0)
        minutes = [_scaled(one, 1 / 60) for one in course.runtimes]
        sheet.panel(words("picture.runtime"), minutes, max(10.0, -(-longest_s // 600) * 10), words("span.unit_min"))
    return sheet.finish(words("picture.title"))


class _Sheet:
    """Grows downwards; `x` is where a time stands."""

    def __init__(self, course: Course, words: Words) -> None:
        self._course, self._words = course, words
        self._y = 6
        self._parts: list[str] = []

    def x(self, at_s: int) -> float:
        span_s = self._course.end_s - self._course.start_s
        inside = min(max(at_s - self._course.start_s, 0), span_s)
        return LEFT + inside / span_s * (WIDTH - LEFT - RIGHT)

    def band(self, name: str, spans: Sequence[tuple[Span, str, str]]) -> None:
        self._label(name, BAND)
        for span, text, fill in spans:
            left, width = self._box(span, BAND, fill)
            shown = shorten(text, width - 8)
            if shown and shown != "…":
                tall = self._y + BAND / 2 + 4
                back = measure(shown) + 6
                self._parts.append(
                    f'<rect x="{left + 2:.1f}" y="{self._y + 3}" width="{back:.1f}" height="{BAND - 6}" fill="#fff"/>'
                )
                self._parts.append(_text(left + 5, tall, shown, full=text))
        self._y += BAND + GAP

    def bar(self, name: str, spans: Sequence[Span], strong: Sequence[str], named: Words | None = None) -> None:
        self._label(name, BAR)
        for span in spans:
            left, width = self._box(span, BAR, "#555" if span.label in strong else "url(#light)")
            text = shorten(named(f"trunk.{span.label}"), width - 6) if named and span.label not in strong else ""
            if text and text != "…":
                self._parts.append(_backing(left + 1, self._y + 1, measure(text) + 4, BAR - 2))
                self._parts.append(_text(left + 3, self._y + BAR - 3, text))
        self._y += BAR + GAP

    def note(self, text: str) -> None:
        self._parts.append(_text(LEFT, self._y + BAR - 3, shorten(text, WIDTH - LEFT - RIGHT), full=text))
        self._y += BAR + GAP

    def panel(self, name: str, series: Sequence[Series], top: float, unit: str) -> None:
        self._y += 8
        self._label(name, BAR)
        bottom = self._y + PANEL
        for part in (0, 0.5, 1):
            y = bottom - part * PANEL
            self._parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ccc"/>')
            self._parts.append(_text(WIDTH - RIGHT + 4, y + 4, shorten(f"{top * part:.0f} {unit}", RIGHT - 6)))
        for index, one in enumerate(series):
            for run in _runs(one):
                path = " ".join(f"{self.x(s):.1f},{bottom - min(value / top, 1) * PANEL:.1f}" for s, value in run)
                self._parts.append(f'<polyline points="{path}" fill="none" {_pen(index)}/>')
            y = self._y + BAR + 8 + index * (TEXT + 5)
            if y < bottom - 4:
                self._parts.append(f'<line x1="14" x2="46" y1="{y:.1f}" y2="{y:.1f}" {_pen(index)}/>')
                self._parts.append(_text(52, y + 4, shorten(one.name, LEFT - 62), full=one.name))
        self._y = bottom + 8

    def finish(self, title: str) -> str:
        """Axis, frame and all."""
        bottom = self._y
        axis = "".join(self._ticks(bottom))
        height = bottom + 34
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {WIDTH} {height}" '
            f'font-size="{TEXT}"><title>{escape(title)}</title>{_PATTERNS}{axis}{"".join(self._parts)}</svg>'
        )

    def _ticks(self, bottom: int) -> Iterator[str]:
        span_s = self._course.end_s - self._course.start_s
        step_s = next(
            (step for step in _STEPS_S if span_s / step <= 9), _STEPS_S[-1] * max(1, span_s // (9 * _STEPS_S[-1]))
        )
        days = span_s > 86_400
        previous = 0.0
        for at_s in range(self._course.start_s, self._course.end_s + 1, step_s):
            x = self.x(at_s)
            local = self._words.local(at_s)
            text = local[5:16] if days else local[11:16]
            yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{bottom}" stroke="#ddd"/>'
            left = x - measure(text) / 2
            if left > previous:
                yield _text(left, bottom + 16, text)
                previous = left + measure(text) + 8

    def _label(self, name: str, height: int) -> None:
        self._parts.append(_text(6, self._y + height / 2 + 4, shorten(name, LEFT - 14), full=name))

    def _box(self, span: Span, height: int, fill: str) -> tuple[float, float]:
        left = self.x(span.start_s)
        width = max(1.5, self.x(span.end_s) - left)
        self._parts.append(
            f'<rect x="{left:.1f}" y="{self._y}" width="{width:.1f}" height="{height}" fill="{fill}" stroke="#333"/>'
        )
        return left, width


def measure(text: str) -> float:
    """How wide a text may become, in the units of the drawing: what is not Latin takes a whole square."""
    return sum(TEXT * (1.0 if ord(sign) > 0x2000 else 0.62) for sign in text)


def shorten(text: str, width: float) -> str:
    """As much of a text as has room, with a mark where something is missing."""
    if measure(text) <= width:
        return text
    kept = text
    while kept and measure(kept + "…") > width:
        kept = kept[:-1]
    return kept + "…" if kept else ""


def _text(x: float, y: float, text: str, full: str = "") -> str:
    more = f"<title>{escape(full)}</title>" if full and full != text else ""
    return f'<text x="{x:.1f}" y="{y:.1f}">{more}{escape(text)}</text>'


def _backing(x: float, y: float, width: float, height: float) -> str:
    return f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}" fill="#fff"/>'


def _pen(index: int) -> str:
    return f'stroke="#000" stroke-width="1.6" stroke-dasharray="{_DASHES[index % len(_DASHES)]}"'


def _runs(series: Series) -> Iterator[list[tuple[int, float]]]:
    """The unbroken stretches; a lone value gets a short stroke."""
    run: list[tuple[int, float]] = []
    for at_s, value in (*series.points, (0, None)):
        if value is not None:
            run.append((at_s, value))
        elif run:
            yield run if len(run) > 1 else [run[0], (run[0][0] + 30, run[0][1])]
            run = []


def _scaled(series: Series, factor: float) -> Series:
    points = tuple((at_s, None if value is None else value * factor) for at_s, value in series.points)
    return Series(name=series.name, points=points)


_PATTERNS = (
    "<defs>"
    '<pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect width="6" height="6" fill="#ffe9b8"/>'
    '<line x1="0" y1="0" x2="0" y2="6" stroke="#a60" stroke-width="2"/></pattern>'
    '<pattern id="cross" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#ffd0d0"/>'
    '<path d="M0 0L6 6M6 0L0 6" stroke="#a00" stroke-width="1.2"/></pattern>'
    '<pattern id="dots" width="6" height="6" patternUnits="userSpaceOnUse"><rect width="6" height="6" fill="#e2eeff"/>'
    '<circle cx="3" cy="3" r="1.2" fill="#246"/></pattern>'
    '<pattern id="light" width="4" height="4" patternUnits="userSpaceOnUse"><rect width="4" height="4" fill="#f4f4f4"/>'
    '<line x1="0" y1="2" x2="4" y2="2" stroke="#999" stroke-width="1"/></pattern>'
    "</defs>"
)
