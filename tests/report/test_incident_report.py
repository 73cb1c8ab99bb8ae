"""The report of an incident: what it says, in both languages and every format, whatever the book holds."""

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

import pytest

from config.texts import load_texts
from firmware_py.report.course import read_course
from firmware_py.report.fold import shown_width
from firmware_py.report.incident import MAX_LINES, incident_page
from firmware_py.report.page import Page, Picture, Table
from firmware_py.report.picture import LEFT, RIGHT, WIDTH, draw, measure, shorten
from firmware_py.report.render_html import as_html
from firmware_py.report.render_text import as_markdown, as_text
from tests.report.told import SITE, book_of, incident_of, outage, words


@pytest.fixture(scope="module")
def power(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """The outage as the book has it."""
    book = book_of(outage(), tmp_path_factory.mktemp("book"))
    (found,) = [one for one in book.incidents() if one["cause"] == "power"]
    return incident_of(book, str(found["id"]))


def page(power: Mapping[str, Any], language: str = "en") -> Page:
    return incident_page(power, SITE, words(language))


def picture(power: Mapping[str, Any], language: str = "en") -> ElementTree.Element:
    (drawn,) = [block for block in page(power, language).blocks if isinstance(block, Picture)]
    return ElementTree.fromstring(drawn.svg)


def test_the_facts_of_the_plans_are_on_it(power: Mapping[str, Any]) -> None:
    said = " ".join(as_text(page(power)).split())
    for fact in (
        "Class technical fault", "Start 2026-11-18 11:23:35", "Recovery 2026-11-18 12:07:00", "Duration 43 min",
        "Acknowledged by li", "Tier reached 2", "Modes CONSERVATION → RECOVERY", "Energy not drawn 0.98 kWh",
        "Outbound paused for 43 min", "Longest blind time 15 min", "Exit and meeting point Stairs, then car park B",
        "loads cut: load.office", "tier 2 told: 服务经理, 0102", "mains lost", "mains back",
    ):  # fmt: skip
        assert fact in said, fact


def test_items_of_the_checklist_say_who_has_done_them_and_which_are_open(power: Mapping[str, Any]) -> None:
    lists = next(b for b in page(power).blocks if isinstance(b, Table) and b.heading == "Checklists")
    assert [row[2] for row in lists.rows] == ["wang", "open"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_nothing_of_the_floor_gets_into_the_page_unescaped_and_the_page_needs_nothing_else(
    power: Mapping[str, Any], language: str
) -> None:
    said = as_html(page(power, language))
    assert "Duty &lt;manager&gt;" in said and "<manager>" not in said and "<3>" not in said
    assert not re.search(r"(src|href)=|url\((?!#)|<script|@import", said)
    # Every tag is closed, so that it is XML but for the two of its head.
    ElementTree.fromstring(re.sub(r"(<meta[^>]*)>", r"\1/>", said.partition("\n")[2]))


def test_markdown_escapes_what_would_become_markup_and_json_carries_everything(power: Mapping[str, Any]) -> None:
    said = as_markdown(page(power))
    assert "Duty \\<manager\\>" in said and "| 2026-11-18 11:23:35 | notice |" in said
    document = json.loads(json.dumps(page(power).data))
    assert document["incident"]["timeline"][0]["type"] == "incident.opened"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_label_of_the_picture_leaves_its_place_or_lies_over_another(power: Mapping[str, Any], language: str) -> None:
    boxes = []
    for text in picture(power, language).iter("{http://www.w3.org/2000/svg}text"):
        shown = "".join(text.itertext()).replace(text.findtext("{http://www.w3.org/2000/svg}title") or "", "", 1)
        left, base = float(text.attrib["x"]), float(text.attrib["y"])
        boxes.append((left, base - 9, left + measure(shown), base + 2, shown))
    assert len(boxes) > 20
    for one in boxes:
        assert one[0] >= 0 and one[2] <= WIDTH, one
        for other in boxes:
            apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            assert one is other or apart, (one, other)


def test_the_bands_stand_where_their_times_are(power: Mapping[str, Any]) -> None:
    course = read_course(power, power["timeline"])
    assert course is not None
    assert [span.label for span in course.modes] == ["conservation", "recovery"]
    assert course.modes[0].end_s == course.modes[1].start_s
    assert [span.label for span in course.trunks[0][1]] == ["up", "down", "up"]
    assert course.charges[0].points[0][1] == 100.0
    rects = [one.attrib for one in picture(power).iter("{http://www.w3.org/2000/svg}rect") if "stroke" in one.attrib]
    total_s, plot = course.end_s - course.start_s, WIDTH - LEFT - RIGHT
    first = course.modes[0]
    assert float(rects[0]["x"]) == pytest.approx(LEFT, abs=0.1)
    assert float(rects[0]["width"]) == pytest.approx((first.end_s - first.start_s) / total_s * plot, abs=0.2)


def test_a_hole_in_the_readings_is_no_line_across_it() -> None:
    looks = [(0, 90.0), (60, 80.0), (120, None), (180, None), (240, 60.0)]
    timeline = [
        {"type": "incident.course", "ts": f"2026-11-18T00:{s // 60:02d}:00.000Z",
         "data": {"mode": "conservation", "ups1.forecast.charge_pct": value}}
        for s, value in looks
    ]  # fmt: skip
    incident = {"opened": "2026-11-18T00:00:00.000Z", "closed": "2026-11-18T00:05:00.000Z"}
    course = read_course(incident, timeline)
    assert course is not None
    assert draw(course, words("en")).count("<polyline") == 2


def test_an_incident_without_times_or_with_nonsense_still_has_a_report() -> None:
    for incident in ({}, {"id": "2026-0001", "opened": "never", "timeline": [{"ts": 7, "data": []}, "x"], "alarms": 3}):
        said = as_text(incident_page(incident, SITE, words("en")))
        assert "Start" in said and "still open" in said


def test_as_long_as_it_lasts_the_report_says_what_to_do(power: Mapping[str, Any]) -> None:
    todo = words("en").texts.action["on_battery"]
    assert todo not in as_text(page(power))
    assert todo in as_text(page({**power, "state": "open"}))


def test_an_endless_timeline_is_cut_in_the_middle_and_says_so(power: Mapping[str, Any]) -> None:
    record = {"ts": "2026-11-18T00:00:00.000Z", "type": "power.strange", "data": {"odd": "thing"}}
    long = {**power, "timeline": [record] * (MAX_LINES + 50)}
    table = next(b for b in page(long).blocks if isinstance(b, Table) and b.heading == "Timeline")
    assert len(table.rows) == MAX_LINES + 1
    assert table.rows[MAX_LINES // 2][1] == "… 50 lines left out …"
    assert table.rows[0][1] == "power.strange odd=thing"


def test_a_label_is_shortened_to_its_place() -> None:
    assert shorten("short", 100) == "short"
    assert shorten("a rather long name of a trunk", 60).endswith("…")
    assert measure(shorten("非常非常非常长的名称", 60)) <= 60
    assert shorten("x", 1) == ""
    assert shown_width("市电 ok") == 7


def test_both_languages_say_everything_that_the_other_says() -> None:
    english, chinese = load_texts("en"), load_texts("zh")
    for section in ("alarm", "consequence", "action", "cause", "checklist", "notice", "report", "mode", "row"):
        one, other = getattr(english, section), getattr(chinese, section)
        assert one.keys() == other.keys(), section
        for key in one:
            assert set(re.findall(r"\{\w+\}", one[key])) == set(re.findall(r"\{\w+\}", other[key])), key
