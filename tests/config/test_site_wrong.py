"""Wrong site files, each one slip away from the example site: the right line and column, and a sentence to act on.

In the replacement the sign « stands where the fault must be shown; it is taken out before the text is parsed.
"""

from pathlib import Path

import pytest

from config.site import build_site
from config.strict import ConfigError, parse

SITES = Path(__file__).resolve().parents[2] / "config" / "sites"
EXAMPLE = (SITES / "example.toml").read_text(encoding="utf-8")

# A text of the example, what stands there instead, a part of the sentence.
Slip = tuple[str, str, str]

SCHEMA: tuple[Slip, ...] = (
    ('id = "floor-3"', '«id = "Floor 3"', "1 to 40 small letters, digits and -"),
    ('language = "en"', '«language = "eng"', 'must be one of en, zh; did you mean "en"?'),
    ('name = "Call floor 3"', 'name = "x"\n«nmae = "y"', 'unknown key; did you mean "name"?'),
    ("[recovery]", "[«recovry]", 'unknown key; did you mean "recovery"?'),
    ('on_delay = "2 s"', '«on_delay = "2"', "must be a duration with its unit"),
    ('on_delay = "2 s"', "«on_delay = 2", "a duration with its unit in quotes"),
    ('on_delay = "2 s"', '«on_dealy = "2 s"', 'did you mean "on_delay"?'),
    ('warm = "27 C"', '«warm = "27 F"', "must be a temperature with its unit"),
    ('charge_below = "80 %"', '«charge_below = "0.8"', "must be a percentage with its unit"),
    ('watts = "1.2 kW"', '«watts = "1.2 hp"', "must be a power with its unit"),
    ("tier = 3", "«tier = 4", "must be at most 3"),
    ('address = "192.0.2.10"', '«address = "192.0.2.10:161"', "without port or scheme"),
    ('fast = "1 s"', '«fast = "100 ms"', "must be between 250 ms and 60 s"),
    ('version = "2c"', '«version = "2"', "must be one of 1, 2c, 3"),
    ('transport = "tcp"', '«transport = "tpc"', 'did you mean "tcp"?'),
    ('class = "hvac"', '«class = "hvca"', 'did you mean "hvac"?'),
    ("pin = 17", "«pin = 40", "must be at most 27"),
    ("pin = 17", "«pin = 1", "must be at least 2"),
    ('port = "gpio"\npin = 17', '«port = "gpoi"\npin = 17', 'did you mean "gpio"?'),
    ('polarity = "active_high"', '«polarity = "active-high"', 'did you mean "active_high"?'),
    ('on_fault = "on"  ', '«on_fault = "onn"  ', 'did you mean "on"?'),
    ('row = "POWER"', '«row = "power"', "must be one of POWER, PHONES, COOLING, FIRE, LINK, CONTROLLER"),
    ('version = "5"', '«version = "4"', "must be one of 5, 3.1.1"),
    ('base = "floor"', '«base = "floor/v1"', "one topic level"),
    ('factory = "lgpio"', '«factory = "auto"', "must be one of lgpio, mock"),
    ('[gpio]\nfactory = "lgpio"', "[«gpio]", "gpio.factory: is missing"),
    ('max_size = "16 MB"', '«max_size = "16 kB"', "must be between 64 kB and 1000 MB"),
    ("sounder = false", '«lost_after = "1 min"', "between 1 s and 10 s"),
    ('ca_file = "/etc', '«ca_file = "etc', "absolute path"),
    ("emergency_numbers = [", 'emergency_numbers = [«"1 1 0", ', "digits of a telephone number"),
    ("[mqtt.tls]\n", "[mqtt.tls]\n«keyfile = 1\n", 'did you mean "key_file"?'),
    ("[mqtt.tls]\n", "[mqtt.tls]\nca_file = 1\n«", "already there"),
    ("[journal]", "[journal", "not TOML"),
)
SECRETS: tuple[Slip, ...] = (
    ('password_file = "credential:mqtt.password"', '«password = "hunter2"', "name of the file that holds it"),
    ('password_file = "credential:mqtt.password"', '«password_file = "hunter2"', "absolute path of a file"),
    ('community_file = "credential:ups1.community"', '«community = "hunter2"', 'did you mean "community_file"?'),
    ('secret_file = "credential:pbx1.secret"', '«secret_file = "credential:hunter2 x"', "absolute path of a file"),
)
HVAC = '"hvac1"\nname = "Air conditioner"'
TRUNK2 = 'endpoint = "trunk-backup"\ngroup = "backup"'
IDS: tuple[Slip, ...] = (
    (f"id = {HVAC}", f"«id = {HVAC.replace('hvac1', 'ups1')}", "another device has this id already, at ups.0.id"),
    (f"id = {HVAC}", f"«id = {HVAC.replace('hvac1', 'trunks')}", "the controller uses this name itself"),
    ('room = "room1"', '«room = "ups1"', "a device has this id; a room needs a name of its own"),
    ('room = "room1"', '«room = "mode"', "the controller uses this name itself"),
    ('id = "lamp.phones"', '«id = "lamp.power"', "another [[output]] has this id already"),
    ('id = "beacon"', '«id = "lamp"', "is also the beginning of lamp.power"),
    ('id = "trunk1"', '«id = "power1"', "another [[stage]] has this id already"),
    ('name = "backup1"', '«name = "main1"', "another trunk has this name already"),
    ('output = "lamp.power"', '«output = "lamp.powr"', 'did you mean "lamp.power"?'),
    ('loads = ["office"]', 'loads = [«"ofice"]', 'no [[load]] has this id; did you mean "office"?'),
    ('fans = ["fan.floor"]', 'fans = [«"fan.flor"]', 'did you mean "fan.floor"?'),
    ('off_on_fire = ["pantry"]', 'off_on_fire = ["pantry", «"pan"]', "no [[load]] has this id"),
    ('output = "trunk_backup"', '«output = "trunk_bakup"', 'did you mean "trunk_backup"?'),
    ('group = "main"', '«group = "mian"', 'did you mean "main"?'),
    (TRUNK2, TRUNK2.replace('group = "backup"', '«group = "bakup"'), 'did you mean "backup"?'),
    ('unit = "relays1"\ncoil = 0', '«unit = "relay1"\ncoil = 0', 'did you mean "relays1"?'),
    ('exchange = "pbx1"', '«exchange = "pbx"', 'did you mean "pbx1"?'),
    ('profile = "ups_auto"', '«profile = "ups_rfc1682"', 'no such profile; did you mean "ups_rfc1628"?'),
    ('profile = "ups_auto"', '«profile = "hvac_generic"', "is a Modbus profile, of class hvac"),
    ('profile = "fire_generic"', '«profile = "ups_auto"', "is no profile for Modbus"),
    ('class = "relays"', '«class = "generic"', "the profile relay_board_8 is for class relays"),
    ("{ zones = 4 }", "{ «zone = 4 }", 'no such parameter; did you mean "zones"?'),
    ("{ zones = 4 }", "{ «zones = 400 }", "must be between 1 and 250"),
)
FEED = 'coil = 1\npolarity = "active_low"\nnormal = '
SOUNDER = 'pin = 26\npolarity = "active_low"\non_stop = "off"\n'
WIRING: tuple[Slip, ...] = (
    ("pin = 27", "«pin = 17", "this pin is in use already, at output.0.pin"),
    ("coil = 2", "«coil = 1", "this coil is in use already"),
    ("coil = 4", "«coil = 40", "does not allow this coil to be written; allowed on the wire: 0 to 31"),
    ('unit = "relays1"\ncoil = 0', 'unit = "hvac1"\n«coil = 1', "allowed on the wire: 0 to 0"),
    ('switch = "backup"', '«switch = "outbound"', "this switch is in use already"),
    ('unit = "relays1"\ncoil = 0', '«unit = "fire1"\ncoil = 0', "is a fire panel; it is watched only"),
    ('output = "lamp.phones"', '«output = "lamp.power"', "this output is a lamp already"),
    ('sounders = ["sounder"]', 'sounders = [«"beacon"]', "this output is a beacon already"),
    ('output = "feed.pantry"', '«output = "feed.displays"', "this output is a load's feed already"),
    ('row = "PHONES"', '«row = "POWER"', "this panel has this row already"),
    (f'{FEED}"on"', f'{FEED.replace("normal", "«normal")}"off"', 'is a load\'s feed, so its normal must be "on"'),
    (f'{SOUNDER}on_fault = "off"', f'{SOUNDER}«on_fault = "on"', "is a sounder"),
)
STAGES: tuple[Slip, ...] = (
    ('loads = ["office"]', 'loads = ["office", «"emergency_lighting"]', "of kind emergency_lighting and is never cut"),
    ('loads = ["office"]', 'loads = ["office", «"exchange"]', "is of kind phones and is never cut"),
    ('loads = ["office"]', 'loads = ["office", «"inbound_desks"]', "is of kind inbound and is never cut"),
    ('off_on_fire = ["pantry"]', 'off_on_fire = [«"emergency_lighting"]', "is never cut"),
    ("order = 3", "«order = 4", "there is no stage of cause power with order 3"),
    ("order = 3", "«order = 2", "another stage of cause power has this order already"),
    ('loads = ["office"]', 'loads = ["office", «"displays"]', "a stage of cause power cuts this load already"),
    ('after = "1 min"', 'after = "1 min"\n«charge_below = "50 %"', "says nothing about trunks"),
    (
        '[[stage]]\nid = "trunk1"\ncause = "trunk"\norder = 1\nafter = "1 min"',
        '[[«stage]]\nid = "trunk1"\ncause = "trunk"\norder = 1',
        "needs a condition",
    ),
    ('after = "10 min"', 'after = "10 min"\n«load_release_below = "50 %"', "needs load_above"),
    (
        'after = "10 min"',
        'after = "10 min"\nload_above = "80 %"\n«load_release_below = "85 %"',
        "must be below load_above, 80 %",
    ),
    ('after = "1 min"', 'after = "1 min"\n«load_above = "80 %"', "says nothing about trunks"),
    (
        "[annunciator]",
        '[[planned_outage]]\nstart = "2026-12-01T08:00Z"\n«end = "2026-12-01T08:00Z"\n\n[annunciator]',
        "must be after start",
    ),
    (
        "[annunciator]",
        '[[planned_outage]]\n«start = "2026-12-41T08:00Z"\nend = "2026-12-01T08:00Z"\n\n[annunciator]',
        "there is no such date",
    ),
    ('charge_release_above = "90 %"', '«charge_release_above = "80 %"', "must be above charge_below, 80 %"),
    ('runtime_release_above = "75 min"', '«runtime_release_above = "45 min"', "must be above runtime_below, 1 h"),
    ('after = "1 min"', 'after = "1 min"\n«runtime_release_above = "75 min"', "needs runtime_below"),
    ('charge_below = "50 %"', '«charge_below = "80 %"', "must be below that of stage power2"),
    ('charge_below = "50 %"', '«after = "1 min"', "is earlier than stage power2"),
    (
        'loads = ["outbound_desks"]',
        'loads = ["outbound_desks"]\n[[load]]\nid="extra"\npriority=7\nwatts="1 W"\n'
        '[[stage]]\nid="power4"\ncause="power"\norder=4\nafter="1 h"\nloads=[«"extra"]',
        "has priority 7 and matters less",
    ),
)
ENDURANCE: tuple[Slip, ...] = (
    ('rating = "8 kW"', '«rating = "1.2 kW"', "takes 1458 W, more than this: an endurance of 4 h cannot be reached"),
    (
        'ups = "ups1"\noutput = "feed.office"',
        'output = "feed.office"',
        "no [[ups]] feeds office, so that no battery can be made to last by it",
    ),
    (
        'charge_below = "50 %"\ncharge_release_above = "60 %"\nruntime_below = "60 min"\n'
        'runtime_release_above = "75 min"\nendurance = true',
        '«after = "4 h"',
        "sheds only when the endurance of 4 h has passed already",
    ),
)
PEOPLE: tuple[Slip, ...] = (
    ("[[person]]\ntier = 2", "[[«person]]", "person.2.tier: is missing"),
    ('tier = 1\nname = "Duty', '«tier = 0\nname = "Duty', "must be at least 1"),
    ("tier = 2", "«tier = 3", "nobody is in tier 2, which is told after 30 min"),
    ('phone = "+86 21 5550 0101"', '«phone = "call me"', "must be a telephone number"),
    ('mail = "service.manager@example.org"', '«mail = "service.manager"', "must be a mail address"),
)
EXCHANGE = (
    'host = "192.0.2.30"\nport = 5038\nuser = "floorguard"\nsecret_file = "credential:pbx1.secret"\ntls = false\n'
)
VALUES: tuple[Slip, ...] = (
    ('hot = "32 C"', '«hot = "27 C"', "the steps must rise"),
    ('critical = "35 C"', '«critical = "32 C"', "the steps must rise"),
    ('critical = "35 C"', 'critical = "35 C"\n«deadband = "3 C"', "smaller than the distance"),
    ('tier3_after = "60 min"', '«tier3_after = "20 min"', "must not be before tier 2, 30 min"),
    ('manual_records_lead = "10 min"', '«manual_records_lead = "5 h"', "must be shorter than endurance"),
    ('timeout = "800 ms"', '«timeout = "1 s"', "must be shorter than the fast period, 1 s"),
    ('fast = "1 s"\nslow', 'fast = "20 s"\n«slow', "must not be shorter than fast, 20 s"),
    ('timeout = "800 ms"', 'timeout = "800 ms"\n«stale_after = "1500 ms"', "at least two fast periods"),
    ('address = "192.0.2.22"', 'address = "192.0.2.22"\n«timeout = "2 s"', "shorter than the fast period of relays1"),
    ('class = "fire"  ', '«fast = "5 s"\nclass = "fire"  ', "a lost fire panel must be known after 10 s"),
    ('version = "2c"\n', 'version = "3"\nv3 = { «user = 1 }\n', "v3.user: must be text in quotes"),
    ('version = "2c"\ncommunity_file', '«version = "3"\n# community_file', "version 3 needs [ups.v3]"),
    (
        'version = "2c"\ncommunity_file',
        'version = "3"\nv3 = { user = "x" }\n«community_file',
        "no community; use [ups.v3]",
    ),
    (
        'version = "2c"\n',
        'version = "2c"\n«v3 = { user = "x", auth_secret_file = "/a", privacy_secret_file = "/b" }\n',
        "is for version",
    ),
    ('address = "192.0.2.22"', 'address = "192.0.2.22"\n«device = "/dev/ttyUSB0"', "has no use with transport tcp"),
    (
        'transport = "tcp"\naddress = "192.0.2.22"',
        'transport = "serial"\n«address = "192.0.2.22"',
        "has no use with transport serial",
    ),
    ('address = "192.0.2.22"', '«address = "192.0.2.21"', "another endpoint has this line already"),
    ("minimum_up = 1", "«minimum_up = 2", "only 1 trunks name this group"),
    (f"{EXCHANGE}cleartext = true", f"«{EXCHANGE}cleartext = false", "the secret would travel in the clear"),
    ("tls = false\n", 'tls = false\n«ca_file = "/etc/ca.pem"\n', "has no use without tls = true"),
)

SLIPS = (*SCHEMA, *SECRETS, *IDS, *WIRING, *STAGES, *ENDURANCE, *PEOPLE, *VALUES)


def slip(text: str, old: str, new: str) -> tuple[str, str]:
    """The text with the slip in it, and the place of the sign as it stands in a message."""
    assert old in text, old
    wrong = text.replace(old, new, 1)
    before = wrong[: wrong.index("«")] if "«" in wrong else ""
    place = f"site.toml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}:" if before else "site.toml:"
    return wrong.replace("«", ""), place


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        build_site(parse(text, "site.toml"))
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "fragment"), SLIPS, ids=[str(index) for index in range(len(SLIPS))])
def test_fail__a_slip_is_shown_at_its_place_with_a_sentence(old: str, new: str, fragment: str) -> None:
    text, place = slip(EXAMPLE, old, new)
    told = [line for line in refusal(text).split("\n") if fragment in line]
    assert told, refusal(text)
    assert any(line.startswith(place) for line in told), (place, told)
    assert "hunter2" not in refusal(text)


def test_the_table_has_enough_slips() -> None:
    assert len(SLIPS) >= 40
