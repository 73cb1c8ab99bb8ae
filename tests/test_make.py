"""What `make` and the set-up scripts promise, as far as it can be seen without installing anything."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT, require_program

FILES = [path for path in (PROJECT / ".ci").iterdir() if path.is_file()]
SCRIPTS = sorted(path.name for path in FILES if path.read_text().startswith("#!/usr/bin/env bash"))


def call(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run(
        command, cwd=PROJECT, env={**inherited, **environment}, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def path_without_apt(tmp_path: Path) -> str:
    """A PATH with what the scripts use and no apt-get, as on a machine of another kind."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "cat", "cut", "dirname", "env", "grep", "id", "sha256sum"):
        (folder / name).symlink_to(require_program(name))
    return str(folder)


def test_make_alone_prints_a_line_for_every_target() -> None:
    require_program("make")
    targets = re.findall(r"^\.PHONY: (.*)$", (PROJECT / "Makefile").read_text(), re.M)[0].split()
    shown = re.findall(r"^  make (\w+) +\S", call("make").stdout, re.M)
    assert sorted(shown) == sorted(targets)


def test_make_bench_fills_every_table_of_the_page() -> None:
    (listed,) = re.findall(r"^\t@for name in \$\(or \$\(B\),([\w ]+)\)", (PROJECT / "Makefile").read_text(), re.M)
    sources = {path.stem: path.read_text() for path in (PROJECT / "bench").glob("*.py")}
    fillers = {stem for stem, source in sources.items() if "Table(" in source} - {"table"}
    assert fillers and fillers <= set(listed.split()) <= set(sources)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_parses_stops_at_errors_and_may_be_run(script: str) -> None:
    path = PROJECT / ".ci" / script
    assert "set -euo pipefail" in path.read_text()
    assert os.access(path, os.X_OK)
    assert call("bash", "-n", str(path)).returncode == 0


def test_a_missing_interpreter_is_said_in_one_line(path_without_apt: str) -> None:
    done = call(".ci/setup", "run", PYTHON="python-that-is-not-there", PATH=path_without_apt)
    assert done.returncode == 1
    assert re.fullmatch(r"setup: no python-that-is-not-there; as root: apt-get install .*\n", done.stderr)


def test_an_unfit_interpreter_is_said_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$1" in --version) echo "Python 3.10.2";; *) echo 3.10;; esac\n')
    old.chmod(0o755)
    done = call(".ci/setup", "run", PYTHON=str(old))
    assert done.returncode == 1
    assert "is Python 3.10.2; Python 3.11, 3.12 or 3.13 is needed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_python_without_venv_is_said_in_one_line(tmp_path: Path, path_without_apt: str) -> None:
    (tmp_path / ".ci").symlink_to(PROJECT / ".ci")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "ensurepip.py").write_text("raise ImportError('as on a Debian without python3-venv')\n")
    environment = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(hidden), "PATH": path_without_apt}
    script = (PROJECT / ".ci" / "setup").read_text().replace('cd "$(dirname "$0")/.."', f'cd "{tmp_path}"')
    done = subprocess.run(["bash", "-c", script, "setup", "run"], env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert re.fullmatch(
        r"setup: Python's venv module is missing; as root: apt-get install python3\.\d+-venv\n", done.stderr
    )
    assert not (tmp_path / ".venv").exists()
