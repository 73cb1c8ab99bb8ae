"""`make install` into a folder of its own: what is there, that it works outside the project, upgrades and goes back.

The long way needs the packages of requirements.txt from an index or from pip's cache, so it is a `proof`; the short
way builds the wheel and looks at what a site needs of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import PROJECT, require, require_program

SOURCES = (
    *("pyproject.toml", "README.md", "requirements.txt", "requirements-pi.txt", "Makefile", ".ci", "systemd"),
    *("firmware_py", "drivers", "monitors", "mqtt_bridge", "config"),
)
PREFIX = "/usr/local/lib/floorguard"
UNIT = "etc/systemd/system/floorguard.service"


def copy_sources(folder: Path) -> Path:
    """The project's sources as a clean checkout has them."""
    folder.mkdir()
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.mark.acceptance
def test_the_wheel_has_every_file_that_a_site_needs(tmp_path: Path) -> None:
    found = version("setuptools")
    require(int(found.partition(".")[0]) >= 80, f"setuptools {found} builds no wheel by itself (.ci/setup dev)")
    project = copy_sources(tmp_path / "sources")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
         "--wheel-dir", str(tmp_path), str(project)], check=True, timeout=120,
    )  # fmt: skip
    wheel = next(tmp_path.glob("floorguard-*.whl"))
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    packed = {
        path.relative_to(tmp_path / "installed") for path in (tmp_path / "installed").rglob("*") if path.is_file()
    }
    wanted = [
        path.relative_to(PROJECT)
        for folder, kinds in (
            ("config", ("*.toml", "*.py")),
            ("mqtt_bridge", ("*.json", "*.py")),
            ("drivers", ("*.py",)),
        )
        for kind in kinds
        for path in (PROJECT / folder).rglob(kind)
    ]
    assert [str(path) for path in wanted if path not in packed] == []
    command = [
        sys.executable,
        "-P",
        "-m",
        "firmware_py",
        "check",
        str(tmp_path / "installed/config/sites/example.toml"),
    ]
    done = subprocess.run(
        command, cwd="/", env={**os.environ, "PYTHONPATH": str(tmp_path / "installed")}, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("prefix", ["", "floorguard", "/"])
def test_a_prefix_that_is_no_folder_of_its_own_is_refused(prefix: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [str(PROJECT / ".ci/install"), prefix], env={**os.environ, "DESTDIR": str(tmp_path)}, capture_output=True
    )
    assert done.returncode != 0
    assert list(tmp_path.iterdir()) == []


class Machine:
    """A root in a folder, and a `systemctl` that notes what it was asked and fails where a file says so."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root = folder, folder / "root"
        self.root.mkdir()
        self.systemctl = folder / "systemctl"
        self.systemctl.write_text(
            f'#!/bin/sh\necho "$*" >>{folder}/asked\n'
            f'case "$*" in *is-enabled*) exit 0 ;; *restart*) [ ! -e {folder}/sick ] ;; *) exit 0 ;; esac\n'
        )
        self.systemctl.chmod(0o755)
        (folder / "asked").touch()

    @property
    def home(self) -> Path:
        return self.root / PREFIX.lstrip("/")

    @property
    def current(self) -> str:
        return os.readlink(self.home / "current")

    def make(self, project: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
        given: Mapping[str, str] = {"DESTDIR": str(self.root), "PYTHON": sys.executable, **environment}
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("MAKE", "VIRTUAL_ENV", "COV"))}
        return subprocess.run(
            ["make", "-s", target], cwd=project, env={**clean, **given}, capture_output=True, text=True, timeout=600
        )

    def check(self, site: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.home / "bin/floorguard"), "check", str(site)], cwd="/", capture_output=True, text=True, env={}
        )


def refuse_what_does_not_accept_the_site(machine: Machine, project: Path, site: Path) -> None:
    """The owner's site file stays; a release that does not accept it never gets into its place."""
    site.write_text(site.read_text() + "# ours\n")
    check = project / "firmware_py/cli/check.py"
    sound = check.read_text()
    check.write_text(
        sound.replace("path = Path(args.file)\n", 'path = Path(args.file)\n    assert "etc" not in path.parts\n')
    )
    done = machine.make(project, "install")
    assert done.returncode != 0
    assert "nothing was changed" in done.stderr
    assert (machine.current, sorted(os.listdir(machine.home / "releases"))) == ("releases/1", ["1"])
    check.write_text(sound)


def take_back_what_does_not_come_up(machine: Machine, project: Path, site: Path) -> None:
    """And its unit with it."""
    unit = project / "systemd/floorguard.service"
    unit.write_text(unit.read_text() + "# newer\n")
    (machine.folder / "sick").touch()
    done = machine.make(project, "install", SYSTEMCTL=str(machine.systemctl))
    assert done.returncode != 0
    assert "the one before it runs again" in done.stderr
    assert (machine.current, sorted(os.listdir(machine.home / "releases"))) == ("releases/1", ["1"])
    assert "# newer" not in (machine.root / UNIT).read_text()
    assert (machine.folder / "asked").read_text().split("\n")[-2] == "restart floorguard.service"
    assert machine.check(site).returncode == 0


@pytest.mark.proof
def test_it_installs_upgrades_goes_back_and_leaves(tmp_path: Path) -> None:
    require_program("make")
    machine, project = Machine(tmp_path), copy_sources(tmp_path / "sources")
    done = machine.make(project, "install")
    require("could not find a version" not in done.stderr.lower(), "no package index here")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in project.iterdir()) == sorted(SOURCES), "the source folder is as it was"
    site, state = machine.root / "etc/floorguard/site.toml", machine.root / "var/lib/floorguard/keep"
    done = machine.check(site)
    assert (done.returncode, done.stderr) == (0, "")
    assert (machine.root / UNIT).read_text() == (PROJECT / "systemd/floorguard.service").read_text()
    assert (machine.root / "etc/floorguard/credentials").stat().st_mode & 0o777 == 0o700
    assert "floorguard" in (machine.root / "usr/local/share/bash-completion/completions/floorguard").read_text()
    assert (
        (machine.root / "usr/local/share/zsh/site-functions/_floorguard").read_text().startswith("#compdef floorguard")
    )
    state.parent.mkdir(parents=True)
    state.touch()

    refuse_what_does_not_accept_the_site(machine, project, site)
    take_back_what_does_not_come_up(machine, project, site)

    # A sound one gets in, and the one before it is kept.
    done = machine.make(project, "install")
    assert done.returncode == 0, done.stderr
    assert (machine.current, sorted(os.listdir(machine.home / "releases"))) == ("releases/2", ["1", "2"])
    assert site.read_text().endswith("# ours\n")
    assert "# newer" in (machine.root / UNIT).read_text()

    assert machine.make(project, "uninstall").returncode == 0
    left = {str(path.relative_to(machine.root)) for path in machine.root.rglob("*floorguard*")}
    assert left == {"etc/floorguard", "var/lib/floorguard"}
    assert state.exists()
    assert machine.make(project, "uninstall", PURGE="1").returncode == 0
    assert list(machine.root.rglob("*floorguard*")) == []


@pytest.mark.proof
@pytest.mark.skipif(sys.version_info >= (3, 13), reason="where lgpio has a wheel")
def test_on_a_pi_lgpio_is_real_and_the_empty_package_is_refused(tmp_path: Path) -> None:
    machine, project = Machine(tmp_path), copy_sources(tmp_path / "sources")
    model, stub = tmp_path / "model", tmp_path / "stub"
    model.write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")
    stub.mkdir()
    (stub / "lgpio.py").touch()  # what release 0.0.0.2 is
    done = machine.make(project, "install", MODEL_FILE=str(model), PYTHONPATH=str(stub))
    require("could not find a version" not in done.stderr.lower(), "no package index here")
    assert done.returncode != 0
    assert "the empty package 0.0.0.2" in done.stderr
    assert not (machine.home / "current").exists()
    done = machine.make(project, "install", MODEL_FILE=str(model))
    assert done.returncode == 0, done.stderr
    code = "import lgpio, sys; print(lgpio.__file__.startswith(sys.prefix), hasattr(lgpio, 'gpiochip_open'))"
    python = machine.home / "current/bin/python"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True).stdout == "True True\n"
