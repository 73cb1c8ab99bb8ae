"""What a site says about its alarms: it counts, and what leads nowhere is refused at its line."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from config.check_alarms import check_alarms
from config.compile import compile_floor
from config.devices import find_devices
from config.floor import Floor, sounds
from config.library import Library
from config.site import build_site
from config.strict import ConfigError, parse
from config.texts import load_texts
from firmware_py.core.alarm import AlarmPriority
from firmware_py.core.output import PATTERN_STEPS, Pattern
from monitors.parts import Row

EXAMPLE = Path(__file__).resolve().parents[2] / "config" / "sites" / "example.toml"
SERVICE = (
    '\n[[output]]\nid = "lamp.service"\nport = "gpio"\npin = 12\npolarity = "active_high"\non_stop = "off"\n'
    'on_fault = "off"\n\n[[lamp]]\nrow = "SERVICE"\noutput = "lamp.service"\n'
)
TEXT = EXAMPLE.read_text(encoding="utf-8") + SERVICE


def floor_of(more: str, text: str = TEXT) -> Floor:
    document = parse(text + more, "site.toml")
    site = build_site(document)
    floor = compile_floor(site, find_devices(document, site, Library(EXAMPLE.parent)))
    check_alarms(document, floor)
    return floor


def refused(more: str, text: str = TEXT) -> str:
    with pytest.raises(ConfigError) as caught:
        floor_of(more, text)
    return str(caught.value)


def entry(name: str, rest: str) -> str:
    return f'\n[[alarm]]\nid = "{name}"\n{rest}\n'


def test_a_floor_may_want_another_priority_delay_and_reminder() -> None:
    more = entry("*.humid", 'priority = "medium"') + entry("room1.humid", 'on_delay = "9 min"\nremind = "2 h"')
    floor = floor_of(more + entry("room1.dry", 'off_delay = "5 min"'))
    humid = floor.plan.alarms["room1.humid"]
    assert (humid.priority, humid.realarm_ms) == (AlarmPriority.MEDIUM, 7_200_000)
    assert floor.plan.conditions["room1.humid"].on_delay_ms == 540_000
    assert floor.plan.conditions["room1.dry"].off_delay_ms == 300_000
    assert floor.plan.alarms["room1.dry"].priority is AlarmPriority.LOW


def test_reminders_follow_the_priority() -> None:
    floor = floor_of('\n[alarms]\nremind_high = "30 min"\nchatter_count = 5\n')
    assert floor.plan.alarms["ups1.on_battery"].realarm_ms == 1_800_000
    assert floor.plan.alarms["ups1.unreachable"].realarm_ms == 28_800_000
    assert floor.plan.alarms["drill.overdue"].realarm_ms == 0
    assert floor.plan.alarm_rules.chatter_count == 5


def test_the_example_suppresses_cooling_on_battery_and_nothing_of_the_fire_panel() -> None:
    floor = floor_of("")
    assert floor.plan.alarms["hvac1.stopped"].suppressed_by == ("ups1.on_battery",)
    of_fire = [listed.alarm for listed in floor.alarms if listed.row is Row.FIRE]
    assert of_fire and all(not alarm.suppressed_by and not alarm.may_leave_service for alarm in of_fire)


def test_lines_whose_box_hangs_on_the_mains_are_a_consequence_of_its_loss() -> None:
    more = '\n[[suppression]]\ncause = "ups1.on_battery"\nalarms = ["trunks.backup1.down"]\n'
    alarms = floor_of(more).plan.alarms
    assert alarms["trunks.backup1.down"].suppressed_by == ("ups1.on_battery",)
    assert alarms["trunks.main1.down"].suppressed_by == ()


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (entry("ups1.on_batery", 'priority = "low"'), 'did you mean "ups1.on_battery"?'),
        (entry("*.moon", 'priority = "low"'), "there is no such alarm"),
        (entry("ups1.on_battery", 'on_delay = "1 min"'), "would move the floor's mode"),
        ('\n[[suppression]]\ncause = "ups9.on_battery"\nalarms = ["hvac1.failed"]\n', "no such condition"),
        ('\n[[suppression]]\ncause = "ups1.on_battery"\nalarms = ["*.burning"]\n', "is never suppressed"),
        ('\n[[suppression]]\ncause = "ups1.on_battery"\nalarms = ["hvac7.failed"]\n', "there is no such alarm"),
        ('\n[[panel]]\nid = "north"\ndevices = ["hvac2"]\n', "no alarm's id begins so"),
    ],
)
def test_what_leads_nowhere_is_refused(more: str, sentence: str) -> None:
    assert sentence in refused(more)


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (["500 ms"] * 5 + ["1500 ms"], "Temporal-3"),
        (["500 ms", "500 ms"], "March"),
        (["500 ms", "500 ms", "500 ms"], "ends with a sound"),
    ],
)
def test_a_sounder_that_could_be_taken_for_an_evacuation_is_refused(steps: list[str], sentence: str) -> None:
    asked = ", ".join(f'"{step}"' for step in steps)
    text = TEXT.replace('sounders = ["sounder"]', f'sounders = ["sounder"]\nsound_medium = [{asked}]')
    assert sentence in refused("", text)


def test_a_floor_may_have_a_sound_of_its_own() -> None:
    text = TEXT.replace('sounders = ["sounder"]', 'sounders = ["sounder"]\nsound_low = ["300 ms", "30 s"]')
    steps = sounds(floor_of("", text).site)
    assert steps[Pattern.SOUND_LOW] == (300, 30_000)
    assert steps[Pattern.SOUND_HIGH] == PATTERN_STEPS[Pattern.SOUND_HIGH]


def test_a_lamp_of_a_zone_shows_its_own_devices_and_every_fire() -> None:
    more = '\n[[panel]]\nid = "north"\ndevices = ["hvac1", "fire1.zone2"]\n'
    text = TEXT.replace(
        'row = "SERVICE"\noutput = "lamp.service"', 'row = "FIRE"\npanel = "north"\noutput = "lamp.service"'
    )
    text = text.replace('row = "COOLING"\n', 'row = "COOLING"\npanel = "north"\n')
    floor = floor_of(more, text)
    shown = {getattr(rule.when, "alarm", "") for rule in floor.plan.rules if rule.output == "lamp.service"}
    assert {"fire1.zone1.burning", "fire1.zone2.fault"} <= shown and "fire1.zone1.fault" not in shown
    cooling = {getattr(rule.when, "alarm", "") for rule in floor.plan.rules if rule.output == "lamp.cooling"}
    assert "hvac1.failed" in cooling and not any(name.startswith("room1") for name in cooling)
    assert 'there is no [[panel]] of this id; did you mean "north"?' in refused(
        more, text.replace('panel = "north"\noutput = "lamp.service"', 'panel = "norht"\noutput = "lamp.service"')
    )


def test_drills_are_what_the_site_can_try() -> None:
    drills = floor_of("").plan.drills
    assert drills["power"].readings == {"ups1.output_source": "battery"}
    assert drills["trunk"].readings == {"trunks.main1.state": "down"}
    assert drills["fire"].readings == {"fire1.zone1.fire": True}


def test_a_floor_that_wants_no_drills_is_never_overdue() -> None:
    assert "drill.overdue" in floor_of("").plan.alarms
    assert "drill.overdue" not in floor_of('\n[drill]\nevery = "0 s"\n').plan.alarms


def test_contacts_and_services_have_their_points_and_a_mains_relay_is_an_outage() -> None:
    more = (
        '\n[[input]]\nid = "contact.mains"\npin = 23\nopposite_pin = 24\nkind = "mains"\ncontact = "normally_open"\n'
        '\n[[service]]\nid = "crm"\ncheck = "https"\nmain = "a.example.org"\nstandby = "b.example.org"\nport = 443\n'
        '\n[[service]]\nid = "web"\ncheck = "tcp"\nmain = "c.example.org"\nport = 80\n'
    )
    plan = floor_of(more).plan
    assert "contact.mains.lost" in plan.causes["power"].conditions
    assert {"crm.standby.cert_days", "web.main.up"} <= plan.points.keys()
    assert "web.main.cert_days" not in plan.points and "web.standby_down" not in plan.conditions
    assert plan.causes["systems"].escalate_ms == (0, 1_800_000, 3_600_000)
    assert "in use already" in refused(more.replace("opposite_pin = 24", "opposite_pin = 23"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_alarm_pattern_and_row_has_its_text(language: str) -> None:
    texts = load_texts(language)
    floor = floor_of("")
    for listed in floor.alarms:
        assert texts.alarm_text(listed.alarm.id, listed.alarm.text) != listed.alarm.text, listed.alarm.id
    for row in Row:
        assert texts.row[row.value] and texts.meaning[row.value] and texts.colour[row.value]
    assert {pattern.value for pattern in Pattern} <= texts.pattern.keys()
    assert set(texts.priority) == {priority.value for priority in AlarmPriority}
    assert texts.legend.keys() == load_texts("en").legend.keys()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_text_is_one_line_and_both_languages_have_the_same_tables(language: str) -> None:
    texts = load_texts(language)
    for name in (field.name for field in fields(texts)):
        table = getattr(texts, name)
        assert table and all(isinstance(said, str) and said.strip() for said in table.values()), name
        assert table.keys() == getattr(load_texts("en"), name).keys(), name
