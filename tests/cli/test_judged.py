"""`check`, `diff` and `doctor` beside a controller: it judges, no schema is loaded, and nothing is said otherwise."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from config.faults import ConfigError
from firmware_py.cli.codes import Code
from firmware_py.cli.drafts import judge
from firmware_py.core.command import CommandRefused
from firmware_py.runtime.clock import SystemClock
from firmware_py.wiring import told
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.drafts import gather
from firmware_py.wiring.judging import judge as judge_texts
from firmware_py.wiring.release import stamp
from tests.cli.documents import held_against
from tests.conftest import PROJECT, run
from tests.runtime.test_control import serving

EXAMPLE = PROJECT / "config" / "sites" / "example.toml"
LIGHT = """
import sys
from firmware_py.cli import main
code = main()
heavy = {"pydantic", "config.model_site", "config.compile", "drivers", "asyncio"} & set(sys.modules)
sys.exit(f"loaded {heavy}" if heavy else code)
"""
CHANGES = [('address = "192.0.2.10"', 'address = "192.0.2.99"'), ("pin = 17", "pin = 4")]


def draft(folder: Path, *changes: tuple[str, str]) -> Path:
    text = EXAMPLE.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "site.toml"
    path.write_text(text)
    return path


def beside(folder: Path, *words: str, program: str = LIGHT) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, while a controller that has the example in force answers."""
    floor, _ = build_floor(EXAMPLE)

    async def config(peer: str, request: Mapping[str, object]) -> Any:
        return {"generation": 7, "files": gather(EXAMPLE)}

    async def play() -> subprocess.CompletedProcess[str]:
        judging = told.Judge(SystemClock(), lambda: floor, lambda number: gather(EXAMPLE), judge_texts)
        async with serving(folder / "s", more={"config": config, **judging.verbs}):
            command = [sys.executable, "-c", program, *words, "--socket", str(folder / "s")]
            return await asyncio.to_thread(
                subprocess.run, command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False
            )

    return asyncio.run(play())


def test_diff_says_what_this_process_would_have_found(tmp_path: Path) -> None:
    path = draft(tmp_path, *CHANGES)
    done = beside(tmp_path, "diff", str(path), "--json")
    assert done.returncode == Code.FAILED, done.stderr
    found = held_against("diff", done.stdout)
    own = judge("", path, gather(path), before=gather(EXAMPLE))
    assert [(one["key"], one["was"], one["now"]) for one in found["changes"]] == list(own.changes) != []
    assert found["consequences"] == list(own.consequences) and "restarts driver ups1" in found["consequences"]
    assert found["generation"] == 7


def test_what_is_in_force_to_the_letter_needs_no_judgement(tmp_path: Path) -> None:
    done = beside(tmp_path, "diff", str(EXAMPLE))
    assert done.returncode == Code.OK and done.stdout == f"{EXAMPLE} is generation 7\n", done.stderr


def test_faults_come_at_their_lines_in_the_file_that_was_asked_for(tmp_path: Path) -> None:
    path = draft(tmp_path, ("pin = 17", "pin = 99"), ('id = "ups1"', 'id = "UPS 1"'))
    for verb in ("check", "diff"):
        done = beside(tmp_path, verb, str(path))
        assert done.returncode == Code.CHECK, done
        with pytest.raises(ConfigError) as own:
            build_floor(path)
        assert done.stderr.splitlines()[:-1] == str(own.value).splitlines()
        assert done.stderr.endswith("faults; nothing was changed\n")
    document = held_against("check", beside(tmp_path, "check", str(path), "--json").stdout)
    assert {one["file"] for one in document["faults"]} == {str(path)}


def test_check_counts_the_same_with_and_without_a_controller(tmp_path: Path) -> None:
    done = beside(tmp_path, "check", str(draft(tmp_path)), "--json")
    told_there = held_against("check", done.stdout)
    assert told_there["sound"] and told_there["points"] == len(build_floor(EXAMPLE)[0].plan.points), done.stderr


@pytest.mark.parametrize(("changes", "state"), [(CHANGES, "good"), ([("pin = 17", "pin = 99")], "bad")])
def test_doctor_has_a_changed_file_judged(tmp_path: Path, changes: list[tuple[str, str]], state: str) -> None:
    done = beside(tmp_path, "doctor", str(draft(tmp_path, *changes)), "--json")
    looks = held_against("doctor", done.stdout)["looks"]
    assert looks[0]["what"] == "site file" and looks[0]["state"] == state, done.stderr


def test_a_controller_of_another_release_judges_nothing_and_the_answer_is_the_same(tmp_path: Path) -> None:
    old = 'import firmware_py.cli.drafts as drafts\ndrafts.stamp = lambda: "another"\n'
    program = (
        f"{old}import sys\nfrom firmware_py.cli import main\nsys.exit(main() if 'pydantic' not in sys.modules else 9)"
    )
    path = draft(tmp_path, *CHANGES)
    done = beside(tmp_path, "diff", str(path), program=program)
    assert done.returncode == Code.FAILED and "restarts driver ups1" in done.stdout, done.stderr


def test_a_judgement_that_took_long_is_followed_by_rest() -> None:
    class Hand(SystemClock):
        ms = 0

        def now_ms(self) -> int:
            Hand.ms += 100  # each look at the clock
            return Hand.ms

    async def scenario() -> None:
        floor, _ = build_floor(EXAMPLE)
        judging = told.Judge(Hand(), lambda: floor, lambda number: gather(EXAMPLE), judge_texts)
        fields = {"files": gather(EXAMPLE), "release": stamp()}
        assert isinstance(await judging.answer("0:root", fields), dict)
        assert isinstance(await judging.answer("0:root", fields), dict), "the same draft costs nothing again"
        with pytest.raises(CommandRefused, match="another draft is judged; try again"):
            await judging.answer("0:root", fields | {"number": 3})
        Hand.ms += 10_000
        assert isinstance(await judging.answer("0:root", fields | {"number": 3}), dict)
        Hand.ms += 10_000
        with pytest.raises(CommandRefused, match="another release"):
            await judging.answer("0:root", {"files": gather(EXAMPLE)})
        with pytest.raises(CommandRefused, match="whole number"):
            await judging.answer("0:root", fields | {"number": "x"})

    run(scenario())


def test_a_kept_generation_that_cannot_be_read_is_said() -> None:
    async def scenario() -> None:
        floor, _ = build_floor(EXAMPLE)

        def gone(number: int) -> Mapping[str, str]:
            raise FileNotFoundError(2, "gone", str(number))

        judging = told.Judge(SystemClock(), lambda: floor, gone, judge_texts)
        with pytest.raises(CommandRefused, match="cannot be judged here"):
            await judging.answer("0:root", {"files": gather(EXAMPLE), "number": 3, "release": stamp()})

    run(scenario())


def test_profiles_of_the_site_are_judged_with_it_and_named_where_they_lie(tmp_path: Path) -> None:
    path = draft(tmp_path)
    (tmp_path / "profiles").mkdir()
    shutil.copy(PROJECT / "config/profiles/ups_rfc1628.toml", tmp_path / "profiles/ups_rfc1628.toml")
    own = tmp_path / "profiles/ups_rfc1628.toml"
    own.write_text(own.read_text().replace("[signals]", "[signals]\nnonsense = 1", 1) + "\nwrong = 2\n")
    answer: Any = judge_texts(gather(path), None)
    assert {one["file"] for one in answer["faults"]} <= {"profiles/ups_rfc1628.toml", "site.toml"}
    with pytest.raises(ConfigError) as found:
        judge("", path, gather(path))
    assert str(own) in str(found.value) or str(path) in str(found.value)
    assert os.sep + "floorguard-" not in str(found.value), "no temporary folder is shown to people"


def test_a_judgement_is_json() -> None:
    answer = judge_texts(gather(EXAMPLE), build_floor(EXAMPLE)[0].site)
    assert json.loads(json.dumps(answer)) == answer and answer["changes"] == []
