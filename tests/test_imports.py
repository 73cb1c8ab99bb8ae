"""The import contracts of pyproject.toml hold, leave no module out, and bite on offences planted in a copy."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.tidy_rules import PRODUCT

# Where it is planted (a new file, or one that is there), and what is imported there although it must not be.
PLANTED = (
    ("firmware_py/core/planted_clock.py", "time"),
    ("firmware_py/core/planted_task.py", "asyncio"),
    ("firmware_py/core/planted_upwards.py", "firmware_py.ports"),
    ("firmware_py/core/planted_driver.py", "drivers.ami"),
    ("firmware_py/runtime/planted_clock.py", "time"),
    ("firmware_py/runtime/planted_sibling.py", "drivers.ami"),
    ("firmware_py/runtime/planted_book.py", "tinydb"),
    ("firmware_py/runtime/planted_root.py", "firmware_py.app"),
    ("firmware_py/demo/planted_daemon.py", "firmware_py.app"),
    ("firmware_py/demo/planted_book.py", "tinydb"),
    ("monitors/planted_file.py", "pathlib"),
    ("monitors/planted_sibling.py", "firmware_py.ports"),
    ("drivers/planted_sibling.py", "mqtt_bridge"),
    ("drivers/planted_agent.py", "pysnmp"),
    ("drivers/planted_clock.py", "datetime"),
    ("drivers/ami.py", "socket"),
    ("mqtt_bridge/planted_broker.py", "paho"),
    ("config/strict.py", "firmware_py.core.reading"),
)
# The same imports where they are meant to be.
ALLOWED = (
    ("firmware_py/core/planted_error.py", "config.strict"),
    ("firmware_py/demo/planted_agent.py", "pysnmp"),
    ("firmware_py/demo/planted_time.py", "time"),
    ("firmware_py/cli/planted_verb.py", "firmware_py.app"),
    ("firmware_py/cli/planted_table.py", "rich"),
    ("drivers/planted_port.py", "firmware_py.ports"),
    ("monitors/planted_word.py", "firmware_py.core.reading"),
)


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    environment = {**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def plant(folder: Path, path: str, imported: str) -> str:
    """Append an import and return how the report names it."""
    file = folder / path
    file.touch()
    with file.open("a") as lines:
        lines.write(f"\nimport {imported}\n")
    return f"{path.removesuffix('.py').replace('/', '.')} -> {imported}"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says about a copy of the project with all of the above planted."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(PROJECT / "pyproject.toml", folder)
    for package in PRODUCT:
        shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "firmware_py" / "app.py").touch()
    for path, imported in (*PLANTED, *ALLOWED):
        plant(folder, path, imported)
    done = lint(folder)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def is_reported(report: str, path: str, imported: str) -> bool:
    edge = f"{path.removesuffix('.py').replace('/', '.')} -> {imported}"
    return re.search(rf"{re.escape(edge)} \(", report) is not None


@pytest.mark.parametrize(("path", "imported"), PLANTED)
def test_a_planted_import_is_reported(report: str, path: str, imported: str) -> None:
    assert is_reported(report, path, imported), report


@pytest.mark.parametrize(("path", "imported"), ALLOWED)
def test_an_import_in_its_place_is_not_reported(report: str, path: str, imported: str) -> None:
    assert not is_reported(report, path, imported), report


def test_the_project_keeps_its_import_contracts() -> None:
    done = lint(PROJECT)
    assert done.returncode == 0, done.stdout + done.stderr


def contracts() -> dict[str, dict[str, Any]]:
    settings = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    return {contract["id"]: contract for contract in settings["tool"]["importlinter"]["contracts"]}


def test_every_module_has_its_layer() -> None:
    layers = " ".join(contracts()["layers"]["layers"])
    placed = set(re.findall(r"[\w.]+", layers))
    found = set()
    for package in PRODUCT:
        parts = {package} if package in placed else set()
        for entry in (PROJECT / package).iterdir():
            if (entry.suffix == ".py" and entry.stem != "__init__") or (entry / "__init__.py").is_file():
                parts.add(f"{package}.{entry.stem}")
        found |= {part for part in parts if part.split(".")[0] not in placed}
    assert found <= placed, f"give a layer in pyproject.toml to {sorted(found - placed)}"


def test_every_exception_in_the_contracts_has_a_module() -> None:
    """An exception for a file that is gone would be a hole for the next file of that name."""
    for contract in contracts().values():
        for edge in contract.get("ignore_imports", ()):
            module = edge.split(" -> ")[0]
            if "*" not in module:
                file = PROJECT / f"{module.replace('.', '/')}.py"
                assert file.is_file(), f"{contract['id']}: {edge}"
