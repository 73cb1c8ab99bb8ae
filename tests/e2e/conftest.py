"""The real Asterisk of the wire tests, for acceptance too; and an ear at the broker of each daemon."""

from collections.abc import Iterator

import pytest

from tests.wires.asterisk import asterisk_fixture as asterisk_fixture
from tests.wires.asterisk import healthy_fixture as healthy_fixture
from tests.wires.mqtt_collector import Collector


@pytest.fixture(autouse=True)
def the_daemon_says_nothing_invalid(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test whose broker has heard what the contract's schemas do not allow."""
    if "mosquitto" not in request.fixturenames:
        yield
        return
    collector = Collector(request.getfixturevalue("mosquitto").port)
    yield
    collector.close()
    assert collector.find_faults() == []
