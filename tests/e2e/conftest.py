"""The real Asterisk of the wire tests, for acceptance too."""

from tests.wires.asterisk import asterisk_fixture as asterisk_fixture
from tests.wires.asterisk import healthy_fixture as healthy_fixture
