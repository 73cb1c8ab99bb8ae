"""The legend as one page of HTML: no script, no font, nothing from outside; A4 when printed, readable on a telephone.

Every rhythm is drawn as it runs, so that it is understood without reading. It must not know the site file.
"""

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from config.legend_parts import Lamp, Legend, Listed, Rhythm

SHOWN_MS = 4_000
_WIDTH, _HEIGHT = 320, 14
_COLOURS = {
    "power": "#c62828", "phones": "#c62828", "cooling": "#b58900", "fire": "#c62828", "link": "#b58900",
    "controller": "#2e7d32", "service": "#1565c0",
}  # fmt: skip
_FONTS = (
    'system-ui, "Noto Sans", "Noto Sans CJK SC", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei", sans-serif'
)
_STYLE = f"""
@page {{ size: A4; margin: 14mm }}
* {{ box-sizing: border-box }}
body {{ font: 15px/1.4 {_FONTS}; color: #111; background: #fff;
  max-width: 190mm; margin: 0 auto; padding: 12px; overflow-wrap: anywhere }}
h1 {{ font-size: 24px; margin: 0 0 2px }}
h2 {{ font-size: 17px; margin: 18px 0 6px; border-bottom: 2px solid #111 }}
p {{ margin: 4px 0 }}
table {{ border-collapse: collapse; width: 100% }}
td {{ padding: 4px 8px 4px 0; vertical-align: middle; text-align: left }}
tr {{ break-inside: avoid; border-bottom: 1px solid #ddd }}
.site, .colour {{ color: #444 }}
.lamp {{ width: 22px }}
.lamp svg, .rhythm svg {{ display: block }}
.row {{ font-weight: 700 }}
.row, .colour, .rhythm {{ white-space: nowrap }}
.rhythm {{ width: 1% }}
.rhythm svg {{ width: 300px; max-width: 42vw; height: 14px }}
.notes {{ margin-top: 16px; padding: 8px 12px; border: 2px solid #111; break-inside: avoid }}
td p {{ margin: 1px 0; font-size: 13px }}
.id {{ font-family: monospace; font-size: 12px; color: #444 }}
@media print {{
  body {{ padding: 0; max-width: none; font-size: 12.5px }}
  h2 {{ break-after: avoid; margin-top: 12px }}
  td {{ padding-top: 2px; padding-bottom: 2px }}
  td p {{ font-size: 11px }}
  .every {{ break-before: page }}
}}
"""


def page(legend: Legend, *, every: bool) -> str:
    """The whole document. `every`: with the list of all alarms behind it."""
    words = legend.words
    body = [f"<h1>{escape(words['title'])}</h1><p class=site>{escape(legend.site)}</p>"]
    for name, scope, lamps in legend.panels:
        body.append(_section(f"{words['panel']} {name} ({scope})", _rows(map(_lamp, lamps))))
    body.append(_section(words["rhythms"], _rows(map(_rhythm, legend.lamp_rhythms))))
    if legend.sound_rhythms:
        body.append(_section(words["sounder"], _rows(map(_rhythm, legend.sound_rhythms))))
    if legend.buttons:
        pressed = (f"<td class=row>{escape(name)}</td><td>{escape(what)}</td>" for name, what in legend.buttons)
        body.append(_section(words["buttons"], _rows(pressed)))
    body.append(f"<div class=notes>{''.join(f'<p>{escape(note)}</p>' for note in legend.notes)}</div>")
    if every:
        listed = _rows(_alarm(one, words) for one in legend.alarms)
        body.append(f"<div class=every>{_section(words['alarms'], listed)}</div>")
    tongue = "zh-Hans" if legend.language == "zh" else legend.language
    return (
        f'<!doctype html>\n<html lang="{tongue}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(legend.site)}: {escape(words['title'])}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{''.join(f'{part}{chr(10)}' for part in body)}</body></html>"
    )


def _section(title: str, table: str) -> str:
    return f"<h2>{escape(title)}</h2>{table}"


def _rows(rows: Iterable[str]) -> str:
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def _lamp(lamp: Lamp) -> str:
    drawn = f'<svg width=18 height=18><circle cx=9 cy=9 r=8 fill="{_COLOURS[lamp.row]}" stroke="#111"/></svg>'
    return (
        f"<td class=lamp>{drawn}</td><td class=row>{escape(lamp.label)}</td>"
        f"<td class=colour>{escape(lamp.colour)}</td><td>{escape(lamp.speaks)}</td>"
    )


def _rhythm(rhythm: Rhythm) -> str:
    bars = "".join(
        f'<rect x="{from_ms * _WIDTH / SHOWN_MS:g}" y=0 width="{(to_ms - from_ms) * _WIDTH / SHOWN_MS:g}" '
        f'height="{_HEIGHT}" fill="#111"/>'
        for from_ms, to_ms in lit(rhythm.steps)
    )
    frame = f'<rect x=0 y=0 width="{_WIDTH}" height="{_HEIGHT}" fill="#e4e4e4"/>'
    drawn = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img">{frame}{bars}</svg>'
    return f"<td class=rhythm>{drawn}</td><td>{escape(rhythm.means)}</td>"


def lit(steps: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """When the pattern is on within what is drawn, in milliseconds from its beginning."""
    at_ms = 0
    while at_ms < SHOWN_MS:
        for number, step_ms in enumerate(steps):
            until_ms = min(at_ms + step_ms, SHOWN_MS)
            if number % 2 == 0 and until_ms > at_ms:
                yield at_ms, until_ms
            at_ms = until_ms


def _alarm(one: Listed, words: Mapping[str, str]) -> str:
    said = "".join(
        f"<p>{escape(words[name])}: {escape(text)}</p>" for name, text in (("follows", one.follows), ("todo", one.todo))
    )
    return (
        f"<td class=row>{escape(one.row)}</td><td><b>{escape(one.text)}</b><br>"
        f"<span class=id>{escape(one.id)}</span>{said}</td><td>{escape(one.priority)}</td>"
    )
