"""The month against the targets of ISA-18.2, the hand-over of a shift, and the list of open defects."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from firmware_py.core.command import CommandKind
from firmware_py.report.kpi import Kpis, measure_month
from firmware_py.report.month import month_page
from firmware_py.report.render_html import as_html
from firmware_py.report.render_text import as_markdown, as_text
from firmware_py.report.shift import defects_page, shift_page
from firmware_py.runtime.board import Board
from firmware_py.runtime.clock import SystemClock, utc_text
from firmware_py.runtime.ledger import MAX_ACTIVATIONS, activations, summary
from firmware_py.runtime.lines import Document
from tests.core.floor import MINUTE, Floor
from tests.report.told import SITE, book_of, outage, words

DAY_S = 86_400
NOVEMBER_S = 1_793_491_200  # 2026-11-01T00:00Z


def raised(at_s: int, alarm: str = "ups1.on_battery", priority: str = "low", **more: int) -> Document:
    """An activation that stands for a minute, unless `stood_s` says otherwise."""
    cleared_s = at_s + more.get("stood_s", 60)
    acked = utc_text((at_s + more["acked_s"]) * 1000) if "acked_s" in more else None
    return {
        "alarm": alarm, "priority": priority, "raised": utc_text(at_s * 1000), "cleared": utc_text(cleared_s * 1000),
        "acked": acked, "drill": bool(more.get("drill")),
    }  # fmt: skip


def measured(told: Sequence[Document], days: int = 30) -> Kpis:
    return measure_month(told, NOVEMBER_S, NOVEMBER_S + days * DAY_S)


def test_the_rate_is_counted_a_day_and_a_drill_is_no_alarm() -> None:
    told = [raised(NOVEMBER_S + day * DAY_S + 60 * n) for day in range(3) for n in range(10)]
    kpis = measured([*told, raised(NOVEMBER_S + 5, drill=1)])
    assert (kpis.count, kpis.per_day, kpis.worst_day) == (30, 1.0, 10)


def test_a_flood_begins_above_ten_in_ten_minutes_and_ends_under_five() -> None:
    ten = [raised(NOVEMBER_S + 30 * n) for n in range(10)]
    assert (measured(ten).peak, measured(ten).floods) == (10, 0)
    eleven = [raised(NOVEMBER_S + 30 * n) for n in range(11)]
    kpis = measured(eleven)
    assert (kpis.peak, kpis.floods) == (11, 1)
    # From the eleventh, at 300 s, until only four are younger than ten minutes: the seventh leaves at 180 + 600 s.
    assert kpis.flood_s == 480
    assert kpis.flood_pct == pytest.approx(100 * 480 / (30 * DAY_S))


def test_chatter_is_three_within_a_minute_and_stale_is_longer_than_a_day() -> None:
    chatter = [raised(NOVEMBER_S + 25 * n, "trunks.main.down") for n in range(6)]
    slow = [raised(NOVEMBER_S + 31 * n, "room1.warm") for n in range(6)]
    old = raised(NOVEMBER_S + 9, "ups1.replace_battery", stood_s=DAY_S + 1)
    kpis = measured([*chatter, *slow, old, raised(NOVEMBER_S, "room1.hot", stood_s=DAY_S)])
    assert kpis.chattering == (("trunks.main.down", 2),)
    assert kpis.stale == ("ups1.replace_battery",)
    assert kpis.top[0] == ("room1.warm", 6) and kpis.top[1] == ("trunks.main.down", 6)


def test_priorities_are_shares_and_the_answer_is_the_median() -> None:
    told = [raised(NOVEMBER_S + n, priority="low") for n in range(8)]
    told += [
        raised(NOVEMBER_S + 100, priority="medium", acked_s=30),
        raised(NOVEMBER_S + 200, priority="high", acked_s=90),
    ]
    kpis = measured(told)
    assert kpis.mix_pct == {"low": 80.0, "medium": 10.0, "high": 10.0}
    assert kpis.answer_s == 90.0
    assert measured([]).answer_s is None and measured([]).mix_pct["low"] == 0.0


def test_an_activation_is_an_instance_of_its_own_whatever_end_of_it_is_missing() -> None:
    def record(kind: str, ts: str, alarm: str = "a.b") -> Document:
        return {"type": f"alarm.{kind}", "ts": ts, "data": {"alarm": alarm, "priority": "low", "text": "alarm.fire"}}

    told = activations([
        record("cleared", "1"), record("raised", "2"), record("acked", "3"), record("acked", "4"),
        record("cleared", "5"), record("raised", "6"), {"type": "mode.changed", "ts": "7", "data": 3},
    ])  # fmt: skip
    assert [(one["raised"], one["acked"], one["cleared"]) for one in told] == [
        (None, None, "1"), ("2", "3", "5"), ("6", None, None),
    ]  # fmt: skip
    many = [record("raised", str(n), f"a.{n}") for n in range(MAX_ACTIVATIONS + 3)]
    assert summary("2026-11", [], many)["cut"] == 3


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return summary("2026-11", *book_of(outage(), tmp_path_factory.mktemp("book")).month("2026-11"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_month_has_its_outage_its_incidents_and_its_rates(month: Any, language: str) -> None:
    page = month_page(month, SITE, words(language), NOVEMBER_S + 20 * DAY_S)
    for said in (as_text(page), as_markdown(page), as_html(page)):
        assert "2026-0001" in said and "0.98 kWh" in said
    assert json.loads(json.dumps(page.data))["kpis"]["count"] == len(month["activations"]) == 5


def test_a_battery_that_did_not_last_is_an_endurance_missed(month: Any) -> None:
    note = {"ts": "2026-11-18T11:50:00.000Z", "type": "power.manual_records", "incident": "2026-0001", "data": {}}
    kept = as_text(month_page(month, SITE, words("en"), NOVEMBER_S + 20 * DAY_S))
    missed = as_text(month_page({**month, "notes": [note]}, SITE, words("en"), NOVEMBER_S + 20 * DAY_S))
    row = next(line for line in missed.splitlines() if "2026-0001" in line)
    assert row.endswith("MISSED") and "MISSED" not in kept


def test_an_empty_month_is_told_as_such_also_in_december() -> None:
    page = month_page({"month": "2026-12"}, SITE, words("en"), NOVEMBER_S)
    said = as_text(page)
    assert "No power cut." in said and "No incident." in said and "No alarm." in said


class Floors:
    """The daemon's picture of a floor of the core's tests."""

    def __init__(self, floor: Floor) -> None:
        board = Board(
            floor.plan, SystemClock(), run="b1", outputs=tuple, devices=tuple, storage=dict,
        )  # fmt: skip
        from firmware_py.core.image import freeze

        board.show(freeze(floor.plan.points.values(), floor.readings, floor.now_ms), floor.last)
        self.picture = board.snapshot()


@pytest.fixture(scope="module")
def handed() -> Floor:
    floor = outage()
    floor.order(CommandKind.OVERRIDE, "beacon", False, by="li")
    floor.order(CommandKind.HANDOVER, by="li")
    floor.order(CommandKind.TAKE_OVER, "override:beacon", by="wang")
    return floor


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_hand_over_names_each_matter_and_who_took_it(handed: Floor, month: Any, language: str) -> None:
    page = shift_page(Floors(handed).picture, month, SITE, words(language))
    said = as_text(page)
    (row,) = [line for line in said.splitlines() if "beacon" in line]
    assert "[ ]" in row and row.rstrip().endswith("wang")
    assert words(language)("handover.running", by="li", n=len(handed.state.handover.left)) in said
    assert words(language).item("systems") in said
    assert "☐" in as_html(page) and "☐" in as_markdown(page)


def test_what_stands_for_a_day_is_overdue(handed: Floor, month: Any) -> None:
    picture: Any = Floors(handed).picture
    picture["lists"]["power.recovery"]["elapsed_ms"] = DAY_S * 1000
    said = as_text(shift_page(picture, month, SITE, words("en")))
    assert "Checklist (overdue)" in said
    picture["lists"]["power.recovery"]["elapsed_ms"] = DAY_S * 1000 - 1
    assert "overdue" not in as_text(shift_page(picture, month, SITE, words("en")))


def test_defects_are_listed_with_their_closings_and_an_incident_is_none(handed: Floor, month: Any) -> None:
    page = defects_page(Floors(handed).picture, [month, month], SITE, words("en"))
    said = as_text(page)
    assert "Overridden" in said or "Override" in said
    assert "Closed lately" in said and "ups1: mains lost, running on battery" in said
    assert "incident:" not in said
    assert as_text(defects_page({}, [], SITE, words("en"))).count("Nothing") == 2


def test_a_floor_that_has_just_started_has_nothing_to_hand_over() -> None:
    said = as_text(shift_page({"mode": "starting"}, {}, SITE, words("en")))
    assert "Nothing is open." in said and "No hand-over is recorded." in said


def test_a_shelved_alarm_says_why_and_by_whom(month: Any) -> None:
    matter = {"id": "shelved:room1.warm", "kind": "shelved", "about": "room1.warm", "by": "li", "why": "painting"}
    picture = {"matters": [matter], "alarms": {"room1.warm": {"text": "alarm.room_warm", "elapsed_ms": 5 * MINUTE}}}
    said = as_text(defects_page(picture, [month], SITE, words("en")))
    (row,) = [line for line in said.splitlines() if "painting" in line]
    assert "room1: room is warm (painting)" in row and "li" in row and "5 min" in row


@pytest.mark.parametrize("language", ["en", "zh"])
def test_whoever_takes_over_reads_what_each_open_alarm_asks_for_and_only_once(month: Any, language: str) -> None:
    open_now = ("room1.warm", "room2.warm", "hvac1.failed", "moon.x")
    texts = dict(zip(open_now, ("alarm.room_warm", "alarm.room_warm", "alarm.hvac_failed", "alarm.moon"), strict=True))
    picture = {
        "matters": [{"id": f"alarm:{name}", "kind": "alarm", "about": name} for name in open_now],
        "alarms": {name: {"text": text, "elapsed_ms": MINUTE} for name, text in texts.items()},
    }
    todo = words(language).texts.action
    for page in (shift_page(picture, month, SITE, words(language)), defects_page(picture, [], SITE, words(language))):
        said = as_text(page)
        assert said.count(todo["room_warm"]) == 1 and said.count(todo["hvac_failed"]) == 1
        (row,) = [line for line in said.splitlines() if todo["room_warm"] in line]
        assert "room1" in row and "room2" in row


def test_a_report_of_the_book_of_a_year_asks_for_its_month_only(tmp_path: Path) -> None:
    book = book_of(outage(), tmp_path)
    assert book.month("2026-10") == ([], [])
    incidents, told = book.month("2026-11")
    assert len(incidents) == 3 and {str(one["ts"])[:7] for one in told} == {"2026-11"}
