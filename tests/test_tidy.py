"""The house rules as tests: each holds for the project, finds an offence planted for it, and leaves good code alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import tidy_rules
from tests.conftest import PROJECT

EVERY_RULE = (*tidy_rules.PYTHON_RULES, *tidy_rules.TEXT_RULES)


@pytest.mark.parametrize("rule", EVERY_RULE, ids=lambda rule: rule.__name__)
def test_the_project_keeps_the_house_rule(rule: tidy_rules.Rule) -> None:
    offences = tidy_rules.check_project(PROJECT, rule)
    assert not offences, "\n" + "\n".join(offences)


# A rule, the path it is planted at, an offence, and its twin that is no offence.
CORE = "firmware_py/core/planted.py"
RUNTIME = "firmware_py/runtime/planted.py"
TEST = "tests/core/test_planted.py"
HOST = "pypi" + ".org"
PLANTED: tuple[tuple[tidy_rules.Rule, str, str, str], ...] = (
    (tidy_rules.check_file_length, CORE, "x = 1\n" * 351, "x = 1\n" * 350),
    (tidy_rules.check_function_length, CORE, "def f():\n" + "    x = 1\n" * 50, "def f():\n" + "    x = 1\n" * 49),
    (
        tidy_rules.check_function_length,
        CORE,
        "class C:\n  async def f():\n" + "    x = 1\n" * 50,
        "class C:\n  x = 1\n" * 60,
    ),
    (tidy_rules.check_docstring, CORE, "x = 1\n", '"""What it is.\n\nWhat it must not know.\n"""\n'),
    (tidy_rules.check_docstring, CORE, '"""One line only."""\n', '"""Two\nlines."""\n'),
    (tidy_rules.check_docstring, CORE, '"""a\nb\nc\nd\ne\nf\ng\n"""\n', '"""a\nb\nc\nd\ne\nf\n"""\n'),
    (tidy_rules.check_docstring, TEST, "x = 1\n", '"""One line is enough for a test."""\n'),
    (tidy_rules.check_names, CORE, "class AlarmManager: ...\n", "class Alarms: ...\n"),
    (tidy_rules.check_names, CORE, "class BaseAlarm: ...\n", "class DatabaseAlarm: ...\n"),
    (tidy_rules.check_names, CORE, "def _handle_reply(): ...\n", "def handles(): ...\n"),
    (tidy_rules.check_names, "drivers/snmp_utils.py", "", "def test_a_base_station_is_seen(): ...\n"),
    (
        tidy_rules.check_own_dataclass,
        RUNTIME,
        "from dataclasses import dataclass, field\n",
        "from dataclasses import field\nfrom config.valued import dataclass\n",
    ),
    (tidy_rules.check_test_names, TEST, "def test_alarm(): ...\n", "def test_a_missing_runtime_is_not_zero(): ...\n"),
    (
        tidy_rules.check_silencers,
        CORE,
        "x = 1  # noqa: E501\n",
        "x = 1  # noqa: E501 - the table reads better in one line\n",
    ),
    (tidy_rules.check_silencers, CORE, "x = 1  # noqa\n", 'x = "# noqa"\n'),
    (
        tidy_rules.check_silencers,
        CORE,
        "x = f()  # type: ignore[no-any-return]\n",
        "x = f()  # type: ignore[misc]  # lgpio has no types\n",
    ),
    (tidy_rules.check_silencers, CORE, "x = f()  # type: ignore  # lgpio has no types\n", "# the type is known here\n"),
    (
        tidy_rules.check_silencers,
        CORE,
        "if x:  # pragma: no cover\n  x\n",
        "if x:  # pragma: no cover - only on a Pi\n  x\n",
    ),
    (tidy_rules.check_catch_all, RUNTIME, "try: f()\nexcept Exception: pass\n", "try: f()\nexcept OSError: pass\n"),
    (
        tidy_rules.check_catch_all,
        RUNTIME,
        "try: f()\nexcept: pass\n",
        "try: f()\nexcept BaseException:\n  undo()\n  raise\n",
    ),
    (
        tidy_rules.check_catch_all,
        RUNTIME,
        "try: f()\nexcept (OSError, Exception) as e: g(e)\n",
        "try: f()\nexcept (OSError, ValueError): g()\n",
    ),
    (
        tidy_rules.check_catch_all,
        "firmware_py/runtime/poller.py",
        "try: f()\nexcept BaseException: g()\n",
        "try: f()\nexcept Exception: g()\n",
    ),
    (
        tidy_rules.check_match_is_closed,
        CORE,
        "match x:\n  case 1: f()\n",
        "match x:\n  case 1: f()\n  case _ as never: assert_never(never)\n",
    ),
    (tidy_rules.check_match_is_closed, CORE, "match x:\n  case _ if y: f()\n", "match x:\n  case _: f()\n"),
    (
        tidy_rules.check_dataclasses,
        CORE,
        "@dataclass\nclass A: ...\n",
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass A: ...\n",
    ),
    (
        tidy_rules.check_dataclasses,
        "monitors/planted.py",
        "@dataclasses.dataclass(frozen=True, slots=True)\nclass A: ...\n",
        "class A: ...\n",
    ),
    (
        tidy_rules.check_dataclasses,
        CORE,
        "@dataclass(frozen=True, slots=True, kw_only=False)\nclass A: ...\n",
        "@final\nclass A: ...\n",
    ),
    (
        tidy_rules.check_units,
        CORE,
        "@dataclass\nclass A:\n  delay: int\n",
        "@dataclass\nclass A:\n  delay_ms: int\n  seq: int\n",
    ),
    (
        tidy_rules.check_units,
        CORE,
        "@dataclass\nclass A:\n  heat: float | None = None\n",
        "@dataclass\nclass A:\n  name: str\n  heat_c: float | None = None\n",
    ),
    (tidy_rules.check_machine_paths, "docs/page.md", "see /wo" + "rk/main\n", "see ../shared and /etc/floorguard\n"),
    (tidy_rules.check_machine_paths, "Makefile", "\trm -rf /ho" + "me/pi/x\n", "\trm -rf build\n"),
    (tidy_rules.check_index_hosts, "requirements.txt", f"--index-url https://{HOST}/simple\n", "rich==15.0.0\n"),
)


@pytest.mark.parametrize(
    ("rule", "path", "bad", "good"), PLANTED, ids=[f"{row[0].__name__}-{number}" for number, row in enumerate(PLANTED)]
)
def test_a_planted_offence_is_found_and_its_twin_is_not(rule: tidy_rules.Rule, path: str, bad: str, good: str) -> None:
    assert list(rule(path, bad))
    clean = CORE if path.endswith("_utils.py") else path
    assert not list(rule(clean, good))


def test_every_rule_has_a_planted_offence() -> None:
    assert {row[0] for row in PLANTED} == set(EVERY_RULE)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-demo.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_hashed_and_name_no_address(name: str) -> None:
    text = (PROJECT / name).read_text()
    assert "://" not in text
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert not [line for line in lines if line.startswith("-")], "an option would name an address"
    packages = [line for line in lines if not line.startswith(" ")]
    assert packages
    assert all("==" in line and line.endswith("\\") for line in packages), (
        "each package is pinned and followed by hashes"
    )
    assert not [line for line in packages if line.startswith("lgpio")], (
        "a development machine has no pins; apt or the extra `pi` brings lgpio"
    )


def test_the_smaller_requirements_are_parts_of_the_tested_ones() -> None:
    def releases(name: str) -> set[str]:
        lines = (PROJECT / name).read_text().splitlines()
        return {line.split()[0] for line in lines if line and line[0].isalnum()}

    assert releases("requirements.txt") < releases("requirements-demo.txt") < releases("requirements-dev.txt")


def test_the_pure_parts_are_the_same_for_the_rules_and_the_coverage_floor() -> None:
    floors = (PROJECT / ".ci" / "floors").read_text()
    assert "pure='" + ",".join(f"{folder}*" for folder in tidy_rules.PURE) + "'" in floors


def test_a_folder_without_git_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "planted.py").write_text("x = 1\n")
    (tmp_path / "drivers" / "picture.png").write_bytes(b"\xff\x00")
    assert tidy_rules.check_project(tmp_path, tidy_rules.check_docstring)
    assert not tidy_rules.check_project(tmp_path, tidy_rules.check_machine_paths)
    assert tidy_rules.count_lines(tmp_path) == (1, 0)
