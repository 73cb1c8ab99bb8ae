"""The control socket's client: every failure is a sentence for people."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from firmware_py.core.command import CommandRefused
from firmware_py.runtime.control import claim
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
