"""The invariants bite: each planted fault, a patch on a copy of the product, is caught within thirty seeds."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.sim.faults import HOUR, draw
from tests.sim.weeks import play

PLANTED = sorted((Path(__file__).parent / "planted").glob("*.patch"))
SEEDS = 30
HOURS = 8  # as many faults as there are kinds, close together
COPIED = ("firmware_py", "monitors", "config", "drivers", "mqtt_bridge", "tests")


def hunt(seeds: int = SEEDS) -> str:
    """Seed and invariant of the first catch, empty when nothing was caught."""
    for seed in range(seeds):
        if broken := play(draw(seed, HOURS * HOUR), healing=False).broken:
            return f"{seed} {broken}"
    return ""


def _plant(patch: Path, folder: Path) -> str:
    """What a copy of the product with this fault comes to."""
    copy = folder / patch.stem
    for name in COPIED:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    applied = subprocess.run(
        ["git", "apply", "-C1", "--recount", str(patch)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, f"{patch.name} no longer fits the product: {applied.stderr}"
    code = "from tests.sim.test_planted import hunt; print('CAUGHT', hunt())"
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False, timeout=600
    )
    assert found.returncode == 0, found.stderr[-2_000:]
    return found.stdout.partition("CAUGHT ")[2].strip()


@pytest.mark.acceptance
def test_every_planted_fault_is_caught_within_thirty_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        caught = dict(zip(PLANTED, pool.map(lambda patch: _plant(patch, tmp_path), PLANTED), strict=True))
    with capsys.disabled():
        for patch, told in caught.items():
            sys.stdout.write(f"\n{patch.stem}: seed {told[:110] or 'NOT CAUGHT'}")
    assert len(PLANTED) >= 10
    assert [patch.stem for patch, told in caught.items() if not told] == []
