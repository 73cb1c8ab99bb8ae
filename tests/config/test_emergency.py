"""Emergency numbers: the list is sound, and no site may pause outbound without any."""

import re
from pathlib import Path

import pytest

from config.emergency import countries, numbers_of
from config.site import load_site
from config.strict import ConfigError
from tests.conftest import PROJECT

SITES = PROJECT / "config" / "sites"
NUMBERS = re.compile(r"emergency_numbers = \[.*\]\n")


def altered(tmp_path: Path, line: str) -> Path:
    text, changes = NUMBERS.subn(line, (SITES / "example.toml").read_text())
    assert changes == 1
    file = tmp_path / "site.toml"
    file.write_text(text)
    return file


def test_every_country_has_numbers_that_can_be_dialled() -> None:
    assert {"CN", "JP", "US", "GB", "DE"} <= set(countries())
    for country, numbers in countries().items():
        assert re.fullmatch(r"[A-Z]{2}", country)
        assert numbers and all(re.fullmatch(r"[0-9]{2,4}", number) for number in numbers), country


def test_a_site_that_can_pause_outbound_needs_emergency_numbers(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="an output pauses outbound here"):
        load_site(altered(tmp_path, ""))
    with pytest.raises(ConfigError, match="an output pauses outbound here"):
        load_site(altered(tmp_path, "emergency_numbers = []\n"))


def test_the_country_brings_its_numbers_and_the_site_adds_its_own(tmp_path: Path) -> None:
    site = load_site(altered(tmp_path, 'country = "JP"\nemergency_numbers = ["0110", "119"]\n'))
    assert numbers_of(site.exchange[0]) == ("0110", "119", "110", "118")


def test_a_country_that_the_list_lacks_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not in the list"):
        load_site(altered(tmp_path, 'country = "XX"\n'))
