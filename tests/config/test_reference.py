"""The page of all configuration keys is what the model says, and says something of each."""

from __future__ import annotations

from pathlib import Path

from config.effective import effective
from config.reference import reference
from config.site import load_site
from tests.conftest import PROJECT

PAGE = PROJECT / "docs" / "configuration.md"


def test_the_page_is_what_the_model_says() -> None:
    assert PAGE.read_text() == reference(), "python -m config.reference > docs/configuration.md"


def test_every_key_says_what_it_is_for() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 150
    assert not [row for row in rows if row.rstrip(" |").endswith("|") or row.split("|")[4].strip() == ""]


def test_every_key_in_force_on_a_shipped_site_is_on_the_page() -> None:
    text = reference()
    for name in ("example.toml", "large.toml", "demo.toml"):
        section = ""
        for line in effective(load_site(PROJECT / "config" / "sites" / name)).splitlines():
            if line.startswith("["):
                section = line.strip("[]")
                assert f"[{section}]" in text, section
            elif " = " in line and not line.endswith(" = []"):
                assert f"| `{line.split(' = ')[0]}` |" in text, f"{section}: {line}"


def test_shipped_sites_pass_check_and_the_large_one_is_large() -> None:
    site = load_site(Path(PROJECT / "config" / "sites" / "large.toml"))
    units = [unit.kind.value for _, unit in site.units]
    assert (len(site.ups), units.count("hvac"), units.count("fire"), units.count("relays")) == (3, 8, 2, 3)
    assert len(site.exchange[0].trunks) == 12 and len({lamp.panel for lamp in site.lamp}) == 4
