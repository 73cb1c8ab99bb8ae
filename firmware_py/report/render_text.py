"""A page as plain text for a terminal and as Markdown.

Columns are aligned by how wide a sign is shown: what is not Latin takes two places. Knows no report.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from firmware_py.report.fold import fold, shown_width
from firmware_py.report.page import Block, Facts, Page, Picture, Signature, Table

_CELL, _NARROWEST = 60, 8


def as_text(page: Page, width: int = 0) -> str:
    """For a terminal: nothing is wider than `width` columns; 0: as wide as it is, for a file or another program."""
    rule = max(shown_width(page.title), shown_width(page.subtitle))
    lines = [*fold(page.title, width), *fold(page.subtitle, width), "=" * (min(rule, width) if width else rule), ""]
    for block in page.blocks:
        lines += [*_text(block, width), ""]
    return "\n".join([*lines, *fold(page.made, width)]) + "\n"


def as_markdown(page: Page) -> str:
    """For a wiki or a ticket."""
    lines = [f"# {_escape(page.title)}", "", _escape(page.subtitle), ""]
    for block in page.blocks:
        lines += [*_markdown(block), ""]
    return "\n".join([*lines, f"_{_escape(page.made)}_"]) + "\n"


def _text(block: Block, room: int) -> Iterator[str]:
    match block:
        case Facts():
            yield from fold(block.heading, room)
            width = max((shown_width(name) for name, _ in block.rows), default=0)
            yield from (
                line for row in block.rows for line in _folded(row, _fit([width, room or _CELL], room, 2), room, "  ")
            )
        case Table():
            yield from fold(block.heading, room)
            if not block.rows:
                yield from fold(block.none, room, "  ")
                return
            widths = [
                min(_CELL, max(shown_width(row[index]) for row in (block.columns, *block.rows)))
                for index in range(len(block.columns))
            ]
            mark = "[ ] " if block.box else ""
            widths = _fit(widths, room, 2 + len(mark))
            yield from _folded(block.columns, widths, room, "  " + " " * len(mark))
            for row in block.rows:
                yield from _folded(row, widths, room, f"  {mark}")
        case Picture():
            yield from fold(block.heading, room)
            yield from (line for words in block.words for line in fold(words, room, "  "))
        case Signature():
            yield from (f"{role}: ______________________________" for role in block.roles)
        case _ as never:
            assert_never(never)


def _fit(widths: Sequence[int], room: int, before: int) -> list[int]:
    """The widest columns give way until the row fits into `room`."""
    fitted = list(widths)
    while room and before + sum(fitted) + 2 * (len(fitted) - 1) > room and max(fitted) > _NARROWEST:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _folded(cells: Sequence[str], widths: Sequence[int], room: int, before: str) -> Iterator[str]:
    """One row, in as many lines as its longest cell needs."""
    if not room:
        yield before + _row(cells, widths)
        return
    columns = [list(fold(cell, width)) or [""] for cell, width in zip(cells, widths, strict=True)]
    for index in range(max(len(column) for column in columns)):
        line = [column[index] if index < len(column) else "" for column in columns]
        yield (before if index == 0 else " " * len(before)) + _row(line, widths)


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(_padded(cell, width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _padded(text: str, width: int) -> str:
    return text + " " * max(0, width - shown_width(text))


def _markdown(block: Block) -> Iterator[str]:
    match block:
        case Facts():
            yield f"## {_escape(block.heading)}"
            yield ""
            yield from (f"- **{_escape(name)}**: {_escape(value)}" for name, value in block.rows)
        case Table():
            yield f"## {_escape(block.heading)}"
            yield ""
            if not block.rows:
                yield _escape(block.none)
                return
            columns = (" ", *block.columns) if block.box else block.columns
            yield "| " + " | ".join(_escape(column) for column in columns) + " |"
            yield "|" + "---|" * len(columns)
            for row in block.rows:
                cells = ("☐", *row) if block.box else row
                yield "| " + " | ".join(_escape(cell) for cell in cells) + " |"
        case Picture():
            yield f"## {_escape(block.heading)}"
            yield ""
            yield from (f"- {_escape(line)}" for line in block.words)
        case Signature():
            yield from (f"{_escape(role)}: \\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_\\_" for role in block.roles)
        case _ as never:
            assert_never(never)


def _escape(text: str) -> str:
    for sign in "\\`*_[]<>|#":
        text = text.replace(sign, "\\" + sign)
    return text.replace("\n", " ")
