"""What `doctor` says of exchanges: rights, the way of emergency numbers, and a failover that would never happen."""

import pytest

from firmware_py.cli.phone_looks import look_at_phones


def points(**values: object) -> dict[str, dict[str, object]]:
    named = {f"pbx1.{name.replace('__', '.')}": value for name, value in values.items()}
    return {name: {"value": value, "quality": "good", "detail": "here"} for name, value in named.items()}


def test_a_sound_exchange_has_nothing_to_be_mended() -> None:
    seen = points(account__too_wide=False, account__excess="", emergency__path="passes", failover__dialplan="works")
    looks = look_at_phones(["pbx1"], seen)
    assert [look.what for look in looks] == ["pbx1 account", "pbx1 emergency", "pbx1 failover"]
    assert not any(look.fix or look.grave for look in looks)


def test_an_account_that_may_more_is_told_with_what_it_may() -> None:
    (look,) = look_at_phones(["pbx1"], points(account__too_wide=True, account__excess="originate: place calls"))
    assert "originate" in look.found and "call,agent,reporting" in look.fix and not look.grave


@pytest.mark.parametrize(
    ("point", "word", "grave"),
    [
        ("emergency__path", "gated", True),
        ("emergency__path", "missing", True),
        ("emergency__path", "unproven", False),
        ("failover__dialplan", "never", True),
        ("failover__dialplan", "none", True),
        ("failover__dialplan", "unproven", False),
    ],
)
def test_each_fault_has_its_fix(point: str, word: str, grave: bool) -> None:
    (look,) = look_at_phones(["pbx1"], points(**{point: word}))
    assert look.fix and look.grave is grave and look.found == f"{word} here"


def test_what_is_not_known_is_not_judged() -> None:
    lost = {"pbx1.emergency.path": {"value": "gated", "quality": "bad"}, "pbx1.account.too_wide": "odd"}
    assert look_at_phones(["pbx1", "pbx2"], lost) == []
