"""The compiled form of a generation: the same as checking anew, believed only whole, and never in a start's way."""

from __future__ import annotations

import dataclasses
import enum
import io
import logging
import os
import pickle
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.model_site import Site
from config.strict import ConfigError
from firmware_py.core.mode import Mode
from firmware_py.core.point import Kind
from firmware_py.core.reading import Reason
from firmware_py.wiring import compiled, compiling, release
from firmware_py.wiring.building import build_floor
from firmware_py.wiring.compiled import FILE, dump, find, keep, load, unwrap
from firmware_py.wiring.room import NoRoom, Room
from tests.config.test_site_wrong import SITES
from tests.conftest import eventually

SMALL = '[site]\nid = "s"\nname = "S"\n'
PYTHON = sys.executable
HOME = Path(compiling.__file__).parents[2]


def generation(folder: Path, text: str = SMALL, number: int = 1) -> Path:
    path = folder / "generations" / str(number) / "site.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def room(folder: Path, **how: Any) -> Room:
    return Room(folder / "generations", **how)


def saying(words: str) -> tuple[str, ...]:
    return (PYTHON, "-c", words)


@pytest.mark.parametrize("site", sorted(SITES.glob("*.toml")), ids=lambda site: site.stem)
def test_what_is_read_back_is_what_checking_gives(tmp_path: Path, site: Path) -> None:
    path = generation(tmp_path, site.read_text())
    if (site.parent / "profiles").is_dir():
        shutil.copytree(site.parent / "profiles", path.parent / "profiles")
    keep(path, compiling.build(path))
    assert find(path) == build_floor(path)


def test_the_room_builds_keeps_and_finds_again(tmp_path: Path) -> None:
    path, one = generation(tmp_path), room(tmp_path)
    assert one.start(path) == build_floor(path)
    one.keep(path)
    other = room(tmp_path, command=saying("raise SystemExit(9)"))  # nobody is asked any more
    assert other.start(path) == other.build(path) == build_floor(path)
    other.keep(path)
    generation(tmp_path, SMALL.replace('"S"', '"T"'))
    with pytest.raises(ConfigError, match="ended with code 9; try again"):
        other.build(path)


def test_a_draft_outside_of_the_generations_has_no_compiled_form(tmp_path: Path) -> None:
    path = generation(tmp_path)
    keep(path, compiling.build(path))
    elsewhere = Room(tmp_path / "other", command=saying("raise SystemExit(9)"))
    with pytest.raises(ConfigError, match="code 9"):
        elsewhere.build(path)


@pytest.mark.acceptance
def test_a_first_start_from_a_draft_is_kept_beside_the_generation_made_of_it(tmp_path: Path) -> None:
    draft = tmp_path / "site.toml"
    draft.write_text(SMALL)
    one = room(tmp_path)
    one.start(draft)
    path = generation(tmp_path)
    one.keep(path)
    assert find(path) == build_floor(path)


def test_every_fault_crosses_unchanged(tmp_path: Path) -> None:
    wrong = generation(tmp_path, SMALL + 'nmae = 1\n[power]\non_delay = 5\n[[ups]]\nid = "Ups"\nport = "x"\n')
    with pytest.raises(ConfigError) as here:
        build_floor(wrong)
    for way in (room(tmp_path).build, room(tmp_path).start):
        with pytest.raises(ConfigError) as there:
            way(wrong)
        assert there.value.faults == here.value.faults
        assert str(there.value) == str(here.value)
    assert len(here.value.faults) > 3


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "ended with signal 9"),
        ("print('hello')", "what cannot be understood"),
        ("pass", "what cannot be understood"),
        ("import time; time.sleep(60)", "took more than 0.3 s"),
        ("import sys; sys.stdin.close(); raise SystemExit(3)", "ended with code 3"),
    ],
)
def test_a_room_that_fails_is_a_clear_refusal_but_no_reason_not_to_start(
    tmp_path: Path, words: str, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    path, one = generation(tmp_path), room(tmp_path, command=saying(words), patience_s=0.3 if "sleep" in words else 60)
    with pytest.raises(ConfigError, match=why):
        one.build(path)
    with pytest.raises(NoRoom, match=why):
        one.judge({"site.toml": SMALL}, {"site.toml": SMALL})
    assert one.start(path) == build_floor(path)
    assert why in caplog.text and "is checked in this process" in caplog.text
    one.keep(path)
    assert find(path) == build_floor(path)


def test_the_end_of_the_controller_is_the_end_of_the_room(tmp_path: Path) -> None:
    began = tmp_path / "began"
    words = saying(f"import time; open({str(began)!r}, 'w').close(); time.sleep(120)")
    path, one = generation(tmp_path), room(tmp_path, command=words)
    told: list[str] = []

    def ask() -> None:
        try:
            one.build(path)
        except ConfigError as error:
            told.append(str(error))

    asking = threading.Thread(target=ask)
    asking.start()
    eventually(began.exists, within_s=60)
    one.close()
    asking.join(60)
    assert "ended with signal 9" in told[0]
    one.keep(path)  # what could not be kept for that is no fault
    assert find(path) is None
    with pytest.raises(ConfigError, match="ended with signal 9"):
        one.build(path)


def test_the_room_goes_before_the_controller_where_memory_runs_out() -> None:
    with subprocess.Popen((PYTHON, "-m", "firmware_py.wiring.compiling"), stdin=subprocess.PIPE, cwd=HOME) as process:
        score = Path(f"/proc/{process.pid}/oom_score_adj")
        try:
            eventually(lambda: score.read_text().strip() == "1000", within_s=60)
        finally:
            process.kill()


def test_a_program_that_is_not_there_is_no_room(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no process could be started"):
        room(tmp_path, command=(str(tmp_path / "nothing"),)).build(generation(tmp_path))


@pytest.mark.acceptance
def test_a_draft_is_judged_in_the_room_against_a_site_or_its_texts(tmp_path: Path) -> None:
    site = build_floor(generation(tmp_path))[0].site
    draft = {"site.toml": SMALL.replace('"S"', '"T"')}
    for before in (site, {"site.toml": SMALL}):
        answer = room(tmp_path).judge(draft, before)
        assert answer["changes"] == [{"key": "site.name", "was": '"S"', "now": '"T"'}]
    assert room(tmp_path).judge({"site.toml": "x"}, site)["faults"]
    with pytest.raises(ConfigError):
        room(tmp_path).judge(draft, {"site.toml": "x"})


def test_an_enum_is_written_by_its_value_whatever_the_python_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian 12's 3.11.2 pickles a member as `getattr(class, name)`, later ones as `class(value)`."""
    monkeypatch.setattr(enum.Enum, "__reduce_ex__", lambda self, _: (getattr, (type(self), self._name_)))
    with pytest.raises(ValueError, match="getattr"):
        load(pickle.dumps(Kind.WORD))
    for value in (Kind.WORD, (Reason.BAD_REPLY, {"one": Mode.NORMAL})):
        assert load(dump(value)) == value


@pytest.mark.parametrize("said", [b"no compiled form", dump(("built", b"x y\nz")), dump(("built", 7))])
def test_a_form_that_cannot_be_read_is_a_refusal_but_no_reason_not_to_start(tmp_path: Path, said: bytes) -> None:
    path, one = generation(tmp_path), room(tmp_path, command=saying(f"import sys; sys.stdout.buffer.write({said!r})"))
    with pytest.raises(ConfigError, match="cannot be understood"):
        one.build(path)
    assert one.start(path) == build_floor(path)


# ------------------------------------------------------------------------------------------------- what is not believed
@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = generation(tmp_path_factory.mktemp("sound"), (SITES / "example.toml").read_text())
    return path, compiling.build(path)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_whatever_is_damaged_is_not_believed_and_stops_nothing(sound: tuple[Path, bytes], data: st.DataObject) -> None:
    path, raw = sound
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    flipped = bytearray(raw)
    flipped[bit // 8] ^= 1 << bit % 8
    cut = raw[: data.draw(st.integers(0, len(raw) - 1))]
    for damaged in (bytes(flipped), cut, raw + b"\0", data.draw(st.binary(max_size=300))):
        (path.parent / FILE).write_bytes(damaged)
        assert find(path) is None
    (path.parent / FILE).write_bytes(raw)
    assert find(path) is not None


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_body_that_passes_for_whole_gives_values_of_ours_or_a_refusal(
    sound: tuple[Path, bytes], data: st.DataObject
) -> None:
    _, raw = sound
    body = bytearray(raw.partition(b"\n")[2])
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ValueError):
        assert isinstance(unwrap(compiled.wrap("x", bytes(body)), "x"), tuple)


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch trapped",)


STRANGERS = [Trap(), print, Path("a"), io.BytesIO, logging.Logger, dataclasses.Field, build_floor]


@pytest.mark.parametrize("value", STRANGERS)
def test_only_values_of_ours_can_be_named(value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is no value of ours"):
        load(pickle.dumps(value))
    assert not list(tmp_path.iterdir())


def test_something_else_that_is_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="something else"):
        unwrap(compiled.wrap("x", dump((1, 2))), "x")


def test_another_release_another_text_and_another_hand_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = generation(tmp_path)
    kept = path.parent / FILE
    assert find(path) is None
    keep(path, compiling.build(path))
    assert find(path) is not None
    with monkeypatch.context() as patch:
        patch.setattr("firmware_py.wiring.gist.stamp", lambda: "another")
        assert find(path) is None
    with monkeypatch.context() as patch:
        patch.setattr(sys, "version", "9.9")
        assert find(path) is None
    kept.chmod(0o646)
    assert find(path) is None
    kept.chmod(0o640)
    assert find(path) is not None
    (path.parent / "profiles").mkdir()
    (path.parent / "profiles" / "mine.toml").write_text("about = 1\n")
    assert find(path) is None
    shutil.rmtree(path.parent / "profiles")
    kept.rename(path.parent / "other")
    kept.symlink_to(path.parent / "other")
    assert find(path) is None
    assert release.stamp()


def test_a_disk_that_takes_nothing_costs_time_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, one = generation(tmp_path), room(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(compiled, "write_atomic", full)
    assert isinstance(one.start(path)[0].site, Site)
    with pytest.raises(OSError, match="No space"):
        one.keep(path)
    monkeypatch.undo()
    one.keep(path)
    assert find(path) is not None
