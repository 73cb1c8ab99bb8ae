"""Each row of the emergency procedures is a story that holds, or says why it is open; the page in docs is up to date."""

import re

import pytest

from tests.conftest import PROJECT
from tests.stories.page import PAGE, head
from tests.stories.rows import Row, play, read_rows

ROWS = read_rows()
SECTIONS = {"1": 9, "2": 5, "3": 2, "4": 6, "5": 3, "6": 7}  # rows of the specification


@pytest.mark.parametrize(
    "row", [one for one in ROWS if not (one.open_because or one.elsewhere)], ids=lambda one: one.number
)
def test_the_row_of_the_procedures_holds(row: Row) -> None:
    play(row)


def test_every_row_of_the_specification_has_its_story_or_its_reason() -> None:
    counted = {section: [row.number for row in ROWS if row.number.split(".")[0] == section] for section in SECTIONS}
    assert counted == {s: [f"{s}.{number}" for number in range(1, count + 1)] for s, count in SECTIONS.items()}
    assert all(row.story for row in ROWS)


@pytest.mark.parametrize("row", [one for one in ROWS if one.elsewhere], ids=lambda one: one.number)
def test_a_story_that_stands_elsewhere_is_there(row: Row) -> None:
    file, name = row.elsewhere.split()
    assert f"def {name}(" in (PROJECT / file).read_text(encoding="utf-8")


def test_the_page_lists_the_rows_as_they_are_now() -> None:
    said = PAGE.read_text(encoding="utf-8")
    assert said.startswith(head())
    listed = re.findall(r"^\| (\d\.\d) \| (.*?) \| .*? \| (.*?) \|$", said, flags=re.MULTILINE)
    wanted = [(row.number, row.says, f"open: {row.open_because}" if row.open_because else "holds") for row in ROWS]
    assert listed == wanted, "run `python -m tests.stories.page` again"


def test_a_story_that_does_not_hold_names_its_line() -> None:
    row = Row(section="x", number="9.9", says="no", story="0:10  expect mode EVACUATION")
    with pytest.raises(AssertionError, match="0:10  expect mode EVACUATION"):
        play(row)
