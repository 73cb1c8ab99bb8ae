"""Peers that several wire test files share: one of each for a whole session."""

from tests.wires.asterisk import asterisk_fixture as asterisk_fixture
from tests.wires.asterisk import healthy_fixture as healthy_fixture
from tests.wires.modbus_libmodbus import libmodbus_fixture as libmodbus_fixture
