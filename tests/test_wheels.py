"""Every locked package has a wheel for a Pi, with the hash that the lock names; the index is asked, or it is said that
it could not be."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, require

pytestmark = pytest.mark.proof
TAGS = ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")


@pytest.mark.parametrize("python", ["3.11", "3.13"])
def test_every_package_of_the_lock_has_a_wheel_for_aarch64(tmp_path: Path, python: str) -> None:
    platforms = [word for tag in TAGS for word in ("--platform", tag)]
    words = [
        sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "--require-hashes",
        "--python-version", python, *platforms, "-r", str(PROJECT / "requirements.txt"), "-d", str(tmp_path),
    ]  # fmt: skip
    done = subprocess.run(words, capture_output=True, text=True, timeout=900)
    lost = ("Temporary failure", "Connection", "Network is unreachable", "Max retries", "timed out")
    require(not any(word in done.stderr for word in lost), f"the index could not be asked: {done.stderr[-200:]}")
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(list(tmp_path.glob("*.whl"))) > 10
