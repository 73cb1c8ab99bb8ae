"""Fixtures around broker and collector; import them by name into a test module.

`every_message_validates(port)` gives a collector; at the end of the test all that any collector heard must be valid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wires.mosquitto import Mosquitto
from tests.wires.mqtt_collector import Collector


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """A broker that lets everybody in."""
    with Mosquitto.serve(tmp_path) as broker:
        yield broker


@pytest.fixture
def every_message_validates() -> Iterator[Callable[..., Collector]]:
    """Make collectors; the test fails when one of them heard what the schemas do not allow."""
    made: list[Collector] = []

    def listen(port: int, **options: Any) -> Collector:
        collector = Collector(port, **options)
        made.append(collector)
        return collector

    yield listen
    for collector in made:
        collector.close()
    assert [fault for collector in made for fault in collector.find_faults()] == []
