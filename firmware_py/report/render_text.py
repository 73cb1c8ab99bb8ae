"""A page as plain text for a terminal and as Markdown.

Columns are aligned by how wide a sign is shown: what is not Latin takes two places. Knows no report.
"""

from collections.abc import Iterator, Sequence
from typing import assert_never

from firmware_py.report.page import Block, Facts, Page, Picture, Signature, Table

_CELL = 60


def as_text(page: Page) -> str:
    """For a terminal of 80 columns or more."""
    lines = [page.title, page.subtitle, "=" * max(shown_width(page.title), shown_width(page.subtitle)), ""]
    for block in page.blocks:
        lines += [*_text(block), ""]
    return "\n".join([*lines, page.made]) + "\n"


def as_markdown(page: Page) -> str:
    """For a wiki or a ticket."""
    lines = [f"# {_escape(page.title)}", "", _escape(page.subtitle), ""]
    for block in page.blocks:
        lines += [*_markdown(block), ""]
    return "\n".join([*lines, f"_{_escape(page.made)}_"]) + "\n"


def shown_width(text: str) -> int:
    """Places that a text takes in a terminal."""
    return sum(2 if ord(sign) >= 0x1100 and not 0x2000 <= ord(sign) < 0x2E80 else 1 for sign in text)


def _text(block: Block) -> Iterator[str]:
    match block:
        case Facts():
            yield block.heading
            width = max((shown_width(name) for name, _ in block.rows), default=0)
            yield from (f"  {_padded(name, width)}  {value}" for name, value in block.rows)
        case Table():
            yield block.heading
            if not block.rows:
                yield f"  {block.none}"
                return
            widths = [
                min(_CELL, max(shown_width(row[index]) for row in (block.columns, *block.rows)))
                for index in range(len(block.columns))
            ]
            mark = "[ ] " if block.box else ""
            yield "  " + " " * len(mark) + _row(block.columns, widths)
            yield from (f"  {mark}{_row(row, widths)}" for row in block.rows)
        case Picture():
            yield block.heading
            yield from (f"  {line}" for line in block.words)
        case Signature():
            yield from (f"{role}: ______________________________" for role in block.roles)
        case _ as never:
            assert_never(never)


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
