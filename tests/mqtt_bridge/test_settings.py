"""What the bridge is told: secrets stay hidden, impossible rhythms are refused."""

from __future__ import annotations

import pytest

from mqtt_bridge.settings import Broker, Tls


def test_a_password_is_never_shown() -> None:
    assert "sesame" not in repr(Broker(host="a", port=1883, password="sesame"))


def test_silence_is_noticed_within_thirty_seconds_of_the_default_keep_alive() -> None:
    broker = Broker(host="a", port=1883)
    assert broker.keep_alive_ms == 15_000
    assert broker.keep_alive_ms < broker.idle_ms + 1_000 < 30_000


@pytest.mark.parametrize("wrong", [{"keep_alive_ms": 1_500}, {"keep_alive_ms": 0}, {"window": 0}])
def test_impossible_rhythms_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(AssertionError):
        Broker(host="a", port=1883, **wrong)  # type: ignore[arg-type]  # only the numbers are wrong here


def test_a_certificate_needs_its_key() -> None:
    with pytest.raises(AssertionError):
        Tls(cert="a.pem")
