"""The control socket's client: every failure is a sentence for people."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control import claim
from firmware_py.runtime.control_line import MAX_ANSWER_BYTES, Line
from firmware_py.runtime.control_wire import ControlClient, decode, encode
from tests.conftest import run


def test_the_client_speaks_to_people_when_nobody_is_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(CommandRefused, match="no controller is running at"):
            async with ControlClient(tmp_path / "nobody"):
                pass
        with pytest.raises(CommandRefused, match="no controller is running at"):
            async with ControlClient(tmp_path / ("s" * 200)):
                pass

    run(scenario())


def test_the_client_waits_for_a_dumb_controller_only_so_long(tmp_path: Path) -> None:
    async def scenario() -> None:
        with claim(tmp_path / "s"):
            async with ControlClient(tmp_path / "s", limit_ms=50) as client:
                with pytest.raises(CommandRefused, match="no answer within"):
                    await client.ask("status")

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "has closed the connection"),
        (b"half an ans", "has closed the connection"),
        (b"rubbish\n", "not a line of JSON"),
        (b'{"v":1,"ok":false,"error":"not now"}\n', "not now"),
        (b'{"v":1}\n', "refused without a reason"),
        (b'{"v":9,"ok":true}\n', "version 9"),
    ],
)
def test_the_client_believes_no_rubbish(tmp_path: Path, answer: bytes, error: str) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_unix_server(reply, tmp_path / "s")
        async with ControlClient(tmp_path / "s") as client:
            with pytest.raises(CommandRefused, match=error):
                await client.ask("status")
        server.close()

    run(scenario())


def test_a_message_survives_the_wire() -> None:
    assert decode(encode({"verb": "status", "why": "ü\n"})) == {"v": 1, "verb": "status", "why": "ü\n"}


class Dumb:
    """A server that answers every question with the same bytes, or with silence."""

    def __init__(self, path: Path, answer: bytes | None) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        peer, _ = self._listener.accept()
        with peer:
            peer.recv(65_536)
            if self._answer is None:
                peer.recv(1)  # until the other end has had enough
            else:
                with suppress(OSError):
                    peer.sendall(self._answer)

    def close(self) -> None:
        self._thread.join(10)
        self._listener.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"", "has closed the connection"),
        (b"half an ans", "has closed the connection"),
        (b"rubbish\n", "not a line of JSON"),
        (b'{"v":1,"ok":false,"error":"not now"}\n', "not now"),
        (b'{"v":9,"ok":true}\n', "of the same release"),
        (b"x" * (MAX_ANSWER_BYTES + 65_536), "longer than"),
        (None, "no answer within 0 s; `systemctl restart"),
    ],
)
def test_one_question_believes_no_rubbish_either(tmp_path: Path, answer: bytes | None, error: str) -> None:
    server = Dumb(tmp_path / "s", answer)
    silence_ms = 200 if answer is None else 10_000
    with Line(tmp_path / "s", silence_ms=silence_ms) as line, pytest.raises(CommandRefused, match=error):
        line.ask("status")
    server.close()


def test_one_question_says_where_nobody_listens(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    for path in (tmp_path / "nobody", tmp_path / ("s" * 200), tmp_path / "plain"):
        with pytest.raises(CommandRefused, match=r"no controller is running at .* start it"), Line(path):
            pass
