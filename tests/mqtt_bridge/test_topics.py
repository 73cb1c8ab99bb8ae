"""Topic strings as the contract spells them."""

from __future__ import annotations

import pytest

from mqtt_bridge.topics import Topics, is_alarm_topic


def test_topics_are_root_version_site_and_kind() -> None:
    topics = Topics(site="mnl-2f")
    assert topics.status == "floor/v1/mnl-2f/status"
    assert topics.info == "floor/v1/mnl-2f/info"
    assert topics.state == "floor/v1/mnl-2f/state"
    assert topics.event == "floor/v1/mnl-2f/event"
    assert topics.cursor == "floor/v1/mnl-2f/cursor"
    assert str(Topics(site="a", root="Plant_2")) == "Plant_2/v1/a"


@pytest.mark.parametrize(
    ("alarm", "end"),
    [
        ("ups1.on_battery", "ups1/on_battery"),
        ("trunks.main.down", "trunks/main_down"),
        ("clock", "clock/clock"),
    ],
)
def test_an_alarm_has_a_level_for_its_instance_and_one_for_the_rest(alarm: str, end: str) -> None:
    assert Topics(site="a").alarm(alarm) == f"floor/v1/a/alarm/{end}"


def test_only_alarm_topics_are_taken_for_such() -> None:
    assert is_alarm_topic(Topics(site="a", root="Old").alarm("trunks.main.down"))
    for other in (
        "floor/v1/a/state",
        "#",
        "floor/v1/+/alarm/a/b",
        "floor/v1/a/alarm/a/b/c",
        "x",
        "floor/v1/a/alarm/a/b\n",
    ):
        assert not is_alarm_topic(other)


@pytest.mark.parametrize("site", ["", "UPPER", "a/b", "a" * 41, "+", "#", "a b"])
def test_a_site_that_could_leave_its_own_topics_is_refused(site: str) -> None:
    with pytest.raises(AssertionError):
        Topics(site=site)


@pytest.mark.parametrize("alarm", ["", "+", "a/b", "a..b", ".a", "A.b", "$SYS"])
def test_an_alarm_id_that_is_none_has_no_topic(alarm: str) -> None:
    with pytest.raises(AssertionError):
        Topics(site="a").alarm(alarm)
