"""The invariants bite: each planted fault, a patch on a copy of the product, is caught within thirty seeds."""

from __future__ import annotations

import re
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


def hunt(first: int = 0) -> str:
    """Seed and invariant of the first catch, empty when nothing was caught. `first`: the seed that is tried first."""
    for seed in sorted(range(SEEDS), key=lambda seed: seed != first):
        if broken := play(draw(seed, HOURS * HOUR), healing=False).broken:
            return f"{seed} {broken}"
    return ""


def _copy_with(patch: Path, folder: Path) -> Path:
    """A copy of the product with this fault."""
    copy = folder / patch.stem
    for name in COPIED:
        shutil.copytree(PROJECT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "data"))
    applied = subprocess.run(
        ["git", "apply", "-C1", "--recount", str(patch)], cwd=copy, capture_output=True, text=True, check=False
    )
    assert applied.returncode == 0, f"{patch.name} no longer fits the product: {applied.stderr}"
    return copy


def _ask(copy: Path, code: str) -> str:
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=copy, capture_output=True, text=True, check=False, timeout=600
    )
    assert found.returncode == 0, found.stderr[-2_000:]
    return found.stdout


def _plant(patch: Path, folder: Path) -> str:
    """What a copy of the product with this fault comes to."""
    hint = re.match(r"tried first: seed (\d+)", patch.read_text())
    first = hint.group(1) if hint else "0"
    code = f"from tests.sim.test_planted import hunt; print('CAUGHT', hunt({first}))"
    return _ask(_copy_with(patch, folder), code).partition("CAUGHT ")[2].strip()


@pytest.mark.acceptance
def test_every_planted_fault_is_caught_within_thirty_seeds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with ThreadPoolExecutor(2) as pool:
        caught = dict(zip(PLANTED, pool.map(lambda patch: _plant(patch, tmp_path), PLANTED), strict=True))
    with capsys.disabled():
        for patch, told in caught.items():
            sys.stdout.write(f"\n{patch.stem}: seed {told[:110] or 'NOT CAUGHT'}")
    assert len(PLANTED) >= 10
    assert [patch.stem for patch, told in caught.items() if not told] == []


@pytest.mark.acceptance
def test_a_planted_fault_is_told_with_its_script_made_small_and_the_command_to_repeat_it(tmp_path: Path) -> None:
    (patch,) = [patch for patch in PLANTED if patch.stem == "fans_run_in_a_fire"]
    code = f"from tests.sim.weeks import play_seed; print(play_seed(0, {HOURS} * 3_600_000).story)"
    told = _ask(_copy_with(patch, tmp_path), code).splitlines()
    script = [line for line in told if line.startswith("  0d ")]
    assert [line.rpartition(": ")[2] for line in script] == ["fire"], "shrunk to what breaks it"
    assert any(line.endswith("a fan runs") and line.startswith("A sound reading of fire") for line in told)
    assert "last decisions:" in told
    assert any("fire.seen" in line for line in told)
    assert told[-1] == "repeat: make sim SEED=0"
