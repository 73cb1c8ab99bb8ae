"""A page as one HTML file that needs nothing else: no script, no font, no picture from anywhere, and prints on A4.

Everything that came from the floor is escaped. Knows no report.
"""

from collections.abc import Iterator
from html import escape
from typing import assert_never

from firmware_py.report.fold import shown_width
from firmware_py.report.page import Block, Facts, Page, Picture, Signature, Table

_STYLE = """
:root{color-scheme:light}*{box-sizing:border-box}
body{font:14px/1.45 "Noto Sans","Noto Sans CJK SC","Microsoft YaHei","PingFang SC",Arial,sans-serif;
 color:#111;background:#fff;max-width:1000px;margin:24px auto;padding:0 16px}
h1{font-size:22px;margin:0}h2{font-size:16px;margin:22px 0 6px;border-bottom:2px solid #111;padding-bottom:2px}
p.sub{margin:2px 0 0;color:#333}
dl{display:grid;grid-template-columns:minmax(150px,max-content) 1fr;gap:2px 16px;margin:0}
dt{font-weight:600}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:12.5px}
th,td{border:1px solid #999;padding:3px 6px;text-align:left;vertical-align:top}
.w{overflow-wrap:anywhere}
th{background:#eee}td.box{width:24px;font-size:16px;line-height:1;text-align:center}
td.t{white-space:nowrap}
svg{width:100%;height:auto;display:block}
.sign{display:flex;flex-wrap:wrap;gap:24px;margin-top:36px}
.sign div{flex:1 1 220px;border-top:1px solid #111;padding-top:4px}
footer{margin-top:24px;font-size:11px;color:#444}
@media print{@page{size:A4;margin:14mm}body{margin:0;padding:0;max-width:none;font-size:11pt}
 h2{break-after:avoid}tr,figure,.sign{break-inside:avoid}thead{display:table-header-group}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
figure{margin:0}
"""
_TIME_LENGTHS = (10, 19)  # a date or a date with its time stays on one line
_SHORT = 10  # places of a cell that is not broken at all
_WORD = 24  # of a word that may be broken anywhere; shorter ones stay whole


def as_html(page: Page) -> str:
    """The whole file."""
    body = "".join(part for block in page.blocks for part in _block(block))
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(page.language)}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{escape(page.title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(page.title)}</h1>"
        f'<p class="sub">{escape(page.subtitle)}</p>{body}<footer>{escape(page.made)}</footer></body></html>\n'
    )


def _block(block: Block) -> Iterator[str]:
    match block:
        case Facts():
            yield f"<h2>{escape(block.heading)}</h2><dl>"
            yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in block.rows)
            yield "</dl>"
        case Table():
            yield f"<h2>{escape(block.heading)}</h2>"
            if not block.rows:
                yield f"<p>{escape(block.none)}</p>"
                return
            yield "<table><thead><tr>" + ("<th></th>" if block.box else "")
            yield from (f"<th>{_words(column)}</th>" for column in block.columns)
            yield "</tr></thead><tbody>"
            for row in block.rows:
                yield (
                    "<tr>"
                    + ('<td class="box">☐</td>' if block.box else "")
                    + "".join(_cell(cell) for cell in row)
                    + "</tr>"
                )
            yield "</tbody></table>"
        case Picture():
            yield f"<figure><h2>{escape(block.heading)}</h2>{block.svg}</figure>"
        case Signature():
            yield '<div class="sign">' + "".join(f"<div>{escape(role)}</div>" for role in block.roles) + "</div>"
        case _ as never:
            assert_never(never)


def _cell(text: str) -> str:
    is_time = len(text) in _TIME_LENGTHS and text[:4].isdecimal() and text[4:5] == "-"
    is_whole = is_time or shown_width(text) <= _SHORT
    return f'<td class="t">{escape(text)}</td>' if is_whole else f"<td>{_words(text)}</td>"


def _words(text: str) -> str:
    """Words stay whole, so that no column is squeezed to letters; a very long one may break, so that nothing is cut."""
    return " ".join(
        f'<span class="w">{escape(word)}</span>' if len(word) > _WORD else escape(word) for word in text.split(" ")
    )
