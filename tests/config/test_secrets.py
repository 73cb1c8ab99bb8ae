"""Secrets: read from files that nobody else can read, shown nowhere."""

import copy
import json
import os
import pickle
from pathlib import Path

import pytest

from config.secrets import MAX_BYTES, Secret, locate, read_secret
from config.strict import ConfigError

HIDDEN = "correct horse"


def write(path: Path, content: bytes, mode: int = 0o600) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


@pytest.mark.parametrize("mode", [0o400, 0o600, 0o440, 0o640])
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_ok__a_file_that_others_cannot_read_gives_its_line(tmp_path: Path, mode: int, end: str) -> None:
    assert read_secret(write(tmp_path / "s", (HIDDEN + end).encode(), mode), {}).reveal() == HIDDEN


def test_ok__a_credential_is_read_from_the_folder_of_systemd(tmp_path: Path) -> None:
    write(tmp_path / "mqtt.password", HIDDEN.encode(), 0o400)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret("credential:mqtt.password", environ) == Secret(HIDDEN)
    assert locate("/etc/x", environ) == Path("/etc/x")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601])
def test_fail__a_file_that_others_may_touch_is_refused_with_the_command_to_run(tmp_path: Path, mode: int) -> None:
    name = write(tmp_path / "s", HIDDEN.encode(), mode)
    with pytest.raises(ConfigError, match=f"run: chmod o= {name}"):
        read_secret(name, {})


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"x" * (MAX_BYTES + 1), "longer than"),
        (b"\xff\xfe", "not UTF-8"),
        (b"correct horse\nAction: Originate", "one line"),
        (b"correct horse\n\n", "one line"),
        (b"correct\0horse", "one line"),
        (b"correct\x7fhorse", "one line"),
    ],
)
def test_fail__a_content_that_is_no_line_is_refused_and_not_shown(
    tmp_path: Path, content: bytes, fragment: str
) -> None:
    with pytest.raises(ConfigError, match=fragment) as caught:
        read_secret(write(tmp_path / "s", content), {})
    assert "correct" not in str(caught.value) + repr(caught.value)


def test_fail__a_fifo_a_folder_or_nothing_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo", 0o600)
    with pytest.raises(ConfigError, match="regular file"):
        read_secret(str(tmp_path / "fifo"), {})
    with pytest.raises(ConfigError, match="regular file"):
        read_secret(str(tmp_path), {})
    with pytest.raises(ConfigError, match="No such file"):
        read_secret(str(tmp_path / "nothing"), {})


def test_fail__a_credential_without_systemd_is_refused_with_what_to_add() -> None:
    with pytest.raises(ConfigError, match="LoadCredential="):
        read_secret("credential:mqtt.password", {})


def test_a_secret_is_shown_by_no_way_of_writing_it_out() -> None:
    secret = Secret(HIDDEN)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret!r:>40}",
        repr([secret]),
        repr({1: secret}),
    ]
    assert not [text for text in shown if HIDDEN in text]
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.copy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_a_secret_equals_the_same_secret_only() -> None:
    assert Secret(HIDDEN) == Secret(HIDDEN)
    assert hash(Secret(HIDDEN)) == hash(Secret(HIDDEN))
    assert Secret(HIDDEN) != Secret("other")
    assert Secret(HIDDEN) != HIDDEN
