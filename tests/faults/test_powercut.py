"""A few power cuts on a real ext4; the thousand are `make powercut`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults.powercut import Medium, strike_often, why_not


@pytest.mark.acceptance
def test_a_power_cut_loses_nothing_acknowledged_and_leaves_nothing_unreadable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    outcome = strike_often(16, seed=3)
    with capsys.disabled():
        sys.stdout.write(f"\n{outcome.cuts} power cuts, {outcome.acknowledged} acknowledged, {outcome.seconds} s\n")
    assert outcome.acknowledged > 0
    assert outcome.lost == []
    assert outcome.unreadable == []


@pytest.mark.acceptance
def test_the_cut_is_a_real_one_for_what_was_not_synced_is_gone(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    medium = Medium(tmp_path)
    medium.format()
    medium.mount()
    (medium.place / "unsynced").write_bytes(b"x" * 4096)
    medium.cut()
    medium.unmount()
    medium.mount()
    gone = not (medium.place / "unsynced").exists() or (medium.place / "unsynced").stat().st_size == 0
    medium.unmount()
    assert gone
