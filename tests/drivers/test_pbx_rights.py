"""What an account may do too much, read from the exchange's own list of commands."""

from drivers.ami import Packet
from drivers.pbx_rights import NEEDED, TELLING, excess, lacking


def commands(*names: str) -> Packet:
    return Packet(headers=(("Response", "Success"), *((name, "...  (Priv: x)") for name in names)))


def test_the_least_account_has_nothing_too_much_and_lacks_nothing() -> None:
    assert excess(commands(*NEEDED, "Ping")) == () and lacking(commands(*NEEDED)) == ()


def test_every_class_that_must_not_be_given_is_named() -> None:
    found = excess(commands(*TELLING))
    assert {text.partition(":")[0] for text in found} == {"originate", "system", "command", "config", "user", "aoc"}


def test_what_is_missing_is_named_with_its_class() -> None:
    assert lacking(commands("Getvar", "ShowDialPlan")) == (NEEDED["Setvar"], NEEDED["QueuePause"])
