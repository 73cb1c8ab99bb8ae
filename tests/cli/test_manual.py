"""Help, man page, completions and exit codes: complete, true, and readable in 80 columns."""

from __future__ import annotations

import gc
import re
import subprocess

import pytest
import shtab

from firmware_py.cli import main
from firmware_py.cli.codes import MEANINGS, Code
from firmware_py.cli.manual import manual, verbs_of
from firmware_py.cli.verbs import build_parser
from firmware_py.core.command import CommandKind
from tests.conftest import PROJECT, require_program

READING = (
    "check", "status", "watch", "log", "report", "legend", "plan", "simulate", "replay", "doctor", "diff", "discover",
    "probe", "rollback", "handover", "tick",
)  # fmt: skip


def test_every_verb_is_in_the_manual_with_all_of_its_options() -> None:
    page = manual().replace("\\-", "-")
    for verb, parser in verbs_of(build_parser()).items():
        assert f".SS {verb}\n" in page
        for action in parser._actions:
            assert not action.option_strings or action.option_strings[0] in page, (verb, action)


def test_every_option_of_every_verb_says_what_it_is_for() -> None:
    silent = [
        (verb, action.dest)
        for verb, parser in verbs_of(build_parser()).items()
        for action in parser._actions
        if not action.help and action.dest not in ("value", "name", "what")
    ]
    assert silent == []


def test_each_exit_code_is_explained_in_the_manual_and_on_its_page() -> None:
    assert set(MEANINGS) == set(Code)
    page = (PROJECT / "docs" / "cli.md").read_text()
    for code, text in MEANINGS.items():
        assert f"| {int(code)} | {text} |" in page


@pytest.mark.parametrize("verb", READING)
def test_every_reading_verb_speaks_json(verb: str) -> None:
    options = {name for action in verbs_of(build_parser())[verb]._actions for name in action.option_strings}
    assert "--json" in options


def test_every_verb_is_told_on_its_page() -> None:
    page = (PROJECT / "docs" / "cli.md").read_text()
    missing = [verb for verb in verbs_of(build_parser()) if not re.search(rf"`{verb}\b", page)]
    assert missing == []


def test_help_is_readable_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for parser in (build_parser(), *verbs_of(build_parser()).values()):
        wide = [line for line in parser.format_help().splitlines() if len(line) > 80]
        assert wide == []


def test_completions_know_every_verb() -> None:
    for shell in ("bash", "zsh"):
        text = shtab.complete(build_parser(), shell=shell)
        assert all(verb in text for verb in verbs_of(build_parser()))


def test_the_man_page_is_well_formed() -> None:
    groff = require_program("groff", "groff-base")
    done = subprocess.run([groff, "-man", "-Tascii", "-ww"], input=manual(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "floorguard" in done.stdout and not done.stderr, done.stderr[:500]


def test_a_verb_leaves_the_collector_as_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0 and gc.isenabled()
    assert main(["schema", "nothing"]) == 2 and gc.isenabled()
    assert capsys.readouterr().err


@pytest.mark.parametrize("verb", sorted(verbs_of(build_parser())))
def test_the_words_of_one_verb_are_those_of_all(verb: str) -> None:
    part, whole = verbs_of(build_parser(verb)), verbs_of(build_parser())
    assert part[verb].format_help() == whole[verb].format_help()
    assert {name: part[verb].get_default(name) for name in ("module", "kind")} == {
        name: whole[verb].get_default(name) for name in ("module", "kind")
    }


def test_every_order_is_one_that_the_core_knows() -> None:
    kinds = [parser.get_default("kind") for parser in verbs_of(build_parser()).values()]
    asked = [kind for kind in kinds if kind is not None]
    assert len(asked) > 10 and all(CommandKind(kind) for kind in asked)
