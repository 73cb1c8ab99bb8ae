"""Which configuration a start takes: the confirmed one, whatever the draft says; what fails leads back."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.strict import ConfigError
from firmware_py.runtime.generations import Generation
from firmware_py.wiring import drafts
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.choice import STARTS, Choice, choose
from firmware_py.wiring.drafts import differs, find_directory, gather, in_force, open_store
from tests.conftest import PROJECT

EXAMPLE = PROJECT / "config" / "sites" / "example.toml"
RENAMED = ('name = "Call floor 3"', 'name = "Another"')
WHO = Generation(number=0, by="0:root", why="apply")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "site.toml"
    path.parent.mkdir()
    shutil.copy(EXAMPLE, path)
    return path


def start(site: Path, boot: str = "boot-a") -> Choice:
    return choose(site, build_floor, site.parent.parent / "state", boot)


def renamed(site: Path) -> dict[str, str]:
    site.write_text(site.read_text().replace(*RENAMED))
    return gather(site)


def test_the_first_start_takes_the_site_file_and_keeps_it(site: Path) -> None:
    choice = start(site)
    assert choice.number == 1 and choice.store.files(1)["site.toml"] == site.read_text() and not choice.events


def test_a_changed_draft_counts_for_nothing_until_it_is_applied(site: Path) -> None:
    start(site)
    renamed(site)
    choice = start(site)
    assert choice.number == 1 and choice.floor.site.site.name == "Call floor 3"
    assert differs(choice.store, 1, site)


def test_a_trial_that_was_cut_short_leads_back_whoever_ended_it(site: Path) -> None:
    store = start(site).store
    store.add(renamed(site), WHO, trial=True)
    choice = start(site, "boot-b")
    assert choice.number == 1 and [event.type for event in choice.events] == ["config.reverted"]
    assert choice.store.book.trial is None


def test_three_failed_starts_of_a_confirmed_one_lead_back_and_it_is_never_taken_by_itself_again(site: Path) -> None:
    store = start(site).store
    store.add(renamed(site), WHO, trial=True)
    store.confirm()
    assert [start(site).number for _ in range(STARTS)] == [2] * STARTS
    choice = start(site)
    assert choice.number == 1 and [event.type for event in choice.events] == ["config.fallback"]
    assert start(site, "boot-b").number == 1


def test_failed_starts_with_nothing_to_go_back_to_do_not_leave_the_floor_alone(site: Path) -> None:
    assert [start(site).number for _ in range(8)] == [1] * 8


def test_power_cuts_are_no_crash_loop(site: Path) -> None:
    store = start(site).store
    store.add(renamed(site), WHO, trial=False)
    assert [start(site, f"boot-{number}").number for number in range(6)] == [2] * 6


def test_one_that_this_release_refuses_is_passed_over_and_said(site: Path) -> None:
    store = start(site).store
    store.add({"site.toml": "[site]\nid = 'x'\nunknown = 1\n"}, WHO, trial=False)
    choice = start(site)
    assert choice.number == 1 and [event.type for event in choice.events] == ["config.refused"]


def test_with_no_sound_one_at_all_every_fault_of_the_draft_is_said(site: Path) -> None:
    site.write_text("[site]\nid = 'x'\nunknown = 1\n")
    with pytest.raises(ConfigError, match="unknown"):
        start(site)


def test_a_state_directory_that_cannot_be_written_is_no_reason_not_to_guard(site: Path) -> None:
    (site.parent.parent / "state").write_text("a file where a folder should be")
    assert start(site).number == 0


def test_what_runs_after_a_crash_knows_what_was_in_force(site: Path) -> None:
    store = start(site).store
    state = site.parent.parent / "state"
    environ = {"STATE_DIRECTORY": str(state)}
    store.add(renamed(site), WHO, trial=True)
    assert in_force(site, environ) == store.path(2)
    assert find_directory(site, environ) == state
    assert in_force(site, {"STATE_DIRECTORY": str(state / "none")}) == site


LINES = (
    "[storage]", "[storage] # kept", "[other]", "[[storage]]", 'directory = "/var/a"', 'directory = "/var/b" # here',
    "", 'directory = "relative"', 'directory="/tight"', 'directory = "/esc\\u0061ped"', "# directory = no", "[storage",
    'storage.directory = "/dotted"', 'storage = { directory = "/inline" }', "keep = 5", 'text = """', '"""', "many = [",
    "]", '"directory" = "/quoted"', "directory = '/literal'", '"dir\\u0065ctory" = "/hidden"',
    '  directory = "/set in"',
)  # fmt: skip


@given(st.lists(st.sampled_from(LINES), max_size=8).map("\n".join))
def test_the_short_look_for_the_state_directory_is_right_wherever_the_file_is(text: str) -> None:
    try:
        expected = tomllib.loads(text)["storage"]["directory"]
    except tomllib.TOMLDecodeError:
        return  # it may still be found, in a file that is faulty elsewhere
    except (KeyError, TypeError):
        expected = ""
    try:
        found = drafts._named(text)
    except (KeyError, TypeError):
        found = ""
    assert found == expected


def test_a_fault_elsewhere_does_not_hide_where_state_is_kept(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text('[site\n[storage]\n# here\nsize = "1 MB"\ndirectory = "/var/lib/elsewhere"\n')
    assert find_directory(site, {"STATE_DIRECTORY": "/var/lib/other"}) == Path("/var/lib/elsewhere")
    site.write_text("[site\n")
    assert find_directory(site, {"STATE_DIRECTORY": "/var/lib/other"}) == Path("/var/lib/other")


def test_profiles_of_the_site_are_part_of_its_generation(site: Path) -> None:
    profiles = site.parent / "profiles"
    profiles.mkdir()
    shutil.copy(PROJECT / "config" / "profiles" / "hvac_generic.toml", profiles / "own.toml")
    site.write_text(site.read_text().replace('profile = "hvac_generic"', 'profile = "own"'))
    choice = start(site)
    shutil.rmtree(profiles)
    assert start(site).number == choice.number == 1, "it does not need the draft's folder any more"
    assert open_store(site.parent.parent / "state").files(1).keys() == {"site.toml", "profiles/own.toml"}
