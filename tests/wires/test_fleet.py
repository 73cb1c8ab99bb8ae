"""Three hundred controllers lose their broker at once, with TLS: how long until all are back, and what it cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.fleet import measure
from tests.e2e.rig import tell

pytestmark = [pytest.mark.wire, pytest.mark.proof]


def test_a_storm_of_300_controllers_with_tls_is_over_in_half_a_minute_with_few_failed_attempts(tmp_path: Path) -> None:
    found = measure(300, 1.0, 3.0, tmp_path)
    tell(found)
    assert found["all_back_s"] <= 30
    assert found["failed_attempts_each"] < 0.5
