"""`floorguard edit`: a copy in an editor, checked, put back only when it is sound, then offered to be applied."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import stat
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from firmware_py.cli import main
from firmware_py.cli.codes import Code
from firmware_py.wiring.drafts import gather, open_store
from tests.conftest import PROJECT
from tests.runtime.test_control import serving

SITE = '[site]\nid = "floor-1"\nname = "Floor"\n\n[storage]\ndirectory = "{state}"\n'
NUMBER = "4711_0815"  # stands nowhere else in the file, its folders included
HALL, WRONG = ('"Floor"', '"Hall"'), ('"Floor"', NUMBER)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "etc" / "site.toml"
    path.parent.mkdir()
    path.write_text(SITE.format(state=tmp_path / "state"))
    path.chmod(0o640)
    return path


def editor(folder: Path, *changes: tuple[str, str], code: int = 0) -> str:
    """A program that makes one change each time that it is called, and notes what it was given."""
    script = folder / "editor.py"
    script.write_text(
        f"import pathlib, sys\n"
        f"changes, calls = {list(changes)!r}, pathlib.Path({str(folder / 'calls')!r})\n"
        "given = pathlib.Path(sys.argv[-1])\n"
        "number = len(calls.read_text().splitlines()) if calls.exists() else 0\n"
        "calls.write_text((calls.read_text() if calls.exists() else '') + str(given) + '\\n')\n"
        "if number < len(changes): given.write_text(given.read_text().replace(*changes[number]))\n"
        f"sys.exit({code})\n"
    )
    return f"{sys.executable} {script} --wait"


def edit(monkeypatch: pytest.MonkeyPatch, site: Path, program: str, answers: str = "", socket: str = "/nowhere") -> int:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", program)
    given = iter(answers)

    def answer(question: str) -> str:
        sys.stdout.write(question)
        word = next(given, None)
        if word is None:
            raise EOFError
        return word

    monkeypatch.setattr("builtins.input", answer)
    return main(["edit", str(site), "--socket", socket])


def left_over(site: Path) -> list[str]:
    return sorted(path.name for path in site.parent.iterdir() if path != site)


def test_nothing_is_changed_where_the_text_was_left_as_it_was(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = site.read_bytes(), site.stat().st_ino
    assert edit(monkeypatch, site, editor(tmp_path)) == Code.OK
    assert "nothing was changed" in capsys.readouterr().out
    assert (site.read_bytes(), site.stat().st_ino) == before and left_over(site) == []


def test_a_sound_text_takes_the_place_of_the_old_one_and_keeps_who_may_read_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(monkeypatch, site, editor(tmp_path, HALL), "n") == Code.OK
    said = capsys.readouterr().out
    assert "is saved" in said and "Apply it now" in said and "floorguard apply" in said
    assert '"Hall"' in site.read_text() and stat.S_IMODE(site.stat().st_mode) == 0o640 and left_over(site) == []
    (given,) = (tmp_path / "calls").read_text().splitlines()
    assert Path(given).parent == site.parent and Path(given) != site, "a copy beside it, never the file itself"


def test_a_fault_is_shown_at_its_line_and_the_text_is_offered_again(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    program = editor(tmp_path, WRONG, (NUMBER, '"Hall"'))
    assert edit(monkeypatch, site, program, "yn") == Code.OK
    seen = capsys.readouterr()
    assert ":3:1: error: site.name: must be text in quotes" in seen.err and "Edit again?" in seen.out
    assert len((tmp_path / "calls").read_text().splitlines()) == 2
    assert '"Hall"' in site.read_text() and left_over(site) == []


@pytest.mark.parametrize("answers", ["n", ""])
def test_a_faulty_text_that_is_given_up_is_kept_beside_the_site_file_which_stays(
    site: Path, tmp_path: Path, answers: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = site.read_bytes()
    assert edit(monkeypatch, site, editor(tmp_path, WRONG), answers) == Code.FAILED
    (kept,) = left_over(site)
    assert kept in capsys.readouterr().err and f"name = {NUMBER}" in (site.parent / kept).read_text()
    assert site.read_bytes() == before


@pytest.mark.parametrize(("changes", "kept"), [((), 0), ((HALL,), 1)])
def test_an_editor_that_fails_changes_nothing_and_loses_nothing(
    site: Path, tmp_path: Path, changes: tuple[tuple[str, str], ...], kept: int,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    before = site.read_bytes()
    assert edit(monkeypatch, site, editor(tmp_path, *changes, code=3)) == Code.FAILED
    assert "ended with an error" in capsys.readouterr().err
    assert site.read_bytes() == before and len(left_over(site)) == kept


def test_an_editor_that_is_not_there_is_said_without_a_traceback(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(monkeypatch, site, "no-such-editor-here") == Code.FAILED
    said = capsys.readouterr().err
    assert "no-such-editor-here" in said and "EDITOR" in said and left_over(site) == []


def test_a_new_file_is_begun_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "site.toml"
    program = editor(tmp_path, ("", SITE.format(state=tmp_path / "state")))
    assert edit(monkeypatch, site, program, "n") == Code.OK
    assert site.read_text().startswith("[site]") and "is saved" in capsys.readouterr().out


def test_applied_while_nothing_runs_the_next_start_takes_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert edit(monkeypatch, site, editor(tmp_path, HALL), "y", str(tmp_path / "none")) == Code.OK
    assert "the next start takes generation 1" in capsys.readouterr().out
    assert open_store(tmp_path / "state").files(1) == gather(site)


def test_applied_beside_a_controller_it_goes_on_probation(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running, taken = gather(site), []

    async def config(peer: str, request: Mapping[str, object]) -> Any:
        return {"generation": 4, "files": running}

    async def apply(peer: str, request: Mapping[str, object]) -> Any:
        taken.append(request)
        return {"generation": 5, "back_to": 4, "window_ms": request["window_ms"]}

    async def play() -> int:
        async with serving(tmp_path / "s", more={"config": config, "apply": apply}):
            words = (monkeypatch, site, editor(tmp_path, HALL), "y", str(tmp_path / "s"))
            return await asyncio.to_thread(edit, *words)

    assert asyncio.run(play()) == Code.OK
    assert taken[0]["files"] == gather(site) and taken[0]["window_ms"] == 300_000
    said = capsys.readouterr().out
    assert '~ site.name: "Floor" -> "Hall"' in said and "generation 5 is in force, on probation for 300 s" in said


def test_in_a_real_terminal_it_asks_and_takes_yes(site: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "EDITOR": editor(tmp_path, WRONG, (NUMBER, '"Hall"')), "TERM": "dumb"}
    environment.pop("VISUAL", None)
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - becomes another program
        os.chdir(PROJECT)
        words = [sys.executable, "-m", "firmware_py", "edit", str(site), "--socket", str(tmp_path / "none")]
        os.execve(sys.executable, words, environment)
    seen = bytearray()

    def listen() -> None:
        asked = [b"Edit again? [y/N] ", b"Apply it now, on probation? [y/N] "]
        after = 0
        while True:
            try:
                seen.extend(os.read(terminal, 4096))
            except OSError:
                return
            # Anywhere in what came since: what stands behind the question depends on how the reads fall.
            if asked and (at := seen.find(asked[0], after)) >= 0:
                after = at + len(asked.pop(0))
                os.write(terminal, b"y\n")

    # An answer that is lost ends the test, not the patience of whoever runs it.
    limit = threading.Timer(60, os.kill, (child, signal.SIGKILL))
    limit.start()
    listener = threading.Thread(target=listen)
    listener.start()
    _, status = os.waitpid(child, 0)
    limit.cancel()
    listener.join(20)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == Code.OK, seen.decode()
    assert "generation 1" in seen.decode() and '"Hall"' in site.read_text()


def test_who_may_not_write_it_is_told_to_use_sudo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests run as root, who may write everything
    assert edit(monkeypatch, tmp_path / "site.toml", "true") == Code.FAILED
    assert "sudo floorguard edit" in capsys.readouterr().err
