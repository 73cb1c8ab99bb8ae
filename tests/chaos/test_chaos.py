"""Chaos, short, as a test; the full run is `make chaos`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.run import FAULTS, Chaos, holds, stir
from tests.wires.mqtt_collector import Collector
from tests.wires.mqtt_fixtures import every_message_validates

pytestmark = [pytest.mark.wire, pytest.mark.acceptance]
__all__ = ["every_message_validates"]


def test_nothing_journalled_is_lost_whatever_is_killed_frozen_filled_or_torn(tmp_path: Path) -> None:
    outcome = stir(tmp_path, events=400, seed=7)
    assert holds(outcome), outcome
    assert set(outcome.faults) == set(FAULTS)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(5))
def test_nothing_journalled_is_lost_in_full_runs(seed: int, tmp_path: Path) -> None:
    outcome = stir(tmp_path, events=1_500, seed=seed)
    assert holds(outcome), outcome


def test_without_any_cursor_nothing_is_lost_when_only_the_daemon_and_the_link_die(
    tmp_path: Path, every_message_validates: Callable[..., Collector]
) -> None:
    chaos = Chaos(tmp_path, seed=3)
    chaos.broker.start()
    chaos.link.start()
    try:
        far = every_message_validates(chaos.broker.port)
        chaos.start_daemon()
        for round_ in range(8):
            before = len(far.of("event"))
            far.wait_for(lambda c, before=before: len(c.of("event")) > before + 10, within_s=20)
            chaos.hurt(("daemon", "cut", "daemon", "half-open")[round_ % 4])
        chaos.deliver(60)
        seen = {one.data["seq"] for one in far.of("event")}
        assert {seq for _, seq, _ in chaos.synced()} <= seen
    finally:
        chaos.kill_daemon()
        chaos.link.stop()
        chaos.broker.kill()
