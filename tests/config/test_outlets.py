"""Outlets of a UPS in the site file: nothing is switched without a list and a credential of its own."""

from pathlib import Path

import pytest

from config.site import build_site
from config.strict import ConfigError, parse

EXAMPLE = (Path(__file__).resolve().parents[2] / "config" / "sites" / "example.toml").read_text(encoding="utf-8")
OUTPUT = (
    '\n[[output]]\nid = "outlet.printers"\nport = "outlet"\nups = "ups1"\noutlet = 2\n'
    'on_stop = "hold"\non_fault = "hold"\n'
)
UPS = '[[ups]]\nid = "ups1"\n'


def build(keys: str, output: str = OUTPUT) -> str:
    """What is wrong with the example with these keys at its UPS and this output; empty when nothing is."""
    text = EXAMPLE.replace(UPS, UPS + keys, 1).replace("\n[[output]]", f"{output}\n[[output]]", 1)
    assert UPS + keys in text
    try:
        build_site(parse(text, "site.toml"))
    except ConfigError as error:
        return str(error)
    return ""


LISTED = 'outlets = [1, 2]\nwrite_community_file = "credential:ups1.write"\n'


def test_ok__a_listed_group_with_a_write_credential() -> None:
    assert build(LISTED) == ""


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("", "does not list this group"),
        ('outlets = [1]\nwrite_community_file = "credential:ups1.write"\n', "does not list this group"),
        ("outlets = [2]\n", "has no write_community_file"),
    ],
)
def test_what_is_missing_is_named(keys: str, said: str) -> None:
    assert said in build(keys)


def test_the_read_community_is_no_write_credential() -> None:
    read = next(line for line in EXAMPLE.splitlines() if line.startswith("community_file"))
    same = read.split("#")[0].strip().split(" = ")[1]
    assert "give writing its own" in build(f"outlets = [2]\nwrite_community_file = {same}\n")


def test_one_group_has_one_output() -> None:
    assert "in use already" in build(LISTED, OUTPUT + OUTPUT.replace("outlet.printers", "outlet.twice"))
