"""The site file as a whole: what loads, what is told together, and what the parts of the model say."""

import typing
from pathlib import Path

import pytest

from config.effective import effective
from config.finding import Finding
from config.floor import control_socket, state_directory
from config.model_devices import UnitClass
from config.model_floor import LoadKind, Row, StageCause
from config.model_site import Site
from config.shape import Model, keys_of
from config.site import build_site, find_profile, load_document, load_site
from config.strict import ConfigError, check, parse
from tests.config.test_site_wrong import EXAMPLE, SITES, SLIPS, refusal, slip

SMALLEST = '[site]\nid = "a"\nname = "A"\n'


@pytest.fixture(params=["example", "demo"])
def site(request: pytest.FixtureRequest) -> Site:
    return load_site(SITES / f"{request.param}.toml")


def test_ok__the_shipped_sites_have_what_an_example_must_show(site: Site) -> None:
    assert len(site.ups) == 1
    assert [unit.kind for _, unit in site.units] == [UnitClass.HVAC, UnitClass.FIRE, UnitClass.RELAYS]
    assert [len(site.trunks_of(group.id)) > 0 for group in site.trunk_group] == [True, True]
    assert {lamp.row for lamp in site.lamp} >= set(Row) - {Row.SERVICE}
    assert [stage.order for stage in site.stage if stage.cause is StageCause.POWER][:3] == [1, 2, 3]
    assert [stage.order for stage in site.stage if stage.cause is StageCause.TRUNK] == [1]
    assert {load.kind for load in site.load} >= set(LoadKind) - {LoadKind.COMPRESSOR}
    assert site.outbound.outputs
    assert site.annunciator.beacons
    assert site.annunciator.sounders
    assert site.cooling.fans
    assert site.mqtt is not None
    assert site.gpio is not None


def test_ok__the_demo_reaches_loopback_only_and_needs_no_pins() -> None:
    demo = load_site(SITES / "demo.toml")
    hosts = [ups.address for ups in demo.ups] + [one.host for one in demo.exchange]
    hosts += [endpoint.address or "" for endpoint in demo.modbus]
    assert set(hosts) == {"127.0.0.1"}
    assert demo.mqtt is not None
    assert demo.mqtt.host == "127.0.0.1"
    assert demo.gpio is not None
    assert demo.gpio.factory == "mock"


def test_the_effective_configuration_loads_again_as_the_same_site(site: Site) -> None:
    text = effective(site)
    assert build_site(parse(text, "effective.toml")) == site
    assert 'stage_dwell = "' in text


def test_ok__the_smallest_site_has_the_numbers_of_the_emergency_plans() -> None:
    site = build_site(parse(SMALLEST, "site.toml"))
    assert effective(site).count("\n") > 20
    assert (site.power.on_delay_ms, site.power.off_delay_ms) == (2_000, 30_000)
    assert (site.power.endurance_ms, site.power.manual_records_lead_ms) == (4 * 3_600_000, 600_000)
    assert (site.recovery.stable_ms, site.recovery.restore_spacing_ms) == (300_000, 30_000)
    assert (site.recovery.stage_dwell_ms, site.recovery.relapse_factor) == (300_000, 2)
    assert (site.escalation.tier2_after_ms, site.escalation.situation_report_ms) == (1_800_000, 1_800_000)
    assert site.failover.enabled is False


def test_schema_faults_and_cross_faults_are_told_in_one_run() -> None:
    text = EXAMPLE
    for old, new in (
        ("tier = 3", "tier = 4"),
        ('address = "192.0.2.20"', 'address = "192.0.2.20:502"'),
        ("pin = 27", "pin = 17"),
        ('loads = ["office"]', 'loads = ["offce"]'),
        ('id = "fan.floor"', 'idd = "fan.floor"'),
        ('watts = "600 W"', 'watts = "600"'),
        ('hot = "32 C"', 'hot = "27 C"'),
        ("[recovery]", "[recovry]"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    told = refusal(text)
    for fragment in (
        "person.3.tier: must be at most 3",
        "modbus.0.address: must be a host name",
        "output.1.pin: this pin is in use already",
        "cooling.hot: the steps must rise",
        'did you mean "recovery"?',
        "stage.1.loads.0: no [[load]] has this id",
    ):
        assert fragment in told
    assert "cooling.fans" not in told, "its output is there, only faulty"
    lines = [int(line.split(":")[1]) for line in told.split("\n")]
    assert lines == sorted(lines)


def test_a_table_that_is_faulty_is_not_told_to_be_missing() -> None:
    text, _ = slip(EXAMPLE, 'address = "192.0.2.10"', 'adress = "192.0.2.10"')
    told = refusal(text).split("\n")
    assert len(told) == 2, told
    assert "ups.0.address: is missing" in told[0]
    assert "ups.0.adress: unknown key" in told[1]


def test_the_key_of_a_cross_fault_counts_the_tables_that_were_cut_out() -> None:
    text, place = slip(EXAMPLE, 'on_fault = "off"', 'on_falt = "off"')
    text, place = slip(text, "coil = 2", "«coil = 1")
    told = refusal(text)
    assert f"{place} error: output.12.coil: this coil is in use already, at output.11.coil" not in told
    assert any(line.startswith(place) and "output.12.coil" in line for line in told.split("\n")), told


@pytest.mark.parametrize("size", [2, 5])
def test_several_slips_are_each_told_in_one_run_unless_one_hides_the_other(size: int) -> None:
    """Slips that need nothing of each other, from different parts of the table, all at once."""
    chosen = [SLIPS[index] for index in (0, 6, 10, 22, 29)][:size]
    text = EXAMPLE
    for old, new, _ in chosen:
        text = text.replace(old, new.replace("«", ""), 1)
    told = refusal(text)
    assert all(fragment in told for *_, fragment in chosen), told


@pytest.mark.parametrize(
    ("edits", "fragment"),
    [
        ([('[gpio]\nfactory = "lgpio"', "")], "pins need the section [gpio]"),
        ([("tier = 1", "tier = 2"), ("tier = 1", "tier = 2")], "nobody is in tier 1"),
        ([("sounder = false", "sounder = true"), ('sounders = ["sounder"]', "")], "no output in annunciator.sounders"),
        ([('after = "10 min"', 'runtime_below = "60 min"')], "must be below that of stage power2"),
        ([("[[lamp]]", '[[input]]\nid = "ups1.door"\npin = 23\nkind = "door"\ncontact = "normally_open"\n[[lamp]]')],
         "begins with a name that a device or the controller uses"),
        ([('host = "192.0.2.30"', 'host = "pbx.example.org"'), ("cleartext = true", "cleartext = false")],
         "would travel in the clear"),
        ([('version = "2c"', 'version = "3"'),
          ("community_file", 'v3 = { user = "x", auth_secret_file = "/b", privacy_protocol = "none",'
           ' privacy_secret_file = "/a" }\n#')], "has no use while privacy_protocol"),
        ([('after = "0 s"', 'after = "20 min"')], "is earlier than stage power1"),
        ([("priority = 6", "priority = 9")], "matters less than a load of priority 8"),
        ([('output = "feed.pantry"\n', "")], "so it cannot be cut on a fire"),
        ([("enabled = false", "enabled = true"), ('output = "trunk_backup"\n', "")], "enabled failover needs it"),
        ([('key_file = "/etc/floorguard/tls/site.key"', "")], "certificate and key come together"),
        ([('password_file = "credential:mqtt.password"', 'username = "x"')], "needs password_file"),
        ([('output = "lamp.link"', 'output = "outbound_paused"'), ("outputs = [", "#")], "exchange's switch"),
        ([('address = "192.0.2.22"\n', "")], "is missing; transport tcp needs it"),
        ([('transport = "tcp"\naddress = "192.0.2.22"', 'transport = "serial"\ndevice = "/dev/a"'),
          ("unit = 1\nprofile = \"relay", "unit = 0\nprofile = \"relay")], "unit numbers are 1 to 247"),
        ([('version = "2c"', 'version = "3"'), ("community_file", 'v3 = { user = "x" }\n#')], "auth_secret_file: is"),
        ([('version = "2c"', 'version = "3"'),
          ("community_file", 'v3 = { user = "x", auth_protocol = "none", privacy_secret_file = "/a" }\n#')],
         "no privacy without authentication"),
    ],
)  # fmt: skip
def test_fail__what_takes_several_keys_to_go_wrong_is_refused(edits: list[tuple[str, str]], fragment: str) -> None:
    text = EXAMPLE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    assert fragment in refusal(text)


@pytest.mark.parametrize(
    "edits",
    [
        [("priority = 6", "priority = 8")],
        [('address = "192.0.2.10"', 'address = "192.0.2.10"\nport = 162'), ("tier = 3", "tier = 2")],
        [('transport = "tcp"\naddress = "192.0.2.22"', 'transport = "serial"\ndevice = "/dev/ttyUSB0"\nbaud = 19200')],
        [('version = "2c"', 'version = "3"'),
         ("community_file", 'v3 = { user = "x", auth_secret_file = "/a", privacy_secret_file = "/b" }\n#')],
        [('host = "192.0.2.30"', 'host = "127.0.0.1"'), ("cleartext = true", "cleartext = false")],
        [('host = "192.0.2.30"', 'host = "localhost"'), ("cleartext = true", "cleartext = false")],
        [("tls = false\ncleartext = true", "tls = true")],
        [('row = "PHONES"', 'row = "POWER"\npanel = "second"')],
        [("enabled = false", "enabled = true")],
        [("[[lamp]]",
          '[[input]]\nid = "contact.fire"\npin = 23\nkind = "fire"\ncontact = "normally_closed"\n[[lamp]]')],
        [('class = "fire"  ', 'fast = "2 s"\nclass = "fire"  ')],
    ],
)  # fmt: skip
def test_ok__the_twin_of_a_slip_is_accepted(edits: list[tuple[str, str]]) -> None:
    text = EXAMPLE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    assert build_site(parse(text, "site.toml")).site.id == "floor-3"


def test_fail__a_list_without_end_is_refused_at_once() -> None:
    text = SMALLEST + "".join(
        f'[[load]]\nid = "x{index}"\npriority = 1\nwatts = "1 W"\nups = "u"\n' for index in range(257)
    )
    assert refusal(text) == "site.toml:4:3: error: load: must have at most 256 entries (got a list of 257)"
    fitting = SMALLEST + text.removeprefix(SMALLEST).rpartition("[[load]]")[0]
    assert refusal(fitting).count("no [[ups]] has this id") == 200


def test_a_document_gives_positions_to_later_checks() -> None:
    document, site = load_document(SITES / "example.toml")
    assert site == load_site(SITES / "example.toml")
    index = EXAMPLE.split("\n").index("[[modbus.unit]]")
    assert str(document.fault(("modbus", 0, "unit", 0), "says nothing")).split(":")[1:3] == [str(index + 1), "10"]


def test_values_that_follow_from_others_have_one_place() -> None:
    site = load_site(SITES / "example.toml")
    assert site.mqtt is not None
    assert (site.mqtt.broker_port, site.mqtt.topic_root) == (8883, "floor/v1")
    assert site.ups[0].stale_ms == 5_000
    assert site.ups[0].slow_stale_ms == 25_000
    assert [trunk.name for _, trunk in site.trunks_of("main")] == ["main1"]
    power3 = next(stage for stage in site.stage if stage.id == "power3")
    assert (power3.charge_release_pct, power3.runtime_release_ms) == (60.0, 75 * 60_000)
    bare = power3.altered({"charge_release_above_pct": None, "runtime_release_above_ms": None})
    assert (bare.charge_release_pct, bare.runtime_release_ms) == (55.0, 75 * 60_000)
    empty = bare.altered({"charge_below_pct": None, "runtime_below_ms": None})
    assert (empty.charge_release_pct, empty.runtime_release_ms) == (None, None)


def test_folders_are_those_of_systemd_unless_the_site_says_otherwise() -> None:
    site = build_site(parse(SMALLEST, "x"))
    own = build_site(parse(SMALLEST + '[storage]\ndirectory = "/a"\n[control]\nsocket = "/b/c"\n', "x"))
    environ = {"STATE_DIRECTORY": "/s:/t", "RUNTIME_DIRECTORY": "/r"}
    assert (str(state_directory(site, environ)), str(control_socket(site, environ))) == ("/s", "/r/control.sock")
    assert str(state_directory(site, {})) == "/var/lib/floorguard"
    assert str(control_socket(site, {})) == "/run/floorguard/control.sock"
    assert (str(state_directory(own, environ)), str(control_socket(own, environ))) == ("/a", "/b/c")


def test_a_profile_beside_the_site_file_comes_before_that_of_the_package(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "site.toml").write_text(EXAMPLE.replace('profile = "hvac_generic"', 'profile = "mine"'))
    with pytest.raises(ConfigError, match="there is no such profile"):
        load_site(tmp_path / "site.toml")
    (tmp_path / "profiles" / "mine.toml").write_text("class = [")
    with pytest.raises(ConfigError, match=r"the profile is faulty: .*mine\.toml:1:"):
        load_site(tmp_path / "site.toml")
    mine = 'class = "hvac"\nnumbers = "from_0"\nwritable = [{ table = "coil", address = 0, count = 1 }]\n'
    (tmp_path / "profiles" / "mine.toml").write_text(mine)
    assert load_site(tmp_path / "site.toml").units[0][1].profile == "mine"
    assert find_profile("nothing", (tmp_path,)) is None


def test_every_key_of_the_site_says_what_it_is_for() -> None:
    """The page of keys is made from the model; a key without a description would be a hole in it."""
    waiting, seen = [type(build_site(parse(SMALLEST, "x")))], set()
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, info in keys_of(model).items():
            inner = [info.annotation]
            while inner:
                one = inner.pop()
                inner.extend(typing.get_args(one))
                if isinstance(one, type) and issubclass(one, Model):
                    waiting.append(one)
            assert info.description or model is Site or name in ("unit",), f"{model.__name__}.{name}"
    assert len(seen) > 25


def test_a_finding_about_what_is_absent_is_kept_back_while_parts_are_cut_out() -> None:
    text = SMALLEST + '[[trunk_group]]\nid = "main"\n[[exchange]]\nid = "pbx"\nhost = "127.0.0.1"\nuser = "u"\n'
    text += 'secret_file = "/a"\n[[exchange.trunk]]\nname = "t"\nendpont = "x"\ngroup = "main"\n'
    told = refusal(text)
    assert "endpont" in told
    assert "names this group" not in told
    assert Finding(path=(), message="").absence is False
    assert check(parse(SMALLEST, "x"), Site).ups == ()
