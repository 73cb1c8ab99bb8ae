"""Each alarm says what follows if nobody acts and what to do, in both languages; the pages are as the texts are."""

from __future__ import annotations

import re

import pytest

from config.alarm_page import alarm_page
from config.texts import load_texts
from firmware_py.core.alarm import Alarm
from firmware_py.wiring.building import build_floor
from monitors.parts import Row
from tests.conftest import PROJECT

LANGUAGES = ("en", "zh")
SITES = sorted((PROJECT / "config" / "sites").glob("*.toml")) + sorted((PROJECT / "tests" / "stories").glob("*.toml"))
PAGES = {"en": "alarms.md", "zh": "alarms.zh.md"}


def alarms() -> list[tuple[Row, Alarm]]:
    return [(listed.row, listed.alarm) for site in SITES for listed in build_floor(site)[0].alarms]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_alarm_of_each_floor_has_its_sentence_its_consequence_and_what_to_do(language: str) -> None:
    texts, seen = load_texts(language), alarms()
    assert len({alarm.text for _, alarm in seen}) > 60
    for _, alarm in seen:
        assert texts.alarm_text(alarm.id, alarm.text) != alarm.text, alarm.id
        follows, todo = texts.advice(alarm.text)
        assert len(follows) > 3 and len(todo) > 3 and follows != todo, alarm.id
    assert texts.advice("alarm.moon") == ("", "")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_missing_left_over_or_too_long_for_its_place(language: str) -> None:
    texts = load_texts(language)
    assert list(texts.consequence) == list(texts.alarm) == list(texts.action)
    for name in texts.alarm:
        assert len(texts.consequence[name]) <= 100 and len(texts.action[name]) <= 100, name
        assert bool(re.search(r"[\u4e00-\u9fff]", texts.action[name] + texts.consequence[name])) is (language == "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_what_the_texts_say(language: str) -> None:
    page = (PROJECT / "docs" / PAGES[language]).read_text(encoding="utf-8")
    assert page == alarm_page(language), f"python -m config.alarm_page {language} > docs/{PAGES[language]}"
    assert page.count("\n| ") == len(load_texts(language).alarm) + 1


def test_what_people_are_told_to_type_is_a_verb_that_there_is() -> None:
    from firmware_py.cli.verbs import build_parser

    said = " ".join((*load_texts("en").action.values(), *load_texts("zh").action.values()))
    typed = set(re.findall(r"floorguard ([a-z-]+)", said))
    assert {"plan", "outage", "drill", "export"} <= typed
    choices = build_parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]  # argparse has no other way
    assert choices is not None and typed <= set(choices)
