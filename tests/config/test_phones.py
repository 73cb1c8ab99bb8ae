"""Telephones in the site file: lines and their sources, campaigns, failover that can happen, and what the plan says."""

from pathlib import Path

import pytest

from config.compile import compile_floor, remote_outputs
from config.devices import find_devices
from config.driven import pbx_config
from config.library import Library
from config.site import load_document
from config.strict import ConfigError
from firmware_py.core.mode import Mode
from firmware_py.core.plan import CauseIn, Holds, Plan
from monitors.volume import OWNER
from tests.config.test_site_wrong import EXAMPLE

FAILOVER = (
    'enabled = false                    # the controller advises, people move the trunks\noutput = "trunk_backup"'
)
RELAY = """[[output]]
id = "relay.lines"
port = "gpio"
pin = 12
polarity = "active_high"
on_stop = "hold"
on_fault = "hold"

[[input]]
id = "contact.in_use"
pin = 18
kind = "line"
contact = "normally_open"

[[output]]
id = "fan.floor"
"""
MOVED = EXAMPLE.replace('[[output]]\nid = "fan.floor"\n', RELAY, 1).replace(
    FAILOVER, 'enabled = true\noutput = "relay.lines"\nminimum_stay = "20 min"', 1
)
LINES = """
[[line]]
name = "co1"
group = "main"
source = "contact"
contact = "contact.in_use"
alive = "off"

[[line]]
name = "co2"
group = "main"
source = "manual"

[[line]]
name = "e1a"
group = "backup"
source = "line_card"
card = "gw1"
index = 10

[[line_card]]
id = "gw1"
address = "192.0.2.40"
"""
CAMPAIGN = """
[[output]]
id = "campaign.sales"
port = "campaign"
pause = "https://dialler/api?pass={secret}&active=N"
resume = "https://dialler/api?pass={secret}&active=Y"
look = "https://dialler/api"
paused = "N"
secret_file = "credential:dialler"
on_stop = "hold"
on_fault = "hold"

[[output]]
id = "campaign.care"
port = "ami"
exchange = "pbx1"
pause = { Action = "Setvar", Variable = "DEVICE_STATE(Custom:care)", Value = "INUSE" }
resume = { Action = "Setvar", Variable = "DEVICE_STATE(Custom:care)", Value = "NOT_INUSE" }
look = "DEVICE_STATE(Custom:care)"
paused = "INUSE"
on_stop = "hold"
on_fault = "hold"
"""
PAUSE = "https://dialler/api?pass={secret}&active=N"
LINED = MOVED.replace("minimum_stay", 'in_use = "contact.in_use"\nminimum_stay', 1) + LINES


def build(folder: Path, text: str) -> Plan:
    path = folder / "site.toml"
    path.write_text(text)
    document, site = load_document(path)
    return compile_floor(site, find_devices(document, site, Library(folder))).plan


WRONG = (
    (EXAMPLE, 'dial_timeout = "20 s"', 'dial_timeout = "6 s"', "exchange.0.dial_timeout", "never goes on to"),
    (EXAMPLE, 'timer_b = "6.4 s"', "", "exchange.0.dial_timeout", "before SIP timer B, 32 s"),
    (EXAMPLE, 'agents = "agents_moved"', 'agents = "agent_moved"', "surge.agents", 'did you mean "agents_moved"'),
    (EXAMPLE, 'queues = ["inbound"]', "", "surge.pause_outbound", "no surge is ever seen"),
    (EXAMPLE, 'agents_to = "inbound"', "", "output.11.switch", "names no agents_from and agents_to"),
    (EXAMPLE, 'surge_gate = "surge"', "", "output.10.switch", "names no surge_gate"),
    (EXAMPLE, 'outputs = ["outbound_paused"]', "", "surge.pause_outbound", "no output in outbound.outputs"),
    (MOVED, 'output = "relay.lines"', 'output = "relay.lines"\nback = "stable"', "failover.back", "needs in_use"),
    (MOVED, 'counted_in = ["out-main@trunks", "in-main@trunks"]', "", "failover.in_use", "ends the calls"),
    (MOVED, 'output = "relay.lines"', 'output = "relay.lines"\nin_use = "x"', "failover.in_use", "no [[input]]"),
    (LINED, '\ncontact = "contact.in_use"', "", "line.0.contact", "source contact needs it"),
    (LINED, 'contact = "contact.in_use"', 'contact = "fire1.x"', "line.0.contact", "no [[input]] and no flag"),
    (LINED, "\nindex = 10", "", "line.2.index", "source line_card needs it"),
    (LINED, '\nsource = "manual"', '\nsource = "manual"\nindex = 3', "line.1.index", "no use with source manual"),
    (LINED, '\ncard = "gw1"', '\ncard = "gw2"', "line.2.card", 'did you mean "gw1"'),
    (LINED, '\nname = "co2"\ngroup = "main"', '\nname = "co2"\ngroup = "x"', "line.1.group", "[[trunk_group]]"),
    (LINED, '\nname = "co2"', '\nname = "main1"', "line.1.name", "another trunk has this name"),
    (LINED, 'kind = "line"', 'kind = "door"', "line.0.contact", 'its kind must be "line"'),
    (EXAMPLE + CAMPAIGN, 'secret_file = "credential:dialler"', "", "output.19.secret_file", "since {secret} is used"),
    (EXAMPLE + CAMPAIGN, 'look = "https://dialler/api"', "", "output.19.look", "come together"),
    (EXAMPLE + CAMPAIGN, PAUSE, "http://dialler/x", "output.19.pause", "in the clear"),
    (EXAMPLE + CAMPAIGN, PAUSE, "https://dialler/api?pass=hunter2", "output.19.pause", "write {secret} in its place"),
    (EXAMPLE + CAMPAIGN, PAUSE, "https://fg:hunter2@dialler/api", "output.19.pause", "write {secret} in its place"),
    (EXAMPLE + CAMPAIGN, 'paused = "N"', 'paused = "N"\nauthorization = "Bearer hunter2"', "output.19.authorization",
     "write {secret} in its place"),
    (EXAMPLE + CAMPAIGN, PAUSE, "https://:99999/", "output.19.pause", "no host"),
    (EXAMPLE + CAMPAIGN, 'paused = "N"', 'paused = "("', "output.19.paused", "no regular expression"),
    (EXAMPLE + CAMPAIGN, 'pause = { Action = "Setvar"', 'pause = { Action = "Originate"', "output.20.pause", "Setvar"),
    (EXAMPLE + CAMPAIGN, 'ami"\nexchange = "pbx1"', 'ami"\nexchange = "pbx2"', "output.20.exchange", "pbx1"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "old", "new", "where", "sentence"), WRONG)
def test_what_could_not_work_is_refused_with_its_place(
    text: str, old: str, new: str, where: str, sentence: str, tmp_path: Path
) -> None:
    assert old in text
    with pytest.raises(ConfigError) as caught:
        build(tmp_path, text.replace(old, new, 1))
    assert any(fault.key == where and sentence in fault.message for fault in caught.value.faults), str(caught.value)


def test_failover_that_acts_by_itself_must_know_how_long_is_dialled(tmp_path: Path) -> None:
    enabled = EXAMPLE.replace("enabled = false ", "enabled = true ", 1)
    build(tmp_path, enabled)
    with pytest.raises(ConfigError, match="outlasts SIP timer B"):
        build(tmp_path, enabled.replace('dial_timeout = "20 s"', "", 1))


def test_lines_of_every_source_count_in_their_group_and_have_alarms_of_their_own(tmp_path: Path) -> None:
    plan = build(tmp_path, LINED)
    assert set(plan.lines) == {"main1", "backup1", "co1", "co2", "e1a"}
    assert (plan.lines["co1"].sensed, plan.lines["co1"].alive) == ("contact.in_use", False)
    assert plan.lines["co2"].told and not plan.lines["e1a"].told
    assert {f"trunks.{name}.down" for name in plan.lines} <= set(plan.alarms)
    assert "contact.in_use.reported" not in plan.conditions, "a line that lives is no alarm"


def test_a_transfer_relay_moves_lines_and_a_switch_of_the_exchange_moves_calls(tmp_path: Path) -> None:
    relay = build(tmp_path, MOVED)
    assert relay.outputs["relay.lines"].min_on_ms == 20 * 60_000
    assert "trunks.main.moved" in relay.conditions
    switch = build(tmp_path, EXAMPLE.replace("enabled = false ", "enabled = true ", 1))
    assert "trunks.main.moved" not in switch.conditions and switch.outputs["trunk_backup"].min_on_ms == 300_000
    advised = [a for a in build(tmp_path, EXAMPLE).announcements if a.begins == "failover.advised"]
    assert [(one.condition, len(one.order)) for one in advised] == [("trunks.main.below_minimum", 6)]
    assert not [a for a in switch.announcements if a.begins == "failover.advised"]
    assert "move_trunks" in relay.checklists["trunk.failover"].items and "trunk.failover" not in switch.checklists


def test_a_surge_asks_for_what_the_site_has_switched_on_and_nothing_else(tmp_path: Path) -> None:
    plan = build(tmp_path, EXAMPLE)
    asked = {rule.output for rule in plan.rules if rule.owner == OWNER}
    assert asked == {"outbound_paused", "surge_announcement", "agents_moved"}
    assert all(rule.when == Holds(condition="pbx1.surge") for rule in plan.rules if rule.owner == OWNER)
    volume = plan.volumes["pbx1"]
    assert (volume.lines, volume.capacity_count) == (("trunks.main1.calls", "trunks.backup1.calls"), 12)
    assert plan.causes["surge"].conditions == ("pbx1.surge",) and plan.causes["surge"].mode is Mode.NORMAL
    (called,) = [one for one in plan.announcements if one.begins == "calls.call_in"]
    assert len(called.order) == 3
    quiet = EXAMPLE.replace("pause_outbound = true", "pause_outbound = false", 1)
    kept = {rule.output for rule in build(tmp_path, quiet).rules if rule.owner == OWNER}
    assert kept == {"surge_announcement", "agents_moved"}
    blind = EXAMPLE.replace("capacity = 4\n", "", 1)
    assert build(tmp_path, blind).volumes["pbx1"].capacity_count == 0


def test_campaigns_are_outputs_that_a_cause_pauses_and_whose_far_end_is_watched(tmp_path: Path) -> None:
    text = (EXAMPLE + CAMPAIGN).replace(
        'outputs = ["outbound_paused"]', 'outputs = ["outbound_paused", "campaign.sales", "campaign.care"]', 1
    )
    path = tmp_path / "site.toml"
    path.write_text(text)
    document, site = load_document(path)
    plan = compile_floor(site, find_devices(document, site, Library(tmp_path))).plan
    paused = {rule.output for rule in plan.rules if isinstance(rule.when, CauseIn) and rule.owner == "power"}
    assert {"campaign.sales", "campaign.care"} <= paused
    assert {"out.campaign.sales.stuck", "out.campaign.care.stuck"} <= set(plan.conditions)
    assert {"campaign.sales", "campaign.care"} <= set(remote_outputs(site))
    (action,) = pbx_config(site, site.exchange[0], secret="x", tls=None).actions
    assert (action.output, action.on["Action"], action.on_value) == ("campaign.care", "Setvar", "INUSE")
