"""A short soak of the real daemon, and what a soak must see; `make soak` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run
from tests.faults.soak import FLAT_TASKS, NAMES, Soak, soak, summarise


@pytest.mark.acceptance
@pytest.mark.wire
def test_a_short_soak_leaks_no_descriptor_no_thread_and_no_task(tmp_path: Path) -> None:
    outcome = run(soak(tmp_path, 10, warm_s=3, usual_s=5, between_s=5, outage_s=2), within_s=150)
    assert outcome.outages > 0
    assert outcome.reads > 0
    # Memory needs longer than this, and the pace a machine of its own.
    assert outcome.grown(allowed_bytes=8 << 20) == [], outcome


@pytest.mark.proof
@pytest.mark.wire
def test_half_an_hour_at_twenty_times_the_usual_rate_leaks_nothing(tmp_path: Path) -> None:
    outcome = run(soak(tmp_path, 1_800), within_s=2_400)
    assert outcome.holds, outcome


def found(**changed: tuple[int, int, int]) -> dict[str, tuple[int, int, int]]:
    return dict.fromkeys(NAMES, (10, 10, 12)) | changed


def test_a_soak_that_grows_or_is_too_slow_does_not_hold() -> None:
    assert Soak(code=0, pace=20, found=found()).holds
    assert Soak(code=0, pace=20, found=found(resident_bytes=(100, 100 + (2 << 20), 0))).holds
    assert not Soak(code=0, pace=20, found=found(resident_bytes=(100, 101 + (2 << 20), 0))).holds
    for name, most in (("descriptors", 0), ("threads", 0), ("tasks", FLAT_TASKS)):
        assert Soak(code=0, pace=20, found=found(**{name: (10, 10 + most, 20)})).holds
        assert Soak(code=0, pace=20, found=found(**{name: (10, 11 + most, 20)})).grown() == [name]
    assert not Soak(code=0, pace=10, found=found()).holds
    assert not Soak(code=1, pace=20, found=found()).holds
    assert not Soak(code=0, pace=20).holds, "nothing was measured"


def test_beginning_and_end_are_middles_of_several_samples() -> None:
    samples = [(n, 5, 2, 20 + n % 2) for n in range(100)]
    assert summarise(samples) == {
        "resident_bytes": (4, 94, 99), "descriptors": (5, 5, 5), "threads": (2, 2, 2), "tasks": (20, 20, 21),
    }  # fmt: skip
