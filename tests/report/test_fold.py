"""Long lines on a narrow terminal: none is wider, nothing is lost, and every report fits."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_py.report.fold import fold, shown_width
from firmware_py.report.incident import incident_page
from firmware_py.report.month import month_page
from firmware_py.report.page import Page, Table
from firmware_py.report.render_text import as_text
from firmware_py.report.shift import shift_page
from firmware_py.wiring.records import look_up
from tests.report.test_month_and_shift import NOVEMBER_S
from tests.report.told import SITE, book_of, outage, words

SIGNS = st.text(st.sampled_from("ab c·…电源 中"), max_size=80)


@given(SIGNS, st.integers(6, 40), st.sampled_from(["", "  ", "- "]))
def test_no_line_is_wider_and_no_sign_is_lost(text: str, width: int, before: str) -> None:
    lines = list(fold(text, width, before))
    assert all(shown_width(line) <= width for line in lines), lines
    assert "".join("".join(line[len(before) :].split()) for line in lines) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", [""]),
        ("one two three", ["one two", "three"]),
        ("aaaaaaaaaaaa b", ["aaaaaaaa", "aaaa b"]),
        ("市电中断了吗", ["市电中断", "了吗"]),
        ("exactly8 x", ["exactly8", "x"]),
    ],
)
def test_a_line_is_folded_where_people_would(text: str, lines: list[str]) -> None:
    assert list(fold(text, 8)) == lines
    assert list(fold(text, 0)) == [text]


def test_what_follows_the_first_line_stands_under_it() -> None:
    assert list(fold("one two three", 9, "* ")) == ["* one two", "  three"]
    assert list(fold("one two three", 9, "* ", "....")) == ["* one two", "....three"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[Page]:
    floor = outage()
    book = book_of(floor, tmp_path_factory.mktemp("state") / "book")
    picture = {
        "mode": "normal",
        "matters": [{"id": "a", "kind": "alarm", "about": "x" * 90, "by": "", "why": "y " * 60}],
    }
    month: Any = look_up(book, "month", "2026-11")["month"]
    incident: Any = look_up(book, "incident", "")["incident"]
    return [
        page
        for language in ("en", "zh")
        for page in (
            incident_page(incident, SITE, words(language)),
            month_page(month, SITE, words(language), NOVEMBER_S),
            shift_page(picture, month, SITE, words(language)),
        )
    ]


@pytest.mark.parametrize("width", [80, 100])
def test_every_report_fits_the_terminal_and_says_the_same(pages: list[Page], width: int) -> None:
    for page in pages:
        narrow, whole = as_text(page, width), as_text(page)
        assert max(shown_width(line) for line in narrow.splitlines()) <= width
        assert sorted(narrow.replace(" ", "").replace("\n", "").replace("=", "")) == sorted(
            whole.replace(" ", "").replace("\n", "").replace("=", "")
        )


def test_a_cell_that_is_folded_stays_in_its_column() -> None:
    table = Table(heading="H", columns=("Time", "What"), rows=(("08:00", "a long story " * 4),), none="")
    page = Page(title="T", subtitle="", language="en", made="m", blocks=(table,))
    lines = as_text(page, 30).splitlines()
    row = next(index for index, line in enumerate(lines) if "08:00" in line)
    assert lines[row].startswith("  08:00  a long story") and lines[row + 1].startswith(" " * 9 + "story")
