"""What is kept beside a generation: found for the same texts and the same program, and for nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firmware_py.cli import main
from firmware_py.cli.codes import Code
from firmware_py.cli.kept import find_gist
from firmware_py.runtime.generations import Generation, Generations
from firmware_py.wiring import gist, release
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.drafts import gather, open_store
from firmware_py.wiring.told import gist_of
from tests.conftest import PROJECT

EXAMPLE = PROJECT / "config" / "sites" / "example.toml"


def kept(folder: Path) -> tuple[Generations, Path]:
    """A store in which the example is in force, with its gist; and the file that it came from."""
    path = folder / "site.toml"
    text = EXAMPLE.read_text()
    assert "[storage]" not in text
    path.write_text(f'{text}\n[storage]\ndirectory = "{folder}"\n')
    store = open_store(folder)
    made = store.add(gather(path), Generation(number=0, by="0:root", why="test"), trial=False)
    gist.keep(store, made.number, gist_of(build_floor(path)[0]))
    return store, path


def test_it_is_what_the_compiler_says(tmp_path: Path) -> None:
    store, path = kept(tmp_path)
    assert gist.find(store, gather(path)) == gist_of(build_floor(path)[0])
    assert find_gist(path) == gist_of(build_floor(path)[0])


def test_legend_and_plan_are_told_from_it_as_from_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, path = kept(tmp_path)
    for words in (["legend", "--all"], ["legend", "--language", "zh"], ["plan", "--runtime", "2 h", "--json"]):
        said = []
        for file in (path, EXAMPLE):
            assert main([words[0], str(file), *words[1:], "--socket", "/nowhere"]) == Code.OK
            said.append(capsys.readouterr().out)
        assert said[0] == said[1] != ""


def test_another_text_has_none(tmp_path: Path) -> None:
    store, path = kept(tmp_path)
    path.write_text(path.read_text() + "# one comment more\n")
    assert find_gist(path) is None and gist.find(store, gather(path)) is None
    assert find_gist(tmp_path / "nowhere.toml") is None


def test_another_program_does_not_believe_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, path = kept(tmp_path)
    monkeypatch.setattr(gist, "stamp", lambda: "another")
    assert find_gist(path) is None


@pytest.mark.parametrize(
    "harm",
    [
        lambda text: text[:-30],
        lambda text: text.replace('"batteries"', '"cells"'),
        lambda text: "0" * 64 + text[64:],
        lambda text: text.replace("Call", "\\u001b[2JCall", 1),
        lambda text: text.replace("Call", "\x9b2JCall", 1),
        lambda text: text.split("\n")[0] + "\n" + json.dumps([]),
        lambda text: text.split("\n")[0] + "\n" + "[" * 5_000,
    ],
)
def test_what_somebody_changed_is_no_gist_and_stops_nobody(harm: object, tmp_path: Path) -> None:
    store, path = kept(tmp_path)
    file = store.path(store.book.running).parent / gist.FILE
    text = file.read_text()
    file.write_text(harm(text))  # type: ignore[operator]  # a function of the table above
    assert file.read_text() != text and find_gist(path) is None
    assert main(["legend", str(path), "--socket", "/nowhere"]) == Code.OK
    gist.keep(store, store.book.running, gist_of(build_floor(path)[0]))


def test_it_is_written_once(tmp_path: Path) -> None:
    store, path = kept(tmp_path)
    file = store.path(store.book.running).parent / gist.FILE
    before = file.stat().st_mtime_ns, file.stat().st_ino
    gist.keep(store, store.book.running, gist_of(build_floor(path)[0]))
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


def test_a_changed_file_of_the_program_is_another_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for part in ("config", "drivers", "firmware_py", "monitors"):
        (tmp_path / part / "inner").mkdir(parents=True)
        (tmp_path / part / "inner" / "one.py").write_text("1\n")
    monkeypatch.setattr(release, "_HOME", tmp_path)
    first = release.stamp.__wrapped__()
    (tmp_path / "config/inner/one.pyc").write_text("compiled")
    assert release.stamp.__wrapped__() == first
    (tmp_path / "monitors/inner/one.py").write_text("12\n")
    assert release.stamp.__wrapped__() != first
