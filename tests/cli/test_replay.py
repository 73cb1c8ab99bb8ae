"""Recorded inputs run again: the same decisions, and with another configuration the first one that would differ."""

from __future__ import annotations

import shutil
from dataclasses import replace as replace_fields
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.replay import compare
from firmware_py.cli.shadow import Shadow
from firmware_py.core.codec import digest
from firmware_py.core.image import InputImage
from firmware_py.core.plan import Plan
from firmware_py.core.step import step
from firmware_py.runtime.disk import Disk
from firmware_py.runtime.generations import Generation
from firmware_py.runtime.recorded import replay
from firmware_py.runtime.recorder import Inputs, Recorder
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.drafts import gather, open_store
from tests.cli.documents import held_against
from tests.conftest import PROJECT

EXAMPLE = PROJECT / "config" / "sites" / "example.toml"


def record(folder: Path, plan: Plan) -> None:
    """Twenty seconds of a floor whose mains goes after five."""
    recorder, shadow = Recorder(Disk(), folder / "inputs"), Shadow(plan=plan)
    state = replace_fields(shadow.state, settled=False)
    for second in range(20):
        if second == 5:
            shadow.lose_mains()
        shadow.now_ms += 1_000
        image: InputImage = shadow._image()
        decision = step(plan, state, image, (), shadow.now_ms)
        recorder.remember(Inputs(before=state, image=image, commands=(), decision=decision, plan=digest(plan)))
        state = decision.state
    recorder.flush()


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recorded")
    shutil.copy(EXAMPLE, folder / "site.toml")
    open_store(folder).add(gather(folder / "site.toml"), Generation(number=0), trial=False)
    record(folder, build_floor(EXAMPLE)[0].plan)
    return folder


@pytest.fixture
def directory(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded, tmp_path / "state"))


def words(directory: Path, *more: str) -> list[str]:
    return ["replay", *more, "--config", str(directory / "site.toml"), "--directory", str(directory)]


def test_every_decision_is_what_it_was(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "site.toml").write_text("[site]\nid = 1\n")  # the draft does not matter, the generation does
    assert main(words(directory)) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == ["20 cycles in 1 stretches", "no difference: every decision is what it was"]


def test_another_configuration_shows_the_first_cycle_in_which_it_would_have_decided_otherwise(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = directory / "other.toml"
    other.write_text(EXAMPLE.read_text().replace('on_delay = "2 s"', 'on_delay = "9 s"', 1))
    assert main(words(directory, str(other), "--json")) == 1
    told = held_against("replay", capsys.readouterr().out)
    assert told["v"] == 1 and "mode conservation -> normal" in told["difference"], told


def test_a_recording_that_was_tampered_with_is_found_out(directory: Path) -> None:
    recorded = list(replay(Disk(), directory / "inputs"))
    plan = build_floor(EXAMPLE)[0].plan
    recorded[6] = replace_fields(recorded[6], digest="0" * 16)
    found = compare(iter(recorded), {digest(plan): plan}, None)
    assert found.steps == 7 and found.difference.startswith("cycle 7 at")


def test_a_stretch_of_a_configuration_that_is_gone_is_passed_over_and_counted(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(directory / "generations")
    (directory / "site.toml").write_text(EXAMPLE.read_text().replace('on_delay = "2 s"', 'on_delay = "9 s"', 1))
    assert main(words(directory)) == 1
    assert "20 of a configuration that is not kept any more" in capsys.readouterr().out


def test_where_nothing_was_recorded_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(EXAMPLE, tmp_path / "site.toml")
    assert main(words(tmp_path)) == 1
    assert "nothing is recorded" in capsys.readouterr().err
